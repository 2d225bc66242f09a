"""Total readers of parsed JSON: whatever stands there, they give the shape that was asked for."""

from collections.abc import Iterable
from typing import Any

from mappers.contract.text import one_line


def table(value: object) -> dict[str, Any]:
    """`value` where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def rows(value: object) -> list[dict[str, Any]]:
    """The objects in a list, or in an object's values; whatever else is there is left out."""
    items = list(value.values()) if isinstance(value, dict) else value
    return [row for row in items if isinstance(row, dict)] if isinstance(items, list) else []


def words(value: object, most: int | None = None) -> list[str]:
    """The strings among the first `most` entries of a list."""
    return [word for word in value[:most] if isinstance(word, str)] if isinstance(value, list) else []


def text(value: object) -> str:
    """`value` where it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def name(value: object) -> str:
    """A name fit for identities and document names: cleaned, one line, at most 100 characters."""
    return one_line(value[:1000], 100) if isinstance(value, str) else ""


def first(values: Iterable[str]) -> str:
    """The first that is not empty."""
    return next((value for value in values if value), "")
