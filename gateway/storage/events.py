"""What arrived, and how far its processing has come."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, or_, select, tuple_, update

from gateway.storage.database import insert_for
from gateway.storage.tables import events, processing, rejections, request_keys, sources

WAITING: Final = "waiting"


@dataclass(frozen=True, slots=True)
class Arrival:
    """An accepted request on its way to the journal."""

    source_id: int
    request_key: str | None
    body_digest: bytes
    method: str
    path: str
    query: str
    headers: list[list[str]]
    body: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of an arrival: the event's id, and whether it was known already."""

    event_id: int
    duplicate: bool


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


def append(connection: Connection, arrivals: Sequence[Arrival]) -> list[Receipt]:
    """Stores what is new and queues it for processing; one receipt per arrival, in order.

    The same request key with the same bytes is a duplicate; with other bytes it is a new event, marked as conflicting.
    """
    known = _known_keys(connection, arrivals)
    fresh: list[Arrival] = []
    conflicting: list[bool] = []
    places: list[int | Receipt] = []
    seen: dict[tuple[int, str], tuple[bytes, int]] = {}
    for arrival in arrivals:
        key = _key(arrival)
        if key and key in known and known[key][0] == arrival.body_digest:
            places.append(Receipt(known[key][1], duplicate=True))
            continue
        if key and key in seen and seen[key][0] == arrival.body_digest:
            places.append(-1 - seen[key][1])  # the same request twice in this batch: answered with the first one's id
            continue
        conflicting.append(bool(key) and (key in known or key in seen))
        if key and key not in known:
            seen.setdefault(key, (arrival.body_digest, len(fresh)))
        places.append(len(fresh))
        fresh.append(arrival)
    ids = _insert_events(connection, fresh, conflicting)
    lost = _claim_keys(connection, fresh, ids, {place for _, place in seen.values()})
    _queue(connection, [event_id for event_id in ids if event_id not in lost], fresh[0].received_at if fresh else None)
    receipts = [lost.get(event_id, Receipt(event_id, duplicate=False)) for event_id in ids]
    return [
        place if isinstance(place, Receipt) else receipts[place] if place >= 0 else Receipt(receipts[-1 - place].event_id, duplicate=True)
        for place in places
    ]


def _key(arrival: Arrival) -> tuple[int, str] | None:
    return (arrival.source_id, arrival.request_key) if arrival.request_key else None


def _known_keys(connection: Connection, arrivals: Sequence[Arrival]) -> dict[tuple[int, str], tuple[bytes, int]]:
    keys = sorted({key for arrival in arrivals if (key := _key(arrival))})
    if not keys:
        return {}
    rows = connection.execute(
        select(request_keys.c.source_id, request_keys.c.request_key, request_keys.c.body_digest, request_keys.c.event_id).where(
            tuple_(request_keys.c.source_id, request_keys.c.request_key).in_(keys)
        )
    )
    return {(source_id, key): (bytes(body_digest), event_id) for source_id, key, body_digest, event_id in rows}


def _insert_events(connection: Connection, fresh: Sequence[Arrival], conflicting: Sequence[bool]) -> list[int]:
    if not fresh:
        return []
    rows = [
        {
            "source_id": arrival.source_id,
            "request_key": arrival.request_key,
            "method": arrival.method,
            "path": arrival.path,
            "query": arrival.query,
            "headers": arrival.headers,
            "body": arrival.body,
            "received_at": arrival.received_at,
            "conflicting": conflict,
        }
        for arrival, conflict in zip(fresh, conflicting, strict=True)
    ]
    return list(connection.scalars(insert(events).returning(events.c.id, sort_by_parameter_order=True), rows))


def _claim_keys(connection: Connection, fresh: Sequence[Arrival], ids: Sequence[int], keyed: set[int]) -> dict[int, Receipt]:
    """Writes the request keys. Where another process was faster, its event stands and ours is taken back."""
    rows = [
        {
            "source_id": fresh[place].source_id,
            "request_key": fresh[place].request_key,
            "body_digest": fresh[place].body_digest,
            "event_id": ids[place],
            "received_at": fresh[place].received_at,
        }
        for place in sorted(keyed, key=lambda place: (fresh[place].source_id, fresh[place].request_key or ""))
    ]
    if not rows:
        return {}
    statement = insert_for(connection)(request_keys).on_conflict_do_nothing().returning(request_keys.c.event_id)
    won = set(connection.scalars(statement, rows))
    beaten = [place for place in keyed if ids[place] not in won]
    if not beaten:
        return {}
    winners = _known_keys(connection, [fresh[place] for place in beaten])
    lost: dict[int, Receipt] = {}
    for place in beaten:
        body_digest, event_id = winners[fresh[place].source_id, fresh[place].request_key or ""]
        if body_digest == fresh[place].body_digest:
            lost[ids[place]] = Receipt(event_id, duplicate=True)
        else:
            connection.execute(update(events).where(events.c.id == ids[place]).values(conflicting=True))
    connection.execute(delete(events).where(events.c.id.in_(lost)))
    return lost


def _queue(connection: Connection, ids: Sequence[int], due_at: datetime | None) -> None:
    if ids:
        connection.execute(insert(processing), [{"event_id": event_id, "status": WAITING, "due_at": due_at} for event_id in ids])


def claim(connection: Connection, *, now: datetime, lease: str, lease_for: timedelta, limit: int) -> list[Event]:
    """Takes up to `limit` waiting events, oldest first, that no other worker holds. Each counts as one more attempt.

    An event that was tried before is taken alone: should it end its worker again, its neighbours are not blamed.
    """
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
    due: datetime | None = connection.scalar(select(func.min(processing.c.due_at)).where(processing.c.status == WAITING))
    return due


def reject(
    connection: Connection,
    *,
    source_id: int,
    reason: str,
    remote: str,
    headers: list[list[str]],
    body_size: int | None,
    now: datetime,
    keep: int,
) -> None:
    """Remembers a refused request; only the newest `keep` of a source stay."""
    connection.execute(
        insert(rejections).values(source_id=source_id, reason=reason, remote=remote, headers=headers, body_size=body_size, rejected_at=now)
    )
    oldest = select(rejections.c.id).where(rejections.c.source_id == source_id).order_by(rejections.c.id.desc()).offset(keep).limit(1)
    connection.execute(delete(rejections).where(rejections.c.source_id == source_id, rejections.c.id <= oldest.scalar_subquery()))


def page(
    connection: Connection, *, team_ids: Sequence[int], source_id: int | None, status: str | None, before: int | None, limit: int
) -> list[dict[str, Any]]:
    """Events of these teams, newest first, with how they ended; without their bodies."""
    query = (
        select(
            events.c.id, sources.c.slug.label("source"), sources.c.kind, events.c.method, events.c.request_key, events.c.received_at,
            events.c.conflicting, processing.c.status, processing.c.reason, processing.c.attempts, processing.c.processed_at,
            func.length(events.c.body).label("size"),
        )
        .join(sources, sources.c.id == events.c.source_id)
        .join(processing, processing.c.event_id == events.c.id)
        .where(sources.c.team_id.in_(team_ids))
        .order_by(events.c.id.desc())
        .limit(limit)
    )  # fmt: skip
    if source_id is not None:
        query = query.where(events.c.source_id == source_id)
    if status is not None:
        query = query.where(processing.c.status == status)
    if before is not None:
        query = query.where(events.c.id < before)
    return [dict(row._mapping) for row in connection.execute(query)]


def show(connection: Connection, *, team_ids: Sequence[int], event_id: int) -> dict[str, Any] | None:
    """One event whole, or None where these teams have no such event."""
    row = connection.execute(
        select(
            events,
            sources.c.slug.label("source"),
            sources.c.kind,
            processing.c.status,
            processing.c.reason,
            processing.c.attempts,
            processing.c.processed_at,
        )
        .join(sources, sources.c.id == events.c.source_id)
        .join(processing, processing.c.event_id == events.c.id)
        .where(and_(events.c.id == event_id, sources.c.team_id.in_(team_ids)))
    ).one_or_none()
    return dict(row._mapping) if row else None


def replay(connection: Connection, *, team_ids: Sequence[int], event_id: int, now: datetime) -> bool:
    """Queues an event for processing again. False where these teams have no such event, or a worker has it."""
    mine = (
        select(events.c.id)
        .join(sources, sources.c.id == events.c.source_id)
        .where(sources.c.team_id.in_(team_ids), events.c.id == event_id)
    )
    changed = connection.execute(
        update(processing)
        .where(processing.c.event_id.in_(mine.scalar_subquery()), or_(processing.c.status != WAITING, processing.c.lease.is_(None)))
        .values(status=WAITING, reason=None, attempts=0, due_at=now, lease=None)
    )
    return changed.rowcount > 0
