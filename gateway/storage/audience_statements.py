"""The statements of `audience` on inbox entries, made once: making one costs ten times what running it does."""

import functools
from typing import Any, Final

from sqlalchemy import case, func, literal, select, update

from gateway.domain.judge import Alert
from gateway.storage.among import among
from gateway.storage.database import insert_of
from gateway.storage.hearing import CLEARS, EMAIL, IN_APP, NOW, crowd, hears, in_range, news, not_muted
from gateway.storage.latest import latest
from gateway.storage.tables import inbox_entries, notifications, users

_ENTRY: Final = ["user_id", "notification_id", "team_id", "category", "episode", "reason", "listed", "first_at", "last_at"]
_AWAKE: Final = latest(NOW, func.coalesce(inbox_entries.c.snoozed_until, NOW))
"""Now, or when its snooze ends: then it is on top of the list."""
_PUT_ASIDE: Final = ("archived_at", "dismissed_at", "snoozed_until", "snoozed_episode")


@functools.cache
def put_entries(dialect: str) -> Any:
    """Unread entries for everyone who hears in-app. A new episode and an escalation take back what was put aside."""
    statement = insert_of(dialect)(inbox_entries).from_select(_ENTRY, _entries(dialect, IN_APP))
    clears = statement.excluded.reason.in_(CLEARS)
    aside = {name: case((clears, None), else_=inbox_entries.c[name]) for name in _PUT_ASIDE}
    same = {name: statement.excluded[name] for name in ("reason", "category", "episode")}
    return statement.on_conflict_do_update(
        index_elements=["user_id", "notification_id"],
        set_={"read_at": None, "listed": True, "last_at": case((clears, NOW), else_=_AWAKE), **same, **aside},
    )


@functools.cache
def put_entries_of_mail(dialect: str) -> Any:
    """Entries that stand on no list, for who hears by mail only."""
    return insert_of(dialect)(inbox_entries).from_select(_ENTRY, _entries(dialect, EMAIL)).on_conflict_do_nothing()


@functools.cache
def heard(dialect: str, channel: str) -> Any:
    """Which of the news people hear over this channel, by `news`."""
    told = news(dialect)
    return crowd(told, hears(channel, told), (told.c.news,))


def _entries(dialect: str, channel: str) -> Any:
    told = news(dialect)
    columns = (
        users.c.id, notifications.c.id, notifications.c.team_id, notifications.c.category, told.c.episode, told.c.reason,
        literal(channel == IN_APP), NOW, NOW,
    )  # fmt: skip
    return crowd(told, hears(channel, told), columns)


@functools.cache
def change_entries(dialect: str, alert: Alert) -> Any:
    """Makes entries unread: of those who had read it (`READERS`), or of those who were told of this episode, which is over (`TOLD`)."""
    told = news(dialect)
    episode = select(told.c.episode).where(told.c.notification_id == inbox_entries.c.notification_id).scalar_subquery()
    theirs = (among(inbox_entries.c.notification_id, "ids"), in_range(inbox_entries.c.user_id), not_muted(episode))
    if alert is Alert.READERS:
        return update(inbox_entries).where(*theirs, inbox_entries.c.read_at.is_not(None)).values(last_at=_AWAKE, read_at=None)
    over = update(inbox_entries).where(*theirs, inbox_entries.c.episode == episode)
    return over.values(read_at=None, last_at=_AWAKE, reason="resolved")
