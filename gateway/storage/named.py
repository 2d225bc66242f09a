"""Notifications by what an application names as their source."""

from collections.abc import Collection

from sqlalchemy import Connection, delete, select

from gateway.storage import changes
from gateway.storage.among import among
from gateway.storage.tables import inbox_entries, notifications
from gateway.storage.threads import UNSEEN

_row = notifications.c


def remove(connection: Connection, *, team_id: int, source_app: str, source_model: str | None, source_id: str | None, limit: int) -> int:
    """Deletes up to `limit` notifications of this source, scheduled ones included, with all that hangs on them; gives how many."""
    given = ((_row.source_model, source_model), (_row.source_ref, source_id))
    of_source = [column == value for column, value in given if value is not None]
    mine = select(_row.id).where(_row.team_id == team_id, _row.source_app == source_app, *of_source)
    ids = list(connection.scalars(mine.order_by(_row.identity).limit(limit).with_for_update()))
    if ids:
        readers = select(inbox_entries.c.user_id).where(among(inbox_entries.c.notification_id, "ids")).distinct().limit(changes.MOST + 1)
        changes.note_people(connection, connection.scalars(readers, {"ids": ids}).all())
        connection.execute(delete(inbox_entries).where(among(inbox_entries.c.notification_id, "ids")), {"ids": ids})
        connection.execute(delete(notifications).where(among(_row.id, "ids")), {"ids": ids})
    return len(ids)


def is_known(connection: Connection, *, notification_id: int, team_ids: Collection[int]) -> bool:
    """Whether these teams have a notification with this id."""
    mine = (_row.id == notification_id, _row.team_id.in_(team_ids), _row.status != UNSEEN)
    return connection.scalar(select(_row.id).where(*mine)) is not None
