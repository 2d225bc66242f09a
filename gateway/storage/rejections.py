"""Refused requests, as far as they are remembered."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from gateway.storage.tables import rejections, sources, teams


def note(
    connection: Connection,
    *,
    source_id: int,
    reason: str,
    remote: str,
    headers: list[list[str]],
    body_size: int | None,
    now: datetime,
    keep: int,
) -> None:
    """Remembers a refused request; only the newest `keep` of a source stay."""
    connection.execute(
        insert(rejections).values(source_id=source_id, reason=reason, remote=remote, headers=headers, body_size=body_size, rejected_at=now)
    )
    oldest = select(rejections.c.id).where(rejections.c.source_id == source_id).order_by(rejections.c.id.desc()).offset(keep).limit(1)
    connection.execute(delete(rejections).where(rejections.c.source_id == source_id, rejections.c.id <= oldest.scalar_subquery()))


def page(
    connection: Connection, *, team_ids: Sequence[int], source: str | None = None, reason: str | None = None, before: int | None, limit: int
) -> list[dict[str, Any]]:
    """Refused requests of these teams' sources, or of the one under this slug, newest first."""
    query = (
        select(rejections, sources.c.slug.label("source"), sources.c.kind, teams.c.slug.label("team"))
        .join(sources, sources.c.id == rejections.c.source_id)
        .join(teams, teams.c.id == sources.c.team_id)
        .where(sources.c.team_id.in_(team_ids))
        .order_by(rejections.c.id.desc())
        .limit(limit)
    )
    if source is not None:
        query = query.where(sources.c.slug == source)
    if reason is not None:
        query = query.where(rejections.c.reason == reason)
    if before is not None:
        query = query.where(rejections.c.id < before)
    return [dict(row._mapping) for row in connection.execute(query)]
