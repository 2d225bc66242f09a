"""How far each sender was asked for runs whose webhooks never came."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, func, select, update

from gateway.storage.database import insert_for
from gateway.storage.tables import reconciliations, sources


@dataclass(frozen=True, slots=True)
class Claimed:
    """A source to be asked."""

    source_id: int
    kind: str
    settings: dict[str, Any]
    managed: bool
    upto: datetime
    failures: int


def enroll(connection: Connection, kinds: Collection[str], now: datetime) -> None:
    """From now on, the enabled sources of these kinds that are not asked yet."""
    known = select(reconciliations.c.source_id)
    new = connection.scalars(
        select(sources.c.id).where(sources.c.kind.in_(list(kinds)), sources.c.disabled_at.is_(None), sources.c.id.not_in(known))
    ).all()
    if new:
        connection.execute(
            insert_for(connection)(reconciliations).on_conflict_do_nothing(),
            [{"source_id": source_id, "upto": now, "due_at": now} for source_id in new],
        )


def ask_soon(connection: Connection, now: datetime) -> None:
    """Every source that is not in trouble is due: nobody asked while we were down."""
    calm = (reconciliations.c.lease.is_(None), reconciliations.c.trouble.is_(None), reconciliations.c.due_at > now)
    connection.execute(update(reconciliations).where(*calm).values(due_at=now))


def claim(connection: Connection, *, now: datetime, lease: str, lease_for: timedelta) -> Claimed | None:
    """Takes the enabled source that is due the longest."""
    enabled = select(sources.c.id).where(sources.c.disabled_at.is_(None))
    due = (
        select(reconciliations.c.source_id)
        .where(reconciliations.c.due_at <= now, reconciliations.c.source_id.in_(enabled))
        .order_by(reconciliations.c.due_at, reconciliations.c.source_id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    taken = connection.scalar(
        update(reconciliations)
        .where(reconciliations.c.source_id == due.scalar_subquery())
        .values(lease=lease, due_at=now + lease_for)
        .returning(reconciliations.c.source_id)
    )
    row = connection.execute(_LOAD.where(reconciliations.c.source_id == taken)).one_or_none() if taken is not None else None
    return Claimed(**row._mapping) if row else None


def extend(connection: Connection, *, lease: str, until: datetime) -> bool:
    """Holds what is held under `lease` for longer. False where nothing is, any more."""
    held = update(reconciliations).where(reconciliations.c.lease == lease).values(due_at=until)
    return connection.execute(held).rowcount > 0


def advance(connection: Connection, source_id: int, *, lease: str, upto: datetime) -> None:
    """Of every run that ended until `upto` it is known now how."""
    connection.execute(
        update(reconciliations).where(reconciliations.c.source_id == source_id, reconciliations.c.lease == lease).values(upto=upto)
    )


def finish(connection: Connection, source_id: int, *, lease: str, trouble: str | None, asked_at: datetime | None, due_at: datetime) -> None:
    """Records how the asking went, if it was asked at all; the next is at `due_at`."""
    failures = reconciliations.c.failures + 1 if trouble else 0
    connection.execute(
        update(reconciliations)
        .where(reconciliations.c.source_id == source_id, reconciliations.c.lease == lease)
        .values(lease=None, due_at=due_at, trouble=trouble, failures=failures, **({"asked_at": asked_at} if asked_at else {}))
    )


def next_due(connection: Connection) -> datetime | None:
    """When the next source is due, or a lease runs out."""
    due: datetime | None = connection.scalar(select(func.min(reconciliations.c.due_at)))
    return due


_LOAD: Final = select(
    reconciliations.c.source_id, sources.c.kind, sources.c.settings, sources.c.managed, reconciliations.c.upto, reconciliations.c.failures
).join(sources, sources.c.id == reconciliations.c.source_id)
