"""Mapping events again: one, or all that match, a bounded part at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, func, or_, select, update

from gateway.storage import events as stored
from gateway.storage.events import WAITING, Filter
from gateway.storage.tables import events, processing, sources

AT_ONCE: Final = 500
"""How many replayed events may wait at a time, whoever replays: what arrives now is behind no more than these."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far a replay has come: what is newer than `after`, up to `upto`, is still to be looked at."""

    after: int
    upto: int


@dataclass(frozen=True, slots=True)
class Step:
    """What one step of a replay did."""

    queued: list[int]
    waiting: int
    """Replayed events of these teams that wait to be mapped."""
    following: Place | None
    """Where to go on; None: everything was looked at."""


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
        .values(**_again(now))
    )
    return changed.rowcount > 0


def beginning(connection: Connection) -> Place:
    """Where a replay begins. What arrives after this moment is no part of it."""
    return Place(0, connection.scalar(select(func.max(events.c.id))) or 0)


def pick(connection: Connection, *, team_ids: Sequence[int], wanted: Filter, place: Place) -> list[int]:
    """The events to queue next, oldest first. It only reads, so however long it looks, nobody waits for it."""
    return stored.matching(
        connection, team_ids=team_ids, wanted=wanted, after=place.after, before=place.upto + 1, limit=AT_ONCE, oldest_first=True
    )


def queue(connection: Connection, *, team_ids: Sequence[int], picked: Sequence[int], place: Place, now: datetime) -> Step:
    """Queues as many of the picked events as there is room for. What waits already, or is held by a worker, is left alone.

    They are due now, so behind everything that has arrived until now.
    """
    room = max(AT_ONCE - stored.waiting_again(connection), 0)
    tried = picked[:room]
    queued = sorted(
        connection.scalars(
            update(processing)
            .where(processing.c.event_id.in_(tried), processing.c.status != WAITING)
            .values(**_again(now))
            .returning(processing.c.event_id)
        )
    )
    whole = len(tried) == len(picked) < AT_ONCE
    following = None if whole else Place(tried[-1] if tried else place.after, place.upto)
    waiting = stored.counts(connection, team_ids=team_ids, wanted=Filter(status=WAITING)).replaying
    return Step(queued, waiting, following)


def outcomes(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    """event id → status of those of these events whose processing has ended."""
    rows = connection.execute(
        select(processing.c.event_id, processing.c.status).where(processing.c.event_id.in_(ids), processing.c.status != WAITING)
    )
    return {event_id: status for event_id, status in rows}


def _again(now: datetime) -> dict[str, Any]:
    """`processed_at` stays: by it what is replayed is told from what has just arrived."""
    return {"status": WAITING, "reason": None, "attempts": 0, "due_at": now, "lease": None}
