"""What arrived, without the secrets in it: JSON stays JSON, and a name says what its value is."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

Clean = Callable[[str], str]
"""Takes out of a text what looks like a secret."""

_MARK: Final = "[redacted]"
_DEEPEST: Final = 200
_Field = tuple[str, Any]


def without_secrets(text: str, clean: Clean) -> str:
    """A body as it may be shown; where nothing had to go, it is as it arrived."""
    try:
        value = json.loads(text, object_pairs_hook=_object)
        shown = document(value, clean)
    except (ValueError, RecursionError):
        return clean(text)
    return text if shown == value else json.dumps(shown, ensure_ascii=False)


def document(value: Any, clean: Clean) -> Any:
    """A value of JSON as it may be shown. Raises RecursionError for one that is nested too deeply."""
    fields = list(_fields(value, "", 0))
    cleaned = iter(_cleaned(fields, clean))
    return _rebuilt(value, cleaned)


def pairs(given: Sequence[Sequence[str]], clean: Clean) -> list[list[str]]:
    """Headers as they may be shown."""
    return [[name, str(value)] for name, value in _cleaned([(name, value) for name, value in given], clean)]


def _object(pairs: list[_Field]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a name stands twice: one of its values would be looked at and the other shown")
    return made


def _fields(value: Any, name: str, depth: int) -> Iterator[_Field]:
    """Each name and plain value, in the order of the document; what is in a list bears the name of the list."""
    if depth > _DEEPEST:
        raise RecursionError("nested too deeply")
    if isinstance(value, dict):
        for key, part in value.items():
            if _holds_more(part):
                yield key, None
            yield from _fields(part, key, depth + 1)
    elif isinstance(value, list):
        for part in value:
            yield from _fields(part, name, depth + 1)
    elif (inner := _within(value)) is not None:
        yield from _fields(inner, name, depth + 1)
    else:
        yield name, value


def _rebuilt(value: Any, cleaned: Iterator[_Field]) -> Any:
    if isinstance(value, dict):
        made: dict[str, Any] = {}
        for part in value.values():
            if _holds_more(part):
                name, _ = next(cleaned)
                shown = _rebuilt(part, cleaned)
            else:
                name, shown = next(cleaned)
            made[name if name not in made else f"{name} ({len(made) + 1})"] = shown
        return made
    if isinstance(value, list):
        return [_rebuilt(part, cleaned) for part in value]
    inner = _within(value)
    if inner is None:
        return next(cleaned)[1]
    shown = _rebuilt(inner, cleaned)
    return value if shown == inner else json.dumps(shown, ensure_ascii=False)


def _holds_more(value: Any) -> bool:
    return isinstance(value, dict | list) or _within(value) is not None


def _within(value: Any) -> Any:
    """The document within a text, as templates of senders nest them."""
    if not isinstance(value, str) or value[:1] not in ("{", "["):
        return None
    try:
        inner = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return inner if isinstance(inner, dict | list) else None


def _cleaned(fields: Sequence[_Field], clean: Clean) -> list[_Field]:
    """All of them at once, a line for each; what then is no JSON any more is looked at alone."""
    lines = [json.dumps({name: value}, ensure_ascii=False) for name, value in fields]
    shown = clean("\n".join(lines)).split("\n")
    if len(shown) != len(lines):
        shown = [clean(line) for line in lines]
    return [
        field if after == before else _field(after) or _alone(field, clean)
        for field, before, after in zip(fields, lines, shown, strict=True)
    ]


def _field(line: str) -> _Field | None:
    try:
        ((name, value),) = json.loads(line).items()
    except (ValueError, AttributeError):
        return None
    return name, value


def _alone(field: _Field, clean: Clean) -> _Field:
    """Its name gave it away, or the quotes within it hid where it ends."""
    name, value = field
    shown = clean(value) if isinstance(value, str) else value
    return clean(name), shown if shown != value else _MARK
