"""Healthchecks, hosted or self-hosted: a check that expects pings goes down, and comes up again.

https://healthchecks.io/docs/configuring_notifications/ and, for the fields of `$JSON`, https://healthchecks.io/docs/api/#get-check
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from mappers.contract import Category, Draft, Example, Inbound, Level, Mapped, SourceKind, State, Unmapped, parse_time
from mappers.contract.secrets import without_secrets
from mappers.contract.signature import Scheme
from mappers.contract.text import one_line
from mappers.healthchecks_io.dialect import fields_of, is_cut_off

_STATES: Final = {
    "down": State.FIRING,
    "up": State.RESOLVED,
    "grace": State.RESOLVED,  # `$JSON` holds the status at sending: up, and already a little late again
}
_SILENT: Final = {
    "paused": "the check was paused before the message left: it says nothing of its state",
    "new": "the check has had no ping yet",
}


def _map(inbound: Inbound) -> Mapped:
    check = fields_of(inbound)
    status = _text(check.get("status")).lower()
    identity = _identity(check)
    if not status:
        raise Unmapped("no status (`$STATUS` or `$JSON`) in body, query or path")
    if status in _SILENT:
        return Mapped(ignored=_SILENT[status])
    if status not in _STATES:
        raise Unmapped(f"unknown status {_text(check.get('status'))!r}")
    if not identity:
        raise Unmapped("the message names no check: add `$CODE` or `$JSON` to body or URL")
    if _is_test(check):
        return Mapped(ignored="a test notification (its check is named TEST)")
    # By its name a check that is cut off may not be known again: its recovery, which is whole, tells the UUID.
    unsure = is_cut_off(inbound) and not check.get("code")
    return Mapped(drafts=(_draft(check, identity, _STATES[status], unsure=unsure),))


def _draft(check: Mapping[str, Any], identity: str, state: State, *, unsure: bool) -> Draft:
    name = one_line(_text(check.get("name")) or _text(check.get("slug")) or identity, 150)
    down = state is State.FIRING
    body, last_ping = _string(check.get("body")), parse_time(check.get("last_ping"))
    happened = parse_time(check.get("now")) or last_ping
    owners, tags = _owners_and_tags(check)
    return Draft(
        slug="healthchecks-check",
        event_data={"check": identity},
        category=Category.INCIDENT,
        level=Level.ERROR if down else Level.SUCCESS,
        state=state,
        title=f"{name} is {'down' if down else 'up'}",
        pipeline=name,
        occurrence=f"{happened.isoformat()} {'down' if down else 'up'}" if happened else None,
        # Not the last ping: what went down by silence did so long after it.
        occurred_at=parse_time(check.get("now")),
        message=body or (f"Last ping: {_utc(last_ping)}." if down and last_ping else ""),
        links={"Open check": _details_url(check)},
        facts={
            "Last ping": _utc(last_ping),
            "Schedule": _schedule(check),
            "Exit status": _text(check.get("exitstatus")).replace("-1", ""),  # -1: the last ping had none
        },
        owners=owners,
        tags=tags,
        excerpt=body if down else "",
        closes_itself=down and unsure,
    )


def _identity(check: Mapping[str, Any]) -> str:
    """Best first: the check's UUID, its slug, its name."""
    return _text(check.get("code")).lower() or _text(check.get("slug")) or _text(check.get("name"))


def _is_test(check: Mapping[str, Any]) -> bool:
    """The `Test!` button sends a check that does not exist: named TEST, 42 pings, no slug, a new UUID each time."""
    return check.get("name") == "TEST" and not check.get("slug") and check.get("n_pings", 42) == 42


def _owners_and_tags(check: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Tags `owner:jane@example.org` and lines `owner: jane@example.org` of the description are owners."""
    tags = _string(check.get("tags")).split()
    lines = [line.strip() for line in _string(check.get("desc")).splitlines()]
    owned = [word.partition(":")[2] for word in (*tags, *lines) if word.lower().startswith("owner:")]
    owners = tuple(owner for several in owned for owner in several.split(","))
    return owners, tuple(tag for tag in tags if not tag.lower().startswith("owner:"))


def _details_url(check: Mapping[str, Any]) -> str:
    """The check's page, on the host its API address names. Never `ping_url`: following that would count as a ping."""
    base, found, uuid = _string(check.get("update_url")).partition("/api/")
    return f"{base}/checks/{uuid.rpartition('/')[2]}/details/" if found else ""


def _schedule(check: Mapping[str, Any]) -> str:
    grace = f", grace {_span(check.get('grace'))}" if _span(check.get("grace")) else ""
    if schedule := _text(check.get("schedule")):
        return f"{schedule} {_text(check.get('tz'))}".rstrip() + grace
    return f"every {_span(check.get('timeout'))}{grace}" if _span(check.get("timeout")) else ""


def _span(seconds: object) -> str:
    """Whole units, as people set them: `1 d`, `90 min`."""
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 < seconds < 10**9:
        return ""
    size, unit = next((size, unit) for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")) if seconds % size == 0)
    return f"{seconds // size} {unit}"


def _utc(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC" if time else ""


def _request_key(inbound: Inbound) -> str | None:
    """Check + status + time of the transition (`$NOW`), or of the last ping, without which there is no next transition."""
    check = fields_of(inbound)
    identity, status = _identity(check), _text(check.get("status")).lower()
    time = parse_time(check.get("now")) or parse_time(check.get("last_ping"))
    return f"{identity} {status} {time.isoformat()}" if identity and status in _STATES and time else None


def _text(value: object) -> str:
    return one_line(str(value)[:1000], 150) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


_EXAMPLE: Final = (
    b'{"name":"Nightly \\"orders\\" load","status":"down","code":"2c2b27eb-5d5f-49c6-b7cf-58213a6a7783",'
    b'"now":"2026-11-22T00:01:24+00:00","body":"exit 1: \\"disk full\\"\\nline2","check":{"name":"Nightly \\"orders\\" load",'
    b'"slug":"nightly-orders","tags":"prod owner:jane","desc":"owner: jane@example.org","grace":60,"n_pings":2,"status":"down",'
    b'"started":false,"last_ping":"2026-11-22T00:01:24+00:00","next_ping":null,"uuid":"2c2b27eb-5d5f-49c6-b7cf-58213a6a7783",'
    b'"update_url":"https://healthchecks.example.org/api/v3/checks/2c2b27eb-5d5f-49c6-b7cf-58213a6a7783","timeout":60}}'
)

SOURCE: Final = SourceKind(
    kind="healthchecks_io",
    title="Healthchecks",
    auth=(Scheme.BEARER, Scheme.HEADER, Scheme.TOKEN),
    event_types=("down", "up"),
    map=without_secrets(_map),
    request_key=_request_key,
    methods=("GET", "POST", "PUT"),
    steps=(
        "In Healthchecks open Integrations and add Webhook.",
        "Fill in both halves, down and up, alike: method POST, URL {url}",
        (
            "Request Body:\n"
            '{"name": $NAME_JSON, "status": "$STATUS", "code": "$CODE", "now": "$NOW", "exitstatus": "$EXITSTATUS", '
            '"check": $JSON, "body": $BODY_JSON}'
        ),
        "Request Headers:\nContent-Type: application/json\nAuthorization: Bearer {token}",
        "Save, and press Test!: it must answer with success, and is ignored here.",
        "Switch the integration on for the checks it should tell of.",
    ),
    example=Example(body=_EXAMPLE, headers={"Content-Type": "application/json", "User-Agent": "healthchecks.io"}),
)
