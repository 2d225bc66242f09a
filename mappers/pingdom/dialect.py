"""Reading: Pingdom's state change as JSON, and what its BeepManager sends, as one `Check`.

https://www.pingdom.com/resources/webhooks/ (state changes). BeepManager sends `{"check", "checkname", "host", "action",
"incidentid", "description"}` as the value `message` of the query.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from mappers.contract import Inbound, parse_time
from mappers.contract.text import one_line

_KEY: Final = re.compile(r'[{,]\s*"(\w{1,40})"\s*:\s*')
_SALVAGED: Final = 300_000
_KEYS: Final = 200
_ACTIONS: Final = {"assign": "down", "notify_user": "down", "notify_of_close": "up"}


@dataclass(frozen=True)
class Check:
    """One message; empty where it does not say."""

    state: str
    """`down`, `up`, `failing`, `success`, `unknown`, …, in lower case."""
    fields: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The check's number."""
        return text_of(self.fields.get("check_id")) or text_of(self.fields.get("check"))

    @property
    def name(self) -> str:
        """What people call it."""
        return text_of(self.fields.get("check_name")) or text_of(self.fields.get("checkname"))

    @property
    def type(self) -> str:
        """`HTTP`, `PING`, `TRANSACTION`, …"""
        return text_of(self.fields.get("check_type")).upper()

    @property
    def is_transaction(self) -> bool:
        """Transaction checks are counted apart from uptime checks."""
        return self.type in ("TRANSACTION", "TMS") or self.state in ("failing", "success")

    @property
    def changed(self) -> datetime | None:
        """When the state changed: seconds since 1970, or UTC without a zone."""
        stamp = self.fields.get("state_changed_timestamp")
        seconds = int(stamp) if isinstance(stamp, str) and stamp.isdecimal() and len(stamp) < 12 else stamp
        return parse_time(seconds) or parse_time(self.fields.get("state_changed_utc_time"))

    @property
    def params(self) -> Mapping[str, Any]:
        """What is checked: host, port, address."""
        return mapping(self.fields.get("check_params"))

    def text(self, key: str) -> str:
        """A text of the message."""
        value = self.fields.get(key)
        return value if isinstance(value, str) else ""


def read(inbound: Inbound) -> Check:
    """The message a request carries. Total."""
    found = next((document for document in map(_object, _candidates(inbound)) if document), {})
    fields = found or _salvage(inbound.text[:_SALVAGED])
    state = text_of(fields.get("current_state")).lower()
    if not state and "action" in fields:
        state = _ACTIONS.get(text_of(fields.get("action")).lower(), "") or text_of(fields.get("description")).lower()
    return Check(state=state, fields=fields)


def _candidates(inbound: Inbound) -> Iterator[str]:
    yield inbound.text
    for values in (inbound.form, inbound.query_values):
        message = values.get("message", "")
        yield message.removeprefix("(u'").removesuffix("',)")  # so it was sent for years
        if "check_id" in values or "action" in values:
            yield json.dumps(values)


def _object(text: str) -> dict[str, Any]:
    try:
        return mapping(json.loads(text, strict=False)) if text else {}
    except (ValueError, RecursionError):
        return {}


def _salvage(text: str) -> dict[str, Any]:
    """Of a body that is broken or cut off: the keys it names, each with what stands before the next; the first of each counts."""
    found: dict[str, Any] = {}
    matches = [match for _, match in zip(range(_KEYS), _KEY.finditer(text), strict=False)]
    ends = [*(match.start() for match in matches[1:]), len(text.rstrip(" \t\r\n}]"))]
    for match, end in zip(matches, ends, strict=False):
        raw = text[match.end() : end].strip(" \t\r\n}")
        try:
            value = json.loads(raw, strict=False)
        except (ValueError, RecursionError):
            value = raw.removeprefix('"').removesuffix('"')
        if value not in ("", "{", "[", None):
            found.setdefault(match[1].lower(), value)
    return found


def mapping(value: object) -> dict[str, Any]:
    """`value` where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def text_of(value: object) -> str:
    """A string or a number as one short line."""
    return one_line(str(value)[:1000], 150) if isinstance(value, str | int) and not isinstance(value, bool) else ""
