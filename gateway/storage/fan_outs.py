"""Telling a large team: what is still to be told, and how far that has come."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, delete, exists, func, insert, select, update

from gateway.domain.judge import Alert
from gateway.storage.among import among
from gateway.storage.tables import fan_outs, memberships, notifications


@dataclass(frozen=True, slots=True)
class FanOut:
    """News on its way through a team; everyone up to `after` was told."""

    id: int
    team_id: int
    notification_id: int
    episode: int
    alert: Alert
    reason: str
    news: str
    by_mail: bool
    after: int
    is_over: bool
    """Whether the recovery is on its way as well."""

    @property
    def is_mailed(self) -> bool:
        """Whether it goes by mail: once it is over nobody needs a mail that it fails any more."""
        return self.by_mail and not (self.is_over and self.alert is not Alert.TOLD)


def put(connection: Connection, rows: Sequence[dict[str, Any]], now: datetime) -> None:
    """Begins to tell: rows of team_id, notification_id, episode, alert, reason, news, by_mail."""
    if rows:
        connection.execute(insert(fan_outs), [{**row, "created_at": now} for row in rows])


def under_way(connection: Connection, ids: Sequence[int]) -> set[int]:
    """Those of these notifications whose people are still being told of something."""
    return set(connection.scalars(_UNDER_WAY, {"ids": ids}))


def take(connection: Connection) -> list[FanOut]:
    """What is to be told next, locked: urgent things first, those of one notification in their order, and what is one mail together.

    Empty where there is none to be had.
    """
    first = connection.scalar(_NEXT)
    rows = connection.execute(_TOGETHER, {"first": first}) if first is not None else ()
    return [FanOut(**{**row._mapping, "alert": Alert(row.alert)}) for row in rows]


def end_of_range(connection: Connection, team_id: int, *, after: int, size: int) -> int | None:
    """The last of the next `size` members; None where there are no more than that."""
    last: int | None = connection.scalar(_LAST, {"team": team_id, "after": after, "size": size - 1})
    return last


def advance(connection: Connection, ids: Sequence[int], upto: int | None) -> None:
    """Everyone up to this one was told of these; None: everyone was."""
    these = among(fan_outs.c.id, "ids")
    change = delete(fan_outs).where(these) if upto is None else update(fan_outs).where(these).values(after_user_id=upto)
    connection.execute(change, {"ids": ids})


def waiting(connection: Connection) -> tuple[int, datetime | None]:
    """How many there are, and since when the oldest."""
    row = connection.execute(select(func.count(), func.min(fan_outs.c.created_at))).one()
    return row[0], row[1]


_same, _earlier, _later = (fan_outs.alias(name) for name in ("same", "earlier", "later"))
_UNDER_WAY: Final = select(fan_outs.c.notification_id).where(among(fan_outs.c.notification_id, "ids"))
_IN_ONE_MAIL: Final = and_(*(_same.c[name] == fan_outs.c[name] for name in ("team_id", "news", "alert", "by_mail", "after_user_id")))
_NEXT: Final = (
    select(fan_outs.c.id)
    .join(notifications, notifications.c.id == fan_outs.c.notification_id)
    .where(
        ~exists().where(_IN_ONE_MAIL, _same.c.id < fan_outs.c.id),
        ~exists().where(_IN_ONE_MAIL, _earlier.c.notification_id == _same.c.notification_id, _earlier.c.id < _same.c.id),
    )
    .order_by(notifications.c.urgent.desc(), fan_outs.c.id)
    .limit(1)
    .with_for_update(of=fan_outs, skip_locked=True)
)
_TOGETHER: Final = (
    select(
        *(_same.c[name] for name in ("id", "team_id", "notification_id", "episode", "alert", "reason", "news", "by_mail")),
        _same.c.after_user_id.label("after"),
        exists().where(
            _later.c.notification_id == _same.c.notification_id, _later.c.id > _same.c.id, _later.c.alert == Alert.TOLD.value
        ).label("is_over"),
    )
    .join(fan_outs, _IN_ONE_MAIL)
    .where(fan_outs.c.id == bindparam("first"))
    .order_by(_same.c.id)
    .with_for_update(of=_same)
)  # fmt: skip
_LAST: Final = (
    select(memberships.c.user_id)
    .where(memberships.c.team_id == bindparam("team"), memberships.c.user_id > bindparam("after"))
    .order_by(memberships.c.user_id)
    .offset(bindparam("size"))
    .limit(1)
)
