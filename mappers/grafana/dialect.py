"""Which of Grafana's bodies is this: unified alerting, a payload template of its user's, or the alerting before Grafana 11.

https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from mappers.contract import BadBody, Inbound

_KEY: Final = re.compile(r'[{,]\s*"(\w{1,40})"\s*:\s*')
_SALVAGED: Final = 300_000
"""Characters looked at where the body is not JSON."""
_KEYS: Final = 300
_DECODER: Final = json.JSONDecoder(strict=False)


def document(inbound: Inbound) -> dict[str, Any]:
    """The body as an object with lower-case keys; of one that is broken or cut off, what can be made out. Total."""
    try:
        body = inbound.json
    except BadBody:
        return _salvage(inbound.text[:_SALVAGED])
    if isinstance(body, list):
        return {"alerts": body}
    if isinstance(body, str):
        return _told(body)
    found = {key.lower(): value for key, value in {**_attached(body), **body}.items()} if isinstance(body, dict) else {}
    inner = found.get("alerts")
    if isinstance(inner, str):  # a template that embeds JSON as text
        found["alerts"] = _json(inner)
    return found


def _attached(body: dict[str, Any]) -> dict[str, Any]:
    """The first attachment, of a contact point for Slack whose address is ours."""
    attached = body.get("attachments")
    return attached[0] if isinstance(attached, list) and attached and isinstance(attached[0], dict) else {}


def _salvage(text: str) -> dict[str, Any]:
    """Of a body that is not JSON: every alert that is whole, then the keys at its top; else the text itself."""
    start = text.find('"alerts"')
    alerts = list(_objects(text, text.find("[", start) + 1)) or _first(text[start + 8 :]) if start >= 0 else []
    if alerts:
        found = {**_fields(text[:start]), **_fields(text[text.rfind("]") :])}
        return {**found, "alerts": alerts, "partial": not isinstance(found.get("grouplabels"), dict)}
    found = _fields(text)
    return {**found, "partial": not text.rstrip().endswith("}")} if found else _told(text)


def _told(text: str) -> dict[str, Any]:
    """A body of text alone: Grafana's own title is its first line."""
    title, _, rest = text.strip().partition("\n")
    return {"title": title, "message": rest.strip()} if title else {}


def _first(text: str) -> list[dict[str, Any]]:
    """An alert that is cut off itself, as far as it goes: its labels must be whole."""
    found = _fields(text)
    if not text.rstrip().endswith(("}", "]")):
        found = dict(list(found.items())[:-1])
    return [found] if isinstance(found.get("labels"), dict) else []


def _objects(text: str, at: int) -> Iterator[dict[str, Any]]:
    """The objects of a JSON list, as far as they can be read."""
    while at > 0 and (at := text.find("{", at)) >= 0:
        try:
            found, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            return
        if isinstance(found, dict):
            yield found
        if not text[at : at + 200].lstrip().startswith(","):
            return


def _fields(text: str) -> dict[str, Any]:
    """The keys a broken body names: each with its value where that is whole, else with what stands before the next key."""
    found: dict[str, Any] = {}
    match = _KEY.search(text)
    for _ in range(_KEYS):
        if match is None:
            break
        value, end = _value(text, match.end())
        following = _KEY.search(text, match.end() if end is None else end)
        if end is None:
            raw = text[match.end() : following.start() if following else len(text.rstrip(" \t\r\n}]"))].strip()
            value = raw.removeprefix('"').removesuffix('"')
        if value not in (None, ""):
            found.setdefault(match[1].lower(), value)
        match = following
    return found


def _value(text: str, at: int) -> tuple[Any, int | None]:
    """The JSON value that begins here and where it ends; no end where it is broken."""
    try:
        value, end = _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):
        return None, None
    return (value, end) if text[end : end + 50].lstrip()[:1] in ("", ",", "}", "]") else (None, None)


def _json(text: str) -> Any:
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


def string(value: object) -> str:
    """`value` where it is text, a number as text, else nothing."""
    if isinstance(value, str):
        return value
    return str(value)[:100] if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300 else ""
