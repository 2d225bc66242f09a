"""`make requirements`: each row of docs/requirements.md with the tests that carry its number.

Rows that begin with `(planned)` have no test yet, those with `(in part)` are not proven whole; any other row without a
test is an error, and so is a test that carries a number that is no row.
"""

import ast
import re
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROW = re.compile(r"^- (R\d+)\s+(.*)$")


def rows() -> dict[str, str]:
    """number → text, in the order of the document."""
    text = (ROOT / "docs" / "requirements.md").read_text(encoding="utf-8")
    return {match[1]: match[2] for line in text.splitlines() if (match := ROW.match(line))}


def tests() -> dict[str, list[str]]:
    """number → the tests that carry it."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                for number in _numbers(node.decorator_list):
                    found[number].append(f"{path.relative_to(ROOT)}::{node.name}")
            if isinstance(node, ast.Assign) and any(isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets):
                for number in _numbers([node.value]):
                    found[number].append(f"{path.relative_to(ROOT)}")
    return found


def _numbers(decorators: list[ast.expr]) -> list[str]:
    calls = [call for one in decorators for call in ast.walk(one) if isinstance(call, ast.Call)]
    marks = [call for call in calls if ast.unparse(call.func) == "pytest.mark.req"]
    return [argument.value for mark in marks for argument in mark.args if isinstance(argument, ast.Constant)]


def main() -> int:
    """0 where every row that is not planned has a test."""
    wanted, carried = rows(), tests()
    bare = [number for number, text in wanted.items() if not carried.get(number) and not text.startswith("(planned")]
    unknown = sorted(set(carried) - set(wanted))
    early = [number for number, text in wanted.items() if carried.get(number) and text.startswith("(planned)")]
    if "--list" in sys.argv:
        for number, text in wanted.items():
            print(f"{number:<4} {text}")
            for test in carried.get(number, ["-"]):
                print(f"       {test}")
    planned = sum(text.startswith("(planned)") for text in wanted.values())
    with_tests = sum(1 for number in wanted if carried.get(number))
    print(f"{with_tests} of {len(wanted)} requirements carry tests; {planned} are marked as planned")
    for message, numbers in (("no test carries", bare), ("there is no row", unknown), ("still marked (planned) though tests carry", early)):
        if numbers:
            print(f"error: {message} {', '.join(numbers)}", file=sys.stderr)
    return 1 if bare or unknown or early else 0


if __name__ == "__main__":
    sys.exit(main())
