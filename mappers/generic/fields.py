"""Reading: from JSON, a form, a query string, a path or broken JSON to fields by our names.

The body speaks first, then the query, then the path. A field may be spelled in many ways; capitals, `_` and `-` do not matter.
"""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final
from urllib.parse import unquote

from mappers.contract import BadBody, Inbound, Unmapped
from mappers.contract.inbound import first_values, parse_json
from mappers.generic.dialects import reshaped
from mappers.generic.words import plain, state_word

Fields = dict[str, Any]
REST: Final = "rest"
"""The field that holds what has no name of ours: label → text."""

_SPELLINGS: Final = {
    "status": "status state eventaction alertstatus alertstate newstate currentstate currentstatus servicestate hoststate triggerstatus "
    "result outcome conclusion health",
    "hint": "type eventtype event action kind notificationtype",
    "good": "ok success successful succeeded passed healthy isup up alive isok recovered resolved",
    "bad": "failed failing isdown down firing triggered isfailed isfailing haserror",
    "exitcode": "exitcode exitstatus returncode retcode rc exit",
    "httpstatus": "httpstatus httpcode statuscode responsecode httpstatuscode",
    "name": "name checkname check service servicename monitor monitorname alertname alert component displayname "
    "servicedesc serviceid triggername conditionname",
    "title": "title summary subject headline",
    "message": "message msg text body description desc content",
    "error": "error errormessage reason cause exception",
    "log": "log logs output serviceoutput stdout stderr traceback stacktrace logtail excerpt",
    "key": "key dedupkey deduplicationkey incidentkey alias checkid monitorid alertid fingerprint identity",
    "host": "host hostname instance server node device",
    "id": "id uuid entity source",
    "eventdata": "eventdata",
    "requestid": "eventid messageid deliveryid webhookid notificationid idempotencykey",
    "category": "category notificationcategory",
    "level": "level severity priority loglevel criticality",
    "pipeline": "pipeline pipelinename job jobname flow flowname dag dagid workflow workflowname process script",
    "run": "run runid runname jobrunid buildid build buildnumber executionid execution flowrunid dagrunid invocationid",
    "attempt": "attempt attemptnumber trynumber runattempt",
    "willretry": "willretry retrying",
    "member": "member membername",
    "url": "url link href weburl htmlurl clienturl incidenturl fullurl detailsurl targeturl",
    "runurl": "runurl buildurl joburl",
    "logurl": "logurl logsurl",
    "dashboardurl": "dashboardurl dashboard panelurl",
    "runbookurl": "runbookurl runbook",
    "links": "links",
    "owners": "owners owner team teams assignee responders responsible",
    "tags": "tags labels",
    "environment": "environment env",
    "at": "at time timestamp occurredat eventtime datetime date createdat finishedat endedat",
    "since": "since startedat starttime began beganat downsince firingsince",
    "impact": "impact affected affects",
    "urgent": "urgent",
    "facts": "facts details customdetails extra context annotations metadata",
    "closes": "closes",
    "cut": "cut",
}  # fmt: skip
_KNOWN: Final = {spelling: field for field, spellings in _SPELLINGS.items() for spelling in spellings.split()}
_TELLING: Final = frozenset({"status", "name", "message", "title", "exitcode", "key", "hint", "good", "bad", "pipeline"})
"""Fields without which a form or a broken body is rather a text."""
_WRAPPERS: Final = frozenset({"data", "payload", "alert", "event", "incident", "check", "body", "notification", "build"})
_COLLECTIONS: Final = frozenset({"eventdata", "member", "links", "owners", "tags", "facts", "impact"})
_NAMED: Final = frozenset({"name", "pipeline", "host", "run"})
"""What may come as an object of its own, known by its name."""
_FLAGS: Final = frozenset({"good", "bad", "willretry", "urgent", "closes", "cut"})
_YES_OR_NO: Final = {"true": True, "yes": True, "false": False, "no": False}
_HIDDEN: Final = (
    "token", "secret", "password", "passwd", "apikey", "routingkey", "servicekey", "integrationkey", "authorization", "identifiertype",
)  # fmt: skip
"""What sounds like a credential, and what only Opsgenie's own server needs."""
NOTHING: Final = frozenset({"", "null", "none", "undefined", "nan"})
_KEY: Final = re.compile(r'[{,]\s*"(\w{1,40})"\s*:\s*')
_SALVAGED: Final = 300_000
_MOST_ITEMS: Final = 1000
_MOST_FIELDS: Final = 500
_API_PATHS: Final = (["v2", "enqueue"], ["v2", "alerts"], ["v2", "change", "enqueue"])
"""What clients of PagerDuty and Opsgenie add to the address of their API."""


def messages(inbound: Inbound) -> Iterator[Fields | str]:
    """The messages of a request: fields, or the text where it is none. A JSON list holds several. Raises `Unmapped`."""
    body = _body(inbound)
    around = _known(inbound.query_values), _path(inbound.path)
    if isinstance(body, list):
        if len(body) > _MOST_ITEMS or not all(isinstance(item, dict) for item in body):
            raise Unmapped(f"a list must hold objects, and at most {_MOST_ITEMS} of them")
        for item in body:
            yield _together(_known(item), *around)
        return
    said = _known(body) if isinstance(body, dict) else {}
    together = _together(said, *around)
    if isinstance(body, str) and body:
        yield _together({"message": body}, together) if _TELLING & together.keys() else body
    else:
        yield together


def _body(inbound: Inbound) -> Any:
    """JSON whatever it is called; else a form that says something; else what broken JSON still says; else the text."""
    text = inbound.text.strip()
    try:
        document = inbound.json
    except BadBody:
        document = None
    if isinstance(document, dict | list):
        return document
    if isinstance(document, str):
        return document.strip()
    if text.startswith(("{", "[{", "[[", '["')):
        return _salvage(text[:_SALVAGED])
    form = inbound.form or (first_values(text) if "=" in text[:200] and "\n" not in text[:200] else {})
    if _TELLING & {_KNOWN.get(plain(name)) for name in form}:
        return form
    return next(iter(form.values())) if len(form) == 1 and inbound.content_type == "multipart/form-data" else text


def _known(document: Mapping[str, Any]) -> Fields:
    """A flat object's fields by our names; one that wraps the message is looked into, once."""
    found: Fields = {}
    wrapped: list[Mapping[str, Any]] = []
    for name, value in islice(reshaped(document).items(), _MOST_FIELDS):
        if plain(name) in _WRAPPERS and isinstance(inner := _object(value), dict):
            wrapped.append(inner)
        else:
            _keep(found, name, value)
    for inner in wrapped:
        for name, value in islice(inner.items(), _MOST_FIELDS):
            _keep(found, name, value)
    return found


def _object(value: Any) -> Any:
    if not isinstance(value, str) or not value.lstrip().startswith("{"):
        return value
    try:
        return parse_json(value)
    except BadBody:
        return value


def _keep(found: Fields, name: str, value: Any) -> None:
    """The first to speak is heard; what has no name of ours is kept as it is called, unless it sounds like a secret."""
    if value is None or (isinstance(value, str) and value.strip().lower() in NOTHING):
        return
    field = _KNOWN.get(plain(name))
    if isinstance(value, dict) and field in _NAMED:
        value = next((value[key] for key in ("name", "slug", "id", "number") if isinstance(value.get(key), str | int)), value)
    if isinstance(value, dict | list) and field not in _COLLECTIONS:
        return
    if field in _FLAGS:  # `"failed": 3` counts something
        value, field = _flag(value, field)
    elif field == "error" and isinstance(value, bool):
        field = "bad"
    if field is not None and field not in found:
        found[field] = value
    elif not isinstance(value, dict | list) and not any(mark in plain(name) for mark in _HIDDEN):
        found.setdefault(REST, {}).setdefault(name, value)


def _flag(value: Any, field: str) -> tuple[Any, str | None]:
    said = value if isinstance(value, bool) else _YES_OR_NO.get(str(value)[:10].strip().lower())
    return (value, None) if said is None else (said, field)


def _together(*layers: Fields) -> Fields:
    found: Fields = {}
    for layer in layers:
        rest = {**layer.get(REST, {}), **found.get(REST, {})}
        found = {**layer, **found, **({REST: rest} if rest else {})}
    return found


def _path(path: str) -> Fields:
    """`/{name}/{status or exit code}`; Opsgenie's `/v2/alerts/{alias}/close`."""
    segments = [unquote(segment) for segment in path[:2000].split("/") if segment]
    for prefix in _API_PATHS:
        if segments[: len(prefix)] == prefix:
            return _keyed(segments[len(prefix) :])
    found: Fields = {}
    for segment in segments[:4]:
        if "name" in found and segment.isdecimal() and len(segment) <= 3:
            found.setdefault("exitcode", segment)
        elif "name" in found and state_word(segment):
            found.setdefault("status", segment)
        else:
            found.setdefault("name", segment)
    return found


def _keyed(segments: list[str]) -> Fields:
    return {"key": segments[0], "status": segments[1]} if len(segments) > 1 else {}


def _salvage(text: str) -> Fields:
    """The known keys of broken JSON, where a value ends where the next known key begins: a shell put a quote into it."""
    found: Fields = {}
    seen: set[str] = set()
    name, start = "", 0
    for match in _KEY.finditer(text):
        key = plain(match[1])
        if key in _KNOWN and key not in seen:
            seen.add(key)
            _salvaged(found, name, text[start : match.start()])
            name, start = match[1], match.end()
    _salvaged(found, name, text[start:].rstrip(" \t\r\n}]"))
    if not text.endswith(("}", "]")):  # what stands last, its name perhaps, may be a part of it
        found |= {"closes": True, "cut": True}
    return found


def _salvaged(found: Fields, name: str, raw: str) -> None:
    raw = raw.strip()
    if not name or name in found or not raw:
        return
    try:
        found[name] = json.loads(raw, strict=False)
    except (ValueError, RecursionError):
        found[name] = raw.removeprefix('"').removesuffix('"')
