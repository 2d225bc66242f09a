"""Which traces lead to a mail: those of the events that it tells of, which bear them among their headers."""

from collections.abc import Sequence

from sqlalchemy import Connection, and_, func, select

from gateway.storage.among import among
from gateway.storage.tables import delivery_items, events, occurrences


def of_deliveries(connection: Connection, ids: Sequence[int]) -> dict[int, list[list[list[str]]]]:
    """Delivery → the headers of the newest event of each notification that it carries, the newest first."""
    newest = connection.execute(
        select(delivery_items.c.delivery_id, func.max(occurrences.c.event_id).label("event_id"))
        .join(
            occurrences,
            and_(occurrences.c.notification_id == delivery_items.c.notification_id, occurrences.c.episode == delivery_items.c.episode),
        )
        .where(among(delivery_items.c.delivery_id, "ids"), occurrences.c.event_id.is_not(None))
        .group_by(delivery_items.c.delivery_id, delivery_items.c.notification_id),
        {"ids": ids},
    ).all()
    wanted = sorted({row.event_id for row in newest})
    rows = (
        connection.execute(select(events.c.id, events.c.headers).where(among(events.c.id, "wanted")), {"wanted": wanted}) if wanted else ()
    )
    headers = {row.id: row.headers for row in rows}
    found: dict[int, list[list[list[str]]]] = {}
    for row in sorted(newest, key=lambda one: one.event_id, reverse=True):
        if row.event_id in headers:
            found.setdefault(row.delivery_id, []).append(headers[row.event_id])
    return found
