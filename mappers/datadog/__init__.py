"""Datadog: a monitor is a thread, its groups are the members.

https://docs.datadoghq.com/integrations/webhooks/ (the body is a template of the user's)
"""

import hashlib
from datetime import datetime, timedelta
from typing import Final

from mappers.contract import Category, Draft, Example, Inbound, Level, Mapped, Member, SourceKind, State, Unmapped, duration, parse_time
from mappers.contract.secrets import without_secrets
from mappers.contract.signature import Scheme
from mappers.contract.text import one_line
from mappers.datadog import text
from mappers.datadog.dialect import PAYLOAD, Said, read
from mappers.datadog.text import Title, scope_tags, tagged

_FIRING: Final = frozenset({"triggered", "alert", "warn", "warning", "nodata", "renotify"})
_PRIORITIES: Final = {
    "p1": Level.ERROR, "p2": Level.ERROR, "p3": Level.WARNING, "p4": Level.INFO, "p5": Level.INFO, "critical": Level.ERROR,
    "high": Level.ERROR, "medium": Level.WARNING, "info": Level.INFO,
}  # fmt: skip
_SEVERITIES: Final = {"sev-1": Level.ERROR, "sev-2": Level.ERROR, "sev-3": Level.WARNING, "sev-4": Level.WARNING, "sev-5": Level.INFO}


def _map(inbound: Inbound) -> Mapped:
    said = read(inbound)
    if said["incident"] and not said["monitor"]:
        return Mapped(drafts=(_incident(said),))
    if said["signal"] and not said["monitor"]:
        return Mapped(drafts=(_signal(said),))
    title = Title(said.line("title", 400))
    if title.is_test:
        return Mapped(ignored="a test notification (its title begins with [TEST])")
    state = _state(said, title)
    if state is None:
        told = said["transition"] or said["alert_type"] or said["event_type"]
        if told.lower() in ("info", "user_update") or said["event_type"] in ("event_alert", "comment"):
            return Mapped(ignored=f"an event that is no monitor's alert ({told})")
        raise Unmapped(
            f"unknown transition {told!r}" if told else "no transition: add `$ALERT_TRANSITION` or `$EVENT_TITLE` to the payload"
        )
    if not _identity(said, title):
        raise Unmapped("the message names no monitor: add `$ALERT_ID` to the payload")
    return Mapped(drafts=(_draft(said, title, state),))


def _word(said: Said, title: Title) -> str:
    """`Re-No Data` as `nodata`: a reminder is of what it reminds of."""
    told = (said["transition"] or title.transition).lower().replace("-", "").replace(" ", "")
    return told.removeprefix("re") if told.removeprefix("re") in _FIRING else told


def _state(said: Said, title: Title) -> State | None:
    told = _word(said, title)
    if told.endswith("recovered") or told in ("ok", "resolved"):
        return State.RESOLVED
    if told in _FIRING:
        return State.FIRING
    if not told or told == "null":
        return {"error": State.FIRING, "warning": State.FIRING, "success": State.RESOLVED}.get(said["alert_type"].lower())
    return None


def _draft(said: Said, title: Title, state: State) -> Draft:
    firing = state is State.FIRING
    name = _name(said, title)
    scope = _scope(said, title)
    at = _time(said)
    tags = tuple(tag.strip() for tag in said["tags"][:10_000].split(",") if tag.strip())
    words = text.plain(said["message"])
    return Draft(
        slug="datadog-monitor",
        event_data={"monitor": _identity(said, title)},
        category=Category.INCIDENT,
        level=_level(said, title) if firing else Level.SUCCESS,
        state=state,
        title=name,
        member=Member(key=", ".join(scope), label=", ".join(scope)) if scope else None,
        pipeline=name,
        occurrence=_occurrence(said, state),
        occurred_at=at,
        message=_message(said, title, words, at) if firing else _recovery(said, words, at),
        links={"Open in Datadog": said["link"] or text.monitor_url(said["message"]), "Graph": said["snapshot"]},
        facts={
            "State": said.line("transition") or title.transition,
            "Priority": said.line("priority", 40) or title.priority,
            "Metric": said.line("metric"),
            "Query": said.line("query", 400),
            "Host": said.line("host"),
            "Failing step": said.line("failing_step"),
            "Organisation": said.line("organisation"),
        },
        owners=tagged(tags, "team", "owner"),
        tags=tags[:30],
        excerpt="\n\n".join(filter(None, (words, said["logs"]))) if firing else "",
    )


def _name(said: Said, title: Title) -> str:
    """The monitor's name: the title's own is written for one group."""
    alert_title = Title(said.line("alert_title", 400))
    return alert_title.name or title.name or said.line("test") or f"Monitor {said.line('monitor', 40)}"


def _identity(said: Said, title: Title) -> str:
    """Best first: the monitor's id, what Datadog aggregates by, its name."""
    return said.line("monitor", 40) or text.monitor_of(said["message"] + said["link"]) or said.line("aggregation", 100) or title.name


def _scope(said: Said, title: Title) -> tuple[str, ...]:
    return scope_tags(said["scope"][:4000]) or scope_tags(title.scope) or scope_tags(text.group_of(said["message"]))


def _level(said: Said, title: Title) -> Level:
    """By the monitor's priority; one that only warns is no more than a warning."""
    told = (said["priority"].strip().lower(), said["event_priority"].strip().lower(), title.priority.lower())
    # an event's own `$PRIORITY` is `normal` or `low`, which says nothing of the monitor
    level = next((_PRIORITIES[one] for one in told if one in _PRIORITIES), Level.ERROR)
    word = _word(said, title)
    warns = word in ("warn", "warning") or (word in ("", "null", "renotify") and said["alert_type"].lower() == "warning")
    return Level.WARNING if warns and level is Level.ERROR else level


def _occurrence(said: Said, state: State) -> str | None:
    """One from the time it triggers until it recovers, whatever is sent in between; without the cycle's key each event is one."""
    if cycle := said.line("cycle", 100):
        return f"{cycle} {'firing' if state is State.FIRING else 'recovered'}"
    return said.line("id", 100) or None


def _message(said: Said, title: Title, words: str, at: datetime | None) -> str:
    status = said.line("status", 500)
    no_data = "No data arrives any more." if _word(said, title) == "nodata" else ""
    step = f"First failing step: {said.line('failing_step')}." if said["failing_step"] else ""
    texts = [part for part in (no_data, words, step) if part]
    return "\n\n".join([*texts, *([status] if status and status not in words else [])]) or title.name


def _recovery(said: Said, words: str, at: datetime | None) -> str:
    since = text.last_triggered(said["message"])
    lasted = at - since if at and since else timedelta()
    return (
        f"Was so for {duration(lasted)}." if lasted > timedelta() else said.line("status", 500) or words.partition("\n")[0] or "Recovered."
    )


def _time(said: Said) -> datetime | None:
    """Milliseconds or seconds since 1970, or a time as text."""
    told = said["date"].strip()
    if told.isascii() and told.replace(".", "", 1).isdigit() and len(told) <= 20:
        number = float(told)
        return parse_time(number / 1000 if number > 10**11 else number)
    return parse_time(told)


def _incident(said: Said) -> Draft:
    """An incident that people declared; it is over when they say so."""
    resolved = said["incident_status"].strip().lower() in ("resolved", "completed")
    name = said.line("incident_title") or f"Incident {said.line('incident', 40)}"
    return Draft(
        slug="datadog-incident",
        event_data={"incident": said.line("incident", 100)},
        category=Category.INCIDENT,
        level=Level.SUCCESS if resolved else _SEVERITIES.get(said["incident_severity"].strip().lower(), Level.ERROR),
        state=State.RESOLVED if resolved else State.FIRING,
        title=name,
        pipeline=name,
        occurrence=f"{said.line('incident', 100)} {'resolved' if resolved else 'open'}",
        occurred_at=_time(said),
        message=text.plain(said["incident_message"] or said["message"]) or name,
        links={"Open incident": said["incident_url"] or said["link"]},
        facts={"Status": said.line("incident_status", 60), "Severity": said.line("incident_severity", 60)},
    )


def _signal(said: Said) -> Draft:
    """A security signal: nothing ever says that it is over."""
    name = said.line("signal_title") or "Security signal"
    return Draft(
        slug="datadog-security-signal",
        event_data={"rule": said.line("signal_rule", 100) or name},
        category=Category.INCIDENT,
        level=_PRIORITIES.get(said["signal_severity"].strip().lower(), Level.ERROR),
        title=name,
        pipeline=name,
        occurrence=said.line("signal", 150),
        occurred_at=_time(said),
        message=text.plain(said["signal_message"] or said["message"]) or name,
        links={"Open signal": said["link"]},
        facts={"Severity": said.line("signal_severity", 60)},
        closes_itself=True,
    )


def _request_key(inbound: Inbound) -> str | None:
    """The event's id with what it tells; without an id what names the monitor and the time. A retry sends the same."""
    try:
        said = read(inbound)
    except Unmapped:
        return None
    names = ("incident", "incident_status", "signal", "monitor", "cycle", "aggregation", "transition", "title", "scope")
    if not said["id"] and not said["date"]:
        return None
    told = "\n".join(said[name] for name in (*names, "id", "date"))
    return f"{one_line(said['id'][:400], 60)} {hashlib.sha256(told.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}".strip()


_EXAMPLE: Final = (
    b'{"id":"8306082202796025694","alert_id":"221164084","alert_cycle_key":"1759343584000000042","aggreg_key":"9bd4ac313a4d1e8fae24",'
    b'"alert_transition":"Triggered","alert_scope":"host:db1","alert_type":"error","alert_priority":"P2","alert_title":"Disk is full",'
    b'"title":"[P2] [Triggered on {host:db1}] Disk is full","message":"Less than 5 % are left on db1. @webhook-tocsin","alert_status":'
    b'"system.disk.free over host:db1 was < 5.0 on average during the last 5m.","alert_metric":"system.disk.free","hostname":"db1",'
    b'"tags":"host:db1,team:data-platform,env:prod,monitor","link":"https://app.datadoghq.com/event/event?id=8306082202796025694",'
    b'"snapshot":"","date":"1795341480000","last_updated":"1795341480000","org":{"id":"352347","name":"acme"}}'
)

SOURCE: Final = SourceKind(
    kind="datadog",
    title="Datadog",
    auth=(Scheme.BEARER, Scheme.HEADER, Scheme.TOKEN, Scheme.BASIC),
    event_types=("Triggered", "Re-Triggered", "Warn", "Re-Warn", "No Data", "Re-No Data", "Renotify", "Recovered"),
    map=without_secrets(_map),
    request_key=_request_key,
    example=Example(body=_EXAMPLE, headers={"Content-Type": "application/json", "User-Agent": "Datadog/Webhooks"}),
    steps=(
        "Integrations → Webhooks → Configuration → New: name it tocsin, URL {url}",
        f"Payload, so that monitors, groups and reminders are told apart:\n{PAYLOAD}",
        'Custom headers: {"Authorization": "Bearer {token}"}',
        "Write @webhook-tocsin into the message of each monitor, for alerts and for recoveries alike.",
        "To see one arrive: Edit the monitor → Test Notifications → Alert (it is kept, and rings nobody: its title begins with [TEST]).",
    ),
)
