"""Better Stack Uptime: an incident of a monitor or a heartbeat starts, is acknowledged, and is resolved.

https://betterstack.com/docs/uptime/webhooks/
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from mappers.better_stack.dialect import Incident, document, incident, mapping, string, text_of
from mappers.better_stack.status_page import map_page, page_key
from mappers.contract import Category, Draft, Example, Inbound, Level, Mapped, SourceKind, State, Unmapped, duration
from mappers.contract.secrets import without_secrets
from mappers.contract.signature import Scheme

_STATES: Final = {
    "started": State.FIRING,
    # Still open: the same happening again. It opens the thread where the first message was lost.
    "acknowledged": State.FIRING,
    "reopened": State.FIRING,
    "resolved": State.RESOLVED,
}
_SILENT: Final = {
    "comment": "a comment on an incident",
    "commented": "a comment on an incident",
    "validating": "the incident is about to be resolved",
    "unconfirmed": "the incident is not confirmed yet",
}


def _map(inbound: Inbound) -> Mapped:
    body = document(inbound)
    if event_type := _event_type(body, inbound):
        return map_page(body, event_type)
    told = incident(body)
    if body.get("test") is True or body.get("drill") is True:
        return Mapped(ignored="a test message")
    if told.of and told.of != "incident":
        return Mapped(ignored=f"not about an incident: {told.of.replace('_', ' ')} {told.event}".rstrip())
    if told.event in _SILENT:
        return Mapped(ignored=_SILENT[told.event])
    if told.event not in _STATES:
        raise Unmapped(f"unknown event {told.event!r}" if told.event else "neither an `event` nor a `status`")
    if not told.watched and not told.id:
        raise Unmapped("the message names neither a monitor, a heartbeat nor an incident")
    return Mapped(drafts=(_draft(told, _STATES[told.event]),))


def _event_type(body: Mapping[str, Any], inbound: Inbound) -> str:
    """What a status page sent; nothing for an outgoing webhook."""
    given = text_of(body.get("event_type")) or (inbound.headers.get("x-betteruptime-event", "") if "page" in body else "")
    return given.lower() if "page" in body or "component" in body else ""


def _draft(told: Incident, state: State) -> Draft:
    down = state is State.FIRING
    name = told.name or (f"{'Heartbeat' if 'heartbeat' in told.watched else 'Monitor'} {next(iter(told.watched.values()), told.id)}")
    began, ended = told.time("started_at") or told.time("dt"), told.time("resolved_at") or told.time("dt")
    number = told.id or (began.isoformat() if began else "")
    return Draft(
        slug="better-stack-incident",
        event_data={**told.watched, **({"about": told.expires} if told.expires else {})} if told.watched else {"incident": told.id},
        category=Category.INCIDENT,
        level=Level.SUCCESS if not down else Level.WARNING if told.expires else Level.ERROR,
        state=state,
        title=_title(told, name, down=down),
        pipeline=name,
        occurrence=_occurrence(told, number, down=down),
        occurred_at=ended if not down else began if told.event != "reopened" else None,
        message=_message(told, down=down),
        links={
            "Open target": told.text("url") or told.text("monitor_url"),
            "Screenshot": string(told.fields.get("screenshot_url")) if down else "",
            "Response": string(told.fields.get("response_url")) if down else "",
        },
        facts={
            "Acknowledged by": told.text("acknowledged_by"),
            "Resolved by": "" if down else told.text("resolved_by"),
            "Regions": _regions(told),
            **dict(_metadata(told)),
        },
        owners=(told.text("team_name"), *_owners(told)),
        excerpt=string(told.fields.get("response_content")) if down else "",
        # A body cut off before it names the monitor: the recovery, which is whole, is of another thread.
        closes_itself=not told.watched and "relationships" not in told.fields,
    )


def _occurrence(told: Incident, number: str, *, down: bool) -> str | None:
    """An incident may be resolved, reopened and resolved again. A reopening does not say when: the time received counts."""
    if not number or told.event == "reopened":
        return None
    ended = told.time("resolved_at") or told.time("dt")
    return f"{number} firing" if down else f"{number} resolved {ended.isoformat() if ended else ''}".rstrip()


def _title(told: Incident, name: str, *, down: bool) -> str:
    if told.expires:
        return f"{name}: {told.expires} {'expires' if down else 'renewed'}"
    if not told.watched:
        return name if told.name else told.cause or f"Incident {told.id}"
    return f"{name} is {'down' if down else 'up'}"


def _message(told: Incident, *, down: bool) -> str:
    if down:
        return told.cause
    began, ended = told.time("started_at"), told.time("resolved_at")
    lasted = f"Down for {duration(ended - began)}" if began and ended and not told.expires else "Resolved"
    return f"{lasted}: {told.cause}" if told.cause else f"{lasted}."


def _regions(told: Incident) -> str:
    regions = told.fields.get("regions")
    return ", ".join(filter(None, map(text_of, regions[:12]))) if isinstance(regions, list) else ""


def _metadata(told: Incident) -> Iterator[tuple[str, str]]:
    """What the monitor's owner noted there: a text, or a list of values."""
    for key, value in list(mapping(told.fields.get("metadata")).items())[:12]:
        values = value if isinstance(value, list) else [value]
        yield key, ", ".join(filter(None, (text_of(mapping(one).get("value") or one) for one in values[:12])))


def _owners(told: Incident) -> list[str]:
    return [owner for key, value in _metadata(told) if key.lower() in ("owner", "owners", "team") for owner in value.split(",")]


def _request_key(inbound: Inbound) -> str | None:
    """Incident + event + its time; of a status page, the update. None where no time is told: comments, reopenings."""
    body = document(inbound)
    if event_type := _event_type(body, inbound):
        return page_key(body, event_type)
    told = incident(body)
    at = told.time("dt") or told.time({"started": "started_at"}.get(told.event, f"{told.event}_at"))
    return f"{told.id} {told.event} {at.isoformat()}" if told.id and at and told.of in ("incident", "") and told.event in _STATES else None


_EXAMPLE: Final = (
    b'{"event":"started","data":{"id":"702341","type":"incident","attributes":{"name":"Warehouse API","url":"https://warehouse.example.org/health",'
    b'"http_method":"get","cause":"Status 503","incident_group_id":null,"started_at":"2026-11-22T09:58:10.151Z","acknowledged_at":null,'
    b'"acknowledged_by":null,"resolved_at":null,"resolved_by":null,"status":"Started","team_name":"Data platform",'
    b'"response_content":"upstream connect error","response_url":null,"screenshot_url":null,"regions":["us","eu"],"metadata":{}},'
    b'"relationships":{"monitor":{"data":{"id":"2104","type":"monitor"}}}}}'
)

SOURCE: Final = SourceKind(
    kind="better_stack",
    title="Better Stack",
    auth=(Scheme.TOKEN, Scheme.BEARER, Scheme.HEADER, Scheme.BASIC),
    event_types=("started", "acknowledged", "resolved", "reopened", "comment", "incident", "maintenance", "component_update"),
    map=without_secrets(_map),
    request_key=_request_key,
    steps=(
        "In Better Stack open Uptime, Integrations, Exporting data, and find Outgoing webhooks.",
        "Press Configure, choose the type Incident.",
        "Webhook URL: {url}",
        "Leave the body as it is. Where your plan offers headers instead of a token in the address: Authorization: Bearer {token}",
        "Save. The next incident of the team's monitors and heartbeats arrives.",
    ),
    example=Example(body=_EXAMPLE, headers={"Content-Type": "application/json"}),
)
