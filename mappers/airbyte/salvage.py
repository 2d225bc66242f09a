"""Takes what can be had from a body that claims to be JSON and is not.

One of Airbyte's senders puts the message between quotes as it is: `{"text": "$message"}`, newlines and quotes included.
"""

import json
import re
from typing import Any, Final

_TEXT: Final = re.compile(r'"text"[ ]{0,4}:[ ]{0,4}"')
_FIELD: Final = re.compile(
    r'"(blocks|data|workspace|connection|source|destination|jobId|success|startedAt|finishedAt|errorMessage|recordsEmitted|recordsCommitted)"'
    r"[ ]{0,4}:[ ]{0,4}"
)
_LONGEST: Final = 1_000_000
_TRIES: Final = 40
"""Values that may be tried as JSON, for each may cost a pass over the body."""
_DECODER: Final = json.JSONDecoder(strict=False)


def salvage(body: str) -> dict[str, Any]:
    """The known keys with their first values: what parses as it parses, a text as it stands."""
    body, found, position = body[:_LONGEST], dict[str, Any](), 0
    for _ in range(_TRIES):
        field = _FIELD.search(body, position)
        if field is None:
            break
        value, position = _value(body, field.end())
        if value is not None:
            found.setdefault(field[1], value)
    if text := _TEXT.search(body):
        found["text"] = _message(body, text.end() - 1)
    return found


def _message(body: str, start: int) -> str:
    """The text as it was written, or, where a quote inside it ends it early, all up to the blocks."""
    value, end = _value(body, start)
    if isinstance(value, str) and body[end : end + 40].lstrip()[:1] in ("", ",", "}"):
        return value
    end = body.find('"blocks"', start)
    return _unquoted(body[start + 1 : end if end > 0 else len(body)])


def _value(body: str, start: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(body, start)
    except (ValueError, RecursionError):
        if body.startswith('"', start):
            return _unquoted(body[start + 1 :]), len(body)
        return None, start  # an object cut short: its own keys come next


def _unquoted(raw: str) -> str:
    """A string without what ends it, its escapes undone."""
    raw = raw.rstrip().removesuffix(",").removesuffix("}").rstrip().removesuffix('"')
    return raw.replace("\\n", "\n").replace('\\"', '"')
