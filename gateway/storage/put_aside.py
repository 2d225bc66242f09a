"""What one person puts aside for a while: a thread muted, an entry snoozed. Both end by themselves."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, update

from gateway.storage import audience, changes
from gateway.storage.tables import inbox_entries
from gateway.storage.types import Id


def mute(connection: Connection, *, user_id: int, notification_id: int, until: datetime | None, episode: int | None, now: datetime) -> None:
    """No alert and no place in a list until then, or while this episode lasts; mail about it that has not left is taken back."""
    _change(connection, user_id, notification_id, muted_until=until, muted_episode=episode)
    audience.take_out_of_mail(connection, [notification_id], now=now, why="muted before it was sent", user_id=user_id)


def unmute(connection: Connection, *, user_id: int, notification_id: int) -> None:
    """Ends a mute."""
    _change(connection, user_id, notification_id, muted_until=None, muted_episode=None)


def snooze(connection: Connection, *, user_id: int, notification_id: int, until: datetime | None, episode: int | None) -> None:
    """Out of list, counts and bar until then, or while this episode is open; then it is in the inbox, unread and on top."""
    on_top = {"last_at": until} if until else {}
    _change(connection, user_id, notification_id, snoozed_until=until, snoozed_episode=episode, read_at=None, archived_at=None, **on_top)


def unsnooze(connection: Connection, *, user_id: int, notification_id: int, now: datetime) -> None:
    """Ends a snooze: the entry is on top now."""
    _change(connection, user_id, notification_id, snoozed_until=None, snoozed_episode=None, last_at=now)


def _change(connection: Connection, user_id: int, notification_id: int, **columns: Any) -> None:
    connection.execute(_OF_ONE.values(**columns), {"user": user_id, "notification": notification_id})
    changes.note_people(connection, [user_id])


_USER, _NOTIFICATION = bindparam("user", type_=Id), bindparam("notification", type_=Id)
_OF_ONE: Final = update(inbox_entries).where(inbox_entries.c.user_id == _USER, inbox_entries.c.notification_id == _NOTIFICATION)
