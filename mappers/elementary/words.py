"""Small readers of Elementary's words: marks of emphasis, lists of people, links, times, statuses."""

import re
from datetime import datetime
from typing import Final

from mappers.contract import Level, parse_time
from mappers.contract.text import one_line

LEVELS: Final = {
    **dict.fromkeys(("fail", "failure", "failed", "error", "runtime error", "unknown"), Level.ERROR),
    **dict.fromkeys(("warn", "warning"), Level.WARNING),
}
PASSES: Final = frozenset({"pass", "passed", "success", "resolved", "fixed", "healthy"})
"""Elementary's open source tells of failures alone; what it should ever say of a recovery is believed."""
PLAIN_SUB_TYPES: Final = ("generic", "dimension", "singular")
"""Kinds of a test that Elementary leaves out of its name."""
_LINK: Final = re.compile(r"<(https?://[^|<>\s]{1,2000})\||\]\((https?://[^)\]\s]{1,2000})\)")
_MENTION: Final = re.compile(r"<[@!#]([^<>|]{1,100})(?:\|[^<>]{0,100})?>")


def plain(text: str, limit: int = 150) -> str:
    """Without `*`, `_` and backticks around it, on one line."""
    return one_line(text[: limit * 8].strip().strip("*`").strip(), limit)


def named(text: str, limit: int = 150) -> str:
    """Like `plain`, and empty for `_No owners_`, `N/A` and the like."""
    said = plain(text, limit)
    inner = said.strip("_").strip()
    nothing = inner.lower() in ("n/a", "none", "null", "") or (said.startswith("_No ") and said.endswith("_"))
    return "" if nothing else (inner if said.startswith("_") and said.endswith("_") else said)


def people(text: str) -> tuple[str, ...]:
    """`<@U0123>, ana@acme.test` as two names."""
    said = named(_MENTION.sub(r"\1", text[:4000]), 2000)
    return tuple(dict.fromkeys(name for item in said.split(",") if (name := plain(item))))


def link(text: str) -> str:
    """The first address in Slack's or in Markdown's writing."""
    found = _LINK.search(text[:8000])
    return (found[1] or found[2]) if found else ""


def time_of(text: str) -> datetime | None:
    """`2025-02-03 13:21:07 UTC`. A time in a zone of another name cannot be told; one with an offset can."""
    said = plain(text)
    return parse_time(said.removesuffix(" UTC")) if said.endswith((" UTC", "Z")) or "+" in said else None
