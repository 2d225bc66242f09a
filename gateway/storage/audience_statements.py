"""The statements of `audience`, made once: making one costs ten times what running it does.

All of them take `now`; those about news take it as `news`, one JSON value.
"""

import functools
from typing import Any, Final

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    String,
    and_,
    bindparam,
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

from gateway.storage.among import among
from gateway.storage.database import insert_of
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
_ENTRY: Final = ["user_id", "notification_id", "team_id", "category", "episode", "reason", "listed", "first_at", "last_at"]
_NEWS: Final = ("notification_id", "reason", "news")
_NOW: Final = bindparam("now", type_=Time)


@functools.cache
def put_entries(dialect: str, clears: frozenset[str]) -> Any:
    """Unread entries for everyone who hears in-app. Reasons in `clears` take back what was put aside."""
    statement = insert_of(dialect)(inbox_entries).from_select(_ENTRY, _entries(_news(dialect), _hears(IN_APP), listed=True))
    put_aside = statement.excluded.reason.in_(sorted(clears))
    aside = {name: case((put_aside, None), else_=inbox_entries.c[name]) for name in ("archived_at", "dismissed_at", "snoozed_until")}
    same = {name: statement.excluded[name] for name in ("last_at", "reason", "category", "episode")}
    return statement.on_conflict_do_update(
        index_elements=["user_id", "notification_id"], set_={"read_at": None, "listed": True, **same, **aside}
    )


@functools.cache
def put_entries_of_mail(dialect: str) -> Any:
    """Entries that stand on no list, for who hears by mail only."""
    entries = _entries(_news(dialect), _hears(EMAIL), listed=False)
    return insert_of(dialect)(inbox_entries).from_select(_ENTRY, entries).on_conflict_do_nothing()


@functools.cache
def queue_deliveries(dialect: str, kind: str) -> Any:
    """A delivery for each who hears of news of this kind by mail: `failing`, `repeated` or `resolved`."""
    told = _news(dialect)
    people = _audience(
        told, _mailed(kind, told), users.c.id, notifications.c.team_id, notifications.c.conversation_id, literal(EMAIL),
        literal(_delivered_as(kind)), told.c.news, literal(WAITING), _NOW, _NOW,
    ).distinct()  # fmt: skip
    columns = ["user_id", "team_id", "conversation_id", "channel", "kind", "news", "status", "due_at", "created_at"]
    return insert_of(dialect)(deliveries).from_select(columns, people).on_conflict_do_nothing()


@functools.cache
def hold_deliveries(dialect: str) -> Any:
    """Locks the deliveries of these news that are not composed yet."""
    told = _news(dialect)
    return (
        select(deliveries.c.id)
        .select_from(told)
        .join(notifications, notifications.c.id == told.c.notification_id)
        .join(deliveries, _composable(told))
        .order_by(deliveries.c.id)
        .with_for_update(of=deliveries, key_share=True)
    )


@functools.cache
def put_items(dialect: str, kind: str) -> Any:
    """What these deliveries are about."""
    told = _news(dialect)
    parts = _audience(told, _mailed(kind, told), deliveries.c.id, notifications.c.id, notifications.c.episode, told.c.reason).join(
        deliveries, and_(deliveries.c.user_id == users.c.id, _composable(told))
    )
    statement = insert_of(dialect)(delivery_items).from_select(["delivery_id", "notification_id", "episode", "reason"], parts)
    return statement.on_conflict_do_nothing()


def _news(dialect: str) -> CTE:
    """The news as a table."""
    rows = bindparam("news", type_=String)
    if dialect == "postgresql":
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


def _entries(told: CTE, hears: ColumnElement[bool], *, listed: bool) -> Select[Any]:
    return _audience(
        told, hears, users.c.id, notifications.c.id, notifications.c.team_id, notifications.c.category, notifications.c.episode,
        told.c.reason, literal(listed), _NOW, _NOW,
    )  # fmt: skip


def _delivered_as(kind: str) -> str:
    return "resolved" if kind == "resolved" else "failing"


def _mailed(kind: str, told: CTE) -> ColumnElement[bool]:
    if kind == "resolved":
        return and_(users.c.enabled, users.c.email_enabled, holds_permissions(users.c.id), not_(_muted()), _was_mailed())
    if kind == "repeated":
        return and_(_hears(EMAIL), exists().where(_is_entry_of(told), inbox_entries.c.read_at.is_not(None)))
    return _hears(EMAIL)


def _composable(told: CTE) -> ColumnElement[bool]:
    return and_(
        deliveries.c.conversation_id == notifications.c.conversation_id,
        deliveries.c.channel == EMAIL,
        deliveries.c.news == told.c.news,
        deliveries.c.status == WAITING,
        deliveries.c.lease.is_(None),
        deliveries.c.mail.is_(None),
    )


def _hears(channel: str) -> ColumnElement[bool]:
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
        not_(_muted()),
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


def _muted() -> ColumnElement[bool]:
    return exists().where(
        inbox_entries.c.user_id == users.c.id, inbox_entries.c.notification_id == notifications.c.id, inbox_entries.c.muted_until > _NOW
    )


def _not_muted() -> ColumnElement[bool]:
    return or_(inbox_entries.c.muted_until.is_(None), inbox_entries.c.muted_until <= _NOW)


def _is_entry_of(told: CTE) -> ColumnElement[bool]:
    return and_(inbox_entries.c.user_id == users.c.id, inbox_entries.c.notification_id == told.c.notification_id)


UNREAD: Final = update(inbox_entries).where(among(inbox_entries.c.notification_id, "ids"), _not_muted()).values(last_at=_NOW, read_at=None)
OVER: Final = (
    update(inbox_entries)
    .where(
        among(inbox_entries.c.notification_id, "ids"),
        inbox_entries.c.episode
        == select(notifications.c.episode).where(notifications.c.id == inbox_entries.c.notification_id).scalar_subquery(),
        _not_muted(),
    )
    .values(read_at=None, last_at=_NOW, reason="resolved")
)
_FAILING_PART: Final = (among(delivery_items.c.notification_id, "ids"), not_(delivery_items.c.cancelled))
UNSENT: Final = (
    select(deliveries.c.id)
    .where(
        deliveries.c.id.in_(select(delivery_items.c.delivery_id).where(*_FAILING_PART)),
        deliveries.c.status == WAITING,
        deliveries.c.lease.is_(None),
        deliveries.c.kind == "failing",
        or_(deliveries.c.mail.is_(None), deliveries.c.last_answer.is_not(None)),
    )
    .order_by(deliveries.c.id)
    .with_for_update()
)
TAKE_OUT: Final = (
    update(delivery_items)
    .where(*_FAILING_PART, among(delivery_items.c.delivery_id, "deliveries"))
    .values(cancelled=True)
    .returning(delivery_items.c.delivery_id)
)
COMPOSE_ANEW: Final = update(deliveries).where(among(deliveries.c.id, "deliveries")).values(mail=None)
CANCEL_EMPTY: Final = (
    update(deliveries)
    .where(
        among(deliveries.c.id, "deliveries"),
        not_(exists().where(delivery_items.c.delivery_id == deliveries.c.id, not_(delivery_items.c.cancelled))),
    )
    .values(status="cancelled", finished_at=_NOW, last_answer="recovered before it was sent")
)
