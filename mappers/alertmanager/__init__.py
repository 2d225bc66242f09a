"""Prometheus Alertmanager: a group of alerts is a thread, its alerts are the members.

https://prometheus.io/docs/alerting/latest/notifications/
"""

import hashlib
from typing import Final
from urllib.parse import quote

from mappers.alertmanager.group import Alert, Group, read
from mappers.contract import Category, Draft, Example, Inbound, Level, Mapped, Member, SourceKind, State, Unmapped, duration
from mappers.contract.secrets import without_secrets
from mappers.contract.signature import Scheme

_LEVELS: Final = {
    **dict.fromkeys(("critical", "error", "page", "high", "emergency", "fatal", "major", "p1", "p2", "sev1", "sev2"), Level.ERROR),
    **dict.fromkeys(("warning", "warn", "medium", "minor", "ticket", "p3", "sev3"), Level.WARNING),
    # `none` is what kube-prometheus gives its always-firing Watchdog; no label at all is an error.
    **dict.fromkeys(("info", "informational", "notice", "low", "none", "debug", "p4", "p5", "sev4", "sev5"), Level.INFO),
}
_OWNERS: Final = ("team", "owner")
_TEXTS: Final = ("summary", "description", "message")
_LINKS: Final = {
    "Runbook": ("runbook_url", "runbook"),
    "Dashboard": ("dashboard_url", "dashboard", "dashboardURL", "grafana_url"),
}
_LINKED: Final = frozenset(key for keys in _LINKS.values() for key in keys)
_FACTS: Final = 12
_SHOWN_ELSEWHERE: Final = frozenset({"alertname", "instance", "severity", *_OWNERS})


def _map(inbound: Inbound) -> Mapped:
    group = read(inbound)
    if not group.alerts and group.unread:
        raise Unmapped("none of the alerts has a label: keep `labels` in the receiver's `payload` template")
    if not group.alerts:
        return Mapped(ignored="the group holds no alerts")
    return Mapped(drafts=tuple({(alert.name, alert.fingerprint): _draft(alert, group) for alert in group.alerts}.values()))


def _draft(alert: Alert, group: Group) -> Draft:
    # The thread is the group, whoever receives it: `groupKey` names the route too, and would part what two receivers tell.
    # The alert's own name joins in: a group by cluster holds several, and what a group has in common changes with its members.
    shared = ", ".join(f"{key}={value}" for key, value in group.labels.items() if key != "alertname")
    title = f"{alert.name} ({shared})" if shared else alert.name
    since = alert.ended if alert.resolved else alert.started
    return Draft(
        slug="alertmanager-alert",
        event_data={**group.labels, "alertname": alert.name},
        category=Category.INCIDENT,
        level=Level.SUCCESS if alert.resolved else _level(alert),
        state=State.RESOLVED if alert.resolved else State.FIRING,
        title=title,
        member=Member(key=alert.fingerprint, label=_label(alert, group)),
        pipeline=shared if shared and "alertname" not in group.labels else title,
        occurrence=_occurrence(alert),
        occurred_at=since,
        message=_message(alert),
        links=_links(alert, group),
        facts=_facts(alert, group),
        owners=tuple(owner for label in _OWNERS for owner in alert.labels.get(label, "").split(",")),
        closes_itself=group.partial,
    )


def _level(alert: Alert) -> Level:
    """By the label that habit has for it; what none of them tells is an error."""
    severity = next((alert.labels[key] for key in ("severity", "priority", "level") if key in alert.labels), "")
    return _LEVELS.get(severity.lower(), Level.ERROR)


def _occurrence(alert: Alert) -> str | None:
    """Alerts that start, or end, together are one happening; what `repeat_interval` sends again is the same one."""
    since = (alert.ended or alert.started) if alert.resolved else alert.started
    return f"{since.isoformat()} {'resolved' if alert.resolved else 'firing'}" if since else None


def _label(alert: Alert, group: Group) -> str:
    """The instance, and by what else this alert differs from the others of its group."""
    shared = group.common if len(group.alerts) > 1 else alert.labels
    parts = [alert.labels["instance"]] if "instance" in alert.labels else []
    for key, value in alert.labels.items():
        if key not in _SHOWN_ELSEWHERE and key not in shared and key not in group.labels:
            parts.append(f"{key}={value}")
    return ", ".join(parts) or alert.name


def _message(alert: Alert) -> str:
    texts = list(dict.fromkeys(alert.annotations[key] for key in _TEXTS if key in alert.annotations))
    texts = texts or [text for key, text in alert.annotations.items() if key not in _LINKED][:_FACTS]
    if not alert.resolved:
        return "\n\n".join(texts)
    lasted = f"Fired for {duration(alert.ended - alert.started)}" if alert.started and alert.ended else "Resolved"
    return f"{lasted}: {texts[0]}" if texts else f"{lasted}."


def _links(alert: Alert, group: Group) -> dict[str, str]:
    links = {"Open query": alert.query_url}
    for label, keys in _LINKS.items():
        links[label] = next((alert.annotations[key] for key in keys if key in alert.annotations), "")
    if group.url:
        links["Open Alertmanager"] = f"{group.url}/#/alerts?receiver={quote(group.receiver, safe='', errors='replace')}"
    return links


def _facts(alert: Alert, group: Group) -> dict[str, str]:
    facts = dict([(key, value) for key, value in alert.labels.items() if key != "alertname" and key not in _OWNERS][:_FACTS])
    if any(key in alert.annotations for key in _TEXTS):  # else they are the message
        more = [(key, text) for key, text in alert.annotations.items() if key not in _LINKED and key not in _TEXTS]
        facts = {**dict(more[:_FACTS]), **facts}
    if group.truncated:
        facts["not sent"] = f"{group.truncated} more in this group (max_alerts)"
    return facts


def _request_key(inbound: Inbound) -> str | None:
    """Who was told which alerts in which state: equal for a retry, and for a repeat in which nothing changed. None without times."""
    try:
        group = read(inbound)
    except Unmapped:
        return None
    if not group.alerts or any(alert.started is None for alert in group.alerts):
        return None
    states = sorted(f"{alert.fingerprint} {alert.started} {alert.resolved}" for alert in group.alerts)
    return hashlib.sha256("\n".join((group.receiver, group.key, *states)).encode("utf-8", "surrogatepass")).hexdigest()


_EXAMPLE: Final = (
    b'{"receiver":"tocsin","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"EndpointDown","instance":"api:443",'
    b'"job":"blackbox","severity":"critical","team":"data-platform"},"annotations":{"description":"HTTP probe \\"failed\\"",'
    b'"runbook_url":"https://runbooks.example.org/endpoint-down","summary":"api:443 down"},"startsAt":"2026-11-22T00:00:08.249253901Z",'
    b'"endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://prometheus.example.org:9090/graph?g0.expr=probe_success%3D%3D0",'
    b'"fingerprint":"f370337c1b0af758"}],"groupLabels":{"alertname":"EndpointDown","instance":"api:443"},'
    b'"commonLabels":{"alertname":"EndpointDown","instance":"api:443","job":"blackbox","severity":"critical","team":"data-platform"},'
    b'"commonAnnotations":{"summary":"api:443 down"},"externalURL":"http://alertmanager.example.org:9093","version":"4",'
    b'"groupKey":"{}:{alertname=\\"EndpointDown\\", instance=\\"api:443\\"}","truncatedAlerts":0}'
)

SOURCE: Final = SourceKind(
    kind="alertmanager",
    title="Prometheus Alertmanager",
    auth=(Scheme.BEARER, Scheme.BASIC, Scheme.HEADER, Scheme.TOKEN),
    event_types=("firing", "resolved"),
    map=without_secrets(_map),
    request_key=_request_key,
    steps=(
        (
            "In alertmanager.yml, under receivers, add:\n"
            "- name: tocsin\n"
            "  webhook_configs:\n"
            "    - url: {url}\n"
            "      http_config: {authorization: {type: Bearer, credentials: {token}}}"
        ),
        "Under route (or one of its routes) set receiver: tocsin and group_by: [alertname, cluster].",
        "Leave send_resolved on, and payload and max_alerts out.",
        "Reload: curl -X POST http://ALERTMANAGER:9093/-/reload",
        "Try it: amtool alert add TocsinTest severity=info --alertmanager.url=http://ALERTMANAGER:9093",
    ),
    example=Example(body=_EXAMPLE, headers={"Content-Type": "application/json", "User-Agent": "Alertmanager/0.28.0"}),
)
