"""Which of Better Stack's bodies is this, and what does it say.

Outgoing webhooks: https://betterstack.com/docs/uptime/webhooks/, with the attributes of
https://betterstack.com/docs/uptime/api/incidents-api-response-params/. The incident log drain, flat, with dotted events:
https://betterstack.com/docs/uptime/api/incident-log-drain/. Subscriptions to a status page:
https://betterstack.com/docs/uptime/status-pages/subscribing-to-status-updates/subscribing-with-webhooks/
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from mappers.contract import BadBody, Inbound, parse_time
from mappers.contract.text import one_line

_KEY: Final = re.compile(r'[{,]\s*"(\w{1,40})"\s*:\s*')
_SALVAGED: Final = 300_000
_KEYS: Final = 200
_DECODER: Final = json.JSONDecoder(strict=False)
_EXPIRES: Final = ("expire", "expiring", "expiry")


@dataclass(frozen=True)
class Incident:
    """One message of an outgoing webhook or the log drain; empty where it does not say."""

    event: str
    """`started`, `acknowledged`, `resolved`, `reopened`, `comment`, another word, or nothing."""
    of: str
    """What the message is about: `incident`, `monitor`, …"""
    id: str
    watched: Mapping[str, str]
    """The monitor or the heartbeat, by its number; empty for an incident of neither."""
    fields: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What people call it."""
        return self.text("name") or self.text("monitor_name") or self.text("heartbeat_name") or self.text("pronounceable_name")

    @property
    def cause(self) -> str:
        """The checker's own text: `Error 500`."""
        cause = string(self.fields.get("cause")) or string(self.fields.get("incident_cause"))
        return cause or string(self.fields.get("message"))

    @property
    def expires(self) -> str:
        """`certificate` or `domain` where it is about to expire, which is an incident apart; else nothing."""
        cause = self.cause.lower()[:300]
        if not any(word in cause for word in _EXPIRES) or "expired" in cause:
            return ""
        return "certificate" if "ssl" in cause or "certificate" in cause else "domain" if "domain" in cause else ""

    def text(self, key: str) -> str:
        """A short text or number of the message."""
        return text_of(self.fields.get(key))

    def time(self, key: str) -> datetime | None:
        """A time of the message."""
        return parse_time(self.fields.get(key))


def document(inbound: Inbound) -> dict[str, Any]:
    """The body as an object; of a broken one, the keys it names. Total."""
    try:
        body = inbound.json
    except BadBody:
        return _salvage(inbound.text[:_SALVAGED])
    return body if isinstance(body, dict) else {}


def incident(body: Mapping[str, Any]) -> Incident:
    """What an outgoing webhook or the log drain says. Total."""
    data = mapping(body.get("data"))
    fields = {**body, **data, **mapping(data.get("attributes"))}
    of, dot, event = text_of(body.get("event")).lower().rpartition(".")
    event = event.removeprefix("on_incident_").removeprefix("incident_")
    if not event or event == "incident":
        event = text_of(fields.get("status")).lower() or ("resolved" if parse_time(fields.get("resolved_at")) else "")
    if dot:
        number = text_of(fields.get("incident_id")) if of == "incident" else ""
    else:
        of, number = (
            text_of(data.get("type") or body.get("type")).lower(),
            text_of(data.get("id") or fields.get("incident_id") or body.get("id")),
        )
    return Incident(
        event={"created": "started", "opened": "started"}.get(event, event), of=of, id=number, watched=_watched(data, fields), fields=fields
    )


def _watched(data: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, str]:
    relations = mapping(data.get("relationships"))
    for kind in ("monitor", "heartbeat"):
        number = text_of(mapping(mapping(relations.get(kind)).get("data")).get("id")) or text_of(fields.get(f"{kind}_id"))
        if number:
            return {kind: number}
    return {}


def _salvage(text: str) -> dict[str, Any]:
    """Of a body that is not JSON: the keys it names, each with its value where that is whole, else with what stands before the next key."""
    found: dict[str, Any] = {}
    match = _KEY.search(text)
    for _ in range(_KEYS):
        if match is None:
            break
        value, end = _value(text, match.end())
        following = _KEY.search(text, match.end() if end is None else end)
        if end is None:
            raw = text[match.end() : following.start() if following else len(text.rstrip(" \t\r\n}]"))].strip()
            value = raw.removeprefix('"').removesuffix('"') if raw not in ("{", "[", "") else None
        if value not in (None, ""):
            found.setdefault(match[1].lower(), value)
        match = following
    return found


def _value(text: str, at: int) -> tuple[Any, int | None]:
    try:
        value, end = _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):
        return None, None
    return (value, end) if text[end : end + 50].lstrip()[:1] in ("", ",", "}", "]") else (None, None)


def mapping(value: object) -> dict[str, Any]:
    """`value` where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def string(value: object) -> str:
    """`value` where it is text, else none; the word `None` is none."""
    return value if isinstance(value, str) and value not in ("None", "null") else ""


def text_of(value: object) -> str:
    """A string or a number as one short line."""
    return one_line(str(value)[:1000], 150) if isinstance(value, str | int) and not isinstance(value, bool) else ""
