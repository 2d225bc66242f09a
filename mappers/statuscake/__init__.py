"""StatusCake: an uptime test or a heartbeat goes down, and comes up again; a page grows slow, a certificate expires.

https://www.statuscake.com/kb/knowledge-base/how-to-use-the-web-hook-url/
"""

from typing import Final

from mappers.contract import Category, Draft, Example, Inbound, Level, Mapped, SourceKind, State, Unmapped
from mappers.contract.secrets import without_secrets
from mappers.contract.signature import Scheme
from mappers.statuscake.dialect import Alert, line, read

_STATES: Final = {"down": State.FIRING, "up": State.RESOLVED}


def _map(inbound: Inbound) -> Mapped:
    alert = read(inbound)
    if alert.status == "silent":
        return Mapped(ignored=f"the test is {alert.said}: it says nothing of its state")
    if alert.status not in _STATES:
        raise Unmapped(f"unknown status {alert.said!r}" if alert.said else "no `Status` in body or query")
    if not _identity(alert):
        raise Unmapped("the message names no test: neither `Name` nor `URL`")
    return Mapped(drafts=(_draft(alert, _STATES[alert.status]),))


def _identity(alert: Alert) -> dict[str, str]:
    """StatusCake sends no number; several tests may have one name, so the address joins in."""
    if alert.get("id"):
        return {"test": line(alert.get("id"))}
    return {key: line(alert.get(key)) for key in ("name", "url") if alert.get(key)}


def _draft(alert: Alert, state: State) -> Draft:
    name = line(alert.get("name") or alert.get("url")) or f"Test {alert.get('id')}"
    down = state is State.FIRING
    owners, tags = _owners_and_tags(alert)
    return Draft(
        slug=f"statuscake-{alert.about.replace(' ', '') or 'test'}",
        event_data=dict(_identity(alert)),
        category=Category.INCIDENT,
        level=Level.SUCCESS if not down else Level.WARNING if alert.about else Level.ERROR,
        state=state,
        title=_title(alert, name, down=down),
        pipeline=name,
        # StatusCake tells no time: each message is a happening of its own, at the time it is received.
        message=_message(alert, down=down),
        links={"Open target": alert.get("url")},
        facts={
            "Status code": alert.get("code") if alert.get("code") != "0" else "",
            "IP": alert.get("ip"),
            "Method": alert.get("method"),
            "Checked": _every(alert.get("rate")),
            "Days left": alert.get("days"),
        },
        owners=owners,
        tags=tags,
        # Nobody is told of a certificate that was renewed, or a page that is fast again.
        closes_itself=bool(alert.about),
    )


def _title(alert: Alert, name: str, *, down: bool) -> str:
    if alert.about == "certificate":
        return f"{name}: certificate {'needs attention' if down else 'is fine'}"
    if alert.about:
        return f"{name}: page speed {'alert' if down else 'is fine'}"
    return f"{name} is {'down' if down else 'up'}"


def _message(alert: Alert, *, down: bool) -> str:
    told, code = alert.get("message"), alert.get("code")
    if not down:
        return "Up again."
    if not code or alert.about:
        return told
    said = "No answer: timed out, or not reached." if code == "0" else f"Answered with status code {line(code)}."
    return f"{said}\n\n{told}" if told else said


def _every(seconds: str) -> str:
    if not seconds.isdecimal() or not 0 < len(seconds) < 8 or int(seconds) == 0:
        return ""
    minutes, rest = divmod(int(seconds), 60)
    return f"every {seconds} s" if rest or not minutes else f"every {minutes} min"


def _owners_and_tags(alert: Alert) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A tag `owner:jane` or `owner-jane` is an owner; other tags stay."""
    tags = [tag.strip(" \"'") for tag in alert.get("tags").strip("[]").split(",")]
    owned = {tag: tag[6:] for tag in tags if tag.lower().startswith(("owner:", "owner-", "owner_"))}
    return (*alert.get("owner").split(","), *owned.values()), tuple(tag for tag in tags if tag not in owned)


_EXAMPLE: Final = (
    b"Token=5f4dcc3b5aa765d61d8327deb882cf99&Status=Down&StatusCode=503&URL=https%3A%2F%2Fwarehouse.example.org%2Fhealth&IP=192.0.2.7"
    b"&Tags=prod%2Cowner-data-platform&Name=Warehouse+API&CheckRate=300&Method=Website"
)

SOURCE: Final = SourceKind(
    kind="statuscake",
    title="StatusCake",
    auth=(Scheme.TOKEN, Scheme.BASIC, Scheme.BEARER, Scheme.HEADER),
    event_types=("Up", "Down"),
    map=without_secrets(_map),
    methods=("GET", "POST"),
    steps=(
        "In StatusCake open Alerting, Contact Groups, and press New Contact Group.",
        "Group Name: Tocsin. Webhook URL: {url}",
        "Webhook Request Method: POST. Leave Enable Repeat Alert off.",
        "Save Contact Group.",
        "Edit each test (Monitoring: Uptime, Page Speed, SSL, Heartbeat) and choose the group under Contact Groups.",
    ),
    example=Example(body=_EXAMPLE, headers={"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "StatusCake"}),
)
