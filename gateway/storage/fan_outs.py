"""Telling a large team: what is still to be told, and how far that has come."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, exists, func, insert, select, update

from gateway.domain.judge import Alert
from gateway.storage.among import among
from gateway.storage.tables import fan_outs, memberships, notifications


@dataclass(frozen=True, slots=True)
class FanOut:
    """News on its way through a team; everyone up to `after` was told."""

    id: int
    notification_id: int
    team_id: int
    alert: Alert
    reason: str
    news: str
    by_mail: bool
    after: int
    is_over: bool
    """Whether the recovery is on its way as well: then nobody needs a mail that it fails any more."""


def put(connection: Connection, rows: Sequence[dict[str, Any]], now: datetime) -> None:
    """Begins to tell: rows of notification_id, alert, reason, news, by_mail."""
    if rows:
        connection.execute(insert(fan_outs), [{**row, "created_at": now} for row in rows])


def under_way(connection: Connection, ids: Sequence[int]) -> set[int]:
    """Those of these notifications whose people are still being told of something."""
    return set(connection.scalars(_UNDER_WAY, {"ids": ids}))


def take(connection: Connection) -> FanOut | None:
    """The next one, locked: urgent ones first, and those of one notification in their order. None where there is none to be had."""
    row = connection.execute(_NEXT).one_or_none()
    return FanOut(**{**row._mapping, "alert": Alert(row.alert)}) if row else None


def end_of_range(connection: Connection, team_id: int, *, after: int, size: int) -> int | None:
    """The last of the next `size` members; None where there are no more than that."""
    last: int | None = connection.scalar(_LAST, {"team": team_id, "after": after, "size": size - 1})
    return last


def advance(connection: Connection, fan_out_id: int, upto: int | None) -> None:
    """Everyone up to this one was told; None: everyone was."""
    one = fan_outs.c.id == fan_out_id
    connection.execute(delete(fan_outs).where(one) if upto is None else update(fan_outs).where(one).values(after_user_id=upto))


def waiting(connection: Connection) -> tuple[int, datetime | None]:
    """How many there are, and since when the oldest."""
    row = connection.execute(select(func.count(), func.min(fan_outs.c.created_at))).one()
    return row[0], row[1]


_earlier, _later = fan_outs.alias("earlier"), fan_outs.alias("later")
_UNDER_WAY: Final = select(fan_outs.c.notification_id).where(among(fan_outs.c.notification_id, "ids"))
_NEXT: Final = (
    select(
        fan_outs.c.id, fan_outs.c.notification_id, notifications.c.team_id, fan_outs.c.alert, fan_outs.c.reason, fan_outs.c.news,
        fan_outs.c.by_mail, fan_outs.c.after_user_id.label("after"),
        exists().where(
            _later.c.notification_id == fan_outs.c.notification_id, _later.c.id > fan_outs.c.id, _later.c.alert == Alert.TOLD.value
        ).label("is_over"),
    )
    .join(notifications, notifications.c.id == fan_outs.c.notification_id)
    .where(~exists().where(_earlier.c.notification_id == fan_outs.c.notification_id, _earlier.c.id < fan_outs.c.id))
    .order_by(notifications.c.urgent.desc(), fan_outs.c.id)
    .limit(1)
    .with_for_update(of=fan_outs, skip_locked=True)
)  # fmt: skip
_LAST: Final = (
    select(memberships.c.user_id)
    .where(memberships.c.team_id == bindparam("team"), memberships.c.user_id > bindparam("after"))
    .order_by(memberships.c.user_id)
    .offset(bindparam("size"))
    .limit(1)
)
