"""Expected schedules of pipelines: who owns them, what they ask for, and when they rest."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, case, func, or_, select, update

from gateway.storage.database import insert_for
from gateway.storage.tables import monitors, notifications, occurrences, pipelines, runs, sources, teams

_SHAPE: Final = ("environment", "cron", "interval_seconds", "timezone", "grace_seconds", "max_duration_seconds")
_ANEW: Final[dict[str, Any]] = {"expected_at": None, "awaited_from": None, "due_at": None, "held_since": None}
"""What it waits for is reckoned again, from when somebody looks next."""
_AWAKE: Final[dict[str, Any]] = {"paused_at": None, "paused_until": None}


@dataclass(frozen=True, slots=True)
class Wanted:
    """When a pipeline is expected to run: either by cron or every so many seconds."""

    source_id: int
    pipeline: str
    environment: str
    """Empty: the source's own."""
    cron: str | None
    interval_seconds: int | None
    timezone: str
    grace_seconds: int
    max_duration_seconds: int | None


def keep(connection: Connection, wanted: Sequence[Wanted], *, now: datetime) -> None:
    """Makes these the monitors of the configuration; those it no longer wants are disabled, never deleted. People's own stay.

    What is as it was waits on for what it waited for.
    """
    places = {(one.source_id, one.pipeline) for one in wanted}
    managed = connection.execute(
        select(monitors.c.id, monitors.c.source_id, monitors.c.pipeline).where(monitors.c.managed, monitors.c.disabled_at.is_(None))
    )
    gone = [row.id for row in managed if (row.source_id, row.pipeline) not in places]
    if gone:
        connection.execute(update(monitors).where(monitors.c.id.in_(gone)).values(disabled_at=now))
    if wanted:
        statement = insert_for(connection)(monitors)
        new = statement.excluded
        changed = or_(monitors.c.disabled_at.is_not(None), *(monitors.c[name].is_distinct_from(new[name]) for name in _SHAPE))
        anew = {name: case((changed, None), else_=monitors.c[name]) for name in _ANEW}
        shape = {name: new[name] for name in _SHAPE}
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["source_id", "pipeline"], set_={**shape, **anew, "managed": True, "disabled_at": None}
            ),
            [asdict(one) | {"managed": True} for one in wanted],
        )


def create(connection: Connection, wanted: Wanted) -> int | None:
    """A monitor that people own; gives its id, None where the pipeline has one."""
    values = asdict(wanted)
    place = (monitors.c.source_id == wanted.source_id, monitors.c.pipeline == wanted.pipeline)
    known = connection.execute(select(monitors.c.id, monitors.c.disabled_at).where(*place)).one_or_none()
    if known is None:
        statement = insert_for(connection)(monitors).values(managed=False, **values).on_conflict_do_nothing()
        made: int | None = connection.scalar(statement.returning(monitors.c.id))
        return made
    if known.disabled_at is None:
        return None
    again = update(monitors).where(monitors.c.id == known.id, monitors.c.disabled_at.is_not(None))
    renewed = again.values(**values, **_ANEW, **_AWAKE, managed=False, disabled_at=None)
    taken: int | None = connection.scalar(renewed.returning(monitors.c.id))
    return taken


def change(connection: Connection, monitor_id: int, values: dict[str, Any]) -> None:
    """Asks for something else from now on."""
    connection.execute(update(monitors).where(monitors.c.id == monitor_id).values(**values, **_ANEW))


def pause(connection: Connection, monitor_id: int, *, until: datetime | None, now: datetime) -> None:
    """Waits for nothing until then, or for good."""
    values = {**_ANEW, "paused_at": now, "paused_until": until, "due_at": until}
    connection.execute(update(monitors).where(monitors.c.id == monitor_id).values(values))


def resume(connection: Connection, monitor_id: int) -> None:
    """Waits for the next run from now on."""
    connection.execute(update(monitors).where(monitors.c.id == monitor_id).values({**_ANEW, **_AWAKE}))


def disable(connection: Connection, monitor_id: int, *, now: datetime) -> None:
    """Ends a monitor that people own."""
    connection.execute(update(monitors).where(monitors.c.id == monitor_id).values(disabled_at=now))


def overview(connection: Connection, *, team_ids: Sequence[int], monitor_id: int | None = None) -> list[dict[str, Any]]:
    """The monitors of these teams, or one of them, with the last run that is known of each."""
    statement = _OVERVIEW.where(sources.c.team_id.in_(team_ids)).order_by(teams.c.slug, monitors.c.pipeline, monitors.c.id)
    if monitor_id is not None:
        statement = statement.where(monitors.c.id == monitor_id)
    return [dict(row._mapping) for row in connection.execute(statement)]


def count(connection: Connection, team_id: int) -> int:
    """How many monitors a team has."""
    mine = select(func.count()).select_from(_WITH_SOURCE).where(sources.c.team_id == team_id, monitors.c.disabled_at.is_(None))
    return connection.scalar(mine) or 0


def latest_runs(connection: Connection, monitor_id: int, *, limit: int) -> list[dict[str, Any]]:
    """The latest runs of a monitor's pipeline, each attempt for itself, newest first."""
    rows = connection.execute(
        select(runs.c.run, runs.c.attempt, runs.c.name, runs.c.url, runs.c.phase, runs.c.state, CAME_AT.label("came_at"), runs.c.ended_at)
        .select_from(WITH_RUNS)
        .where(monitors.c.id == monitor_id, HAS_RUN)
        .order_by(runs.c.phase_at.desc())
        .limit(limit)
    )
    return [dict(row._mapping) for row in rows]


def alarms(connection: Connection, identities: Sequence[str], *, limit: int) -> list[dict[str, Any]]:
    """What people were told, on the threads with these identities, newest first."""
    rows = connection.execute(
        select(occurrences.c.notification_id, occurrences.c.occurred_at, occurrences.c.title, occurrences.c.message, occurrences.c.reason)
        .join(notifications, notifications.c.id == occurrences.c.notification_id)
        .where(notifications.c.identity.in_(identities), occurrences.c.reason != "nothing-open")
        .order_by(occurrences.c.occurred_at.desc(), occurrences.c.id.desc())
        .limit(limit)
    )
    return [dict(row._mapping) for row in rows]


def by_lateness(connection: Connection) -> dict[str, int]:
    """How many monitors are on time, late, missing or paused."""
    state = case((monitors.c.paused_at.is_not(None), "paused"), else_=monitors.c.lateness)
    rows = connection.execute(select(state, func.count()).where(monitors.c.disabled_at.is_(None)).group_by(state))
    return {name: count for name, count in rows}


HAS_RUN: Final = or_(runs.c.started_at.is_not(None), runs.c.phase.in_(["running", "retrying", "succeeded", "failed"]))
"""A run that was scheduled, is called late or was cancelled before it began did not run."""
CAME_AT: Final = func.coalesce(runs.c.started_at, runs.c.ended_at, runs.c.phase_at)
"""When a run came: when it started, where that is told."""
ENVIRONMENT: Final = case((monitors.c.environment == "", sources.c.environment), else_=monitors.c.environment)
_WITH_SOURCE: Final = monitors.join(sources, sources.c.id == monitors.c.source_id)
_WITH_PIPELINE: Final = _WITH_SOURCE.join(
    pipelines,
    and_(
        pipelines.c.source_id == monitors.c.source_id,
        pipelines.c.environment == ENVIRONMENT,
        pipelines.c.name == monitors.c.pipeline,
    ),
)
_pipeline = (
    select(pipelines.c.id)
    .where(
        pipelines.c.source_id == monitors.c.source_id,
        pipelines.c.environment == ENVIRONMENT,
        pipelines.c.name == monitors.c.pipeline,
    )
    .correlate(monitors, sources)
    .scalar_subquery()
)
LAST_RUN: Final = (
    select(CAME_AT)
    .where(runs.c.pipeline_id == _pipeline, HAS_RUN)
    .order_by(runs.c.phase_at.desc())
    .limit(1)
    .correlate(monitors, sources)
    .scalar_subquery()
)
_OVERVIEW: Final = (
    select(
        monitors.c.id, teams.c.slug.label("team"), sources.c.team_id, sources.c.slug.label("source"), monitors.c.source_id,
        ENVIRONMENT.label("environment"), monitors.c.environment.label("stated_environment"), monitors.c.pipeline, monitors.c.cron,
        monitors.c.interval_seconds, monitors.c.timezone, monitors.c.grace_seconds, monitors.c.max_duration_seconds, monitors.c.managed,
        monitors.c.paused_at, monitors.c.paused_until, monitors.c.expected_at, monitors.c.lateness, monitors.c.held_since,
        monitors.c.overrun, monitors.c.overrun_from, sources.c.disabled_at.label("source_disabled_at"), LAST_RUN.label("last_run_at"),
    )
    .select_from(_WITH_SOURCE.join(teams, teams.c.id == sources.c.team_id))
    .where(monitors.c.disabled_at.is_(None))
)  # fmt: skip
WITH_RUNS: Final = _WITH_PIPELINE.join(runs, runs.c.pipeline_id == pipelines.c.id)
"""Monitors, their sources, their pipelines and the runs of those."""
