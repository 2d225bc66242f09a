"""How far the processing of what arrived has come: claimed under a lease, ended, put back."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, ScalarSelect, bindparam, func, insert, literal, select, update

from gateway.storage.tables import events, processing, sources

WAITING: Final = "waiting"
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


def claim(connection: Connection, *, now: datetime, lease: str, lease_for: timedelta, limit: int) -> list[Event]:
    """Takes up to `limit` waiting events, oldest first, that no other worker holds. Each counts as one more attempt.

    An event that was tried before is taken alone: should it end its worker again, its neighbours are not blamed.
    """
    if connection.dialect.name == "sqlite":
        _queue_arrivals(connection)
    due = (
        select(processing.c.event_id, processing.c.attempts)
        .where(processing.c.status == WAITING, processing.c.due_at <= now)
        .order_by(processing.c.due_at, processing.c.event_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    waiting = connection.execute(due).all()
    untried = [event_id for event_id, attempts in itertools.takewhile(lambda one: one.attempts == 0, waiting)]
    taken = list(
        connection.scalars(
            update(processing)
            .where(processing.c.event_id.in_(untried or [one.event_id for one in waiting[:1]]))
            .values(lease=lease, due_at=now + lease_for, attempts=processing.c.attempts + 1)
            .returning(processing.c.event_id)
        )
    )
    return load(connection, taken) if taken else []


def _queue_arrivals(connection: Connection) -> None:
    """Queues what the journal holds beyond what was ever queued. The door cannot do it: on SQLite it writes the journal alone."""
    new = (
        select(events.c.id, literal(WAITING), events.c.received_at)
        .where(events.c.id > _newest())
        .order_by(events.c.id)
        .limit(_QUEUED_AT_ONCE)
    )
    connection.execute(insert(processing).from_select(["event_id", "status", "due_at"], new))


def load(connection: Connection, ids: Sequence[int]) -> list[Event]:
    """These events in order of arrival."""
    rows = connection.execute(
        select(
            events.c.id, events.c.source_id, sources.c.team_id, sources.c.kind, sources.c.environment,
            sources.c.settings.label("source_settings"), events.c.request_key, events.c.method, events.c.path, events.c.query,
            events.c.headers, events.c.body,
            events.c.received_at, processing.c.attempts,
        )
        .join(sources, sources.c.id == events.c.source_id)
        .join(processing, processing.c.event_id == events.c.id)
        .where(events.c.id.in_(ids))
        .order_by(events.c.id)
    )  # fmt: skip
    return [Event(**row._mapping) for row in rows]


def finish(connection: Connection, outcomes: Sequence[Outcome], *, lease: str, now: datetime) -> set[int]:
    """Records how these events ended; only those still held under `lease` are touched, and their ids returned."""
    if not outcomes:
        return set()
    held = set(
        connection.scalars(
            select(processing.c.event_id)
            .where(processing.c.event_id.in_([o.event_id for o in outcomes]), processing.c.lease == lease)
            .with_for_update()
        )
    )
    rows = [{"id": o.event_id, "to": o.status, "why": o.reason} for o in outcomes if o.event_id in held]
    if rows:
        connection.execute(
            update(processing)
            .where(processing.c.event_id == bindparam("id"))
            .values(status=bindparam("to"), reason=bindparam("why"), lease=None, processed_at=now),
            rows,
        )
    return held


def put_back(connection: Connection, ids: Iterable[int], *, lease: str, due_at: datetime, tried: bool = True) -> None:
    """Gives up the lease on these events; they are due again at `due_at`. What was not `tried` does not count as an attempt."""
    connection.execute(
        update(processing)
        .where(processing.c.event_id.in_(list(ids)), processing.c.lease == lease)
        .values(lease=None, due_at=due_at, attempts=processing.c.attempts - (0 if tried else 1))
    )


def next_due(connection: Connection) -> datetime | None:
    """When the next event is due for processing, or its lease runs out."""
    queued: datetime | None = connection.scalar(select(func.min(processing.c.due_at)).where(processing.c.status == WAITING))
    if connection.dialect.name != "sqlite":
        return queued
    arrived = connection.scalar(select(events.c.received_at).where(events.c.id > _newest()).order_by(events.c.id).limit(1))
    return min((moment for moment in (queued, arrived) if moment), default=None)


def _newest() -> ScalarSelect[int]:
    return select(func.coalesce(func.max(processing.c.event_id), 0)).scalar_subquery()
