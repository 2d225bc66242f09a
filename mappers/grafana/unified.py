"""Reading unified alerting: one message is one group of alerts, each with its own state.

https://github.com/grafana/alerting/blob/main/receivers/webhook/v1/webhook.go (the body),
https://github.com/grafana/alerting/blob/main/templates/template_data.go (an alert)
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from mappers.contract import parse_time
from mappers.contract.text import clean, one_line
from mappers.grafana.dialect import string

_NO_DATA: Final = "DatasourceNoData"
_ERROR: Final = "DatasourceError"
_LABELS: Final = ("alertname", "rulename", "instance", "severity", "team", "owner", "grafana_folder", "environment")
_ANNOTATIONS: Final = ("summary", "description", "message", "runbook_url")
"""What a payload template may write beside the status instead of into `labels` and `annotations`."""
_NAMES: Final = ("alertname", "alert_name", "alert", "rulename", "rule_name", "rule", "name")
_SAID_ONCE: Final = frozenset({"severity", "team", "owner", "environment"})
_RESOLVED: Final = frozenset({"resolved", "ok", "normal"})


@dataclass(frozen=True)
class Alert:
    """One member of a group. Labels and annotations are cleaned and never empty; a time that is not set is None."""

    labels: dict[str, str]
    annotations: dict[str, str]
    resolved: bool
    started: datetime | None
    ended: datetime | None
    links: dict[str, str]
    values: str
    fingerprint: str

    @property
    def rule(self) -> str:
        """The rule's name. What tells of no data, or of a query that failed, has an `alertname` of its own and names the rule elsewhere."""
        name = self.labels.get("alertname", "Alert")
        return self.labels.get("rulename", name) if name in (_NO_DATA, _ERROR) else name

    @property
    def folder(self) -> str:
        """The folder of the rule; rules of the same name may stand in several."""
        return self.labels.get("grafana_folder", "")

    @property
    def trouble(self) -> str:
        """`no data` or `error` where the rule could not be evaluated, else nothing."""
        name = self.labels.get("alertname")
        return "no data" if name == _NO_DATA else "error" if name == _ERROR else ""


@dataclass(frozen=True)
class Group:
    """A whole message: its alerts and what they share."""

    alerts: tuple[Alert, ...]
    labels: dict[str, str]
    common: dict[str, str]
    receiver: str
    key: str
    truncated: int
    """How many more alerts *Max Alerts* left out."""
    partial: bool
    """Cut off before it says which group it is of."""


def read(document: dict[str, Any]) -> Group:
    """The group a body with a list of `alerts` tells of."""
    truncated = document.get("truncatedalerts")
    return Group(
        alerts=tuple(_alerts(document)),
        labels=_texts(document.get("grouplabels")),
        common=_texts(document.get("commonlabels")),
        receiver=string(document.get("receiver")),
        key=string(document.get("groupkey")),
        truncated=truncated if isinstance(truncated, int) and 0 < truncated < 10**9 else 0,
        partial=document.get("partial") is True,
    )


def _alerts(document: dict[str, Any]) -> Iterator[Alert]:
    """A group stays `firing` while some of its alerts are resolved: each has a status of its own."""
    shared = {**_texts(document.get("commonlabels")), **_texts(document.get("grouplabels"))}
    for given in document["alerts"]:
        alert = {key.lower(): value for key, value in given.items()} if isinstance(given, dict) else {}
        labels = _texts(alert.get("labels")) or _beside(alert) or (shared if alert else {})
        if not labels:
            continue
        annotations = _texts(alert.get("annotations"), limit=8000)
        status = string(alert.get("status")) or string(document.get("status")) or string(document.get("state"))
        yield Alert(
            labels=labels,
            annotations=annotations or _texts({key: alert[key] for key in _ANNOTATIONS if key in alert}, limit=8000),
            resolved=status.lower() in _RESOLVED,
            started=parse_time(alert.get("startsat")),
            ended=parse_time(alert.get("endsat")),  # the year 0001 means unset
            links={key: string(alert.get(key)) for key in ("generatorurl", "dashboardurl", "panelurl", "silenceurl", "imageurl")},
            values=_values(alert),
            fingerprint=one_line(string(alert.get("fingerprint")), 100) or _fingerprint(labels, beside=not _texts(alert.get("labels"))),
        )


def _beside(alert: dict[str, Any]) -> dict[str, str]:
    """The labels a payload template wrote beside the status; the rule's name under any of its names."""
    named = next((alert[key] for key in _NAMES if string(alert.get(key))), None)
    return _texts({"alertname": named, **{key: alert[key] for key in _LABELS if key in alert}})


def _fingerprint(labels: dict[str, str], *, beside: bool) -> str:
    """What stands for an alert that a payload template gave no fingerprint. A recovery need not repeat how bad it was, nor whose it is."""
    told = "\n".join(f"{key}={labels[key]}" for key in sorted(labels) if not (beside and key in _SAID_ONCE))
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _values(alert: dict[str, Any]) -> str:
    """`B=44.2, C=1`: what the rule measured; null in a recovery, and text before Grafana 10."""
    values = alert.get("values")
    if isinstance(values, dict):
        return ", ".join(f"{key}={_short(value)}" for key, value in list(values.items())[:12] if _short(value))
    return string(alert.get("valuestring"))[:500]


def _short(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else string(value)


def _texts(value: object, limit: int = 300) -> dict[str, str]:
    """An empty label is an absent one. Names in two underscores are Grafana's own."""
    if not isinstance(value, dict):
        return {}
    found = ((one_line(key, 100), clean(string(text))[:limit].strip()) for key, text in value.items() if not key.startswith("__"))
    return {key: " ".join(text.split()) if limit <= 300 else text for key, text in found if key and text}
