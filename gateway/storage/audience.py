"""Who hears: the audience of notifications, computed in the database, and what it gets written.

A member of the team hears through a channel when all hold: master switch on · channel on · subscribed to the category ·
level at least the channel's minimum · holds all required permissions · scope fits · the thread is not muted by them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, update

from gateway.storage import audience_statements as sql
from gateway.storage.tables import delivery_items, inbox_entries


@dataclass(frozen=True, slots=True)
class News:
    """What one thread's audience is to be told."""

    notification_id: int
    reason: str
    news: str
    """The same news (of one conversation) makes one delivery per person."""


def tell_audience(connection: Connection, news: Sequence[News], *, now: datetime, by_mail: bool, clears: frozenset[str]) -> None:
    """Everyone who hears gets an unread entry and, with `by_mail`, a delivery. Reasons in `clears` take back what was put aside."""
    if not news:
        return
    told = {"news": _handed_over(news), "now": now}
    if by_mail:
        _queue_mail(connection, "failing", told)
    connection.execute(sql.put_entries(connection.dialect.name, clears), told)
    if by_mail:
        connection.execute(sql.put_entries_of_mail(connection.dialect.name), told)


def tell_readers(connection: Connection, news: Sequence[News], *, now: datetime, by_mail: bool) -> None:
    """Those who had read it find it unread again and, with `by_mail`, get a delivery."""
    if not news:
        return
    if by_mail:
        _queue_mail(connection, "repeated", {"news": _handed_over(news), "now": now})
    connection.execute(sql.UNREAD, {"ids": [one.notification_id for one in news], "now": now})


def tell_told(connection: Connection, news: Sequence[News], *, now: datetime, by_mail: bool) -> None:
    """Those who were told of the episode hear that it is over; a failing mail that has not left is cancelled instead."""
    if not news:
        return
    ids = [one.notification_id for one in news]
    cancel_unsent(connection, ids, now=now)
    if by_mail:
        _queue_mail(connection, "resolved", {"news": _handed_over(news), "now": now})
    connection.execute(sql.OVER, {"ids": ids, "now": now})


def cancel_unsent(connection: Connection, ids: Sequence[int], *, now: datetime) -> None:
    """Takes these threads' failures out of mails that have not left; an emptied mail is cancelled, another one composed anew.

    A frozen mail without an answer may have left: its worker sends it, or died while it did.
    """
    unsent = connection.scalars(sql.UNSENT, {"ids": ids}).all()
    if not unsent:
        return
    touched = list(connection.scalars(sql.TAKE_OUT, {"ids": ids, "deliveries": unsent}))
    connection.execute(sql.COMPOSE_ANEW, {"deliveries": touched})
    connection.execute(sql.CANCEL_EMPTY, {"deliveries": touched, "now": now})


def renumber(connection: Connection, notification_id: int, *, old: int, new: int) -> None:
    """An episode got another number because something older became known: who was told of it stays told of it."""
    for table in (inbox_entries, delivery_items):
        connection.execute(update(table).where(table.c.notification_id == notification_id, table.c.episode == old).values(episode=new))


def _handed_over(news: Sequence[News]) -> str:
    """As one value, so that the statement stays the same however many there are."""
    return json.dumps([(one.notification_id, one.reason, one.news) for one in news])


def _queue_mail(connection: Connection, kind: str, told: Mapping[str, Any]) -> None:
    dialect = connection.dialect.name
    connection.execute(sql.queue_deliveries(dialect, kind), told)
    if connection.execute(sql.hold_deliveries(dialect), told).all():  # no worker composes them before this is committed
        connection.execute(sql.put_items(dialect, kind), told)
