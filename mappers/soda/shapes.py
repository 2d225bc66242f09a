"""Small readers of a stranger's JSON, shared by checks and incidents."""

from collections.abc import Mapping
from typing import Any

from mappers.contract.text import one_line


def mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def mappings(value: object, most: int = 1000) -> list[dict[str, Any]]:
    return [item for item in value[:most] if isinstance(item, dict)] if isinstance(value, list) else []


def string(value: object, limit: int = 150) -> str:
    """A text on one line; nothing where it is none."""
    return one_line(value[: limit * 8], limit) if isinstance(value, str) else ""


def first(body: Mapping[str, Any], *names: str) -> str:
    return next((found for name in names if (found := string(body.get(name)))), "")


def scalar(value: object) -> str:
    """A number or a text as people write it: `0`, not `0.0`."""
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, float):
        return f"{value:g}" if abs(value) < 1e15 else ""
    if isinstance(value, int):
        return str(value) if abs(value) < 10**30 else ""
    return string(value)


def people(value: object) -> tuple[str, ...]:
    """E-mail addresses, or else names, of a person or of several."""
    found = mappings(value, 20) if isinstance(value, list) else [mapping(value)]
    return tuple(name for person in found if (name := first(person, "email", "fullName", "name")))


def words(value: object) -> tuple[str, ...]:
    """Tags, as texts or as objects with a name."""
    items = value[:50] if isinstance(value, list) else []
    return tuple(word for item in items if (word := string(item) or first(mapping(item), "name", "label")))
