"""Putting strangers' text in order: escapes, controls, lengths, and what two runs of one failure have in common."""

import re
from typing import Final

_ESCAPES: Final = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[@-Z\\-_])|\x9b[0-?]*[ -/]*[@-~]"
)
_CONTROLS: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffc\ud800-\udfff\U000e0000-\U000e007f]"
)
_HARMLESS: Final = re.compile(r"[\t\x20-\x7e]*\Z")
_CHANGING: Final = re.compile(
    r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"
    r"|\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
    r"|\b\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?\b"
    r"|\b0x[0-9a-f]+\b"
    r"|\b(?=[a-f]*\d)[0-9a-f]{8,}\b"
    r"|(?<![\w.])[+-]?\d[\d,._]*(?:ms|s|m|h|%|[kmgt]i?b)?\b",
    re.IGNORECASE,
)


def tidy(raw: str) -> str:
    """One line as a person would see it: no terminal escapes, no control or invisible characters, and of what was overwritten the last."""
    if _HARMLESS.match(raw):
        return raw.rstrip()
    text = _ESCAPES.sub("", raw) if "\x1b" in raw or "\x9b" in raw else raw
    if "\r" in text:
        text = next((part for part in reversed(text.split("\r")) if part.strip()), "")
    return _CONTROLS.sub("", text).rstrip()


def squeezed(text: str) -> str:
    """With every run of white space as one space."""
    return " ".join(text.split())


def likeness(text: str) -> str:
    """What stays the same from run to run: numbers, ids and times removed."""
    return squeezed(_CHANGING.sub("#", text)).lower()


def changing(text: str) -> list[str]:
    """The numbers, ids and times in a text."""
    return _CHANGING.findall(text)


def without_changing(text: str, but: str) -> str:
    """The text, its numbers, ids and times that do not stand in `but` replaced by an ellipsis."""
    return _CHANGING.sub(lambda found: found.group() if found.group() in but else "…", text)


def cut(text: str, limit: int) -> str:
    """At most `limit` characters: the beginning and a little of the end, never half of a word at the cut."""
    if len(text) <= limit:
        return text
    head, tail = limit * 3 // 4, limit // 4 - 5
    return f"{_until_a_gap(text[:head])} … {_until_a_gap(text[-tail:][::-1])[::-1]}"


def clip(text: str, limit: int) -> str:
    """At most `limit` characters, the end left out."""
    return text if len(text) <= limit else _until_a_gap(text[: limit - 1]).rstrip() + "…"


def _until_a_gap(text: str) -> str:
    """Half of a secret no longer looks like one, so what is cut ends where a word does."""
    for at in range(len(text) - 1, -1, -1):
        if text[at] in " \t,;\"'{}()<>[]|":
            return text[: at + 1]
    return ""
