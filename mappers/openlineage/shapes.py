"""Small, total readings of a stranger's JSON."""

from typing import Any


def table(value: object) -> dict[str, Any]:
    """The object, or an empty one where it is none."""
    return value if isinstance(value, dict) else {}


def items(value: object, most: int = 1000) -> list[dict[str, Any]]:
    """The objects of a list, at most so many; empty where it is no list."""
    return [one for one in value[:most] if isinstance(one, dict)] if isinstance(value, list) else []


def string(value: object) -> str:
    """The text without blanks around it, or an empty one where it is none."""
    return value.strip() if isinstance(value, str) else ""


def number(value: object) -> int | None:
    """A whole number of sane size, also where it came as text."""
    if isinstance(value, str) and len(value) < 10 and value.strip().isdecimal():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and -1 <= value < 10**9 else None


def words(value: object) -> list[str]:
    """A list of names; Airflow's provider writes lists as Python would print them (`"['a', 'b']"`)."""
    if isinstance(value, str) and len(value) < 100_000:
        value = value.strip().strip("[](){}").split(",")
    names = (one.strip().strip("'\"") for one in value[:200] if isinstance(one, str)) if isinstance(value, list) else ()
    return [name for name in names if name]
