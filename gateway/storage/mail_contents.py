"""What mails are made of: who gets each, what it tells, and the threads as they stand now. Many mails at once cost few queries."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import CTE, ColumnElement, Connection, and_, case, exists, func, not_, or_, select

from gateway.domain.judge import Reason
from gateway.storage.among import among
from gateway.storage.hearing import takes_mail
from gateway.storage.permitted import holds_permissions
from gateway.storage.tables import (
    conversations,
    deliveries,
    delivery_items,
    inbox_entries,
    members,
    memberships,
    notification_owners,
    notifications,
    occurrences,
    subscriptions,
    teams,
    users,
)
from mappers.contract import Category

MEMBERS_SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class Told:
    """One notification in a mail, and why its reader is told of it."""

    notification_id: int
    reason: str


def envelopes(connection: Connection, ids: Sequence[int]) -> dict[int, Mapping[str, Any]]:
    """Who gets each of these deliveries and in which conversation; none where the person left the team, or takes no mail any more."""
    mine, earlier = _these(), deliveries.alias()
    is_reply = exists().where(
        earlier.c.user_id == mine.c.user_id,
        earlier.c.conversation_id == mine.c.conversation_id,
        earlier.c.id < mine.c.id,
        earlier.c.status.in_(["sent", "kept"]),
    )
    still_member = exists().where(memberships.c.user_id == mine.c.user_id, memberships.c.team_id == mine.c.team_id)
    rows = connection.execute(
        select(
            mine, users.c.email, users.c.name, users.c.settings, teams.c.slug.label("team"), teams.c.base_url, conversations.c.subject,
            is_reply.label("is_reply"),
        )
        .join(users, users.c.id == mine.c.user_id)
        .join(teams, teams.c.id == mine.c.team_id)
        .join(conversations, conversations.c.id == mine.c.conversation_id)
        .where(still_member, users.c.enabled, users.c.email_enabled, takes_mail()),
        {"ids": ids},
    )  # fmt: skip
    return {row.id: dict(row._mapping) for row in rows}


def _these() -> CTE:
    """The deliveries asked for, looked up first: PostgreSQL would begin with the people as long as it believes that there are few."""
    names = ("id", "kind", "folded", "user_id", "team_id", "created_at", "conversation_id")
    asked = select(*(deliveries.c[name] for name in names)).where(among(deliveries.c.id, "ids"))
    return asked.cte("these").prefix_with("MATERIALIZED", dialect="postgresql")


def why_nothing(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    """Why nothing is sent for each of these deliveries, in words."""
    is_member = exists().where(memberships.c.user_id == deliveries.c.user_id, memberships.c.team_id == deliveries.c.team_id)
    rows = connection.execute(
        select(
            deliveries.c.id,
            case(
                (not_(users.c.enabled), "the person is disabled"),
                (not_(is_member), "the person left the team"),
                (not_(users.c.email_enabled), "the person switched mail off"),
                (not_(users.c.mailable), "the person has no mail address"),
                (users.c.refused_at.is_not(None), "the address takes no mail"),
                else_="nothing of it is to be told to this person any more",
            ),
        )
        .join(users, users.c.id == deliveries.c.user_id)
        .where(among(deliveries.c.id, "ids")),
        {"ids": ids},
    )
    return {number: why for number, why in rows}


def told(connection: Connection, ids: Sequence[int], *, now: datetime) -> dict[int, list[Told]]:
    """The notifications that each of these deliveries carries, worst first; only what its reader may (still) know of and wants to."""
    mine = _these()
    muted = exists().where(
        inbox_entries.c.user_id == mine.c.user_id,
        inbox_entries.c.notification_id == notifications.c.id,
        or_(inbox_entries.c.muted_until > now, inbox_entries.c.muted_episode == notifications.c.episode),
    )
    unsubscribed = exists().where(
        subscriptions.c.user_id == mine.c.user_id,
        subscriptions.c.team_id == mine.c.team_id,
        subscriptions.c.category == notifications.c.category,
        subscriptions.c.email.is_(False),
        delivery_items.c.reason != Reason.RESOLVED.value,  # who was told of a failure is told of its end
    )
    is_open = (notifications.c.status == "open").desc()
    rows = connection.execute(
        select(mine.c.id, delivery_items.c.notification_id, delivery_items.c.reason)
        .join(delivery_items, delivery_items.c.delivery_id == mine.c.id)
        .join(notifications, notifications.c.id == delivery_items.c.notification_id)
        .where(
            not_(delivery_items.c.cancelled), holds_permissions(mine.c.user_id), not_(muted), not_(unsubscribed),
            not_(_is_overtaken(mine)), not_(_is_said_by_its_failure(mine)),
        )
        .order_by(mine.c.id, is_open, notifications.c.urgent.desc(), notifications.c.weight.desc(), notifications.c.id),
        {"ids": ids},
    )  # fmt: skip
    found: dict[int, list[Told]] = defaultdict(list)
    for delivery_id, notification_id, reason in rows:
        found[delivery_id].append(Told(notification_id, reason))
    return found


def _is_overtaken(mine: CTE) -> ColumnElement[bool]:
    """Whether a recovery that was held up is no news any more: its reader was told meanwhile that it fails again."""
    later, item = deliveries.alias(), delivery_items.alias()
    return and_(
        mine.c.kind == "resolved",
        exists().where(
            item.c.user_id == mine.c.user_id,
            item.c.notification_id == delivery_items.c.notification_id,
            item.c.episode > delivery_items.c.episode,
            not_(item.c.cancelled),
            later.c.id == item.c.delivery_id,
            later.c.status.in_(["sent", "kept"]),
        ),
    )


def _is_said_by_its_failure(mine: CTE) -> ColumnElement[bool]:
    """Whether this tells that a late run came, of which another mail tells that it failed: one run gives one mail."""
    came, same_run, item, failed = occurrences.alias(), deliveries.alias(), delivery_items.alias(), notifications.alias()
    return and_(
        mine.c.kind == "resolved",
        notifications.c.category == Category.LATE_RUN.value,
        exists().where(
            came.c.notification_id == delivery_items.c.notification_id,
            came.c.episode == delivery_items.c.episode,
            came.c.reason == Reason.RESOLVED.value,
            same_run.c.user_id == mine.c.user_id,
            same_run.c.conversation_id == mine.c.conversation_id,
            same_run.c.kind == "failing",
            same_run.c.status.in_(["waiting", "sent", "kept"]),
            func.substr(same_run.c.news, 1, func.length(came.c.run) + 1) == came.c.run + "#",
            item.c.delivery_id == same_run.c.id,
            not_(item.c.cancelled),
            failed.c.id == item.c.notification_id,
            failed.c.category != Category.LATE_RUN.value,
        ),
    )


def threads(connection: Connection, ids: Sequence[int]) -> dict[int, Mapping[str, Any]]:
    """These notifications as they stand now."""
    rows = connection.execute(select(notifications).where(among(notifications.c.id, "ids")), {"ids": ids})
    return {row.id: dict(row._mapping) for row in rows}


@dataclass(frozen=True, slots=True)
class Ending:
    """How a thread ended last, in the words of who ended it."""

    message: str
    is_closing: bool
    """A person or time ended it: no sender said that it recovered."""


def endings(connection: Connection, ids: Sequence[int]) -> dict[int, Ending]:
    """How each of these threads ended last."""
    last = (
        select(func.max(occurrences.c.id))
        .where(
            among(occurrences.c.notification_id, "ids"), occurrences.c.state == "resolved", occurrences.c.reason == Reason.RESOLVED.value
        )
        .group_by(occurrences.c.notification_id)
    )
    ended = select(occurrences.c.notification_id, occurrences.c.message, occurrences.c.final).where(occurrences.c.id.in_(last))
    return {notification_id: Ending(message, final) for notification_id, message, final in connection.execute(ended, {"ids": ids})}


def failing_members(connection: Connection, ids: Sequence[int]) -> dict[int, list[Mapping[str, Any]]]:
    """Up to 50 failing members of each of these threads, worst first."""
    worst_first = (case((members.c.level == "error", 0), (members.c.level == "warning", 1), else_=2), members.c.since, members.c.label)
    place = func.row_number().over(partition_by=members.c.notification_id, order_by=worst_first).label("place")
    failing = and_(among(members.c.notification_id, "ids"), members.c.firing, members.c.held_until.is_(None))
    ranked = select(members, place).where(failing).subquery()
    rows = connection.execute(
        select(ranked).where(ranked.c.place <= MEMBERS_SHOWN).order_by(ranked.c.notification_id, ranked.c.place), {"ids": ids}
    )
    found: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row.notification_id].append(dict(row._mapping))
    return found


def only_members(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    """Of those of these threads in which one member failed in this episode, failing still or not, what people call it."""
    rows = connection.execute(
        select(members.c.notification_id, func.min(members.c.label))
        .join(notifications, notifications.c.id == members.c.notification_id)
        .where(among(members.c.notification_id, "ids"), members.c.episode == notifications.c.episode)
        .group_by(members.c.notification_id)
        .having(func.count() == 1),
        {"ids": ids},
    )
    return {notification_id: label for notification_id, label in rows}


def owners(connection: Connection, ids: Sequence[int]) -> dict[int, list[str]]:
    """The owners of these threads."""
    rows = connection.execute(
        select(notification_owners.c.notification_id, notification_owners.c.owner)
        .where(among(notification_owners.c.notification_id, "ids"), not_(notification_owners.c.is_tag))
        .order_by(notification_owners.c.notification_id, notification_owners.c.owner),
        {"ids": ids},
    )
    found: dict[int, list[str]] = defaultdict(list)
    for notification_id, owner in rows:
        found[notification_id].append(owner)
    return found
