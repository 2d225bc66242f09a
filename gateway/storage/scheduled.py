"""Notifications to be made later. Until then each is a row that stands on no list, so that it has its id already."""

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select

from gateway.storage.tables import notifications, scheduled

SCHEDULED: Final = "scheduled"


def put(
    connection: Connection, *, team_id: int, request: dict[str, Any], source: Mapping[str, str | None], due_at: datetime, created_by: int
) -> int:
    """Keeps a request until it is due; gives the id that its notification has, unless it joins another thread then."""
    row = insert(notifications).values(identity=f"{SCHEDULED}/{uuid.uuid4().hex}", team_id=team_id, status=SCHEDULED, **source)
    notification_id: int = connection.execute(row.returning(notifications.c.id)).scalar_one()
    values = {"notification_id": notification_id, "due_at": due_at, "request": request, "created_by": created_by}
    connection.execute(insert(scheduled).values(**values))
    return notification_id


def count(connection: Connection, *, team_id: int, upto: int) -> int:
    """How many notifications of the team are scheduled; looks at no more than `upto`."""
    mine = (notifications.c.team_id == team_id, notifications.c.status == SCHEDULED)
    some = select(scheduled.c.notification_id).join(notifications, notifications.c.id == scheduled.c.notification_id).where(*mine)
    return connection.scalar(select(func.count()).select_from(some.limit(upto).subquery())) or 0


def take_due(connection: Connection, *, now: datetime, limit: int) -> list[tuple[int, dict[str, Any]]]:
    """Takes up to `limit` that are due, so that nobody else makes them: (notification id, request)."""
    due = (
        select(scheduled.c.notification_id, scheduled.c.request)
        .where(scheduled.c.due_at <= now)
        .order_by(scheduled.c.due_at, scheduled.c.notification_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = [(row.notification_id, row.request) for row in connection.execute(due)]
    if found:
        taken = [notification_id for notification_id, _ in found]
        connection.execute(delete(scheduled).where(scheduled.c.notification_id.in_(taken)))
    return found


def next_due(connection: Connection) -> datetime | None:
    """When the next one is due."""
    first: datetime | None = connection.scalar(select(func.min(scheduled.c.due_at)))
    return first


def cancel(connection: Connection, notification_id: int, *, team_ids: Collection[int]) -> bool:
    """Takes back what is not due yet; False where these teams have nothing like that under this id."""
    waits = select(scheduled.c.notification_id).where(scheduled.c.notification_id == notification_id).with_for_update()
    if connection.scalar(waits) is None:
        return False
    mine = (notifications.c.id == notification_id, notifications.c.team_id.in_(team_ids), notifications.c.status == SCHEDULED)
    return connection.execute(delete(notifications).where(*mine)).rowcount > 0


def forget(connection: Connection, notification_id: int) -> None:
    """Removes the row that stood for one."""
    connection.execute(delete(notifications).where(notifications.c.id == notification_id, notifications.c.status == SCHEDULED))
