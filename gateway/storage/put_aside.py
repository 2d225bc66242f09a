"""What one person puts aside for a while: threads muted, entries snoozed. Both end by themselves.

`until` is when; None is until it is resolved, which only what is open can wait for. Gives the ids it was done to.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Update, bindparam, func, literal, literal_column, or_, select, update

from gateway.storage import audience, changes
from gateway.storage.among import among
from gateway.storage.tables import inbox_entries, notifications
from gateway.storage.types import Id, Time


def mute(connection: Connection, *, user_id: int, ids: Sequence[int], until: datetime | None, now: datetime) -> list[int]:
    """No alert and no place in a list until then, or while this episode lasts; mail about them that has not left is taken back."""
    done = list(ids) if until else _open(connection, ids)
    _change(connection, _OF_THESE, user_id, done, muted_until=until, muted_episode=None if until else _EPISODE)
    audience.take_out_of_mail(connection, done, now=now, why="muted before it was sent", user_id=user_id)
    return done


def count_muted(connection: Connection, *, user_id: int, without: Sequence[int], now: datetime, upto: int) -> int:
    """How many notifications beside these the person has muted; counts no further than `upto`."""
    others = (inbox_entries.c.user_id == user_id, inbox_entries.c.notification_id.not_in(without))
    muted = inbox_entries.c.muted_until > now, inbox_entries.c.muted_episode.is_not(None)
    some = select(inbox_entries.c.notification_id).where(*others, or_(*muted)).limit(upto)
    return connection.scalar(select(func.count()).select_from(some.subquery())) or 0


def unmute(connection: Connection, *, user_id: int, ids: Sequence[int]) -> None:
    """Ends a mute."""
    _change(connection, _OF_THESE, user_id, ids, muted_until=None, muted_episode=None)


def snooze(connection: Connection, *, user_id: int, ids: Sequence[int], until: datetime | None) -> list[int]:
    """Out of list, counts and bar until then, or while this episode is open; then they are in the inbox, unread and on top."""
    done = list(ids) if until else _open(connection, ids)
    on_top = {"last_at": until} if until else {}
    episode = None if until else _EPISODE
    values = {"snoozed_until": until, "snoozed_episode": episode, "read_at": None, "archived_at": None}
    _change(connection, _OF_THESE, user_id, done, **values, **on_top)
    return done


def unsnooze(connection: Connection, *, user_id: int, ids: Sequence[int], now: datetime) -> None:
    """Ends what is left of a snooze: the entry is on top now."""
    asleep = _OF_THESE.where(_is_asleep(now))
    _change(connection, asleep, user_id, ids, snoozed_until=None, snoozed_episode=None, last_at=now)


def _change(connection: Connection, of_which: Update, user_id: int, ids: Sequence[int], **columns: Any) -> None:
    connection.execute(of_which.values(**columns), {"user": user_id, "ids": ids})
    changes.note_people(connection, [user_id])


def _is_asleep(now: datetime) -> ColumnElement[bool]:
    of_episode = (notifications.c.status == literal_column("'open'"), notifications.c.episode == _entry.snoozed_episode)
    return or_(_entry.snoozed_until > literal(now, Time), _entry.notification_id.in_(select(notifications.c.id).where(*of_episode)))


def _open(connection: Connection, ids: Sequence[int]) -> list[int]:
    return list(connection.scalars(_OPEN, {"ids": ids}))


_entry = inbox_entries.c
_OF_THESE: Final = update(inbox_entries).where(_entry.user_id == bindparam("user", type_=Id), among(_entry.notification_id, "ids"))
_OPEN: Final = select(notifications.c.id).where(among(notifications.c.id, "ids"), notifications.c.status == literal_column("'open'"))
_EPISODE: Final = select(notifications.c.episode).where(notifications.c.id == _entry.notification_id).scalar_subquery()
