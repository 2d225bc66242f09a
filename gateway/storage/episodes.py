"""Episodes of threads, written as the engine folds them and people acknowledge them; read by `figures`."""

import functools
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, delete, insert, or_, select, update

from gateway.domain.episode import Episode, Heard, carried
from gateway.storage.database import insert_of
from gateway.storage.tables import episodes, notifications

BEAT: Final = "episodes"
"""The beat that tells since when they are written down."""
_ABOUT: Final = ("team_id", "source_id", "category", "environment", "pipeline")


def put(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes episodes, or how they are by now; their `alerts` are added to those known."""
    if rows:
        connection.execute(_put(connection.dialect.name), sorted(rows, key=lambda row: (row["notification_id"], row["opened_at"])))


def put_anew(connection: Connection, notification_id: int, anew: Sequence[Episode]) -> None:
    """Replaces the episodes of a thread by those that its history turned out to have; what people did and heard is carried over."""
    known = connection.execute(_OF_THREAD, {"id": notification_id}).all()
    if not known and not anew:
        return
    heard = carried({row.opened_at: Heard(row.acknowledged_at, row.alerts) for row in known}, anew)
    about = known[0] if known else connection.execute(_THREAD, {"id": notification_id}).one()
    connection.execute(delete(episodes).where(episodes.c.notification_id == notification_id))
    if anew:
        place = {"notification_id": notification_id, **{name: getattr(about, name) for name in _ABOUT}}
        connection.execute(
            insert(episodes),
            [
                {
                    **place, "opened_at": one.opened_at, "resolved_at": one.resolved_at, "ended_by": one.ended_by and one.ended_by.value,
                    "happenings": one.happenings, "flapped": one.flapped, "alerts": heard[one.opened_at].alerts,
                    "acknowledged_at": heard[one.opened_at].acknowledged_at,
                }
                for one in anew
            ],
        )  # fmt: skip


def acknowledge(connection: Connection, notification_id: int, *, now: datetime) -> None:
    """Somebody is on the open episode of this thread; the first time stays."""
    of_thread = and_(episodes.c.notification_id == notification_id, episodes.c.resolved_at.is_(None))
    connection.execute(update(episodes).where(of_thread, episodes.c.acknowledged_at.is_(None)).values(acknowledged_at=now))


def take_back(connection: Connection, notification_id: int) -> None:
    """The acknowledgement that the thread has now never was; one from before it got worse stays."""
    given = select(notifications.c.acknowledged_at).where(notifications.c.id == notification_id).scalar_subquery()
    this = and_(episodes.c.notification_id == notification_id, episodes.c.acknowledged_at == given)
    connection.execute(update(episodes).where(this).values(acknowledged_at=None))


_OF_THREAD: Final = select(episodes).where(episodes.c.notification_id == bindparam("id")).order_by(episodes.c.opened_at.desc())
_THREAD: Final = select(*(notifications.c[name] for name in _ABOUT)).where(notifications.c.id == bindparam("id"))


@functools.cache
def _put(dialect: str) -> Any:
    statement: Any = insert_of(dialect)(episodes)
    new = statement.excluded
    latest = {name: new[name] for name in ("category", "environment", "pipeline", "resolved_at", "ended_by", "happenings")}
    return statement.on_conflict_do_update(
        index_elements=["notification_id", "opened_at"],
        set_=latest | {"flapped": or_(episodes.c.flapped, new.flapped), "alerts": episodes.c.alerts + new.alerts},
    )
