"""Finding the event: structured, binary or batched, of 1.0, 0.3, 0.2 or 0.1, or in Azure's own schema.

https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/http-protocol-binding.md
https://github.com/cloudevents/spec/blob/main/cloudevents/formats/json-format.md
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import unquote

from mappers.contract import BadBody, Inbound, Unmapped, parse_time
from mappers.contract.inbound import parse_json
from mappers.contract.text import one_line

_ATTRIBUTES: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("id", "eventID", "eventid"),
    "source": ("source", "topic"),
    "type": ("type", "eventType", "eventtype"),
    "subject": ("subject",),
    "time": ("time", "eventTime", "eventtime"),
}
"""By the names that 1.0, then 0.1 and Azure's own schema, give them."""
_MOST: Final = 1000
"""Events of a batch that are read."""
_STRING: Final = re.compile(r'\s*:\s*"((?:[^"\\]++|\\.)*+)("?)', re.DOTALL)
_PROSE: Final = frozenset({"error", "message", "reason"})
"""What says something also where its end is missing; half a name would be another's."""
_SALVAGED: Final = (
    "id", "source", "type", "subject", "time", "state", "status", "outcome", "result", "conclusion", "severity", "name", "job", "pipeline",
    "pipelineName", "pipeline_name", "job_name", "jobName", "run_id", "runId", "error", "message", "reason", "url",
)  # fmt: skip


@dataclass(frozen=True)
class Event:
    """One CloudEvent. Attributes are clean, on one line, and empty where they are missing."""

    id: str
    source: str
    type: str
    subject: str
    time: datetime | None
    extensions: Mapping[str, str]
    data: Mapping[str, Any]
    """The data where it is a JSON object; otherwise empty."""
    text: str
    """The data where it is text."""


def read(inbound: Inbound) -> tuple[Event, ...]:
    """Every event that a request holds; an empty batch holds none. Raises `Unmapped` where it is of no CloudEvents mode."""
    structured = inbound.content_type.startswith("application/cloudevents")
    if structured and not inbound.content_type.endswith("json"):
        raise Unmapped(f"events in the format {inbound.content_type!r}; only JSON is read")
    if not structured and (attributes := _of_headers(inbound)):
        return (_event(attributes, *_content(inbound.text, inbound.content_type)),)
    document = _document(inbound)
    if isinstance(document, list):
        events = tuple(_structured(one) for one in document[:_MOST] if isinstance(one, dict) and _first(one, _ATTRIBUTES["type"]))
        if document and not events:
            raise Unmapped("a list in which nothing is a CloudEvent")
        return events
    if not isinstance(document, dict) or not _first(document, _ATTRIBUTES["type"]) or not _is_one(document):
        raise Unmapped("no CloudEvent: neither `ce-*` headers nor `specversion`, `type` and `source` in the body")
    return (_structured(document),)


def _is_one(document: Mapping[str, Any]) -> bool:
    return any(name in document for name in ("specversion", "cloudEventsVersion")) or bool(_first(document, _ATTRIBUTES["source"]))


def _of_headers(inbound: Inbound) -> dict[str, Any]:
    """The `ce-*` headers, as attributes; empty where they are of no event."""
    attributes = {name[3:]: _header(value) for name, value in inbound.headers.items() if name.startswith("ce-")}
    return attributes if attributes.get("type") or attributes.get("eventtype") else {}


def _header(value: str) -> str:
    """Percent-encoded, or quoted as older senders do."""
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return unquote(value)


def _document(inbound: Inbound) -> Any:
    try:
        return inbound.json
    except BadBody as error:
        found = _salvaged(inbound.text)
        if "type" not in found or "source" not in found:
            raise Unmapped(str(error)) from None
        data = {name: value for name, value in found.items() if name not in _ATTRIBUTES}
        return {**{name: found[name] for name in _ATTRIBUTES if name in found}, "specversion": "1.0", "data": data}


def _salvaged(text: str) -> dict[str, str]:
    """The string values of the known keys in what is not quite JSON; the last may be cut off."""
    found: dict[str, str] = {}
    for name in _SALVAGED:
        place = text.find(f'"{name}"')
        value = _STRING.match(text, place + len(name) + 2) if place >= 0 else None
        if value and (value[2] or name in _PROSE):
            try:
                found[name] = str(json.loads(f'"{value[1]}"', strict=False))
            except ValueError:
                found[name] = value[1]
    return found


def _structured(document: Mapping[str, Any]) -> Event:
    data, text = document.get("data"), ""
    encoded = document.get("data_base64") or (data if str(document.get("datacontentencoding")).lower() == "base64" else None)
    if isinstance(encoded, str):
        data = _decoded(encoded)
    if isinstance(data, str):
        data, text = _content(data, "")
    return _event(document, data if isinstance(data, dict) else {}, text)


def _event(attributes: Mapping[str, Any], data: Mapping[str, Any], text: str) -> Event:
    known = {field: _first(attributes, names) for field, names in _ATTRIBUTES.items()}
    names = {name for several in _ATTRIBUTES.values() for name in several} | {"data", "data_base64", "specversion"}
    extensions = {key.lower(): said(value) for key, value in list(attributes.items())[:60] if key not in names}
    if isinstance(message := data.get("message"), dict) and isinstance(message.get("data"), str):
        # https://cloud.google.com/eventarc/docs/cloudevents (a Pub/Sub message within an event)
        data, text = _content(_decoded(message["data"]), "")
    return Event(
        id=known["id"], source=known["source"], type=known["type"], subject=known["subject"], time=parse_time(known["time"]),
        extensions=extensions, data=data, text=text,
    )  # fmt: skip


def _content(text: str, content_type: str) -> tuple[Mapping[str, Any], str]:
    """(the object, the text) of data in whatever type."""
    if text.lstrip("\ufeff \t\r\n").startswith("{"):
        try:
            document = parse_json(text)
        except BadBody:
            return _salvaged(text), ""
        return (document, "") if isinstance(document, dict) else ({}, "")
    printable = not content_type or content_type.startswith("text/") or content_type.endswith("json")
    return {}, text.strip().strip('"')[:20_000] if printable else ""


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode("utf-8")
    except ValueError:
        return ""


def _first(document: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next(filter(None, (said(document.get(name), 500) for name in names)), "")


def said(value: object, limit: int = 200) -> str:
    """A name, number or word on one line; nothing for anything else, nor for what only says *nothing*."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    try:
        text = one_line(str(value)[: limit * 10], limit)
    except ValueError:  # an integer of thousands of digits
        return ""
    return "" if text.lower() in ("none", "null") else text


def mapping(value: object) -> Mapping[str, Any]:
    """An object as it is; empty for anything else."""
    return value if isinstance(value, dict) else {}
