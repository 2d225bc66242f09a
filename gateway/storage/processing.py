"""How far the processing of what arrived has come: claimed under a lease, ended, put back."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, and_, bindparam, func, insert, literal, or_, select, text, update

from gateway.storage.among import among
from gateway.storage.tables import events, processing, sources
from mappers.contract.inbound import FETCHED, WATCHED

WAITING: Final = "waiting"
MOST_BYTES: Final = 32 * 1024 * 1024
"""Bytes of bodies that one claim takes at most, unless a single one is larger."""
_QUEUED_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class Event:
    """A stored request with what its mapper must know of its source."""

    id: int
    source_id: int
    team_id: int
    kind: str
    environment: str
    source_settings: dict[str, Any]
    request_key: str | None
    method: str
    path: str
    query: str
    headers: list[list[str]]
    body: bytes
    received_at: datetime
    attempts: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the processing of an event ended."""

    event_id: int
    status: str
    reason: str | None


_UNQUEUED: Final = events.c.id > select(func.coalesce(func.max(processing.c.event_id), 0)).scalar_subquery()
_QUEUE_ARRIVALS: Final = insert(processing).from_select(  # the door cannot do it: on SQLite it writes the journal alone
    ["event_id", "status", "due_at"],
    select(events.c.id, literal(WAITING), events.c.received_at).where(_UNQUEUED).order_by(events.c.id).limit(_QUEUED_AT_ONCE),
)
_DUE: Final = (
    select(processing.c.event_id, processing.c.attempts, func.length(events.c.body))
    .outerjoin(events, events.c.id == processing.c.event_id)
    .where(  # what nobody has tried is due whatever the clock says now: it may have stepped back
        processing.c.status == WAITING,
        processing.c.processed_at.is_not(None) == bindparam("again"),
        or_(processing.c.due_at <= bindparam("now"), and_(processing.c.attempts == 0, processing.c.lease.is_(None))),
    )
    .order_by(processing.c.due_at, processing.c.event_id)
    .limit(bindparam("limit"))
    .with_for_update(of=processing, skip_locked=True)
)
_TAKE: Final = (
    update(processing)
    .where(among(processing.c.event_id, "ids"))
    .values(lease=bindparam("lease"), due_at=bindparam("until"), attempts=processing.c.attempts + 1)
)
_LOAD: Final = (
    select(
        events.c.id, events.c.source_id, sources.c.team_id, sources.c.kind, sources.c.environment,
        sources.c.settings.label("source_settings"),
        events.c.request_key, events.c.method, events.c.path, events.c.query, events.c.headers, events.c.body, events.c.received_at,
        func.coalesce(processing.c.attempts, 0).label("attempts"),
    )
    .join(sources, sources.c.id == events.c.source_id)
    .outerjoin(processing, processing.c.event_id == events.c.id)  # what just arrived may not be queued yet
    .where(among(events.c.id, "ids"))
    .order_by(events.c.id)
)  # fmt: skip
_UNDER_LEASE: Final = select(processing.c.event_id).where(processing.c.status == WAITING, processing.c.lease == bindparam("held_under"))
_ANY_HELD: Final = _UNDER_LEASE.limit(1)
_EXTEND: Final = (
    update(processing)  # what its own worker is just recording is left alone: the beat waits for nothing
    .where(processing.c.event_id.in_(_UNDER_LEASE.with_for_update(skip_locked=True).scalar_subquery()))
    .values(due_at=bindparam("until"))
)
_HELD: Final = (
    select(processing.c.event_id)
    .where(among(processing.c.event_id, "ids"), processing.c.lease == bindparam("lease"))
    .order_by(processing.c.event_id)
    .with_for_update()
)
_FINISH: Final = (
    update(processing)
    .where(processing.c.event_id == bindparam("id"))
    .values(status=bindparam("to"), reason=bindparam("why"), lease=None, processed_at=bindparam("now"))
)
_HANG_UP: Final = text(  # what a person or a restored dump runs on says its name; what wrote nothing holds up nobody
    "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND usename = current_user AND application_name = current_setting('application_name')"
    " AND pid <> pg_backend_pid() AND backend_xid IS NOT NULL"
    " AND state <> 'idle' AND wait_event_type = 'Client' AND state_change < clock_timestamp() - :silent"
)


def claim(connection: Connection, *, now: datetime, lease: str, lease_for: timedelta, limit: int) -> list[Event]:
    """Takes up to `limit` waiting events, oldest first, that no other worker holds. Each counts as one more attempt.

    An event that was tried before is taken alone: should it end its worker again, its neighbours are not blamed. Large
    ones are taken few at a time: see `MOST_BYTES`. What is replayed comes last.
    """
    if connection.dialect.name == "sqlite":
        connection.execute(_QUEUE_ARRIVALS)
    live, again = ({"now": now, "limit": limit, "again": again} for again in (False, True))
    waiting = connection.execute(_DUE, live).all() or connection.execute(_DUE, again).all()
    sizes = itertools.accumulate(size or 0 for _, _, size in waiting)
    fitting = [one for one, size in zip(waiting, sizes, strict=True) if size <= MOST_BYTES] or waiting[:1]
    untried = [event_id for event_id, attempts, _ in itertools.takewhile(lambda one: one.attempts == 0, fitting)]
    taken = untried or [event_id for event_id, _, _ in waiting[:1]]
    if taken:
        connection.execute(_TAKE, {"ids": taken, "lease": lease, "until": now + lease_for})
    return load(connection, taken) if taken else []


def load(connection: Connection, ids: Sequence[int]) -> list[Event]:
    """These events in order of arrival."""
    return [_event(row._mapping) for row in connection.execute(_LOAD, {"ids": ids})]


def _event(row: RowMapping) -> Event:
    """What was fetched or noticed says itself which mapper reads it: `FETCH /dbt_core/run_artifacts`."""
    event = Event(**row)
    return event if event.method not in (FETCHED, WATCHED) else replace(event, kind=event.path.split("/")[1])


def extend(connection: Connection, *, lease: str, until: datetime) -> bool:
    """Holds what is held under `lease` for longer. False where nothing is, any more."""
    held = {"held_under": lease, "until": until}
    return connection.execute(_EXTEND, held).rowcount > 0 or connection.scalar(_ANY_HELD, held) is not None


def finish(connection: Connection, outcomes: Sequence[Outcome], *, lease: str, now: datetime) -> set[int]:
    """Records how these events ended; only those still held under `lease` are touched, and their ids returned."""
    if not outcomes:
        return set()
    held = set(connection.scalars(_HELD, {"ids": [outcome.event_id for outcome in outcomes], "lease": lease}))
    rows = [{"id": one.event_id, "to": one.status, "why": one.reason, "now": now} for one in outcomes if one.event_id in held]
    if rows:
        connection.execute(_FINISH, rows)
    return held


def put_back(connection: Connection, ids: Iterable[int], *, lease: str, due_at: datetime, tried: bool = True) -> None:
    """Gives up the lease on these events; they are due again at `due_at`. What was not `tried` does not count as an attempt."""
    connection.execute(
        update(processing)
        .where(processing.c.event_id.in_(list(ids)), processing.c.lease == lease)
        .values(lease=None, due_at=due_at, attempts=processing.c.attempts - (0 if tried else 1))
    )


def hang_up(connection: Connection, *, silent: timedelta) -> list[int]:
    """Ends the gateway's sessions that fell silent so long ago within a transaction that wrote; gives their numbers. PostgreSQL only."""
    return list(connection.scalars(_HANG_UP, {"silent": silent}))


def next_due(connection: Connection) -> datetime | None:
    """When the next event is due for processing, or its lease runs out."""
    queued: datetime | None = connection.scalar(select(func.min(processing.c.due_at)).where(processing.c.status == WAITING))
    if connection.dialect.name != "sqlite":
        return queued
    arrived = connection.scalar(select(events.c.received_at).where(_UNQUEUED).order_by(events.c.id).limit(1))
    return min((moment for moment in (queued, arrived) if moment), default=None)
