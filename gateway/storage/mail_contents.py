"""What mails are made of: who gets each, what it tells, and the threads as they stand now. Many mails at once cost few queries."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, case, exists, func, not_, or_, select

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
    teams,
    users,
)

MEMBERS_SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class Told:
    """One notification in a mail, and why its reader is told of it."""

    notification_id: int
    reason: str


def envelopes(connection: Connection, ids: Sequence[int]) -> dict[int, Mapping[str, Any]]:
    """Who gets each of these deliveries and in which conversation; none where the person left the team, or takes no mail any more."""
    earlier = deliveries.alias()
    is_reply = exists().where(
        earlier.c.user_id == deliveries.c.user_id,
        earlier.c.conversation_id == deliveries.c.conversation_id,
        earlier.c.id < deliveries.c.id,
        earlier.c.status.in_(["sent", "kept"]),
    )
    still_member = exists().where(memberships.c.user_id == deliveries.c.user_id, memberships.c.team_id == deliveries.c.team_id)
    rows = connection.execute(
        select(
            deliveries.c.id, deliveries.c.kind, deliveries.c.folded, deliveries.c.user_id, deliveries.c.team_id, deliveries.c.created_at,
            deliveries.c.conversation_id, users.c.email, users.c.name, users.c.settings, teams.c.slug.label("team"), teams.c.base_url,
            conversations.c.subject, is_reply.label("is_reply"),
        )
        .join(users, users.c.id == deliveries.c.user_id)
        .join(teams, teams.c.id == deliveries.c.team_id)
        .join(conversations, conversations.c.id == deliveries.c.conversation_id)
        .where(among(deliveries.c.id, "ids"), still_member, users.c.enabled, users.c.email_enabled, takes_mail()),
        {"ids": ids},
    )  # fmt: skip
    return {row.id: dict(row._mapping) for row in rows}


def told(connection: Connection, ids: Sequence[int], *, now: datetime) -> dict[int, list[Told]]:
    """The notifications that each of these deliveries carries, worst first; only what its reader may (still) know of and did not mute."""
    muted = exists().where(
        inbox_entries.c.user_id == deliveries.c.user_id,
        inbox_entries.c.notification_id == notifications.c.id,
        or_(inbox_entries.c.muted_until > now, inbox_entries.c.muted_episode == notifications.c.episode),
    )
    is_open = (notifications.c.status == "open").desc()
    rows = connection.execute(
        select(deliveries.c.id, delivery_items.c.notification_id, delivery_items.c.reason)
        .join(delivery_items, delivery_items.c.delivery_id == deliveries.c.id)
        .join(notifications, notifications.c.id == delivery_items.c.notification_id)
        .where(among(deliveries.c.id, "ids"), not_(delivery_items.c.cancelled), holds_permissions(deliveries.c.user_id), not_(muted))
        .order_by(deliveries.c.id, is_open, notifications.c.urgent.desc(), notifications.c.weight.desc(), notifications.c.id),
        {"ids": ids},
    )
    found: dict[int, list[Told]] = defaultdict(list)
    for delivery_id, notification_id, reason in rows:
        found[delivery_id].append(Told(notification_id, reason))
    return found


def threads(connection: Connection, ids: Sequence[int]) -> dict[int, Mapping[str, Any]]:
    """These notifications as they stand now."""
    rows = connection.execute(select(notifications).where(among(notifications.c.id, "ids")), {"ids": ids})
    return {row.id: dict(row._mapping) for row in rows}


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
