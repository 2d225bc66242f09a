"""Takes what can be had from a template that a variable has spoiled: one with a quote in it, or one that holds JSON.

A value ends where the next key begins, not at the first quote: a monitor whose name has a quote in it keeps its name.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from mappers.contract import BadBody
from mappers.contract.inbound import parse_json

_VALUE: Final = r'(?=["{\[$]|-?[0-9]|(?:true|false|null)\b)'
_KEY: Final = re.compile(r'[,{]\s{0,20}"([A-Za-z_$]{1,40})"\s{0,20}:\s{0,20}' + _VALUE)
_LINE_KEY: Final = re.compile(r'(?:[,{][ \t]{0,20}\r?\n|\A\{)\s{0,20}"([A-Za-z_$]{1,40})"[ \t]{0,20}:[ \t]{0,20}' + _VALUE)
"""Of a template with a line for each variable; what stands within a line is the variable's own."""
_CUT_KEY: Final = re.compile(r',\s{0,20}"[A-Za-z_$]{0,40}"?\s{0,20}:?\s{0,20}\Z')
_ESCAPED: Final = re.compile(r'\\.|"', re.DOTALL)
_SIGNS: Final = re.compile(r"[^a-z0-9]")
_DECODER: Final = json.JSONDecoder(strict=False)
_READ: Final = 300_000
_MOST: Final = 300
_TRIES: Final = 24
"""Objects that may be tried, for each of them may cost a pass over the body."""
_LONGEST_TRIED: Final = 2_000
"""Characters of a text that may be tried as JSON at each comma in it."""


def salvage(text: str, known: frozenset[str], texts: frozenset[str]) -> dict[str, Any]:
    """Each key with what stands before the next; the first of each. `known` and `texts` (what may hold anything) are in small letters.

    Of a body that is cut off, the last value is left out unless it is a text: half a name would be another's.
    """
    text = _CUT_KEY.sub("", text[:_READ].strip())
    by_line = re.match(r"\{[ \t]{0,20}\r?\n", text) is not None
    whole = text.endswith("}")
    found: dict[str, Any] = {}
    pieces = list(_pieces(text, _LINE_KEY if by_line else _KEY, known, texts))
    for key, raw in pieces:
        if not whole and raw is pieces[-1][1] and not _is_quoted(raw) and plain(key) not in texts:
            continue
        for name, value in _values(key, raw, splits=by_line and plain(key) not in texts):
            found.setdefault(name, value)
    return found


def plain(key: str) -> str:
    """A key in small letters, without signs."""
    return _SIGNS.sub("", key.lower())


def _pieces(text: str, keys: re.Pattern[str], known: frozenset[str], texts: frozenset[str]) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    open_key, start, tries = "", 0, _TRIES
    for match in keys.finditer(text):
        name = plain(match[1])
        if match.start() < start or (match[0][0] == "{" and not _begins_an_object(text, match.start())):
            continue
        if plain(open_key) in texts and (name not in known or name in seen) and not _is_json(text[start : match.start()]):
            continue  # JSON that a message quotes
        if open_key:
            yield open_key, text[start : match.start()].strip()
        open_key, start = match[1], match.end()
        seen.add(name)
        if tries and text.startswith("{", start):
            tries -= 1
            if end := _end_of_object(text, start):
                yield open_key, text[start:end]
                open_key, start = "", end
        if len(seen) > _MOST:
            return
    if open_key:
        yield open_key, text[start:].removesuffix("}").strip()


def _begins_an_object(text: str, at: int) -> bool:
    """Whether an object may begin at this brace; else a text quotes one."""
    return at == 0 or text[max(at - 2, 0) : at].rstrip().endswith(":")


def _end_of_object(text: str, start: int) -> int:
    """Where the whole object that begins at `start` ends; 0 where it is broken or cut off itself."""
    try:
        return _DECODER.raw_decode(text, start)[1]
    except (ValueError, RecursionError):
        return 0


def _is_json(raw: str) -> bool:
    if len(raw) > _LONGEST_TRIED:
        return False
    try:
        parse_json(raw)
    except BadBody:
        return False
    return True


def _values(key: str, raw: str, *, splits: bool) -> Iterator[tuple[str, Any]]:
    """What one piece says; several keys where somebody wrote more than one on a line."""
    try:
        yield key, parse_json(raw)
        return
    except BadBody:
        inner = [match for match in _KEY.finditer(raw) if match[0][0] == ","] if splits and not raw.startswith("{") else []
    names = [key, *(match[1] for match in inner)]
    starts, ends = [0, *(match.end() for match in inner)], [*(match.start() for match in inner), len(raw)]
    for name, start, end in zip(names, starts, ends, strict=True):
        yield name, _text(raw[start:end].strip())


def _text(raw: str) -> str:
    """A value without the quotes that stand around it; those in it were not escaped."""
    inner = raw[1:-1] if _is_quoted(raw) else raw.removeprefix('"')
    try:
        return str(json.loads(f'"{_ESCAPED.sub(_escaped, inner)}"', strict=False))
    except ValueError:
        return inner


def _escaped(match: re.Match[str]) -> str:
    return '\\"' if match[0] == '"' else match[0]


def _is_quoted(raw: str) -> bool:
    return len(raw) > 1 and raw.startswith('"') and raw.endswith('"')
