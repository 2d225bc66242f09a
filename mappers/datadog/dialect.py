"""Finding the variables in whatever a user's template made of them: JSON, a form, JSON within a form, or not quite JSON.

https://docs.datadoghq.com/integrations/webhooks/#variables
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mappers.contract import BadBody, Inbound, Unmapped
from mappers.contract.inbound import first_values, parse_json
from mappers.contract.text import one_line
from mappers.datadog.salvage import salvage

_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("id", "eventid"),
    "monitor": ("alertid", "monitorid"),
    "cycle": ("alertcyclekey", "cyclekey"),
    "aggregation": ("aggregkey", "aggregationkey", "aggkey", "aggregatekey", "aggregationid"),
    "transition": ("alerttransition", "transition", "alertstate", "state"),
    "alert_type": ("alerttype",),
    "title": ("eventtitle", "title", "alerttitle", "summary", "subject", "text", "name"),
    "alert_title": ("alerttitle", "monitorname"),
    "message": ("textonlymsg", "message", "eventmsg", "body", "msg", "description", "content", "details"),
    "status": ("alertstatus", "status"),
    "scope": ("alertscope", "scopes", "scope", "group"),
    "priority": ("alertpriority", "severity"),
    "event_priority": ("priority",),
    "tags": ("tags",),
    "link": ("link", "url", "eventurl"),
    "snapshot": ("snapshot",),
    "metric": ("alertmetric", "metric"),
    "query": ("alertquery", "query"),
    "host": ("hostname", "host"),
    "date": ("date", "dateposix", "lastupdated", "lastupdatedposix", "timestamp"),
    "event_type": ("eventtype",),
    "organisation": ("orgname",),
    "logs": ("logssample",),
    "incident": ("incidentpublicid", "incidentuuid"),
    "incident_title": ("incidenttitle",),
    "incident_status": ("incidentstatus",),
    "incident_severity": ("incidentseverity",),
    "incident_url": ("incidenturl",),
    "incident_message": ("incidentmsg",),
    "signal": ("securitysignalid",),
    "signal_title": ("securitysignaltitle", "securityrulename"),
    "signal_severity": ("securitysignalseverity",),
    "signal_message": ("securitysignalmsg",),
    "signal_rule": ("securityruleid",),
    "test": ("syntheticstestname",),
    "failing_step": ("syntheticsfirstfailingstepname",),
}
"""What is read, by the names that templates give it: the variable's own in any spelling, or one of the published ones."""
PAYLOAD: Final = """{
  "id": "$ID",
  "alert_id": "$ALERT_ID",
  "alert_cycle_key": "$ALERT_CYCLE_KEY",
  "aggreg_key": "$AGGREG_KEY",
  "alert_transition": "$ALERT_TRANSITION",
  "alert_scope": "$ALERT_SCOPE",
  "alert_type": "$ALERT_TYPE",
  "alert_priority": "$ALERT_PRIORITY",
  "alert_title": "$ALERT_TITLE",
  "title": "$EVENT_TITLE",
  "message": "$EVENT_MSG",
  "alert_status": "$ALERT_STATUS",
  "alert_metric": "$ALERT_METRIC",
  "alert_query": "$ALERT_QUERY",
  "hostname": "$HOSTNAME",
  "tags": "$TAGS",
  "link": "$LINK",
  "snapshot": "$SNAPSHOT",
  "event_type": "$EVENT_TYPE",
  "date": "$DATE",
  "org": {"id": "$ORG_ID", "name": "$ORG_NAME"},
  "incident_public_id": "$INCIDENT_PUBLIC_ID",
  "incident_title": "$INCIDENT_TITLE",
  "incident_status": "$INCIDENT_STATUS",
  "incident_severity": "$INCIDENT_SEVERITY",
  "incident_url": "$INCIDENT_URL",
  "incident_msg": "$INCIDENT_MSG"
}"""
"""What we recommend: enough to tell one alert from another and a reminder from a new one."""
_UNSET: Final = re.compile(r"\$[A-Z][A-Z_]*(\[[^\]]*\])?")
_NOTHING: Final = frozenset({"", "none", "null", "n/a", "undefined"})
_LETTERS: Final = re.compile(r"[^a-z0-9]")
_KNOWN: Final = frozenset(key for keys in _NAMES.values() for key in keys) | {"org", "synthetics", "user", "username", "email"}
_TEXTS: Final = frozenset(_NAMES["message"])


@dataclass(frozen=True)
class Said:
    """The variables that were set, by our own names for them."""

    values: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    def line(self, name: str, limit: int = 200) -> str:
        """A value on one line."""
        return one_line(self[name][: limit * 10], limit)


def read(inbound: Inbound) -> Said:
    """The variables of a message. Raises `Unmapped` where none was filled in."""
    document = _document(inbound)
    given: dict[str, str] = {}
    for key, text in _flat(document, 0):
        if text.strip().lower() not in _NOTHING and not _UNSET.fullmatch(text.strip()):
            given.setdefault(_LETTERS.sub("", key.lower()), text)
    found = {name: next((given[key] for key in keys if key in given), "") for name, keys in _NAMES.items()}
    values = {name: text for name, text in found.items() if text}
    if not values:
        raise Unmapped(
            "no variable of Datadog is filled in: is this the template itself?" if "$" in inbound.text else "no message of Datadog"
        )
    return Said(values)


def _document(inbound: Inbound) -> Mapping[str, Any]:
    fields = inbound.form
    if not fields and not inbound.text.lstrip("\ufeff \t\r\n").startswith(("{", "[")) and "=" in inbound.text[:200]:
        fields = first_values(inbound.text.strip())
    if fields:
        return {key: _inner(value) for key, value in fields.items()}
    try:
        document = inbound.json
    except BadBody as error:
        salvaged = salvage(inbound.text, _KNOWN, _TEXTS)
        if not salvaged:
            raise Unmapped(str(error)) from None
        return salvaged
    if isinstance(document, list) and document:
        document = document[0]
    if not isinstance(document, dict):
        raise Unmapped("the body is no JSON object")
    return document


def _inner(value: str) -> Any:
    """A form's fields may hold JSON: *Encode as form* leaves what is nested as it is."""
    if not value.startswith("{"):
        return value
    try:
        return parse_json(value)
    except BadBody:
        return value


def _flat(document: Mapping[str, Any], depth: int) -> Iterator[tuple[str, str]]:
    """Keys and texts, outer ones first; `org.name` is `orgname`."""
    inner: list[tuple[str, Mapping[str, Any]]] = []
    for key, value in list(document.items())[:300]:
        if isinstance(value, str):
            yield key, value
        elif isinstance(value, int | float) and not isinstance(value, bool):
            try:
                yield key, str(value)
            except ValueError:  # thousands of digits
                continue
        elif isinstance(value, list):
            yield key, ",".join(one for one in value[:100] if isinstance(one, str))
        elif isinstance(value, dict) and depth < 3:
            inner.append((key, value))
    for key, one in inner:
        for name, text in _flat(one, depth + 1):
            yield (f"{key}{name}" if key.lower() in ("org", "alert", "event", "incident") else name), text
