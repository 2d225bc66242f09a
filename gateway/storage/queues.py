"""How much waits in each queue, and since when; cheap however much that is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, func, select, text

from gateway.storage.clock import shared_time
from gateway.storage.tables import deliveries, events, fan_outs, follow_ups, processing, readings

MOST_COUNTED: Final = 100_000
"""What waits beyond that is not counted one by one: the figure stays there."""


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue: how many wait, and for how long the first of those that are due has been."""

    name: str
    depth: int
    age: timedelta


@dataclass(frozen=True, slots=True)
class Mails:
    """The mails of one kind that wait."""

    kind: str
    urgent: bool
    depth: int
    age: timedelta


def _bounded(*columns: ColumnElement[Any], where: Sequence[ColumnElement[bool]], order: ColumnElement[Any]) -> Any:
    return select(*columns).where(*where).order_by(order).limit(MOST_COUNTED).subquery()


def _depth(moment: ColumnElement[Any], *where: ColumnElement[bool]) -> Select[Any]:
    waiting = _bounded(moment.label("since"), where=where, order=moment)
    return select(func.count(), func.min(waiting.c.since))


_AGAIN: Final = processing.c.processed_at.is_not(None)
_NEWEST: Final = select(func.coalesce(func.max(processing.c.event_id), 0)).scalar_subquery()
_QUEUES: Final = {
    "events": _depth(processing.c.due_at, processing.c.status == text("'waiting'"), ~_AGAIN),
    "replays": _depth(processing.c.due_at, processing.c.status == text("'waiting'"), _AGAIN),
    "follow_ups": _depth(follow_ups.c.due_at, follow_ups.c.status == text("'waiting'")),
    "readings": _depth(readings.c.due_at, readings.c.status == text("'waiting'")),
    "fan_outs": _depth(fan_outs.c.created_at),
}
"""Each by its partial index, whose condition must stand in the statement as it is."""
_unqueued: Final = select(events.c.received_at).where(events.c.id > _NEWEST).order_by(events.c.id).limit(MOST_COUNTED).subquery()
_UNQUEUED: Final = select(func.count(), func.min(_unqueued.c.received_at))
_mails: Final = _bounded(
    deliveries.c.kind, deliveries.c.urgent, deliveries.c.due_at, where=[deliveries.c.status == text("'waiting'")], order=deliveries.c.due_at
)
_MAILS: Final = select(_mails.c.kind, _mails.c.urgent, func.count(), func.min(_mails.c.due_at)).group_by(_mails.c.kind, _mails.c.urgent)


def waiting(connection: Connection, now: datetime) -> tuple[list[Queue], list[Mails]]:
    """Every queue, empty ones too, and the mails that wait by kind and urgency."""
    moment = shared_time(connection, now)
    queues = []
    for name, statement in _QUEUES.items():
        depth, since = connection.execute(statement).one()
        if name == "events" and connection.dialect.name == "sqlite":  # what the door stored and no worker has seen yet
            more, earlier = connection.execute(_UNQUEUED).one()
            depth, since = depth + more, min((one for one in (since, earlier) if one is not None), default=None)
        queues.append(Queue(name, depth, _age(since, moment)))
    mails = [Mails(kind, urgent, depth, _age(since, moment)) for kind, urgent, depth, since in connection.execute(_MAILS)]
    queues.append(Queue("mails", sum(one.depth for one in mails), max((one.age for one in mails), default=timedelta())))
    return queues, mails


def _age(since: datetime | None, moment: datetime) -> timedelta:
    """Zero where nothing is due yet."""
    return max(moment - since, timedelta()) if since is not None else timedelta()
