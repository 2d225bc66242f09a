"""UptimeRobot: a monitor goes down, and comes up again; a certificate or a domain is about to expire.

https://help.uptimerobot.com/en/articles/14498593-webhook-integration
"""

from datetime import timedelta
from typing import Final

from mappers.contract import Category, Draft, Example, Inbound, Level, Mapped, SourceKind, State, Unmapped, duration
from mappers.contract.secrets import without_secrets
from mappers.contract.signature import Scheme
from mappers.uptimerobot.dialect import Notice, line, read

_STATES: Final = {"down": State.FIRING, "up": State.RESOLVED}
_EXPIRES: Final = ("certificate", "domain")
_SILENT: Final = {
    "paused": "the monitor was paused: it says nothing of its state",
    "started": "the monitor was started: it says nothing of its state",
}


def _map(inbound: Inbound) -> Mapped:
    notice = read(inbound)
    if notice.type in _SILENT:
        return Mapped(ignored=_SILENT[notice.type])
    if notice.type not in _STATES and notice.type not in _EXPIRES:
        raise Unmapped(f"unknown type {line(notice.type)!r}" if notice.type else "no alert type: put *alertType* into what is sent")
    if not _identity(notice):
        raise Unmapped("the message names no monitor: put *monitorID* into what is sent")
    return Mapped(drafts=(_expiry(notice, inbound) if notice.type in _EXPIRES else _draft(notice, _STATES[notice.type]),))


def _identity(notice: Notice) -> str:
    """Best first: the monitor's number, its name, its address."""
    return line(notice.get("id") or notice.get("name") or notice.get("url"))


def _draft(notice: Notice, state: State) -> Draft:
    name, down = _name(notice), state is State.FIRING
    owners, tags = _owners_and_tags(notice)
    return Draft(
        slug="uptimerobot-monitor",
        event_data={"monitor": _identity(notice)},
        category=Category.INCIDENT,
        level=Level.ERROR if down else Level.SUCCESS,
        state=state,
        title=f"{name} is {notice.type}",
        pipeline=name,
        occurrence=f"{notice.at.isoformat()} {notice.type}" if notice.at else None,
        occurred_at=notice.at,
        message=notice.get("details") or notice.text if down else _recovery(notice),
        links=_links(notice),
        facts=_facts(notice),
        owners=owners,
        tags=tags,
    )


def _recovery(notice: Notice) -> str:
    lasted = notice.lasted
    told = f"Down for {duration(lasted) if isinstance(lasted, timedelta) else lasted}" if lasted else "Up again"
    details = notice.get("details")
    return f"{told}: {details}" if details else f"{told}."


def _expiry(notice: Notice, inbound: Inbound) -> Draft:
    """Sent some days before, several times, and never taken back."""
    name, days = _name(notice), notice.get("days")
    owners, tags = _owners_and_tags(notice)
    expired = days.lstrip("-").isdecimal() and len(days) < 6 and int(days) <= 0
    return Draft(
        slug=f"uptimerobot-{notice.type}",
        event_data={"monitor": _identity(notice)},
        category=Category.INCIDENT,
        level=Level.ERROR if expired else Level.WARNING,
        title=f"{name}: {notice.type} {'has expired' if expired else 'expires'}",
        pipeline=name,
        occurrence=f"{notice.at.isoformat() if notice.at else inbound.received_at.date()} {days or '?'} days",
        occurred_at=notice.at,
        message=notice.get("details") or notice.text,
        links=_links(notice),
        facts={"Expires": notice.get("expires"), "Days left": days, **_facts(notice)},
        owners=owners,
        tags=tags,
        closes_itself=True,
    )


def _name(notice: Notice) -> str:
    return line(notice.get("name") or notice.get("url")) or f"Monitor {_identity(notice)}"


def _links(notice: Notice) -> dict[str, str]:
    number = notice.get("id")
    page = notice.get("page") or (f"https://dashboard.uptimerobot.com/monitors/{number}" if number.isdecimal() else "")
    return {"Open monitor": page, "Open target": notice.get("url")}


def _facts(notice: Notice) -> dict[str, str]:
    target = notice.get("url")
    return {
        "Target": "" if target.startswith(("http://", "https://")) else target,
        "Type": notice.get("kind"),
        "Status code": notice.get("code"),
        "Group": notice.get("group"),
        "Regions": notice.get("regions"),
    }


def _owners_and_tags(notice: Notice) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A tag `owner:jane` or `owner-jane` is an owner, like what the template calls `owner`; other tags stay."""
    tags = [tag.strip() for tag in notice.get("tags").split(",")]
    owned = {tag: tag[6:] for tag in tags if tag.lower().startswith(("owner:", "owner-", "owner_"))}
    return (*notice.get("owner").split(","), *owned.values()), tuple(tag for tag in tags if tag not in owned)


def _request_key(inbound: Inbound) -> str | None:
    """Monitor + type + time; None where the template tells no time, and of what expires, which is told several times."""
    notice = read(inbound)
    who = _identity(notice)
    return f"{who} {notice.type} {notice.at.isoformat()}" if who and notice.at and notice.type in _STATES else None


_EXAMPLE: Final = (
    b'{"monitorID":"778368750","monitorURL":"https://warehouse.example.org/health","monitorFriendlyName":"Warehouse API &#40;prod&#41;",'
    b'"alertType":"1","alertTypeFriendlyName":"Down","alertDetails":"HTTP 503 - Service Unavailable","alertDuration":"*alertDuration*",'
    b'"alertFriendlyDuration":"*alertFriendlyDuration*","alertDateTime":"1795341490","sslExpiryDate":"*sslExpiryDate*",'
    b'"sslExpiryDaysLeft":"*sslExpiryDaysLeft*"}'
)

SOURCE: Final = SourceKind(
    kind="uptimerobot",
    title="UptimeRobot",
    auth=(Scheme.TOKEN, Scheme.BEARER, Scheme.HEADER),
    event_types=("Down", "Up", "SSL expiry", "Domain expiry"),
    map=without_secrets(_map),
    request_key=_request_key,
    methods=("GET", "POST", "PUT"),
    steps=(
        "In UptimeRobot open Integrations & API, Integrations, and add a Webhook.",
        "Friendly name: Tocsin. URL to notify: {url}",
        (
            "POST value: tick Send as JSON (application/json), and paste:\n"
            '{"monitorID":"*monitorID*","monitorURL":"*monitorURL*","monitorFriendlyName":"*monitorFriendlyName*","alertType":"*alertType*",\n'
            '"alertTypeFriendlyName":"*alertTypeFriendlyName*","alertDetails":"*alertDetails*","alertDuration":"*alertDuration*",\n'
            '"alertDateTime":"*alertDateTime*","sslExpiryDate":"*sslExpiryDate*","sslExpiryDaysLeft":"*sslExpiryDaysLeft*"}'
        ),
        "Where your plan offers custom headers instead of a token in the address: Authorization: Bearer {token}",
        "Enable notifications for up and down, SSL and domain expiry, and save.",
        "Tick the integration in each monitor that should ring.",
    ),
    example=Example(body=_EXAMPLE, headers={"Content-Type": "application/json", "User-Agent": "Mozilla/5.0+(compatible; UptimeRobot/2.0)"}),
)
