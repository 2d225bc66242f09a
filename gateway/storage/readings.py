"""What went wrong, in short: asked for when a thread is told, written by a worker, shown wherever the thread is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, func, or_, select, update

from gateway.storage import changes
from gateway.storage.among import among, among_taken
from gateway.storage.database import insert_for
from gateway.storage.tables import conversations, notifications, readings, sources, votes

WAITING: Final = "waiting"
DONE: Final = "done"


EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNTOUCHED: Final = and_(readings.c.attempts == 0, readings.c.lease.is_(None))
"""What nobody has tried; the clock that wrote when it is due may not be ours, or have stepped since."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A thread that is to be read."""

    notification_id: int
    episode: int
    run: str | None
    logs: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A thread in the hands of a reader, as it stands now."""

    notification_id: int
    team_id: int
    conversation: str | None
    """Its identity."""
    source_id: int | None
    title: str
    message: str
    excerpt: str
    pipeline: str | None
    environment: str
    run: str | None
    logs: dict[str, Any] | None
    source_kind: str | None
    source_settings: dict[str, Any] | None
    source_managed: bool | None
    attempts: int
    asked_at: datetime


def ask(connection: Connection, wanted: Sequence[Wanted], now: datetime) -> None:
    """Puts these on the list; what was read of the same episode and run stays."""
    rows = [
        {
            "notification_id": one.notification_id, "episode": one.episode, "run": one.run, "logs": one.logs, "status": WAITING,
            "due_at": now, "asked_at": now,
        }
        for one in sorted(wanted, key=lambda one: one.notification_id)
    ]  # fmt: skip
    if not rows:
        return
    statement = insert_for(connection)(readings)
    new = statement.excluded
    other = or_(readings.c.episode != new.episode, func.coalesce(readings.c.run, "") != func.coalesce(new.run, ""))
    again = {name: new[name] for name in ("episode", "run", "logs", "status", "due_at", "asked_at")}
    forgotten = {"attempts": 0, "lease": None, "ended_at": None, "summary": None, "why_not": None}
    connection.execute(statement.on_conflict_do_update(index_elements=["notification_id"], set_=again | forgotten, where=other), rows)


def claim(connection: Connection, *, now: datetime, lease: str, lease_for: timedelta, limit: int) -> list[Claimed]:
    """Takes up to `limit` that are due. Each counts as one more attempt."""
    due = (
        select(readings.c.notification_id)
        .where(readings.c.status == WAITING, or_(readings.c.due_at <= now, _UNTOUCHED))
        .order_by(readings.c.due_at, readings.c.notification_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = list(
        connection.scalars(
            update(readings)
            .where(among_taken(readings.c.notification_id, due))
            .values(lease=lease, due_at=now + lease_for, attempts=readings.c.attempts + 1)
            .returning(readings.c.notification_id)
        )
    )
    return [Claimed(**row._mapping) for row in connection.execute(_LOAD, {"ids": taken})] if taken else []


def extend(connection: Connection, *, lease: str, until: datetime) -> bool:
    """Holds what is held under `lease` for longer. False where nothing is, any more."""
    held = update(readings).where(readings.c.status == WAITING, readings.c.lease == lease).values(due_at=until)
    return connection.execute(held).rowcount > 0


def write(
    connection: Connection,
    notification_id: int,
    *,
    lease: str,
    summary: Mapping[str, Any] | None,
    why_not: str | None,
    ended_at: datetime | None,
) -> bool:
    """What can be told by now; with `ended_at`, all that will be. False where somebody else reads it by now, or there is other news."""
    values: dict[str, Any] = {"summary": dict(summary) if summary else None, "why_not": why_not}
    if ended_at is not None:
        values |= {"status": DONE, "lease": None, "ended_at": ended_at}
    changed = connection.execute(
        update(readings).where(readings.c.notification_id == notification_id, readings.c.lease == lease).values(**values)
    )
    if changed.rowcount and summary:
        changes.note_threads(connection, [notification_id])
    return changed.rowcount > 0


def put_back(connection: Connection, notification_id: int, *, lease: str, due_at: datetime, tried: bool = True) -> None:
    """To be read again at `due_at`. What was not `tried` does not count as an attempt."""
    connection.execute(
        update(readings)
        .where(readings.c.notification_id == notification_id, readings.c.lease == lease)
        .values(lease=None, due_at=due_at, attempts=readings.c.attempts - (0 if tried else 1))
    )


def waiting_in(connection: Connection, identities: Sequence[str]) -> set[str]:
    """Those of these open conversations of which a thread is still to be read."""
    found = connection.scalars(
        select(conversations.c.identity)
        .join(notifications, notifications.c.conversation_id == conversations.c.id)
        .join(readings, readings.c.notification_id == notifications.c.id)
        .where(
            conversations.c.identity.in_(list(identities)), conversations.c.closed_at.is_(None), readings.c.status == WAITING
        )
    )  # fmt: skip
    return set(found)


def next_due(connection: Connection) -> datetime | None:
    """When the next one is due, or its lease runs out; what nobody has tried is due whatever the clock says."""
    if connection.scalar(select(readings.c.notification_id).where(readings.c.status == WAITING, _UNTOUCHED).limit(1)) is not None:
        return EVER
    due: datetime | None = connection.scalar(select(func.min(readings.c.due_at)).where(readings.c.status == WAITING))
    return due


def summaries(connection: Connection, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """What can be told of these threads in their present episode."""
    rows = connection.execute(_SUMMARIES, {"ids": list(ids)})
    return {notification_id: summary for notification_id, summary in rows}


def vote(connection: Connection, *, notification_id: int, user_id: int, useful: bool, now: datetime) -> bool:
    """Remembers whether the summary was of use to the person. False where there is none."""
    told = summaries(connection, [notification_id]).get(notification_id)
    if told is None:
        return False
    values = {"useful": useful, "origin": str(told.get("origin", ""))[:10], "at": now}
    statement = insert_for(connection)(votes).values(notification_id=notification_id, user_id=user_id, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["notification_id", "user_id"], set_=values))
    return True


def vote_of(connection: Connection, *, notification_id: int, user_id: int) -> bool | None:
    """What the person said of it; None: nothing."""
    said: bool | None = connection.scalar(
        select(votes.c.useful).where(votes.c.notification_id == notification_id, votes.c.user_id == user_id)
    )
    return said


_LOAD: Final = (
    select(
        readings.c.notification_id, notifications.c.team_id, conversations.c.identity.label("conversation"), notifications.c.source_id,
        notifications.c.title, notifications.c.message, notifications.c.excerpt, notifications.c.pipeline, notifications.c.environment,
        readings.c.run, readings.c.logs, sources.c.kind.label("source_kind"), sources.c.settings.label("source_settings"),
        sources.c.managed.label("source_managed"),
        readings.c.attempts, readings.c.asked_at,
    )
    .join(notifications, notifications.c.id == readings.c.notification_id)
    .outerjoin(conversations, conversations.c.id == notifications.c.conversation_id)
    .outerjoin(sources, sources.c.id == notifications.c.source_id)
    .where(readings.c.notification_id.in_(bindparam("ids", expanding=True)))
    .order_by(readings.c.notification_id)
)  # fmt: skip
_SUMMARIES: Final = (
    select(readings.c.notification_id, readings.c.summary)
    .join(notifications, notifications.c.id == readings.c.notification_id)
    .where(among(readings.c.notification_id, "ids"), readings.c.summary.is_not(None), readings.c.episode == notifications.c.episode)
)
