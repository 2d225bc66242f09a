"""Reading: one event, by the names that older and newer bodies use.

https://fivetran.com/docs/rest-api/getting-started/webhooks and, for `data`, https://fivetran.com/docs/logs
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from mappers.contract import BadBody, Inbound, Unmapped, parse_time
from mappers.contract.inbound import parse_json
from mappers.contract.text import one_line

_SCALARS: Final = re.compile(
    r'"(event|created|connect(?:or|ion)_(?:id|name|type)|sync_id|destination_group_id|group_id|status|reason|taskType|dbtJobId|dbtJobName)"'
    r'[ ]{0,4}:[ ]{0,4}"([^"\\]*(?:\\.[^"\\]*)*)'
)
_IN_DATA: Final = ("status", "reason", "taskType", "dbtJobId", "dbtJobName")
_MOST_SCALARS: Final = 40


@dataclass(frozen=True)
class Event:
    """One event. What its body does not say is empty or None."""

    type: str
    created: datetime | None
    connector: str
    """The connection's id, which people did not choose: `empty_bount`."""
    name: str
    service: str
    """The connector's type: `google_sheets`."""
    group: str
    sync: str
    status: str
    """Of a sync, in capitals."""
    data: Mapping[str, Any]

    @property
    def identity(self) -> str:
        return self.connector or self.name

    @property
    def label(self) -> str:
        """What people call the connection."""
        return self.name or self.connector

    @property
    def reason(self) -> str:
        """Why, in Fivetran's or the source's words; a reason that is JSON once more is opened."""
        for key in ("reason", "message", "error"):
            said = self.data.get(key)
            inner = mapping(said)
            told = next((inner[name] for name in ("message", "reason", "error", "description") if text(inner.get(name))), said)
            if isinstance(told, str) and told.strip():
                return told.strip()
        return ""


def read(inbound: Inbound) -> Event:
    """The event of a body. Raises `Unmapped` where there is none."""
    body = _body(inbound)
    data = mapping(body.get("data"))
    kind = text(body.get("event")).lower()
    if not kind:
        raise Unmapped("no `event`: not a webhook of Fivetran")
    return Event(
        type=kind,
        created=parse_time(body.get("created")),
        connector=_first(body, "connection_id", "connector_id"),
        name=_first(body, "connection_name", "connector_name"),
        service=_first(body, "connection_type", "connector_type"),
        group=_first(body, "destination_group_id", "group_id", "destination_id"),
        sync=_first(body, "sync_id"),
        status=(text(data.get("status")) or text(body.get("status"))).upper(),
        data=data,
    )


def _body(inbound: Inbound) -> dict[str, Any]:
    try:
        body = inbound.json
    except BadBody as error:
        found = _salvage(inbound.text[:200_000])
        if "event" not in found:
            raise Unmapped(str(error)) from None
        return found
    if not isinstance(body, dict):
        raise Unmapped("the body is no JSON object")
    return body


def _salvage(body: str) -> dict[str, Any]:
    """The known names of a body that was cut short."""
    found: dict[str, Any] = {}
    for number, field in enumerate(_SCALARS.finditer(body)):
        if number == _MOST_SCALARS:
            break
        found.setdefault(field[1], field[2].replace('\\"', '"').replace("\\n", "\n"))
    found["data"] = {name: found[name] for name in _IN_DATA if name in found}
    return found


def mapping(value: object) -> dict[str, Any]:
    """An object, also one that was written into a string once or twice, as Fivetran's logs do."""
    for _ in range(2):
        if isinstance(value, str) and value.lstrip()[:1] in ("{", '"'):
            with suppress(BadBody):
                value = parse_json(value)
    return value if isinstance(value, dict) else {}


def _first(body: Mapping[str, Any], *names: str) -> str:
    return next((found for name in names if (found := text(body.get(name)))), "")


def text(value: object) -> str:
    """A name or an id on one line; nothing where it is neither."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    said = one_line(str(value)[:1000], 150) if isinstance(value, str) or abs(value) < 10**30 else ""
    return "" if said.lower() in ("null", "none") else said
