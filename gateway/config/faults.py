"""What is wrong with a setting, in people's words instead of a validator's."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError


def in_words(error: Any, known: Iterable[str] = ()) -> str:
    """One of pydantic's errors. `known`: names of which one may have been misspelt."""
    if error["type"] == "extra_forbidden":
        near = get_close_matches(str(error["loc"][-1]), list(known), n=1)
        return "there is no such key" + (f"; is it {near[0]}?" if near else "")
    if error["type"] == "missing":
        return "is missing"
    return str(error["msg"]).removeprefix("Value error, ")


def of_settings(error: ValidationError, known: Iterable[str]) -> list[str]:
    """What is wrong with a source's settings: `settings.states.done: …`."""
    return [f"{'.'.join(('settings', *map(str, one['loc'])))}: {in_words(one, known)}" for one in error.errors()]
