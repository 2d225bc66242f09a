"""Who hears: the audience of notifications, computed in the database, and what it gets written.

A member of the team hears through a channel when all hold: master switch on · channel on · subscribed to the category ·
level at least the channel's minimum · holds all required permissions · is named, where people are · scope fits · the
thread is not muted by them. Mail waits for a snooze, for quiet hours, do-not-disturb and digests.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, case, literal, select, union, update

from gateway.domain.judge import Alert
from gateway.domain.rhythm import Rhythm
from gateway.storage import audience_statements as entries
from gateway.storage import mail_statements as mail
from gateway.storage.hearing import EVERYONE, FAILING, KINDS, NOW
from gateway.storage.tables import delivery_items, fan_outs, inbox_entries, memberships, users
from gateway.storage.types import Time, microseconds

Calendar = Mapping[tuple[str, datetime], datetime]
"""Until when mail is held, by rhythm and by when one may be disturbed again."""


@dataclass(frozen=True, slots=True)
class News:
    """What one thread's audience is to be told."""

    notification_id: int
    episode: int
    reason: str
    news: str
    """The same news (of one conversation) makes one delivery per person."""
    digest: int | None = None
    """The conversation of the team's digests; needed where somebody's mail is held."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When people are told, and which of them: those with ids above `after`, up to `upto`."""

    now: datetime
    by_mail: bool
    calendar: Calendar | None = None
    """None: nobody's mail is held."""
    after: int = 0
    upto: int = EVERYONE


def calendar(connection: Connection, now: datetime) -> Calendar | None:
    """Until when mail of those who have a rhythm is held; None where nobody's mail is held at all."""
    found = {(rhythm, undisturbed or now) for rhythm, undisturbed in connection.execute(_HELD, {"now": now})}
    held = {(rhythm, until): Rhythm.of(rhythm).free_at(now, until) for rhythm, until in found if rhythm is not None}
    return held if any(rhythm is None for rhythm, _ in found) or any(until > now for until in held.values()) else None


def tell(connection: Connection, alert: Alert, news: Sequence[News], moment: Moment) -> int:
    """Tells the people whom `alert` names; gives how many entries and deliveries that made or changed."""
    if not news or alert is Alert.NOBODY:
        return 0
    if alert in (Alert.AUDIENCE, Alert.QUIETLY):
        return _tell_audience(connection, news, moment, by_mail=moment.by_mail and alert is Alert.AUDIENCE)
    told = _handed_over(connection.dialect.name, news, moment) | {"ids": [one.notification_id for one in news]}
    if alert is Alert.TOLD:
        _take_out_of_mail(connection, told | {"kinds": FAILING, "why": "recovered before it was sent"})
    mails = _queue_mail(connection, _KINDS[alert], news, moment) if moment.by_mail else 0
    return mails if alert is Alert.REMINDED else mails + _count(connection, entries.change_entries(connection.dialect.name, alert), told)


def heard(connection: Connection, channel: str, news: Sequence[News], *, user_id: int, now: datetime) -> set[str]:
    """Which of these the person hears over this channel, by `news`; nobody is told."""
    moment = Moment(now, by_mail=False, after=user_id - 1, upto=user_id)
    dialect = connection.dialect.name
    return set(connection.scalars(entries.heard(dialect, channel), _handed_over(dialect, news, moment)))


def take_out_of_mail(connection: Connection, ids: Sequence[int], *, now: datetime, why: str, user_id: int) -> None:
    """Takes these threads out of the person's mails of every kind that have not left; `why` stands with those that are cancelled."""
    _take_out_of_mail(connection, {"ids": ids, "now": now, "after": user_id - 1, "upto": user_id, "kinds": KINDS, "why": why})


def renumber(connection: Connection, notification_id: int, *, old: int, new: int) -> None:
    """An episode got another number because something older became known: who was told of it stays told of it."""
    for table in (inbox_entries, delivery_items, fan_outs):
        connection.execute(update(table).where(table.c.notification_id == notification_id, table.c.episode == old).values(episode=new))
    for aside in (inbox_entries.c.muted_episode, inbox_entries.c.snoozed_episode):
        connection.execute(
            update(inbox_entries).where(inbox_entries.c.notification_id == notification_id, aside == old).values({aside: new})
        )


def _tell_audience(connection: Connection, news: Sequence[News], moment: Moment, *, by_mail: bool) -> int:
    """Everyone who hears gets an unread entry and, `by_mail`, a delivery."""
    dialect = connection.dialect.name
    told = _handed_over(dialect, news, moment)
    mails = _queue_mail(connection, "failing", news, moment) if by_mail else 0
    listed = _count(connection, entries.put_entries(dialect), told)
    return mails + listed + (_count(connection, entries.put_entries_of_mail(dialect), told) if by_mail else 0)


def _queue_mail(connection: Connection, kind: str, news: Sequence[News], moment: Moment) -> int:
    dialect = connection.dialect.name
    told = _handed_over(dialect, news, moment)
    queued = _count(connection, mail.queue_deliveries(dialect, kind), told)
    if connection.execute(mail.hold_deliveries(dialect), told).all():  # no worker composes them before this is committed
        connection.execute(mail.put_items(dialect, kind), told)
    if moment.calendar is not None:
        connection.execute(mail.open_digests(dialect, kind), told)
        queued += _count(connection, mail.put_digest_items(dialect, kind), told)
    return queued


def _count(connection: Connection, statement: Any, told: Mapping[str, Any]) -> int:
    """Runs it; gives how many rows it made or changed. An INSERT says so only if it is asked to, and never to sqlite3 behind a WITH."""
    if connection.dialect.name == "postgresql":
        rows: int = connection.execute(statement, told, execution_options={"preserve_rowcount": True}).rowcount
        return rows
    driver: Any = connection.connection.dbapi_connection
    before: int = driver.total_changes
    connection.execute(statement, told)
    return int(driver.total_changes - before)


def _take_out_of_mail(connection: Connection, told: Mapping[str, Any]) -> None:
    """An emptied mail is cancelled, another one composed anew.

    A frozen mail without an answer may have left: its worker sends it, or died while it did.
    """
    unsent = connection.scalars(mail.UNSENT, told).all()
    if not unsent:
        return
    touched = list(connection.scalars(mail.TAKE_OUT, {"ids": told["ids"], "deliveries": unsent}))
    connection.execute(mail.COMPOSE_ANEW, {"deliveries": touched})
    connection.execute(mail.CANCEL_EMPTY, {"deliveries": touched, "now": told["now"], "why": told["why"]})


def _handed_over(dialect: str, news: Sequence[News], moment: Moment) -> dict[str, Any]:
    """Each as one value, so that the statement stays the same however many there are."""
    written: Callable[[datetime], object] = datetime.isoformat if dialect == "postgresql" else microseconds
    return {
        "news": json.dumps([(one.notification_id, one.episode, one.reason, one.news, one.digest) for one in news]),
        "calendar": json.dumps(
            [(rhythm, written(undisturbed), written(until)) for (rhythm, undisturbed), until in (moment.calendar or {}).items()]
        ),
        "now": moment.now,
        "after": moment.after,
        "upto": moment.upto,
    }


_KINDS: Final = {Alert.READERS: "repeated", Alert.TOLD: "resolved", Alert.REMINDED: "reminder"}
_DISTURBED: Final = (
    (users, users),
    (memberships, memberships.join(users, users.c.id == memberships.c.user_id)),
)
_HELD: Final = union(
    select(users.c.rhythm, literal(None, Time).label("undisturbed")).where(users.c.rhythm.is_not(None)),
    *(
        select(users.c.rhythm, case((users.c.rhythm.is_not(None), table.c.do_not_disturb_until)))
        .select_from(both)
        .where(table.c.do_not_disturb_until > NOW)
        for table, both in _DISTURBED
    ),
)
"""Every rhythm that somebody has, alone and with when its people may be disturbed again; no rhythm: somebody without one may not be."""
