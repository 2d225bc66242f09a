"""Takes what can be had from a body that claims to be JSON and is not.

Prefect's own default payload puts the state message between quotes as it is, so that an exception with a quote, a
newline or a backslash makes the body invalid. A payload given as an object instead of a string has its templates
inside quotes, so that `{{ event|tojson }}` becomes `"{"event": …}"`.
"""

import json
import re
from typing import Any, Final

FLAT_KEYS: Final = (
    *("deployment_name", "deployment_status", "deployment_url", "event_id", "event_related", "event_resource"),
    *("flow_id", "flow_name", "flow_run_id", "flow_run_name", "flow_run_url"),
    *("flow_run_state_message", "flow_run_state_name", "flow_run_state_timestamp", "flow_run_state_type"),
    *("work_pool_name", "work_pool_status", "work_pool_url", "work_queue_name", "work_queue_status", "work_queue_url"),
)
"""Names that no exception text is likely to hold."""
OBJECT_KEYS: Final = (
    *("deployment", "event", "flow", "flow_run", "flow_run_url", "id", "message", "occurred", "payload", "related", "resource", "state"),
    *("flow_run_id", "flow_name", "deployment_name", "state_name", "state_type", "timestamp"),
    *("prefect.resource.id", "prefect.resource.name", "prefect.run-count"),
    *("prefect.state-message", "prefect.state-name", "prefect.state-timestamp", "prefect.state-type"),
)
"""Names of everyday use: looked for only where none of the above are. The last ones lie in a resource that was cut short."""
TEXT_KEYS: Final = frozenset(("flow_run_state_message", "message", "prefect.state-message"))
"""What may hold anything, up to the next known key. Of these the beginning alone is worth having."""
NAME_KEYS: Final = frozenset(
    (
        *("deployment_name", "flow_name", "flow_run_name", "work_pool_name", "work_queue_name", "prefect.resource.name"),
        *("flow_run_state_name", "state_name", "prefect.state-name"),
    )
)
"""What may hold a quote as well. Everything else ends at the first."""
LONGEST: Final = 2_000_000
"""Characters looked at."""
TRIES: Final = 24
"""Values that may be tried as JSON, for each of them may cost a pass over the body."""

FIELDS: Final = 100
"""Fields looked for in an object of somebody's own."""

_FIRST_KEY: Final = re.compile(r'\s{0,8}\{(\s{0,12})"[A-Za-z]')
_DECODER: Final = json.JSONDecoder()


def _field(keys: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(r'"(' + "|".join(map(re.escape, keys)) + r')"[ \t]{0,8}:[ \t]{0,8}("?)')


_FLAT: Final = _field(FLAT_KEYS)
_OBJECT: Final = _field(OBJECT_KEYS)
_IS_FLAT: Final = re.compile(r'"(?:flow_run_state_(?:name|type)|(?:deployment|work_pool|work_queue)_status|event_resource)"')


def salvage(body: str) -> dict[str, Any]:
    """The known keys found in `body` with their first values: what parses as it parses, the rest as text up to the next known key."""
    body = body[:LONGEST]
    known = _FLAT if _IS_FLAT.search(body) else _OBJECT
    found: dict[str, Any] = {}
    open_key: str | None = None
    start = position = tries = 0
    while field := known.search(body, position):
        position = field.end()
        key, quoted = field[1], bool(field[2])
        if key in found or key == open_key:
            continue  # said again inside a message
        if open_key is not None:
            found[open_key] = _value(open_key, body[start : field.start()])
        open_key, start = key, position
        if body[start : start + 1] in ("{", "[") and tries < TRIES:
            tries += 1
            value, end = _decoded(body, start)
            if end and (not quoted or body.startswith('"', end)):
                found[key], position, open_key = value, end, None
            elif not quoted:
                open_key = None  # an object cut short: its own keys come next
    if open_key in TEXT_KEYS:
        found[open_key] = _unquoted(body[start:].rstrip().removesuffix("}"))
    elif open_key is not None and '"' in body[start:]:  # else the body was cut, and half a name is the name of something else
        found[open_key] = _unquoted(body[start:].partition('"')[0])
    if "prefect.resource.id" in found:
        found.setdefault("resource", dict(found))
    return found


def any_fields(body: str) -> dict[str, str]:
    """The fields of a broken object of somebody's own, by how its first two keys are set apart; a message runs on to the next key."""
    body = body[:LONGEST]
    first = _FIRST_KEY.match(body)
    if not first:
        return {}
    gap = re.escape(first[1])
    keys = re.compile(rf'[{{,]{gap}"([A-Za-z][\w .-]{{0,60}})"\s?:[ \t]?' if first[1] else r'[{,][ \t]?"([A-Za-z][\w .-]{0,60})"\s?:[ \t]?')
    found: dict[str, str] = {}
    open_key, start = "", 0
    for field in keys.finditer(body):
        if field[1] in found or field[1] == open_key or len(found) > FIELDS:
            continue
        if open_key:
            found[open_key] = _unquoted(body[start : field.start()].lstrip().removeprefix('"'))
        open_key, start = field[1], field.end()
    if open_key and _is_whole(body):
        found[open_key] = _unquoted(body[start:].rstrip().removesuffix("}").lstrip().removeprefix('"'))
    elif open_key:
        found.setdefault("text", body[start:].lstrip().removeprefix('"'))
    return found


def _is_whole(body: str) -> bool:
    """Whether the last value has its end; else the body was cut, and half a name is the name of something else."""
    return body.rstrip().endswith(("}", '"'))


def _decoded(body: str, start: int) -> tuple[Any, int]:
    """The JSON value that begins at `start` and where it ends; 0 where there is none."""
    try:
        return _DECODER.raw_decode(body, start)
    except (ValueError, RecursionError):
        return None, 0


def _value(key: str, raw: str) -> str:
    if key in TEXT_KEYS:
        return _unquoted(raw)
    return _unquoted(raw.partition('",' if key in NAME_KEYS else '"')[0])


def _unquoted(raw: str) -> str:
    """A value without the quote, comma and space that end it; empty for null."""
    value = raw.rstrip().removesuffix(",").rstrip().removesuffix('"')
    return "" if value == "null" else value
