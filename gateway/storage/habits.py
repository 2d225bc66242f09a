"""What pipelines that nobody watches did of late, for whoever may want to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, and_, bindparam, exists, func, select

from gateway.storage.among import among
from gateway.storage.database import insert_for
from gateway.storage.monitors import CAME_AT, HAS_RUN
from gateway.storage.tables import monitors, pipelines, runs, sources, teams, unwanted


@dataclass(frozen=True, slots=True)
class Unwatched:
    """A pipeline without a monitor."""

    id: int
    team: str
    team_id: int
    source: str
    source_id: int
    environment: str
    stated_environment: str | None
    """None where it is the source's own."""
    name: str


def unwatched(
    connection: Connection, *, team_ids: Sequence[int], since: datetime, limit: int, pipeline_id: int | None = None
) -> list[Unwatched]:
    """Pipelines of these teams that ran since then, are not watched, and that nobody refused to watch; those that ran last first."""
    statement = _UNWATCHED if pipeline_id is None else _UNWATCHED.where(pipelines.c.id == pipeline_id)
    rows = connection.execute(statement, {"teams": list(team_ids), "since": since, "most": limit})
    return [Unwatched(*row[:-1]) for row in rows]


def came(connection: Connection, pipeline_id: int, *, since: datetime, limit: int) -> list[datetime]:
    """When its latest runs came; each run once, however often it was tried."""
    return list(connection.scalars(_CAME, {"pipeline": pipeline_id, "since": since, "most": limit}))


def refuse(connection: Connection, pipeline_id: int, *, now: datetime) -> None:
    """Nobody wants to be asked about this pipeline again."""
    connection.execute(insert_for(connection)(unwanted).values(pipeline_id=pipeline_id, at=now).on_conflict_do_nothing())


_last = select(func.max(runs.c.phase_at)).where(runs.c.pipeline_id == pipelines.c.id).correlate(pipelines).scalar_subquery()
_MOST: Final = bindparam("most", type_=pipelines.c.id.type)
_WATCHED: Final = exists(
    select(monitors.c.id).where(
        monitors.c.source_id == pipelines.c.source_id, monitors.c.pipeline == pipelines.c.name, monitors.c.disabled_at.is_(None)
    )
)
_UNWATCHED: Final = (
    select(
        pipelines.c.id, teams.c.slug, sources.c.team_id, sources.c.slug, pipelines.c.source_id, pipelines.c.environment,
        func.nullif(pipelines.c.environment, sources.c.environment), pipelines.c.name, _last.label("last"),
    )
    .join(sources, and_(sources.c.id == pipelines.c.source_id, sources.c.disabled_at.is_(None)))
    .join(teams, teams.c.id == sources.c.team_id)
    .where(among(sources.c.team_id, "teams"), ~_WATCHED, ~exists(select(unwanted.c.at).where(unwanted.c.pipeline_id == pipelines.c.id)))
    .where(_last >= bindparam("since"))
    .order_by(_last.desc(), pipelines.c.id)
    .limit(_MOST)
)  # fmt: skip
_CAME: Final = (
    select(func.min(CAME_AT))
    .where(runs.c.pipeline_id == bindparam("pipeline"), runs.c.phase_at >= bindparam("since"), HAS_RUN)
    .group_by(runs.c.run)
    .order_by(func.max(runs.c.phase_at).desc())
    .limit(_MOST)
)
