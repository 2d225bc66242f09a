"""The statements of `audience` on deliveries, made once: making one costs ten times what running it does.

What may leave at once goes into a delivery of its conversation; what is held by quiet hours, do-not-disturb or a digest
goes into the person's open digest of the team.
"""

import functools
from typing import Any, Final

from sqlalchemy import CTE, ColumnElement, String, and_, bindparam, case, cast, exists, func, literal, not_, or_, select, text, update

from gateway.storage.among import among
from gateway.storage.database import insert_of
from gateway.storage.hearing import (
    DIGEST,
    EMAIL,
    NOW,
    WAITING,
    calendar,
    crowd,
    held_until,
    in_range,
    mailed,
    news,
    open_digest,
)  # fmt: skip
from gateway.storage.tables import OPEN_DIGEST, deliveries, delivery_items, notifications, users

_DELIVERY: Final = ["user_id", "team_id", "conversation_id", "channel", "kind", "news", "status", "due_at", "created_at"]
_SINGLE: Final = [*_DELIVERY, "urgent"]
_ITEM: Final = ["delivery_id", "user_id", "notification_id", "episode", "reason"]
_KINDS: Final = {"repeated": "failing"}


@functools.cache
def queue_deliveries(dialect: str, kind: str) -> Any:
    """A delivery for each who hears of news of this kind by mail, at once: `failing`, `reminder`, `repeated` or `resolved`."""
    told, held = news(dialect), calendar(dialect)
    columns = (
        users.c.id, notifications.c.team_id, notifications.c.conversation_id, literal(EMAIL), literal(_KINDS.get(kind, kind)), told.c.news,
        literal(WAITING), NOW, NOW, func.max(case((notifications.c.urgent, 1), else_=0)) == 1,
    )  # fmt: skip
    people = crowd(told, and_(mailed(kind, told), held_until(held) <= NOW), columns, held)
    together = people.group_by(users.c.id, notifications.c.team_id, notifications.c.conversation_id, told.c.news)
    return insert_of(dialect)(deliveries).from_select(_SINGLE, together).on_conflict_do_nothing()


@functools.cache
def hold_deliveries(dialect: str) -> Any:
    """Locks the deliveries of these news that are not composed yet."""
    told = news(dialect)
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
    told = news(dialect)
    delivery = select(deliveries.c.id).where(deliveries.c.user_id == users.c.id, _composable(told))
    people = _people(dialect, kind, told, delivery_id=delivery.scalar_subquery())
    parts = select(*(people.c[name] for name in _ITEM)).where(people.c.until <= NOW, people.c.delivery_id.is_not(None))
    return insert_of(dialect)(delivery_items).from_select(_ITEM, parts).on_conflict_do_nothing()


@functools.cache
def open_digests(dialect: str, kind: str) -> Any:
    """An open digest for each whose mail is held; one that is there is locked, so that nobody sends it before this is part of it."""
    people = _people(dialect, kind, news(dialect))
    random = cast(func.gen_random_uuid(), String) if dialect == "postgresql" else func.hex(func.randomblob(16))
    place = (people.c.user_id, people.c.team_id, people.c.digest)
    columns = (*place, literal(EMAIL), literal(DIGEST), random, literal(WAITING), func.min(people.c.until), NOW)
    statement = insert_of(dialect)(deliveries).from_select(_DELIVERY, select(*columns).where(_is_held(people)).group_by(*place))
    sooner = statement.excluded.due_at < deliveries.c.due_at  # what is urgent does not wait for what is collected already
    earliest = case((sooner, statement.excluded.due_at), else_=deliveries.c.due_at)
    return statement.on_conflict_do_update(
        index_elements=["user_id", "conversation_id", "channel"], index_where=text(OPEN_DIGEST), set_={"due_at": earliest}
    )


@functools.cache
def put_digest_items(dialect: str, kind: str) -> Any:
    """What these digests are to tell as well; of a thread they tell already, the latest."""
    told = news(dialect)
    of_person = (deliveries.c.user_id == users.c.id, deliveries.c.conversation_id == told.c.digest, deliveries.c.channel == EMAIL)
    digest = select(deliveries.c.id).where(*of_person, open_digest())
    people = _people(dialect, kind, told, delivery_id=digest.scalar_subquery())
    parts = select(*(people.c[name] for name in _ITEM)).where(_is_held(people), people.c.delivery_id.is_not(None))
    statement = insert_of(dialect)(delivery_items).from_select(_ITEM, parts)
    latest = {name: statement.excluded[name] for name in ("episode", "reason")}
    return statement.on_conflict_do_update(index_elements=["delivery_id", "notification_id"], set_={**latest, "cancelled": False})


def _people(dialect: str, kind: str, told: CTE, **more: Any) -> CTE:
    """Who gets mail of this kind, and until when it is held; `queued_id`: their delivery of the news, `told_in`: the same if this is in it.

    What each of them has is looked up person by person: as a join, PostgreSQL would go through all mails of the conversation
    for each person as long as it believes that there are few. https://www.postgresql.org/docs/current/queries-with.html
    """
    held, queued, part = calendar(dialect), deliveries.alias("queued"), delivery_items.alias("queued_part")
    of_news = (
        queued.c.user_id == users.c.id,
        queued.c.conversation_id == notifications.c.conversation_id,
        queued.c.channel == EMAIL,
        queued.c.news == told.c.news,
    )
    told_in = select(part.c.delivery_id).where(*of_news, part.c.delivery_id == queued.c.id, part.c.notification_id == notifications.c.id)
    columns = {
        "user_id": users.c.id, "team_id": notifications.c.team_id, "notification_id": notifications.c.id, "episode": told.c.episode,
        "reason": told.c.reason, "digest": told.c.digest, "until": held_until(held),
        "queued_id": select(queued.c.id).where(*of_news).scalar_subquery(), "told_in": told_in.scalar_subquery(), **more,
    }  # fmt: skip
    people = crowd(told, mailed(kind, told), [column.label(name) for name, column in columns.items()], held)
    return people.cte("people").prefix_with("MATERIALIZED", dialect="postgresql")


def _is_held(people: CTE) -> ColumnElement[bool]:
    """Whether their mail is held: also where it just ceased to be, and was when the others' was queued; not where they have it."""
    return and_(people.c.told_in.is_(None), or_(people.c.until > NOW, people.c.queued_id.is_(None)))


def _composable(told: CTE) -> ColumnElement[bool]:
    return and_(
        deliveries.c.conversation_id == notifications.c.conversation_id,
        in_range(deliveries.c.user_id),
        deliveries.c.channel == EMAIL,
        deliveries.c.news == told.c.news,
        deliveries.c.status == WAITING,
        deliveries.c.lease.is_(None),
        deliveries.c.mail.is_(None),
    )


_PART: Final = (among(delivery_items.c.notification_id, "ids"), not_(delivery_items.c.cancelled))
UNSENT: Final = (
    select(deliveries.c.id)
    .where(
        deliveries.c.id.in_(select(delivery_items.c.delivery_id).where(*_PART, in_range(delivery_items.c.user_id))),
        deliveries.c.status == WAITING,
        deliveries.c.lease.is_(None),
        among(deliveries.c.kind, "kinds"),
        or_(deliveries.c.mail.is_(None), deliveries.c.last_answer.is_not(None)),
    )
    .order_by(deliveries.c.id)
    .with_for_update()
)
TAKE_OUT: Final = (
    update(delivery_items)
    .where(*_PART, among(delivery_items.c.delivery_id, "deliveries"))
    .values(cancelled=True)
    .returning(delivery_items.c.delivery_id)
)
COMPOSE_ANEW: Final = update(deliveries).where(among(deliveries.c.id, "deliveries"), deliveries.c.mail.is_not(None)).values(mail=None)
CANCEL_EMPTY: Final = (
    update(deliveries)
    .where(
        among(deliveries.c.id, "deliveries"),
        not_(exists().where(delivery_items.c.delivery_id == deliveries.c.id, not_(delivery_items.c.cancelled))),
    )
    .values(status="cancelled", finished_at=NOW, last_answer=bindparam("why"))
)
