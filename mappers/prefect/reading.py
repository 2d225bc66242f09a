"""From bytes to a message: JSON, a form, a text, or what can be salvaged of them."""

from typing import Any

from mappers.contract import BadBody, Inbound, Unmapped
from mappers.contract.inbound import first_values
from mappers.prefect.dialects import read_object
from mappers.prefect.loose import RUN, is_event, names_run, read_loosely, spread
from mappers.prefect.message import InfrastructureMessage, Message, RunMessage, mapping, name, plain
from mappers.prefect.salvage import any_fields, salvage
from mappers.prefect.sentences import read_run, read_status

SAYS_LITTLE = ("COMPLETED", "SCHEDULED")
"""Types of a state whose name was cut off: DBT_TEST_FAILED is of type COMPLETED, Late and AwaitingRetry of type SCHEDULED."""
DEPTH = 3
"""How often a message may be wrapped in another (`{"body": "{…}"}`)."""


def read(inbound: Inbound) -> Message:
    """What this request says. Raises `Unmapped` where that cannot be found out."""
    if not inbound.body.strip():
        message = _read(inbound.query_values, DEPTH) if inbound.query else None
        if message is None:
            raise Unmapped(_why_empty(inbound))
        return message
    try:
        message = _read(inbound.text if inbound.body[:5] == b"Flow " else inbound.json, DEPTH)
    except BadBody:
        fields = inbound.form or _untold_form(inbound)
        message = (_read(fields, DEPTH) if fields else None) or _read_broken(inbound.text)
    if message is None:
        raise Unmapped("none of the payloads Prefect is known to send: see docs/connect-prefect.md for the recommended one")
    return message


def event_id(inbound: Inbound) -> str:
    """The id of an event that is the body or stands in it as `event`; empty where there is none. Looks no further: the door waits."""
    try:
        document = inbound.json
    except BadBody:
        return ""
    if not isinstance(document, dict):
        return ""
    event = document if isinstance(document.get("event"), str) else document.get("event")
    return name(event.get("id")) if isinstance(event, dict) and "resource" in event else ""


def _why_empty(inbound: Inbound) -> str:
    """An automation without a payload sends nothing; a server that closed its own connection pool announces a length first."""
    if inbound.headers.get("content-length", "0").strip() not in ("", "0"):
        return "the body is empty although its length was announced: Prefect broke off, what it meant to say is lost"
    return "the body is empty: give the automation's webhook action a payload"


def _untold_form(inbound: Inbound) -> dict[str, str]:
    """A form that does not say that it is one: Prefect's webhook block sends no content type by itself."""
    head = inbound.body[:200]
    is_form = b"=" in head and not any(byte in head for byte in b' \n{<"')
    return first_values(inbound.text) if is_form else {}


def _read(value: Any, depth: int) -> Message | None:
    """By the known dialects; where none fits, by the labels and words of a body of somebody's own."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return _read_known(value, depth) or (None if _is_event(value) else read_loosely(value))


def _is_event(value: Any) -> bool:
    """An event that no dialect took is somebody else's."""
    return isinstance(value, dict) and isinstance(value.get("resource"), dict) and isinstance(value.get("event"), str)


def _read_known(value: Any, depth: int) -> Message | None:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, str):
        wrapped = mapping(value)
        return _read_known(wrapped, depth - 1) if wrapped and depth else read_run(value) or read_status(value)
    if not isinstance(value, dict):
        return None
    return read_object(value) or _read_inside(value, depth) or _read_strings(value)


def _read_inside(document: dict[str, Any], depth: int) -> Message | None:
    """A message one level deeper, as in `{"body": {…}}` or `{"body": "{…}"}`."""
    if depth == 0:
        return None
    inner = (document.get(key) for key in ("body", "message", "text", "data", "content", "payload"))
    return next((message for value in inner if (wrapped := mapping(value)) and (message := _read_known(wrapped, depth - 1))), None)


def _read_strings(document: dict[str, Any]) -> Message | None:
    """A sentence in one of the fields, however deep (a Slack block, a Teams card): which one is up to who wrote the block."""
    near = [value for value in document.values() if isinstance(value, str)][:50]
    found = _first_sentence(near, is_named=any(plain(key[:80]) in RUN for key in document))
    if found or not any(isinstance(value, dict | list) for value in document.values()):
        return found
    said = spread(document)
    return _first_sentence(said.texts[:50], is_named=names_run(said))


def _first_sentence(texts: list[str], *, is_named: bool) -> Message | None:
    run = next((message for text in texts if (message := read_run(text, is_of_another=is_named))), None)
    return run or read_status("\n".join(texts))


def _read_broken(body: str) -> Message | None:
    salvaged = salvage(body)
    sentences = body.rstrip().removesuffix("}").rstrip().removesuffix('"').replace("\\n", "\n")
    message = (read_object(salvaged) if salvaged else None) or _read_known(sentences, 0)
    if message is None and not is_event(body):
        message = read_loosely(any_fields(body) or body)
    if isinstance(message, InfrastructureMessage) and message.name == message.id:
        return None  # its name was cut off
    if isinstance(message, RunMessage) and message.state in SAYS_LITTLE:
        return message._replace(state="", type="")
    return message
