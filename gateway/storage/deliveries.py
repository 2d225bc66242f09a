"""The outbox: what is still to be sent, to whom, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, exists, func, not_, or_, select, update

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
from gateway.storage.types import Time

WAITING: Final = "waiting"
_MEMBERS_SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery in the hands of a worker."""

    id: int
    user_id: int
    team_id: int
    attempts: int
    created_at: datetime
    message_id: str | None
    mail: bytes | None


def claim(connection: Connection, *, now: datetime, lease: str, lease_for: timedelta, limit: int) -> list[Claimed]:
    """Takes up to `limit` deliveries that are due. Each counts as one more attempt; it is due again when the lease ends."""
    due = (
        select(deliveries.c.id)
        .where(  # what was to leave at once is due whatever the clock says now: it may have stepped back
            deliveries.c.status == WAITING,
            or_(
                deliveries.c.due_at <= now,
                and_(deliveries.c.attempts == 0, deliveries.c.lease.is_(None), deliveries.c.due_at <= deliveries.c.created_at),
            ),
        )
        .order_by(deliveries.c.due_at, deliveries.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = connection.execute(
        update(deliveries)
        .where(deliveries.c.id.in_(due.scalar_subquery()))
        .values(lease=lease, due_at=now + lease_for, attempts=deliveries.c.attempts + 1)
        .returning(
            deliveries.c.id, deliveries.c.user_id, deliveries.c.team_id, deliveries.c.attempts, deliveries.c.created_at,
            deliveries.c.message_id, deliveries.c.mail,
        )
    )  # fmt: skip
    return sorted((Claimed(*row) for row in rows), key=lambda one: one.id)


def hold(connection: Connection, identities: Sequence[str], *, until: datetime, now: datetime) -> None:
    """Failing mail of these conversations that was queued `now` waits; what is composed, or was tried, does not."""
    connection.execute(_HOLD, {"identities": list(identities), "moment": now, "until": until})


def release(connection: Connection, identities: Sequence[str], *, now: datetime) -> None:
    """What `hold` made wait may leave."""
    if identities:
        connection.execute(_RELEASE, {"identities": list(identities), "moment": now})


def extend(connection: Connection, *, lease: str, until: datetime) -> bool:
    """Holds what is held under `lease` for longer. False where nothing is, any more."""
    held = update(deliveries).where(deliveries.c.status == WAITING, deliveries.c.lease == lease).values(due_at=until)
    return connection.execute(held).rowcount > 0


def freeze(connection: Connection, delivery_id: int, *, lease: str, message_id: str, mail: bytes) -> bool:
    """Fixes the bytes of a mail before its first attempt. False where the lease is lost."""
    changed = connection.execute(
        update(deliveries).where(deliveries.c.id == delivery_id, deliveries.c.lease == lease).values(message_id=message_id, mail=mail)
    )
    return changed.rowcount > 0


def finish(connection: Connection, delivery_id: int, *, lease: str, status: str, answer: str, now: datetime) -> bool:
    """Records the end of a delivery. False where the lease is lost: then somebody else answers for it."""
    changed = connection.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery_id, deliveries.c.lease == lease)
        .values(status=status, last_answer=answer, finished_at=now, lease=None)
    )
    return changed.rowcount > 0


def retry(connection: Connection, delivery_id: int, *, lease: str, answer: str, due_at: datetime) -> bool:
    """Records a failed attempt; the next is at `due_at`. False where the lease is lost."""
    changed = connection.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery_id, deliveries.c.lease == lease)
        .values(last_answer=answer, due_at=due_at, lease=None)
    )
    return changed.rowcount > 0


def put_back(connection: Connection, ids: Sequence[int], *, lease: str, due_at: datetime) -> None:
    """Gives back what was not tried after all."""
    mine = (deliveries.c.id.in_(ids), deliveries.c.lease == lease, deliveries.c.status == WAITING)
    connection.execute(update(deliveries).where(*mine).values(lease=None, due_at=due_at))


def next_due(connection: Connection) -> datetime | None:
    """When the next delivery is due, or its lease runs out."""
    due: datetime | None = connection.scalar(select(func.min(deliveries.c.due_at)).where(deliveries.c.status == WAITING))
    return due


def envelope(connection: Connection, delivery_id: int) -> Mapping[str, Any] | None:
    """Who gets it and in which conversation; None where the person is no member of the team any more, or wants no mail."""
    earlier = deliveries.alias()
    is_reply = exists().where(
        earlier.c.user_id == deliveries.c.user_id,
        earlier.c.conversation_id == deliveries.c.conversation_id,
        earlier.c.id < deliveries.c.id,
        earlier.c.status.in_(["sent", "kept"]),
    )
    reachable = and_(users.c.enabled, users.c.email_enabled, users.c.mailable)
    still_member = exists().where(memberships.c.user_id == deliveries.c.user_id, memberships.c.team_id == deliveries.c.team_id)
    row = connection.execute(
        select(
            deliveries.c.kind, deliveries.c.conversation_id, users.c.email, users.c.name, users.c.settings, teams.c.slug.label("team"),
            teams.c.base_url, conversations.c.subject, is_reply.label("is_reply"),
        )
        .join(users, users.c.id == deliveries.c.user_id)
        .join(teams, teams.c.id == deliveries.c.team_id)
        .join(conversations, conversations.c.id == deliveries.c.conversation_id)
        .where(deliveries.c.id == delivery_id, still_member, reachable)
    ).one_or_none()  # fmt: skip
    return dict(row._mapping) if row else None


def items(connection: Connection, delivery_id: int, *, now: datetime) -> Sequence[Mapping[str, Any]]:
    """The notifications it carries as they stand now, worst first; only those that its reader may (still) know of and did not mute."""
    muted = exists().where(
        inbox_entries.c.user_id == deliveries.c.user_id,
        inbox_entries.c.notification_id == notifications.c.id,
        or_(inbox_entries.c.muted_until > now, inbox_entries.c.muted_episode == notifications.c.episode),
    )
    rows = connection.execute(
        select(notifications, delivery_items.c.reason)
        .join(delivery_items, delivery_items.c.notification_id == notifications.c.id)
        .join(deliveries, deliveries.c.id == delivery_items.c.delivery_id)
        .where(deliveries.c.id == delivery_id, not_(delivery_items.c.cancelled), holds_permissions(deliveries.c.user_id), not_(muted))
        .order_by((notifications.c.status == "open").desc(), notifications.c.weight.desc(), notifications.c.id)
    )
    return [dict(row._mapping) for row in rows]


def failing_members(connection: Connection, notification_id: int) -> Sequence[Mapping[str, Any]]:
    """Up to 50 of a thread's failing members, worst first."""
    rows = connection.execute(
        select(members)
        .where(members.c.notification_id == notification_id, members.c.firing, members.c.held_until.is_(None))
        .order_by((members.c.level == "error").desc(), (members.c.level == "warning").desc(), members.c.since, members.c.label)
        .limit(_MEMBERS_SHOWN)
    )
    return [dict(row._mapping) for row in rows]


def owners(connection: Connection, notification_id: int) -> list[str]:
    """The owners of a thread."""
    mine = (notification_owners.c.notification_id == notification_id, not_(notification_owners.c.is_tag))
    return list(connection.scalars(select(notification_owners.c.owner).where(*mine).order_by(notification_owners.c.owner)))


_OF_CONVERSATIONS: Final = (
    deliveries.c.conversation_id.in_(
        select(conversations.c.id).where(
            conversations.c.identity.in_(bindparam("identities", expanding=True)), conversations.c.closed_at.is_(None)
        )
    ),
    deliveries.c.status == WAITING,
    deliveries.c.kind == "failing",
    deliveries.c.attempts == 0,
    deliveries.c.mail.is_(None),
)
_MOMENT: Final = bindparam("moment", type_=Time)
_HOLD: Final = (
    update(deliveries).where(*_OF_CONVERSATIONS, deliveries.c.created_at == _MOMENT).values(due_at=bindparam("until", type_=Time))
)
_RELEASE: Final = update(deliveries).where(*_OF_CONVERSATIONS, deliveries.c.due_at > _MOMENT).values(due_at=_MOMENT)


def page(connection: Connection, *, user_id: int, team_ids: Sequence[int] | None, before: int | None, limit: int) -> list[dict[str, Any]]:
    """Deliveries, newest first: the user's own, or with `team_ids` all of those teams. Without the mails themselves."""
    query = (
        select(
            deliveries.c.id, deliveries.c.channel, deliveries.c.kind, deliveries.c.status, deliveries.c.attempts, deliveries.c.due_at,
            deliveries.c.created_at, deliveries.c.finished_at, deliveries.c.last_answer, deliveries.c.message_id, users.c.email,
            teams.c.slug.label("team"), conversations.c.subject,
        )
        .join(users, users.c.id == deliveries.c.user_id)
        .join(teams, teams.c.id == deliveries.c.team_id)
        .join(conversations, conversations.c.id == deliveries.c.conversation_id)
        .where(deliveries.c.user_id == user_id if team_ids is None else deliveries.c.team_id.in_(team_ids))
        .order_by(deliveries.c.id.desc())
        .limit(limit)
    )  # fmt: skip
    if before is not None:
        query = query.where(deliveries.c.id < before)
    return [dict(row._mapping) for row in connection.execute(query)]


def mail(connection: Connection, *, delivery_id: int, user_id: int, team_ids: Sequence[int]) -> bytes | None:
    """The frozen bytes of a mail, for its recipient or an admin of its team."""
    row = connection.execute(
        select(deliveries.c.mail).where(
            deliveries.c.id == delivery_id, (deliveries.c.user_id == user_id) | deliveries.c.team_id.in_(team_ids)
        )
    ).one_or_none()
    return bytes(row.mail) if row and row.mail is not None else None
