"""What arrived, as admins look at it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, and_, func, select

from gateway.storage.tables import events, processing, sources


def page(
    connection: Connection, *, team_ids: Sequence[int], source_id: int | None, status: str | None, before: int | None, limit: int
) -> list[dict[str, Any]]:
    """Events of these teams, newest first, with how they ended; without their bodies."""
    query = (
        select(
            events.c.id, sources.c.slug.label("source"), sources.c.kind, events.c.method, events.c.request_key, events.c.received_at,
            events.c.conflicting, processing.c.status, processing.c.reason, processing.c.attempts, processing.c.processed_at,
            func.length(events.c.body).label("size"),
        )
        .join(sources, sources.c.id == events.c.source_id)
        .join(processing, processing.c.event_id == events.c.id)
        .where(sources.c.team_id.in_(team_ids))
        .order_by(events.c.id.desc())
        .limit(limit)
    )  # fmt: skip
    if source_id is not None:
        query = query.where(events.c.source_id == source_id)
    if status is not None:
        query = query.where(processing.c.status == status)
    if before is not None:
        query = query.where(events.c.id < before)
    return [dict(row._mapping) for row in connection.execute(query)]


def show(connection: Connection, *, team_ids: Sequence[int], event_id: int) -> dict[str, Any] | None:
    """One event whole, or None where these teams have no such event."""
    row = connection.execute(
        select(
            events,
            sources.c.slug.label("source"),
            sources.c.kind,
            processing.c.status,
            processing.c.reason,
            processing.c.attempts,
            processing.c.processed_at,
        )
        .join(sources, sources.c.id == events.c.source_id)
        .join(processing, processing.c.event_id == events.c.id)
        .where(and_(events.c.id == event_id, sources.c.team_id.in_(team_ids)))
    ).one_or_none()
    return dict(row._mapping) if row else None
