"""Who hears: the audience of notifications, computed in the database, and what it gets written.

A member of the team hears through a channel when all hold: master switch on · channel on · subscribed to the category ·
level at least the channel's minimum · holds all required permissions · scope fits · the thread is not muted by them.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Select,
    String,
    and_,
    case,
    cast,
    column,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
    update,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import JSONB

from gateway.storage.database import insert_for
from gateway.storage.permitted import holds_permissions
from gateway.storage.tables import (
    deliveries,
    delivery_items,
    inbox_entries,
    memberships,
    notification_owners,
    notifications,
    subscriptions,
    user_owns,
    users,
)  # fmt: skip
from gateway.storage.types import Id, Time

IN_APP: Final = "in_app"
EMAIL: Final = "email"
WAITING: Final = "waiting"


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
    told = _news(connection, news)
    if by_mail:
        _queue_mail(connection, told, _hears(EMAIL, now), "failing", now)
    statement = insert_for(connection)(inbox_entries).from_select(_ENTRY, _entries(told, _hears(IN_APP, now), now, listed=True))
    put_aside = statement.excluded.reason.in_(sorted(clears))
    aside = {name: case((put_aside, None), else_=inbox_entries.c[name]) for name in ("archived_at", "dismissed_at", "snoozed_until")}
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["user_id", "notification_id"],
            set_={
                "read_at": None,
                "last_at": statement.excluded.last_at,
                "reason": statement.excluded.reason,
                "category": statement.excluded.category,
                "episode": statement.excluded.episode,
                "listed": True,
                **aside,
            },
        )
    )
    if by_mail:
        only_mail = insert_for(connection)(inbox_entries).from_select(_ENTRY, _entries(told, _hears(EMAIL, now), now, listed=False))
        connection.execute(only_mail.on_conflict_do_nothing())


def tell_readers(connection: Connection, news: Sequence[News], *, now: datetime, by_mail: bool) -> None:
    """Those who had read it find it unread again and, with `by_mail`, get a delivery."""
    if not news:
        return
    told = _news(connection, news)
    if by_mail:
        had_read = exists().where(_is_entry_of(told), inbox_entries.c.read_at.is_not(None))
        _queue_mail(connection, told, and_(_hears(EMAIL, now), had_read), "failing", now)
    connection.execute(
        update(inbox_entries)
        .where(inbox_entries.c.notification_id.in_([one.notification_id for one in news]), _not_muted(now))
        .values(last_at=now, read_at=None)
    )


def tell_told(connection: Connection, news: Sequence[News], *, now: datetime, by_mail: bool) -> None:
    """Those who were told of the episode hear that it is over; a failing mail that has not left is cancelled instead."""
    if not news:
        return
    ids = [one.notification_id for one in news]
    cancel_unsent(connection, ids, now=now)
    told = _news(connection, news)
    if by_mail:
        reachable = and_(users.c.enabled, users.c.email_enabled, holds_permissions(users.c.id), not_(_muted(now)))
        _queue_mail(connection, told, and_(reachable, _was_mailed()), "resolved", now)
    episode = select(notifications.c.episode).where(notifications.c.id == inbox_entries.c.notification_id).scalar_subquery()
    connection.execute(
        update(inbox_entries)
        .where(inbox_entries.c.notification_id.in_(ids), inbox_entries.c.episode == episode, _not_muted(now))
        .values(read_at=None, last_at=now, reason="resolved")
    )


def cancel_unsent(connection: Connection, ids: Sequence[int], *, now: datetime) -> None:
    """Takes these threads' failures out of mails that have not left; an emptied mail is cancelled, another one composed anew.

    A frozen mail without an answer may have left: its worker sends it, or died while it did.
    """
    part = (delivery_items.c.notification_id.in_(ids), not_(delivery_items.c.cancelled))
    unsent = connection.scalars(
        select(deliveries.c.id)
        .where(
            deliveries.c.id.in_(select(delivery_items.c.delivery_id).where(*part)),
            deliveries.c.status == WAITING,
            deliveries.c.lease.is_(None),
            deliveries.c.kind == "failing",
            or_(deliveries.c.mail.is_(None), deliveries.c.last_answer.is_not(None)),
        )
        .order_by(deliveries.c.id)
        .with_for_update()
    ).all()
    touched = list(
        connection.scalars(
            update(delivery_items)
            .where(*part, delivery_items.c.delivery_id.in_(unsent))
            .values(cancelled=True)
            .returning(delivery_items.c.delivery_id)
        )
    )
    if touched:
        connection.execute(update(deliveries).where(deliveries.c.id.in_(touched)).values(mail=None))
        left = exists().where(delivery_items.c.delivery_id == deliveries.c.id, not_(delivery_items.c.cancelled))
        connection.execute(
            update(deliveries)
            .where(deliveries.c.id.in_(touched), not_(left))
            .values(status="cancelled", finished_at=now, last_answer="recovered before it was sent")
        )


def renumber(connection: Connection, notification_id: int, *, old: int, new: int) -> None:
    """An episode got another number because something older became known: who was told of it stays told of it."""
    for table in (inbox_entries, delivery_items):
        connection.execute(update(table).where(table.c.notification_id == notification_id, table.c.episode == old).values(episode=new))


_ENTRY: Final = ["user_id", "notification_id", "team_id", "category", "episode", "reason", "listed", "first_at", "last_at"]


_NEWS: Final = ("notification_id", "reason", "news")


def _news(connection: Connection, news: Sequence[News]) -> CTE:
    """The news as a table, handed over as one JSON value: the statement stays the same, however many there are."""
    rows = literal(json.dumps([(one.notification_id, one.reason, one.news) for one in news]), String)
    if connection.dialect.name == "postgresql":
        row = func.jsonb_array_elements(cast(rows, JSONB)).table_valued(column("value", JSONB), name="row").c.value
        return select(
            row[0].as_integer().label("notification_id"), row[1].as_string().label("reason"), row[2].as_string().label("news")
        ).cte("told")
    value = func.json_each(rows).table_valued("value", name="row").c.value
    extracted = (func.json_extract(value, f"$[{place}]", type_=kind) for place, kind in enumerate((Id, String, String)))
    return select(*(part.label(name) for part, name in zip(extracted, _NEWS, strict=True))).cte("told")


def _audience(told: CTE, hears: ColumnElement[bool], *columns: Any) -> Select[Any]:
    return (
        select(*columns)
        .select_from(told)
        .join(notifications, notifications.c.id == told.c.notification_id)
        .join(memberships, memberships.c.team_id == notifications.c.team_id)
        .join(users, users.c.id == memberships.c.user_id)
        .outerjoin(
            subscriptions,
            and_(
                subscriptions.c.user_id == users.c.id,
                subscriptions.c.team_id == notifications.c.team_id,
                subscriptions.c.category == notifications.c.category,
            ),
        )
        .where(hears)
    )


def _entries(told: CTE, hears: ColumnElement[bool], now: datetime, *, listed: bool) -> Select[Any]:
    instant = literal(now, Time)
    return _audience(
        told, hears, users.c.id, notifications.c.id, notifications.c.team_id, notifications.c.category, notifications.c.episode,
        told.c.reason, literal(listed), instant, instant,
    )  # fmt: skip


def _queue_mail(connection: Connection, told: CTE, hears: ColumnElement[bool], kind: str, now: datetime) -> None:
    instant = literal(now, Time)
    people = _audience(
        told, hears, users.c.id, notifications.c.team_id, notifications.c.conversation_id, literal(EMAIL), literal(kind), told.c.news,
        literal(WAITING), instant, instant,
    ).distinct()  # fmt: skip
    columns = ["user_id", "team_id", "conversation_id", "channel", "kind", "news", "status", "due_at", "created_at"]
    connection.execute(insert_for(connection)(deliveries).from_select(columns, people).on_conflict_do_nothing())
    composable = and_(
        deliveries.c.conversation_id == notifications.c.conversation_id,
        deliveries.c.channel == EMAIL,
        deliveries.c.news == told.c.news,
        deliveries.c.status == WAITING,
        deliveries.c.lease.is_(None),
        deliveries.c.mail.is_(None),
    )
    locked = select(deliveries.c.id).select_from(told).join(notifications, notifications.c.id == told.c.notification_id)
    connection.execute(  # no worker composes them before this is committed
        locked.join(deliveries, composable).order_by(deliveries.c.id).with_for_update(of=deliveries, key_share=True)
    )
    parts = _audience(told, hears, deliveries.c.id, notifications.c.id, notifications.c.episode, told.c.reason).join(
        deliveries, and_(deliveries.c.user_id == users.c.id, composable)
    )
    statement = insert_for(connection)(delivery_items).from_select(["delivery_id", "notification_id", "episode", "reason"], parts)
    connection.execute(statement.on_conflict_do_nothing())


def _hears(channel: str, now: datetime) -> ColumnElement[bool]:
    enabled, weight = (
        (users.c.in_app_enabled, users.c.in_app_weight) if channel == IN_APP else (users.c.email_enabled, users.c.email_weight)
    )
    subscribed, own_weight = (
        (subscriptions.c.in_app, subscriptions.c.in_app_weight)
        if channel == IN_APP
        else (subscriptions.c.email, subscriptions.c.email_weight)
    )
    return and_(
        users.c.enabled,
        enabled,
        func.coalesce(subscribed, literal(True)),
        notifications.c.weight >= func.coalesce(own_weight, weight),
        holds_permissions(users.c.id),
        or_(func.coalesce(subscriptions.c.scope, "all") == "all", _owns()),
        not_(_muted(now)),
    )


def _was_mailed() -> ColumnElement[bool]:
    """Whether a failure of the notification's current episode went, or is going, to the user by mail."""
    earlier, part = deliveries.alias("earlier"), delivery_items.alias("part")
    return exists().where(
        part.c.notification_id == notifications.c.id,
        part.c.episode == notifications.c.episode,
        not_(part.c.cancelled),
        earlier.c.id == part.c.delivery_id,
        earlier.c.user_id == users.c.id,
        earlier.c.kind == "failing",
        earlier.c.status != "cancelled",
    )


def _owns() -> ColumnElement[bool]:
    return exists().where(
        notification_owners.c.notification_id == notifications.c.id,
        user_owns.c.user_id == users.c.id,
        user_owns.c.owner == notification_owners.c.owner,
    )


def _muted(now: datetime) -> ColumnElement[bool]:
    return exists().where(
        inbox_entries.c.user_id == users.c.id, inbox_entries.c.notification_id == notifications.c.id, inbox_entries.c.muted_until > now
    )


def _not_muted(now: datetime) -> ColumnElement[bool]:
    return or_(inbox_entries.c.muted_until.is_(None), inbox_entries.c.muted_until <= now)


def _is_entry_of(told: CTE) -> ColumnElement[bool]:
    return and_(inbox_entries.c.user_id == users.c.id, inbox_entries.c.notification_id == told.c.notification_id)
