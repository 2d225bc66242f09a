"""A source's settings as people write them: lines as in tocsin.toml."""

import json
import tomllib
from collections.abc import Mapping
from typing import Any

from gateway.api.problem import FieldError, Problem


def written(settings: Mapping[str, Any]) -> str:
    """One line for each, in order of their names."""
    return "\n".join(f"{_key(name)} = {_value(value)}" for name, value in sorted(settings.items()))


def read(text: str) -> dict[str, Any]:
    """What the lines say. Raises a 422 for what is no TOML."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = f'write settings as in tocsin.toml, one to a line, as in hold = "5m": {error}'
        raise Problem(422, "The settings cannot be read.", [FieldError(place="settings", message=message)]) from None


def change(stored: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What is to be set, and None for what was there and is not any more; an empty text takes a secret one out."""
    gone = dict.fromkeys(stored.keys() - given.keys())
    fresh = {name: value if value != "" else None for name, value in given.items() if name not in stored or stored[name] != value}
    return {**gone, **fresh}


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else json.dumps(name)


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case list() | tuple():
            return f"[{', '.join(_value(one) for one in value)}]"
        case dict():
            return f"{{ {', '.join(f'{_key(name)} = {_value(one)}' for name, one in value.items())} }}"
        case _:
            return str(value)
