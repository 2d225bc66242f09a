"""Expected schedules of pipelines."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from gateway.storage.database import insert_for
from gateway.storage.tables import monitors, sources, teams


@dataclass(frozen=True, slots=True)
class Expectation:
    """When a pipeline is expected to run: either by cron or every so many seconds."""

    source_id: int
    pipeline: str
    cron: str | None
    interval_seconds: int | None
    timezone: str
    grace_seconds: int


def keep(connection: Connection, wanted: Sequence[Expectation], *, now: datetime) -> None:
    """Makes these the enabled monitors; those no longer wanted are disabled, never deleted."""
    connection.execute(update(monitors).where(monitors.c.disabled_at.is_(None)).values(disabled_at=now))
    if wanted:
        statement = insert_for(connection)(monitors)
        replaced = {name: statement.excluded[name] for name in ("cron", "interval_seconds", "timezone", "grace_seconds")}
        connection.execute(
            statement.on_conflict_do_update(index_elements=["source_id", "pipeline"], set_={**replaced, "disabled_at": None}),
            [asdict(one) for one in wanted],
        )


def overview(connection: Connection, *, team_ids: Sequence[int]) -> list[dict[str, Any]]:
    """Every monitor of these teams."""
    rows = connection.execute(
        select(
            monitors.c.id, teams.c.slug.label("team"), sources.c.slug.label("source"), monitors.c.pipeline, monitors.c.cron,
            monitors.c.interval_seconds, monitors.c.timezone, monitors.c.grace_seconds, monitors.c.disabled_at,
        )
        .join(sources, sources.c.id == monitors.c.source_id)
        .join(teams, teams.c.id == sources.c.team_id)
        .where(sources.c.team_id.in_(team_ids))
        .order_by(teams.c.slug, sources.c.slug, monitors.c.pipeline)
    )  # fmt: skip
    return [dict(row._mapping) for row in rows]
