"""Uptime Kuma: a monitor goes down, and comes up again.

https://github.com/louislam/uptime-kuma/wiki/Notification-Methods
"""

from datetime import datetime
from typing import Any, Final

from mappers.contract import (
    NO_DOCUMENTS,
    Category,
    Documents,
    Draft,
    Example,
    Inbound,
    Level,
    Mapped,
    SourceKind,
    SourceSettings,
    State,
    Unmapped,
    duration,
    parse_time,
)
from mappers.contract.secrets import without_secrets
from mappers.contract.signature import Scheme
from mappers.uptime_kuma.dialect import Notice, mapping, read, string, text_of
from mappers.uptime_kuma.expiry import expiry

_STATES: Final = {"down": State.FIRING, "up": State.RESOLVED}
_SILENT: Final = {
    "pending": "the monitor is pending: Kuma tries again before it calls it down",
    "maintenance": "the monitor is under maintenance",
    "test": "a test message",
}


class UptimeKumaSettings(SourceSettings):
    """Settings of an Uptime Kuma source."""

    ui_url: str = ""
    """Where people open Kuma (`https://kuma.example.org`), for the link to the monitor: no message says it."""


def _map(inbound: Inbound) -> Mapped:
    notice = read(inbound)
    status = notice.status
    if status in _STATES:
        if not notice.identity:
            raise Unmapped("the message names no monitor: keep `msg` or `monitorJSON` in the custom body")
        return Mapped(drafts=(_draft(notice, _STATES[status], inbound),))
    # Before `test`: a template calls every message without a heartbeat `⚠️ Test`.
    if not notice.heartbeat.get("time") and (about_to_expire := expiry(notice.msg, inbound.received_at)):
        return Mapped(drafts=(about_to_expire,))
    if status in _SILENT:
        return Mapped(ignored=_SILENT[status])
    if status:
        raise Unmapped(f"unknown status {status!r}")
    if notice.msg.endswith("Testing"):  # heartbeat and monitor are null; `msg` is the notification's name + " Testing"
        return Mapped(ignored=_SILENT["test"])
    raise Unmapped("neither a heartbeat nor a message of a form Uptime Kuma sends")


def _draft(notice: Notice, state: State, inbound: Inbound) -> Draft:
    name = notice.name or f"Monitor {notice.identity}"
    down = state is State.FIRING
    occurrence, at = _happening(notice, inbound)
    owners, tags = _owners_and_tags(notice.monitor)
    return Draft(
        slug="uptime-kuma-monitor",
        event_data={"monitor": notice.identity},
        category=Category.INCIDENT,
        level=Level.ERROR if down else Level.SUCCESS,
        state=state,
        title=f"{name} is {'down' if down else 'up'}",
        pipeline=name,
        occurrence=occurrence,
        occurred_at=at,
        message=_message(notice),
        links=_links(notice, inbound.settings),
        facts=_facts(notice),
        owners=owners,
        tags=tags,
        excerpt=string(notice.heartbeat.get("response")) if down else "",
    )


def _happening(notice: Notice, inbound: Inbound) -> tuple[str | None, datetime | None]:
    """The occurrence and its time. A reminder does not say since when, so it is what the last transition began.

    Where that was the recovery, the failure itself never arrived: the reminders tell it, as one. Where no transition is
    kept, all reminders of a day are one happening.
    """
    time, status = notice.time, notice.status
    if not notice.is_reminder:
        return (f"{time.isoformat()} {status}" if time else None), time
    began = read(Inbound(body=inbound.documents.get(_document(notice), b"")))
    if began.time and time and began.time <= time:
        return f"{began.time.isoformat()} down", began.time if began.status == "down" else time
    return f"{(time or inbound.received_at).date()} down", time


def _documents(inbound: Inbound) -> Documents:
    """Keep each monitor's last transition and give it to its reminders. A GET has no body to keep."""
    notice = read(inbound)
    if not inbound.body or notice.status not in _STATES or not notice.identity or not notice.time:
        return NO_DOCUMENTS
    return Documents(wants=(_document(notice),)) if notice.is_reminder else Documents(keeps=(_document(notice),))


def _document(notice: Notice) -> str:
    return f"monitor {notice.identity}"


def _message(notice: Notice) -> str:
    since, until = parse_time(notice.heartbeat.get("lastDownTime")), notice.time
    if notice.status == "up" and since and until and since < until:
        return f"Down for {duration(until - since)}, since {since:%Y-%m-%d %H:%M:%S} UTC.\n{notice.text}"
    return notice.text


def _links(notice: Notice, settings: object) -> dict[str, str]:
    target = {"Open target": string(notice.monitor.get("url"))}
    if isinstance(settings, UptimeKumaSettings) and settings.ui_url and notice.identity.isdecimal():
        return {"Open monitor": f"{settings.ui_url.rstrip('/')}/dashboard/{notice.identity}", **target}
    return target


def _facts(notice: Notice) -> dict[str, str]:
    monitor, path = notice.monitor, notice.monitor.get("path")
    port, ping = text_of(monitor.get("port")), text_of(notice.heartbeat.get("ping"))
    return {
        "Type": text_of(monitor.get("type")),
        "Target": text_of(monitor.get("hostname")) + (f":{port}" if port else ""),
        "Group": " / ".join(map(text_of, path[:-1])) if isinstance(path, list) else "",
        "Response time": f"{ping} ms" if ping and notice.status == "up" else "",
    }


def _owners_and_tags(monitor: dict[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A tag `owner` with a value, and lines `owner: jane@example.org` of the description, are owners."""
    lines = [line.strip() for line in string(monitor.get("description")).splitlines()]
    owned = [line.partition(":")[2] for line in lines if line.lower().startswith("owner:")]
    tags = []
    for tag in monitor["tags"] if isinstance(monitor.get("tags"), list) else ():
        name, value = text_of(mapping(tag).get("name")), text_of(mapping(tag).get("value"))
        if name.lower() == "owner":
            owned.append(value)
        else:
            tags.append(f"{name}:{value}" if value else name)
    return tuple(owner for several in owned for owner in several.split(",")), tuple(tags)


def _request_key(inbound: Inbound) -> str | None:
    """Monitor + status + time of the heartbeat; a notice without one has no key."""
    notice = read(inbound)
    if not notice.identity or notice.status not in _STATES or not notice.time:
        return None
    return f"{notice.identity} {notice.status} {notice.time.isoformat()}"


_EXAMPLE: Final = (
    '{"heartbeat":{"monitorID":1,"status":0,"time":"2026-11-22 00:06:10.841","msg":"Request failed with status code 503",'
    '"important":true,"retries":1,"timezone":"UTC","timezoneOffset":"+00:00","localDateTime":"2026-11-22 00:06:10"},'
    '"monitor":{"id":1,"name":"Warehouse \\"prod\\" API","description":"owner: jane@example.org","path":["Warehouse \\"prod\\" API"],'
    '"url":"https://warehouse.example.org/health","hostname":null,"port":null,"type":"http","interval":20,"resendInterval":2,"tags":[]},'
    '"msg":"[Warehouse \\"prod\\" API] [🔴 Down] Request failed with status code 503"}'
)

SOURCE: Final = SourceKind(
    kind="uptime_kuma",
    title="Uptime Kuma",
    auth=(Scheme.BEARER, Scheme.HEADER, Scheme.TOKEN),
    event_types=("down", "up", "pending", "maintenance", "certificate expiry", "domain expiry", "test"),
    map=without_secrets(_map),
    request_key=_request_key,
    documents=_documents,
    methods=("GET", "POST"),
    settings=UptimeKumaSettings,
    steps=(
        "In Uptime Kuma open Settings, Notifications, Setup Notification, type Webhook.",
        "Post URL: {url}",
        "Request Body: Preset - application/json",
        'Additional Headers: {"Authorization": "Bearer {token}"}',
        "Press Test: it must answer with success, and is ignored here. Tick Apply on all existing monitors, and Save.",
        "In each monitor set Resend Notification: Kuma sends each message once, and a reminder makes up for one that was lost.",
    ),
    example=Example(body=_EXAMPLE.encode(), headers={"Content-Type": "application/json", "User-Agent": "Uptime-Kuma/2.5.3"}),
)
