"""Requests on their way in: each stored once, under its request key, and queued for processing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, tuple_, update

from gateway.storage.database import insert_for
from gateway.storage.tables import events, processing, request_keys


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
        connection.execute(insert(processing), [{"event_id": event_id, "status": "waiting", "due_at": due_at} for event_id in ids])
