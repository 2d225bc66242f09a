"""Documents that mappers ask for: each asked once, until it is had or of no use any more."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, func, or_, select, update

from gateway.storage.among import among, among_taken
from gateway.storage.database import insert_for
from gateway.storage.tables import follow_ups, sources

WAITING: Final = "waiting"
DONE: Final = "done"
FAILED: Final = "failed"


EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNTOUCHED: Final = and_(follow_ups.c.attempts == 0, follow_ups.c.lease.is_(None))
"""What nobody has tried; the clock that wrote when it is due may not be ours, or have stepped since."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A document to be asked for."""

    source_id: int
    event_id: int
    identity: str
    kind: str
    operation: str
    ids: dict[str, str]
    conversations: list[str]
    until: datetime


@dataclass(frozen=True, slots=True)
class Claimed:
    """A follow-up in the hands of a worker, with what it must know of the source."""

    id: int
    source_id: int
    source_kind: str
    source_settings: dict[str, Any]
    source_managed: bool
    kind: str
    operation: str
    ids: dict[str, str]
    conversations: list[str]
    attempts: int
    until: datetime


def ask(connection: Connection, wanted: Sequence[Wanted], now: datetime) -> None:
    """Puts these on the list. What was asked already is not asked again, unless it failed then."""
    rows = {
        one.identity: {
            "source_id": one.source_id, "event_id": one.event_id, "identity": one.identity, "kind": one.kind, "operation": one.operation,
            "ids": one.ids, "conversations": one.conversations, "status": WAITING, "due_at": now, "until": one.until, "asked_at": now,
        }
        for one in wanted
    }  # fmt: skip
    if not rows:
        return
    statement = insert_for(connection)(follow_ups)
    again = {name: statement.excluded[name] for name in ("event_id", "conversations", "status", "due_at", "until", "asked_at")}
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["identity"], set_=again | {"attempts": 0, "ended_at": None}, where=follow_ups.c.status == FAILED
        ),
        [rows[identity] for identity in sorted(rows)],
    )


def any_waiting(connection: Connection, identities: Sequence[str]) -> bool:
    """Whether one of these is still to come."""
    waiting = select(follow_ups.c.id).where(follow_ups.c.identity.in_(list(identities)), follow_ups.c.status == WAITING)
    return connection.scalar(waiting.limit(1)) is not None


def claim(
    connection: Connection, *, now: datetime, lease: str, lease_for: timedelta, limit: int, but: Collection[int] = ()
) -> list[Claimed]:
    """Takes up to `limit` that are due, none of the sources `but`. Each counts as one more attempt."""
    due = (
        select(follow_ups.c.id)
        .where(follow_ups.c.status == WAITING, or_(follow_ups.c.due_at <= now, _UNTOUCHED), follow_ups.c.source_id.not_in(list(but)))
        .order_by(follow_ups.c.due_at, follow_ups.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = list(
        connection.scalars(
            update(follow_ups)
            .where(among_taken(follow_ups.c.id, due))
            .values(lease=lease, due_at=now + lease_for, attempts=follow_ups.c.attempts + 1)
            .returning(follow_ups.c.id)
        )
    )
    rows = connection.execute(_LOAD, {"ids": taken}) if taken else ()
    return [Claimed(**row._mapping) for row in rows]


def extend(connection: Connection, *, lease: str, until: datetime) -> bool:
    """Holds what is held under `lease` for longer. False where nothing is, any more."""
    held = update(follow_ups).where(follow_ups.c.status == WAITING, follow_ups.c.lease == lease).values(due_at=until)
    return connection.execute(held).rowcount > 0


def finish(connection: Connection, follow_up_id: int, *, lease: str, status: str, reason: str | None, now: datetime) -> bool:
    """Records how it ended. False where the lease is lost: then somebody else answers for it."""
    changed = connection.execute(
        update(follow_ups)
        .where(follow_ups.c.id == follow_up_id, follow_ups.c.lease == lease)
        .values(status=status, reason=reason, lease=None, ended_at=now)
    )
    return changed.rowcount > 0


def put_back(connection: Connection, follow_up_id: int, *, lease: str, reason: str | None, due_at: datetime, tried: bool = True) -> None:
    """To be asked again at `due_at`. What was not `tried` does not count as an attempt."""
    connection.execute(
        update(follow_ups)
        .where(follow_ups.c.id == follow_up_id, follow_ups.c.lease == lease)
        .values(lease=None, due_at=due_at, reason=reason, attempts=follow_ups.c.attempts - (0 if tried else 1))
    )


def answered(connection: Connection, ids: Sequence[int]) -> list[str]:
    """Identities of the conversations whose mail waited for these follow-ups; from now on it does not."""
    rows = connection.scalars(select(follow_ups.c.conversations).where(among(follow_ups.c.id, "ids")), {"ids": ids})
    found = sorted({identity for identities in rows for identity in identities})
    connection.execute(update(follow_ups).where(among(follow_ups.c.id, "answered")).values(conversations=[]), {"answered": ids})
    return found


def awaited(connection: Connection, source_id: int, *, since: datetime) -> set[str]:
    """Identities of the conversations that wait for a document of this source, asked for lately: until it is recorded, not only fetched."""
    recent = (follow_ups.c.source_id == source_id, follow_ups.c.status != FAILED, follow_ups.c.asked_at > since)
    return {identity for found in connection.scalars(select(follow_ups.c.conversations).where(*recent)) for identity in found}


def next_due(connection: Connection, *, but: Collection[int] = ()) -> datetime | None:
    """When the next one is due, or its lease runs out; what nobody has tried is due whatever the clock says."""
    waiting = (follow_ups.c.status == WAITING, follow_ups.c.source_id.not_in(list(but)))
    if connection.scalar(select(follow_ups.c.id).where(*waiting, _UNTOUCHED).limit(1)) is not None:
        return EVER
    due: datetime | None = connection.scalar(select(func.min(follow_ups.c.due_at)).where(*waiting))
    return due


def of_event(connection: Connection, event_id: int) -> list[dict[str, Any]]:
    """What this event's mapper asked for, and what came of it."""
    columns = (
        follow_ups.c.id, follow_ups.c.kind, follow_ups.c.operation, follow_ups.c.ids, follow_ups.c.status, follow_ups.c.reason,
        follow_ups.c.attempts, follow_ups.c.asked_at, follow_ups.c.ended_at,
    )  # fmt: skip
    rows = connection.execute(select(*columns).where(follow_ups.c.event_id == event_id).order_by(follow_ups.c.id))
    return [dict(row._mapping) for row in rows]


_LOAD: Final = (
    select(
        follow_ups.c.id, follow_ups.c.source_id, sources.c.kind.label("source_kind"), sources.c.settings.label("source_settings"),
        sources.c.managed.label("source_managed"),
        follow_ups.c.kind, follow_ups.c.operation, follow_ups.c.ids, follow_ups.c.conversations, follow_ups.c.attempts, follow_ups.c.until,
    )
    .join(sources, sources.c.id == follow_ups.c.source_id)
    .where(follow_ups.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(follow_ups.c.id)
)  # fmt: skip
