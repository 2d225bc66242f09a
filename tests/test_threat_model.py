"""What the threat model claims is proved by tests that exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
PROMISES = PAGE.partition("## What does not hold")[0].partition("## Who attacks")[2]


def existing() -> set[str]:
    return {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def rows() -> list[str]:
    return [line for line in PROMISES.splitlines() if line.startswith("| ") and not line.startswith(("| wants to |", "| |"))]


def test_every_test_that_is_named_exists() -> None:
    assert set(re.findall(r"`(test_\w+)`", PAGE)) <= existing()


@pytest.mark.parametrize("row", rows())
def test_every_claim_names_its_proof_or_says_that_it_does_not_hold(row: str) -> None:
    proof = row.rstrip(" |").rpartition("|")[2]
    assert "`test_" in proof or "see below" in proof


def test_it_says_what_does_not_hold() -> None:
    assert len(re.findall(r"^- \*\*", PAGE.partition("## What does not hold")[2], re.MULTILINE)) >= 8
