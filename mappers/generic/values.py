"""Small, total readings of a stranger's values."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from mappers.contract import parse_time
from mappers.contract.text import one_line

_MILLISECONDS: Final = 10**11


def text_of(value: Any, limit: int = 300) -> str:
    """A string, a number or a yes or no as one line; anything else is empty."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)[:limit] if -(10**30) < value < 10**30 else ""
    return one_line(str(value)[: limit * 4], limit) if isinstance(value, str | float) else ""


def long_text(value: Any) -> str:
    """A string as it is, or a number."""
    return value if isinstance(value, str) else text_of(value)


def time_of(value: Any) -> datetime | None:
    """A time as `parse_time` reads it, or seconds or milliseconds since 1970, also as text."""
    if isinstance(value, str) and value.strip().replace(".", "", 1).isdecimal() and len(value) <= 30:
        value = float(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return parse_time(value / 1000 if _MILLISECONDS < value < 10**16 else value)
    return parse_time(value)


def words_of(value: Any) -> tuple[str, ...]:
    """Owners or tags: a list, text with commas, an object's `key:value`; of people their name or address."""
    if isinstance(value, Mapping):
        return tuple(f"{text_of(key, 80)}:{text_of(item, 100)}" for key, item in list(value.items())[:50] if text_of(item))
    if isinstance(value, list):
        return tuple(_person(item) for item in value[:50])
    said = text_of(value, 1000)
    return tuple(word.strip() for word in (said.split(",") if "," in said else [said]))


def _person(item: Any) -> str:
    if isinstance(item, Mapping):
        return next((text_of(item[name], 200) for name in ("email", "username", "name", "id") if text_of(item.get(name))), "")
    return text_of(item, 200)


def links_of(value: Any) -> dict[str, str]:
    """An object label → address, or a list of `{"href", "text"}`."""
    if isinstance(value, Mapping):
        return {text_of(label, 60): text_of(target, 2000) for label, target in list(value.items())[:20]}
    found: dict[str, str] = {}
    for number, item in enumerate(value[:20] if isinstance(value, list) else [], 1):
        if isinstance(item, Mapping):
            target = next((text_of(item[name], 2000) for name in ("href", "url", "link") if item.get(name)), "")
            label = next((text_of(item[name], 60) for name in ("text", "label", "title", "name") if item.get(name)), f"Link {number}")
            found.setdefault(label, target)
        elif text_of(item):
            found[f"Link {number}"] = text_of(item, 2000)
    return found


def texts_of(value: Any) -> dict[str, str]:
    """An object's plain values."""
    return (
        {text_of(key, 60): said for key, item in list(value.items())[:30] if (said := text_of(item, 500))}
        if isinstance(value, Mapping)
        else {}
    )


def scalars_of(value: Any) -> dict[str, str | int | bool]:
    """An object's plain values as an identity."""
    if not isinstance(value, Mapping):
        return {}
    kept = {text_of(key, 80): item if isinstance(item, bool) else text_of(item) for key, item in list(value.items())[:20]}
    return {key: item for key, item in kept.items() if key and item != ""}
