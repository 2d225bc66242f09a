"""The whole story of one thread, for whoever may see it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, not_, or_, select

from gateway.storage.tables import deliveries, delivery_items, members, occurrences


def timeline(connection: Connection, notification_id: int, *, limit: int) -> list[dict[str, Any]]:
    """What happened on a thread, newest first; recoveries of what never fired are left out."""
    rows = connection.execute(
        select(occurrences)
        .where(occurrences.c.notification_id == notification_id, occurrences.c.reason != "nothing-open")
        .order_by(occurrences.c.occurred_at.desc(), occurrences.c.id.desc())
        .limit(limit)
    )
    return [dict(row._mapping) for row in rows]


def members_of(connection: Connection, notification_id: int, *, episode: int, limit: int) -> list[dict[str, Any]]:
    """The members that failed in this episode: those still failing first, worst first."""
    rows = connection.execute(
        select(members)
        .where(
            members.c.notification_id == notification_id,
            members.c.episode == episode,
            or_(members.c.held_until.is_(None), not_(members.c.firing)),
        )
        .order_by(members.c.firing.desc(), (members.c.level == "error").desc(), (members.c.level == "warning").desc(), members.c.label)
        .limit(limit)
    )
    return [dict(row._mapping) for row in rows]


def deliveries_to(connection: Connection, *, user_id: int, notification_id: int) -> Sequence[dict[str, Any]]:
    """What this person was sent about a thread, newest first, each with the reason."""
    rows = connection.execute(
        select(
            deliveries.c.id, deliveries.c.channel, deliveries.c.kind, deliveries.c.status, deliveries.c.attempts, deliveries.c.created_at,
            deliveries.c.finished_at, deliveries.c.last_answer, delivery_items.c.reason, delivery_items.c.cancelled,
        )
        .join(delivery_items, delivery_items.c.delivery_id == deliveries.c.id)
        .where(deliveries.c.user_id == user_id, delivery_items.c.notification_id == notification_id)
        .order_by(deliveries.c.id.desc())
        .limit(100)
    )  # fmt: skip
    return [dict(row._mapping) for row in rows]
