"""Prints recall and false positives of each part. What is missed in the part held out is counted, and not shown: nobody fits to it."""

import sys
from collections import Counter

from summarizer.redact import Redactor
from tests.summarizer.corpus import basic, held_out, more, wide
from tests.summarizer.corpus.line import Line, changes, leaks, shown


def main() -> int:
    """The figures."""
    for name, part in (("basic", basic), ("wide", wide), ("more", more), ("held out", held_out)):
        print(name)
        _measure(part.secrets(), part.harmless(), examples=part is not held_out)
    return 0


def _measure(secrets: list[Line], harmless: list[Line], *, examples: bool) -> None:
    redactor = Redactor()
    missed = [line for line in secrets if leaks(line, redactor)]
    wrong = [line for line in harmless if changes(line, redactor)]
    print(f"  secrets taken out: {len(secrets) - len(missed)} of {len(secrets)} ({100 * (1 - len(missed) / len(secrets)):.2f} %)")
    _tell("missed", missed, redactor, examples=examples)
    print(f"  harmless lines changed: {len(wrong)} of {len(harmless)} ({100 * len(wrong) / len(harmless):.2f} %)")
    _tell("changed", wrong, redactor, examples=examples)


def _tell(what: str, lines: list[Line], redactor: Redactor, *, examples: bool) -> None:
    for sort, count in Counter(line.sort for line in lines).most_common():
        example = next(line for line in lines if line.sort == sort)
        print(f"    {what}: {sort}: {count}" + (f", such as {shown(example, redactor)!r}" if examples else ""))


if __name__ == "__main__":
    sys.exit(main())
