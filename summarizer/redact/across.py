"""Secrets that stand in another line than their name: in a block of YAML, a line continued, a key. Line by line, in constant memory."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from summarizer.redact.labels import ABOUT, KEY, NO_COUNT, NO_SECRET, PASSWORD

_LABEL: Final = rf"(?:(?P<password>{PASSWORD})|{KEY}|authorization|cookie){ABOUT}[\w.\-]{{0,40}}\\?[\"'`]?\]?"
_OPENS: Final = re.compile(
    rf"{_LABEL}\s{{0,4}}(?:(?:[:：]|:?=|=>)\s{{0,4}}(?:(?P<block>[|>][+-]?\d?)|(?P<round>[\[(])"
    r"|(?P<begun>[\"'][^\"'\n]{0,200}|[^\s\"']{0,200}|)\\)?|(?P<flag>\\))\s{0,8}\Z",
    re.IGNORECASE,
)
_PREFIX: Final = re.compile(
    r"[\s>|#*-]{0,40}(?:[\[(]?[\d:.,TZ/+-]{4,40}[\])]?[\s|-]{0,8}){0,3}(?:\[?(?:error|info|debug|warn(?:ing)?|critical|fatal)\]?:?[\s|-]{1,8})?",
    re.IGNORECASE,
)
_SECRET: Final = re.compile(
    rf"{NO_SECRET}{NO_COUNT}(?:(?:bearer|basic|token)\s{{1,4}})?(?P<secret>\"[^\"\n]{{2,}}\"|'[^'\n]{{2,}}'|[^\s\"'(){{}}]{{3,}})[\s,;)\]}}\\]{{0,8}}\Z",
    re.IGNORECASE,
)
_LOOKED_AT: Final = 300
_LONGEST_BLOCK: Final = 120
"""Lines after which a block that does not end is none."""
_KEY_ENDS: Final = "-----END"
_LAST: Final = frozenset(":：=|>([\\-+0123456789")
"""What the line before such a secret may end with."""
HIDDEN_KEY: Final = "[a line of a key]"
_HIDDEN: Final = "[redacted: named secret]"


class Across:
    """Takes a text line by line, and hides what the lines before say is a secret."""

    def __init__(self) -> None:
        """Nothing seen yet."""
        self._in_key = 0
        self._in_block = 0
        self._indent = 0
        self._expects: re.Match[str] | None = None

    def take(self, line: str) -> str:
        """The line, or what is shown in its place."""
        if self._is_of_a_key(line):
            return HIDDEN_KEY
        if self._in_block:
            if not line.strip() or _indent(line) > self._indent:
                self._in_block -= 1
                return f"{line[: _indent(line)]}{_HIDDEN}" if line.strip() else line
            self._in_block = 0
        if self._expects is not None:
            opened, self._expects = self._expects, None
            line = self._after(opened, line)
        self._look_at_end(line)
        return line

    def _look_at_end(self, line: str) -> None:
        end = line.rstrip()
        if end[-1:] not in _LAST:
            return
        opened = _OPENS.search(end[-_LOOKED_AT:])
        if opened is None:
            return
        if opened["block"]:
            self._in_block, self._indent = _LONGEST_BLOCK, _indent(line)
        else:
            self._expects = opened

    def _after(self, opened: re.Match[str], line: str) -> str:
        prefix = _PREFIX.match(line)
        start = prefix.end() if prefix else 0
        rest = line[start:]
        if opened["begun"]:
            return f"{line[:start]}{_HIDDEN}" if rest else line
        found = _SECRET.match(rest)
        if found is None or not (opened["password"] or opened["flag"] or opened["begun"] is not None or _is_likely(found["secret"])):
            return line
        return f"{line[:start]}{rest[: found.start('secret')]}{_HIDDEN}{rest[found.end('secret') :]}"

    def _is_of_a_key(self, line: str) -> bool:
        """Lines of a key look like nothing when they stand alone."""
        if self._in_key:
            self._in_key = 0 if _KEY_ENDS in line else self._in_key - 1
            return True
        if "-----BEGIN" in line and _KEY_ENDS not in line:
            self._in_key = _LONGEST_BLOCK
            return True
        return False


def hidden(lines: Iterable[str]) -> Iterator[str]:
    """Each line, as `Across` shows it."""
    across = Across()
    for line in lines:
        yield across.take(line)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _is_likely(secret: str) -> bool:
    """Whether it is quoted, or more than a word."""
    return secret[0] in "\"'" or any(not letter.isalpha() and letter not in "_.:" for letter in secret)
