"""What a body that is cut off, or is no JSON, still says: the keys it names, each with what stands before the next."""

import json
import re
from typing import Any, Final

_KEY: Final = re.compile(r'[{,]\s*"(\w{1,40})"\s*:\s*')
_MESSAGE: Final = "runStatusMessage"
_READ: Final = 300_000


def salvage(text: str) -> dict[str, Any]:
    """The body as it may have been meant; empty where it names nothing. An id that may be cut off itself is left out."""
    text = text[:_READ].rstrip()
    whole = text.endswith("}")
    matches = list(_KEY.finditer(text))
    ends = [*(following.start() for following in matches[1:]), len(text.rstrip(" \t\r\n}"))]
    found: dict[str, Any] = {}
    for match, end in zip(matches, ends, strict=False):
        raw = text[match.end() : end].strip()
        is_last = match is matches[-1]
        value = _value(raw, is_whole=whole or not is_last, is_message=match[1] == _MESSAGE)
        if value is not None:
            found.setdefault(match[1], value)
    return {**found, "data": found} if found else {}


def _value(raw: str, *, is_whole: bool, is_message: bool) -> Any:
    if not is_whole:
        raw = raw.rstrip(", \t\r\n")
    for said in (raw, f'{raw}"') if is_message else (raw,):
        try:
            value = json.loads(said, strict=False)
            return value if is_whole or isinstance(value, str) else None  # `12` may have been `123`
        except (ValueError, RecursionError):
            continue
    return raw.removeprefix('"').removesuffix('"') if raw and (is_whole or is_message) else None
