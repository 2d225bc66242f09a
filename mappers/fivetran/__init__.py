"""Fivetran: syncs that fail and recover, connections it pauses, transformations, schema changes.

https://fivetran.com/docs/rest-api/getting-started/webhooks
"""

from typing import Any, Final

from mappers.contract import Category, Draft, Example, Inbound, Level, Mapped, Phase, RunSignal, SourceKind, State, Unmapped, parse_time
from mappers.contract.signature import Scheme
from mappers.contract.text import one_line
from mappers.fivetran.event import Event, read, text
from mappers.fivetran.schema import EVENTS as SCHEMA_EVENTS
from mappers.fivetran.schema import map_schema_change
from mappers.fivetran.transformations import PHASES as TRANSFORMATION_PHASES
from mappers.fivetran.transformations import job_of, map_transformation

_SYNC_FAILED: Final = "fivetran-sync-failed"
_SETUP_FAILED: Final = "fivetran-connection-test-failed"
_PAUSED: Final = "fivetran-connection-paused"
_PHASES: Final = {
    **dict.fromkeys(("SUCCESSFUL", "SUCCESS", "COMPLETED"), Phase.SUCCEEDED),
    **dict.fromkeys(("FAILURE", "FAILURE_WITH_TASK", "FAILED"), Phase.FAILED),
    "RESCHEDULED": Phase.RETRYING,
    **dict.fromkeys(("CANCELED", "CANCELLED"), Phase.CANCELLED),
}
_ADMINISTRATION: Final = {
    "create": "somebody created a connection",
    "edit": "somebody edited the connection",
    "force_update": "somebody started a sync",
    "resync": "somebody asked for a historical sync",
    "resync_table": "somebody asked for a historical sync of a table",
}
_SAMPLE: Final = ("_connector_1", "_connection_1")
"""The connection of the sample that a webhook is tested with."""


def _map(inbound: Inbound) -> Mapped:
    event = read(inbound)
    if event.type == "test_event" or event.connector in _SAMPLE:
        return Mapped(ignored="a test of the webhook")
    if event.type in TRANSFORMATION_PHASES:
        return map_transformation(event)
    if not event.identity:
        raise Unmapped(f"the event {event.type!r} names no connection")
    if event.type in ("sync_end", "status"):
        return _sync_end(event)
    if event.type == "sync_start":
        return Mapped(signals=_signals(event, Phase.RUNNING), ignored="the sync started: nothing to tell anyone yet")
    if event.type in SCHEMA_EVENTS:
        return map_schema_change(event)
    return _about_connection(event)


def _sync_end(event: Event) -> Mapped:
    phase = _PHASES.get(event.status)
    if phase is None:
        raise Unmapped(f"unknown sync status {event.status!r}" if event.status else "the sync ended without a status")
    signals = _signals(event, phase)
    if phase is Phase.RETRYING:
        return Mapped(signals=signals, ignored="the sync was rescheduled: Fivetran tries again by itself")
    if phase is Phase.SUCCEEDED:
        # What syncs has passed its tests and is not paused.
        return Mapped(drafts=_recoveries(event, (_SYNC_FAILED, _SETUP_FAILED, _PAUSED), "The connection syncs again."), signals=signals)
    draft = _failure(event) if phase is Phase.FAILED else _note(event, "fivetran-sync-canceled", f"Sync of {event.label} was canceled")
    return Mapped(drafts=(draft,), signals=signals)


def _failure(event: Event) -> Draft:
    task = text(event.data.get("taskType")).lower().replace("_", " ")
    wanted = f"Fivetran waits for somebody to act: {task}." if task else ""
    return Draft(
        **_thread(event, _SYNC_FAILED),
        level=Level.ERROR,
        message="\n\n".join(filter(None, (event.reason, wanted))) or f"The sync of {event.label} failed.",
        excerpt=event.reason,
    )


def _about_connection(event: Event) -> Mapped:
    """What happens to a connection between its syncs: `pause_connector`, newer `pause_connection`, `connection.paused`."""
    action = event.type.removesuffix("_connector").removesuffix("_connection")
    if event.type == "connection_failure":
        return Mapped(drafts=(_setup_failed(event),))
    if event.type == "connection_successful":
        return Mapped(drafts=_recoveries(event, (_SETUP_FAILED,), "The connection passes its tests again."))
    if action == "pause":
        return Mapped(drafts=(_paused(event),))
    if action == "resume":
        return Mapped(drafts=_recoveries(event, (_PAUSED,), f"Resumed{_by(event)}."))
    if action == "delete":
        return Mapped(drafts=_recoveries(event, (_SYNC_FAILED, _SETUP_FAILED, _PAUSED), f"The connection was deleted{_by(event)}."))
    if action in _ADMINISTRATION:
        return Mapped(ignored=_ADMINISTRATION[action])
    raise Unmapped(f"unknown event {event.type!r}")


def _setup_failed(event: Event) -> Draft:
    return Draft(**_thread(event, _SETUP_FAILED), level=Level.WARNING, message=event.reason or f"The tests of {event.label} failed.")


def _paused(event: Event) -> Draft:
    """Paused by a person it is meant so; paused by Fivetran it is broken, or its trial is over, and nothing syncs any more."""
    if _actor(event).lower() != "fivetran":
        return _note(event, "fivetran-connection-paused-on-purpose", f"{event.label} was paused")
    message = (
        event.reason
        or "Fivetran paused the connection by itself: it was broken for long, or its trial is over. Nothing syncs until it is resumed."
    )
    return Draft(**_thread(event, _PAUSED), level=Level.ERROR, message=message)


_THREADS: Final = {
    _SYNC_FAILED: (Category.JOB_FAILURE, "{} failed to sync"),
    _SETUP_FAILED: (Category.INCIDENT, "{} fails its connection tests"),
    _PAUSED: (Category.JOB_FAILURE, "{} was paused by Fivetran"),
}


def _recoveries(event: Event, slugs: tuple[str, ...], message: str) -> tuple[Draft, ...]:
    return tuple(Draft(**_thread(event, slug), state=State.RESOLVED, level=Level.SUCCESS, message=message) for slug in slugs)


def _note(event: Event, slug: str, title: str) -> Draft:
    """On a thread of its own: it neither breaks a connection nor mends it."""
    own = {"slug": slug, "title": title, "category": Category.JOB_FAILURE}
    return Draft(
        **{**_thread(event, _SYNC_FAILED), **own}, state=State.NOTE, level=Level.INFO, message=event.reason or f"{title}{_by(event)}."
    )


def _thread(event: Event, slug: str) -> dict[str, Any]:
    """What all drafts of a connection have in common. The identity is its id: its name is the destination's schema and can change."""
    category, title = _THREADS[slug]
    return {
        "slug": slug,
        "event_data": {"connection": event.identity},
        "category": category,
        "title": title.format(event.label),
        "pipeline": event.label,
        "run": event.sync or None,
        "occurred_at": event.created,
        "links": {"Open connection": _url(event)},
        "facts": {
            "Connector": event.service,
            "Destination": event.group,
            "Status": event.status.lower().replace("_", " ") if event.status not in ("SUCCESSFUL", "SUCCESS") else "",
            "By": _actor(event),
        },
    }


def _url(event: Event) -> str:
    """The connection's page, by the address Fivetran's own tools print."""
    known = event.connector
    return f"https://fivetran.com/dashboard/connectors/{known}/status" if known.isascii() and known.replace("_", "").isalnum() else ""


def _actor(event: Event) -> str:
    return text(event.data.get("actor"))


def _by(event: Event) -> str:
    return f" by {_actor(event)}" if _actor(event) else ""


def _signals(event: Event, phase: Phase) -> tuple[RunSignal, ...]:
    if not event.sync:
        return ()
    again = parse_time(event.data.get("rescheduledAt"))
    signal = RunSignal(
        pipeline=event.label,
        run=event.sync,
        phase=phase,
        at=event.created,
        state=event.status or event.type,
        url=_url(event),
        expected_at=again,
    )
    return (signal,)


def _request_key(inbound: Inbound) -> str | None:
    """What was said of which sync, transformation or connection, and when: Fivetran gives its requests no id."""
    try:
        event = read(inbound)
    except Unmapped:
        return None
    about = event.sync or event.identity or job_of(event)
    if not about or event.created is None or event.connector in _SAMPLE or event.type in SCHEMA_EVENTS:
        return None  # a sync may change many tables within a millisecond
    return one_line(f"{event.type} {event.status} {about} {event.created.isoformat()}", 200)


_EXAMPLE: Final = b"""{
  "event": "sync_end",
  "created": "2026-11-22T02:04:10.638Z",
  "connector_type": "google_sheets",
  "connector_id": "empty_bount",
  "connector_name": "google_sheets.orders",
  "sync_id": "b4703f73-6315-4e22-8d7a-3bfb18b2fed2",
  "destination_group_id": "inappropriate_implode",
  "data": {"status": "FAILURE_WITH_TASK", "reason": "The sheet is not shared with Fivetran any more.", "taskType": "reconnect"}
}"""

SOURCE: Final = SourceKind(
    kind="fivetran",
    title="Fivetran",
    auth=(Scheme.FIVETRAN, Scheme.TOKEN),
    event_types=(
        *("sync_start", "sync_end", "status", "connection_successful", "connection_failure", "pause_connector", "resume_connector"),
        *("create_connector", "edit_connector", "delete_connector", "force_update_connector", "resync_connector", "resync_table"),
        *TRANSFORMATION_PHASES,
        *SCHEMA_EVENTS,
        "test_event",
    ),
    map=_map,
    request_key=_request_key,
    example=Example(body=_EXAMPLE, headers={"Content-Type": "application/json"}),
    steps=(
        "Create an API key in Fivetran: your name (bottom left), API Key, Generate new API key.",
        """Create the webhook, which has no page of its own:
curl -u KEY:SECRET https://api.fivetran.com/v1/webhooks/account -H "Content-Type: application/json" -d '{
  "url": "{url}", "secret": "{token}", "active": true,
  "events": ["sync_start", "sync_end", "connection_successful", "connection_failure", "pause_connector", "resume_connector",
    "delete_connector", "dbt_run_start", "dbt_run_succeeded", "dbt_run_failed"]}'""",
        "Fivetran posts a test at once, and makes no webhook if the address (https) does not answer it.",
        "The answer holds the webhook's id: curl -u KEY:SECRET -X POST https://api.fivetran.com/v1/webhooks/ID/test tests it again.",
    ),
)
