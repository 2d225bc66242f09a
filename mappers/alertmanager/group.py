"""Reading: one message is one group of alerts, each with its own state.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config (payload version 4)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mappers.alertmanager import dialect
from mappers.contract import Inbound, parse_time
from mappers.contract.text import one_line


@dataclass(frozen=True)
class Alert:
    """One member of a group. Labels are cleaned and never empty; a time that is not set is None."""

    labels: dict[str, str]
    annotations: dict[str, str]
    resolved: bool
    started: datetime | None
    ended: datetime | None
    query_url: str
    fingerprint: str

    @property
    def name(self) -> str:
        """`alertname`, which every rule sets and the protocol does not demand."""
        return self.labels.get("alertname", "Alert")


@dataclass(frozen=True)
class Group:
    """A whole message: its alerts and what they share."""

    alerts: tuple[Alert, ...]
    labels: dict[str, str]
    common: dict[str, str]
    receiver: str
    key: str
    url: str
    truncated: int
    """How many more alerts `max_alerts` left out."""
    partial: bool
    """Cut off before it says which group it is of."""
    unread: int
    """How many alerts have no label, which every alert has."""


def read(inbound: Inbound) -> Group:
    """The group a message tells of. Raises `Unmapped` where there is no list of alerts."""
    document = dialect.document(inbound)
    truncated = document.get("truncatedAlerts")
    alerts = tuple(_alerts(document))
    return Group(
        alerts=alerts,
        labels=_labels(document.get("groupLabels")),
        common=_labels(document.get("commonLabels")),
        receiver=_string(document.get("receiver")),
        key=_string(document.get("groupKey")),
        url=_string(document.get("externalURL")).rstrip("/"),
        truncated=truncated if isinstance(truncated, int) and 0 < truncated < 10**9 else 0,
        partial=document.get("partial") is True,
        unread=len(document["alerts"]) - len(alerts),
    )


def _alerts(document: dict[str, Any]) -> Iterator[Alert]:
    """A group stays `firing` while some of its alerts are resolved: each has a status of its own."""
    for alert in document["alerts"]:
        labels = _labels(alert.get("labels")) if isinstance(alert, dict) else {}
        if labels:
            yield Alert(
                labels=labels,
                annotations={key: text for key, text in _mapping(alert.get("annotations")).items() if isinstance(text, str) and text},
                resolved=_string(alert.get("status") or document.get("status")).lower() == "resolved",
                started=parse_time(alert.get("startsAt")),
                ended=parse_time(alert.get("endsAt")),  # the year 0001 means unset
                query_url=_string(alert.get("generatorURL")),
                fingerprint=one_line(_string(alert.get("fingerprint")), 100) or fingerprint(labels),
            )


def fingerprint(labels: dict[str, str]) -> str:
    """What Alertmanager itself calls an alert with these labels; before 0.19 it did not say so.

    FNV-1a over the sorted labels: https://github.com/prometheus/common/blob/main/model/signature.go
    """
    total = 0xCBF29CE484222325
    for key in sorted(labels):
        for byte in b"%s\xff%s\xff" % (key.encode(), labels[key].encode()):
            total = ((total ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{total:016x}"


def _labels(value: object) -> dict[str, str]:
    cleaned = {one_line(key, 100): one_line(_text(text), 300) for key, text in _mapping(value).items()}
    return {key: text for key, text in cleaned.items() if text}  # an empty label is an absent one


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    """A label is text; what a template writes without quotes is a number."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**15 else _string(value)


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""
