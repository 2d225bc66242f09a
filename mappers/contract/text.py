"""Small, total functions that make a stranger's text safe to keep and to show."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

_ANSI: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@lru_cache(maxsize=4096)
def is_plain(text: str) -> bool:
    """Whether a short `text` is one line of ASCII with nothing to clean. Remembered, for the same names come again and again."""
    return text.isascii() and text.isprintable() and "  " not in text and not (text.startswith(" ") or text.endswith(" "))


def clean(text: str) -> str:
    """`text` without ANSI colours, control characters, lone surrogates and direction overrides; line breaks stay."""
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return _CONTROL.sub("", _ANSI.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))


def one_line(text: str, limit: int) -> str:
    """`text` cleaned, on one line, at most `limit` characters (an ellipsis marks the cut)."""
    if len(text) <= limit and is_plain(text):
        return text
    return clip(" ".join(clean(text).split()), limit)


def clip(text: str, limit: int) -> str:
    """`text` cut to `limit` characters, the last one an ellipsis where something was cut."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def parse_time(value: object) -> datetime | None:
    """A time as senders write it, in UTC: RFC 3339, a space for the `T`, nanoseconds, or seconds since 1970.

    None where it is no time, and for the "zero" years (0001, 1970-01-01) by which Go and others say *unset*.
    A time without a zone is taken as UTC.
    """
    try:
        if isinstance(value, bool):
            return None
        if isinstance(value, int | float):
            parsed = datetime.fromtimestamp(value, UTC)
        elif isinstance(value, str) and 8 <= len(value) <= 48:
            parsed = datetime.fromisoformat(value.strip())
        else:
            return None
        if parsed.tzinfo is not UTC:
            parsed = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return parsed if parsed.year > 1970 else None


def duration(span: timedelta) -> str:
    """`40 s`, `42 min`, `3 h 5 min`, `2 d 4 h`: the two largest units. The page's script says it the same way."""
    seconds = max(int(span.total_seconds()), 0)
    if seconds < 60:
        return f"{seconds} s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if hours == 0:
        return f"{minutes} min"
    if days == 0:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{days} d {hours % 24} h" if hours % 24 else f"{days} d"
