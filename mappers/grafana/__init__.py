"""Grafana alerting: a rule of a group is a thread, its alerts are the members.

https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/
"""

import hashlib
import re
from typing import Any, Final

from mappers.contract import Category, Draft, Example, Inbound, Level, Mapped, Member, SourceKind, State, Unmapped, duration
from mappers.contract.secrets import without_secrets
from mappers.contract.signature import Scheme
from mappers.grafana import flat, unified
from mappers.grafana.dialect import document
from mappers.grafana.unified import Alert, Group

_LEVELS: Final = {
    **dict.fromkeys(("critical", "error", "page", "high", "emergency", "fatal", "major", "p1", "p2", "sev1", "sev2"), Level.ERROR),
    **dict.fromkeys(("warning", "warn", "medium", "minor", "ticket", "p3", "sev3"), Level.WARNING),
    **dict.fromkeys(("info", "informational", "notice", "low", "none", "debug", "p4", "p5", "sev4", "sev5"), Level.INFO),
}
_OWNERS: Final = ("team", "owner")
_TEXTS: Final = ("summary", "description", "message", "Error")
_NO_TEXTS: Final = frozenset({"runbook_url", "runbook", "grafana_state_reason", *_TEXTS})
_OF_THE_RULE: Final = frozenset({"alertname", "rulename", "grafana_folder"})
_SHOWN_ELSEWHERE: Final = _OF_THE_RULE | {"instance", "severity", "datasource_uid", "ref_id", *_OWNERS}
_FACTS: Final = 12
_ENDED: Final = {
    # https://grafana.com/docs/grafana/latest/alerting/fundamentals/alert-rule-evaluation/stale-alert-instances/
    "missingseries": "its series is no longer in the data, which says nothing of its health",
    "paused": "its rule was paused",
    "ruledeleted": "its rule was deleted",
    "updated": "its rule was changed",
}
_TEST_KEY: Final = re.compile(r"[0-9a-f]{16}-\d{9,11}$")
_SILENT: Final = {
    "pending": "the rule is pending: its condition does not hold for long enough yet",
    "paused": "the rule was paused: it says nothing of its state",
    "unknown": "the rule was not evaluated yet",
    "keep_state": "the rule keeps the state it had",
}


def _map(inbound: Inbound) -> Mapped:
    body = document(inbound)
    if not isinstance(body.get("alerts"), list):
        return _one(body)
    group = unified.read(body)
    if not body["alerts"]:
        return Mapped(ignored="the group holds no alerts")
    if not group.alerts:  # a template that left the labels out
        return _one(body)
    if _is_test(group):
        return Mapped(ignored="a test of the contact point")
    return Mapped(drafts=tuple({(alert.rule, alert.folder, alert.fingerprint): _draft(alert, group) for alert in group.alerts}.values()))


def _is_test(group: Group) -> bool:
    """The `Test` button: an alert `TestAlert` of the instance `Grafana`, or whatever one typed, under a key that no real group has."""
    default = all(alert.labels.get("alertname") == "TestAlert" and alert.labels.get("instance") == "Grafana" for alert in group.alerts)
    return default or bool(_TEST_KEY.search(group.key[-40:]) and "{" not in group.key[-40:])


def _draft(alert: Alert, group: Group) -> Draft:
    # The thread is the rule within the group, whoever receives it. `no data` and `error` are members of the rule's own thread.
    parts = {key: value for key, value in group.labels.items() if key not in _OF_THE_RULE}
    shared = ", ".join(f"{key}={value}" for key, value in parts.items())
    title = f"{alert.rule} ({shared})" if shared else alert.rule
    identity = {**parts, "rule": alert.rule, **({"folder": alert.folder} if alert.folder else {})}
    since = alert.ended if alert.resolved else alert.started
    by_rule = not shared or not _OF_THE_RULE.isdisjoint(group.labels.keys() - {"grafana_folder"})
    return Draft(
        slug="grafana-alert",
        event_data=dict(identity),
        category=Category.INCIDENT,
        level=Level.SUCCESS if alert.resolved else _level(alert.labels.get("severity") or alert.labels.get("priority", "")),
        state=State.RESOLVED if alert.resolved else State.FIRING,
        title=title,
        member=Member(key=alert.fingerprint, label=_label(alert, group)),
        pipeline=title if by_rule else shared,
        occurrence=_occurrence(alert),
        occurred_at=since,
        message=_message(alert),
        links=_links(alert),
        facts=_facts(alert, group),
        owners=tuple(owner for label in _OWNERS for owner in alert.labels.get(label, "").split(",")),
        excerpt=alert.annotations.get("Error", "") if not alert.resolved else "",
        closes_itself=group.partial,  # the recovery, which is whole, may be of another group
    )


def _level(severity: str) -> Level:
    """What no label calls otherwise is an error, no data included: a host that died tells nothing else."""
    return _LEVELS.get(severity.strip().lower(), Level.ERROR)


def _occurrence(alert: Alert) -> str | None:
    """Alerts that start, or end, together are one happening; what the policy's repeat interval sends again is the same one."""
    since = (alert.ended or alert.started) if alert.resolved else alert.started
    return f"{since.isoformat()} {'resolved' if alert.resolved else 'firing'}" if since else None


def _label(alert: Alert, group: Group) -> str:
    """The instance, and by what else this alert differs from the others of its group."""
    shared = group.common if len(group.alerts) > 1 else {}
    parts = [alert.trouble] if alert.trouble else []
    parts += [alert.labels["instance"]] if "instance" in alert.labels else []
    for key, value in alert.labels.items():
        if key not in _SHOWN_ELSEWHERE and key not in shared and key not in group.labels:
            parts.append(f"{key}={value}")
    return ", ".join(parts) or alert.rule


def _message(alert: Alert) -> str:
    texts = list(dict.fromkeys(alert.annotations[key] for key in _TEXTS if key in alert.annotations))
    texts = texts or list(_more(alert).values())[:_FACTS]
    if not alert.resolved:
        trouble = {"no data": "The query returned no data.", "error": "The rule could not be evaluated."}.get(alert.trouble)
        return "\n\n".join([trouble, *texts] if trouble else texts)
    was = {"no data": "No data for", "error": "Not evaluated for"}.get(alert.trouble, "Fired for")
    lasted = f"{was} {duration(alert.ended - alert.started)}" if alert.started and alert.ended else "Resolved"
    why = _ENDED.get(alert.annotations.get("grafana_state_reason", "").lower())
    if why:
        lasted += f"; ended because {why}"
    return f"{lasted}: {texts[0]}" if texts else f"{lasted}."


def _more(alert: Alert) -> dict[str, str]:
    """What people wrote of the rule under names of their own."""
    return {key: text for key, text in alert.annotations.items() if key not in _NO_TEXTS}


def _links(alert: Alert) -> dict[str, str]:
    runbook = next((alert.annotations[key] for key in ("runbook_url", "runbook") if key in alert.annotations), "")
    named = {"Open alert": "generatorurl", "Panel": "panelurl", "Dashboard": "dashboardurl"}
    links = {**{label: alert.links[key] for label, key in named.items()}, "Runbook": runbook, "Image": alert.links["imageurl"]}
    return links if alert.resolved else {**links, "Silence": alert.links["silenceurl"]}


def _facts(alert: Alert, group: Group) -> dict[str, str]:
    shown = [(key, value) for key, value in alert.labels.items() if key not in ("alertname", "rulename", "grafana_folder", *_OWNERS)]
    noted = list(_more(alert).items())[:_FACTS] if not alert.annotations.keys().isdisjoint(_TEXTS) else []
    facts = {"Folder": alert.folder, "Values": "" if alert.resolved else alert.values, **dict(noted), **dict(shown[:_FACTS])}
    if group.truncated:
        facts["not sent"] = f"{group.truncated} more in this group (Max Alerts)"
    return facts


def _one(body: dict[str, Any]) -> Mapped:
    """A body of one alert: of a payload template, or of the alerting before Grafana 11."""
    notice = flat.read(body)
    if notice.is_test:
        return Mapped(ignored="a test of the notification channel")
    if notice.state in _SILENT:
        return Mapped(ignored=_SILENT[notice.state])
    if notice.state not in ("firing", "resolved", "no_data"):
        raise Unmapped(f"unknown state {notice.state!r}" if notice.state else "neither a list of `alerts` nor a `state` or `status`")
    if not notice.identity:
        raise Unmapped("the message names no rule: keep `alerts`, or `alertname`, in the payload template")
    resolved = notice.state == "resolved"
    said = {"no_data": "The query returned no data.", "resolved": "Resolved."}.get(notice.state, "")
    return Mapped(
        drafts=(
            Draft(
                slug="grafana-rule",
                event_data=dict(notice.identity),
                category=Category.INCIDENT,
                level=Level.SUCCESS if resolved else _level(notice.severity),
                state=State.RESOLVED if resolved else State.FIRING,
                title=notice.name or f"Rule {notice.identity['rule']}",
                pipeline=notice.name or None,
                # A recovery tells at best when it began to fire; where nothing does, the time received counts.
                occurrence=f"{notice.started.isoformat()} {'resolved' if resolved else 'firing'}" if notice.started else None,
                occurred_at=None if resolved else notice.started,
                message="\n\n".join(text for text in (said, notice.message) if text),
                links=notice.links,
                facts={"Values": "" if resolved else notice.matches, "Severity": notice.severity, "Environment": notice.environment},
                owners=tuple(notice.owners.split(",")),
                closes_itself=body.get("partial") is True,
            ),
        )
    )


def _request_key(inbound: Inbound) -> str | None:
    """Who was told what of which alerts: equal for a retry, and for a repeat in which nothing changed."""
    body = document(inbound)
    group = unified.read(body) if isinstance(body.get("alerts"), list) else None
    if group is None or not group.alerts or any(alert.started is None for alert in group.alerts):
        return None
    told = sorted(
        f"{alert.fingerprint} {alert.started} {alert.ended if alert.resolved else ''} {alert.resolved} {alert.values} {alert.annotations}"
        for alert in group.alerts
    )
    return hashlib.sha256("\n".join((group.receiver, group.key, *told)).encode("utf-8", "surrogatepass")).hexdigest()


_EXAMPLE: Final = (
    b'{"receiver":"tocsin","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"Warehouse disk almost full",'
    b'"grafana_folder":"Data platform","instance":"warehouse-1","severity":"critical","team":"data-platform"},'
    b'"annotations":{"summary":"94 % used on warehouse-1","runbook_url":"https://runbooks.example.org/disk"},'
    b'"startsAt":"2026-11-22T00:00:10Z","endsAt":"0001-01-01T00:00:00Z",'
    b'"generatorURL":"https://grafana.example.org/alerting/grafana/feg1x0xz8qwowf/view?orgId=1","fingerprint":"c6eadffa33fcdf37",'
    b'"silenceURL":"https://grafana.example.org/alerting/silence/new?alertmanager=grafana","dashboardURL":"","panelURL":"",'
    b'"values":{"B":94.2,"C":1},"valueString":""}],"groupLabels":{"alertname":"Warehouse disk almost full",'
    b'"grafana_folder":"Data platform"},"commonLabels":{"alertname":"Warehouse disk almost full","grafana_folder":"Data platform",'
    b'"instance":"warehouse-1","severity":"critical","team":"data-platform"},"commonAnnotations":{},'
    b'"externalURL":"https://grafana.example.org/","version":"1",'
    b'"groupKey":"{}:{alertname=\\"Warehouse disk almost full\\", grafana_folder=\\"Data platform\\"}","truncatedAlerts":0,"orgId":1,'
    b'"title":"[FIRING:1] Warehouse disk almost full Data platform","state":"alerting","message":"**Firing**"}'
)

SOURCE: Final = SourceKind(
    kind="grafana",
    title="Grafana",
    auth=(Scheme.GRAFANA, Scheme.BEARER, Scheme.BASIC, Scheme.HEADER, Scheme.TOKEN),
    event_types=("firing", "resolved", "alerting", "ok", "no_data", "pending", "paused"),
    map=without_secrets(_map),
    request_key=_request_key,
    methods=("POST", "PUT"),
    steps=(
        "In Grafana open Alerting, Contact points (in newer versions a tab of Notification configuration) and add a contact point.",
        "Integration: Webhook. URL: {url}",
        "Optional Webhook settings: HMAC Signature, Secret {token} (before Grafana 12: auth = { bearer = [...] }, Authorization Header).",
        "Leave Custom Payload empty, and Disable resolved message off.",
        "Press Test: it must answer with success, and is ignored here. Save contact point.",
        "Under Notification policies, give the policy of your rules this contact point.",
    ),
    example=Example(body=_EXAMPLE, headers={"Content-Type": "application/json", "User-Agent": "Grafana"}),
)
