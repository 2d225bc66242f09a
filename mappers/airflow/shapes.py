"""Small, total readings of a stranger's JSON."""

from typing import Any


def table(value: object) -> dict[str, Any]:
    """The object, or an empty one where it is none."""
    return value if isinstance(value, dict) else {}


def string(value: object) -> str:
    """A text or a number as text; empty where it is neither, or says that there is nothing."""
    if isinstance(value, bool) or not isinstance(value, str | int) or (isinstance(value, int) and abs(value) > 10**15):
        return ""
    said = str(value).strip()
    return "" if said in ("None", "null", "NULL", "nan") else said


def number(value: object) -> int | None:
    """A whole number of sane size, also where it came as text."""
    if isinstance(value, str) and len(value.strip()) < 10 and value.strip().lstrip("-").isdecimal():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**9 else None


def names(value: object) -> tuple[str, ...]:
    """A list of names, or one text that lists them (`"['a', 'b']"`, `a, b`); what else is listed is left out."""
    if isinstance(value, str):
        value = value[:20_000].strip().strip("[](){}").split(",")
    found = (one.strip().strip("'\"") for one in value[:200] if isinstance(one, str)) if isinstance(value, list) else ()
    return tuple(dict.fromkeys(name for name in found if name and name != "None"))
