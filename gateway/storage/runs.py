"""Pipelines and their runs, from what senders signal."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, case, func, select, tuple_

from gateway.domain.history import RunEnd
from gateway.storage.database import insert_of
from gateway.storage.tables import notifications, pipelines, runs


@dataclass(frozen=True, slots=True)
class Signal:
    """One step in the life of a run, placed."""

    source_id: int
    environment: str
    pipeline: str
    run: str
    attempt: int
    phase: str
    state: str
    name: str
    url: str
    at: datetime
    expected_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None


def put(connection: Connection, signals: Sequence[Signal]) -> None:
    """Records these signals. The latest one decides a run's phase and end, in whatever order they come; other times once known stay.

    Rows are taken in order, so that two workers never wait for each other.
    """
    if not signals:
        return
    ids = _pipelines(connection, sorted({(one.source_id, one.environment, one.pipeline) for one in signals}))
    connection.execute(
        _put(connection.dialect.name),
        [
            {
                "pipeline_id": ids[one.source_id, one.environment, one.pipeline],
                "run": one.run,
                "attempt": one.attempt,
                "phase": one.phase,
                "state": one.state,
                "name": one.name,
                "url": one.url,
                "phase_at": one.at,
                "expected_at": one.expected_at,
                "started_at": one.started_at,
                "ended_at": one.ended_at,
            }
            for one in sorted(signals, key=lambda one: (ids[one.source_id, one.environment, one.pipeline], one.run, one.attempt, one.at))
        ],
    )


@functools.cache
def _put(dialect: str) -> Any:
    statement = insert_of(dialect)(runs)
    new = statement.excluded
    later = new.phase_at >= runs.c.phase_at
    changed: dict[str, Any] = {name: case((later, new[name]), else_=runs.c[name]) for name in ("phase", "state", "phase_at")}
    changed |= {name: case((new[name] != "", new[name]), else_=runs.c[name]) for name in ("name", "url")}
    changed |= {name: func.coalesce(runs.c[name], new[name]) for name in ("expected_at", "started_at")}
    changed["ended_at"] = case((later, func.coalesce(new.ended_at, runs.c.ended_at)), else_=func.coalesce(runs.c.ended_at, new.ended_at))
    return statement.on_conflict_do_update(index_elements=["pipeline_id", "run", "attempt"], set_=changed)


def known_ends(connection: Connection, *, source_id: int, runs_of: Sequence[str]) -> list[tuple[str, str, datetime]]:
    """(run, phase, when) of the known ends of these runs of a source; a run that was started again has several."""
    rows = connection.execute(
        select(runs.c.run, runs.c.phase, runs.c.ended_at)
        .join(pipelines, pipelines.c.id == runs.c.pipeline_id)
        .where(runs.c.run.in_(list(runs_of)), pipelines.c.source_id == source_id, runs.c.ended_at.is_not(None))
    )
    return [(run, phase, ended_at) for run, phase, ended_at in rows]


def recent_ends(connection: Connection, *, source_id: int, environment: str, pipeline: str) -> list[RunEnd]:
    """How the latest runs of a pipeline ended, newest first."""
    of_pipeline = (pipelines.c.source_id == source_id, pipelines.c.environment == environment, pipelines.c.name == pipeline)
    rows = connection.execute(
        select(runs.c.run, runs.c.phase, runs.c.started_at, runs.c.ended_at)
        .where(runs.c.pipeline_id == select(pipelines.c.id).where(*of_pipeline).scalar_subquery(), runs.c.ended_at.is_not(None))
        .order_by(runs.c.phase_at.desc())
        .limit(_LATEST)
    )
    return [RunEnd(*row) for row in rows]


def recent_ends_of(connection: Connection, notification_id: int) -> list[RunEnd]:
    """The same for the pipeline of a thread; empty where it has none."""
    place = select(notifications.c.source_id, notifications.c.environment, notifications.c.pipeline)
    row = connection.execute(place.where(notifications.c.id == notification_id)).one_or_none()
    if row is None or row.source_id is None or not row.pipeline:
        return []
    return recent_ends(connection, source_id=row.source_id, environment=row.environment, pipeline=row.pipeline)


def _pipelines(connection: Connection, wanted: Sequence[tuple[int, str, str]]) -> dict[tuple[int, str, str], int]:
    """Most pipelines are known: they are looked for first, and only the others written."""
    found = _known_pipelines(connection, wanted)
    missing = [one for one in wanted if one not in found]
    if missing:
        rows = [{"source_id": source_id, "environment": environment, "name": name} for source_id, environment, name in missing]
        connection.execute(_add_pipelines(connection.dialect.name), rows)
        found |= _known_pipelines(connection, missing)
    return found


def _known_pipelines(connection: Connection, wanted: Sequence[tuple[int, str, str]]) -> dict[tuple[int, str, str], int]:
    found: dict[tuple[int, str, str], int] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        for source_id, environment, name, pipeline_id in connection.execute(_KNOWN_PIPELINES, {"wanted": wanted[start : start + _AT_ONCE]}):
            found[source_id, environment, name] = pipeline_id
    return found


_LATEST: Final = 50
"""Runs that are looked back at."""
_AT_ONCE: Final = 1000
"""A statement takes only so many values."""
_place: Final = (pipelines.c.source_id, pipelines.c.environment, pipelines.c.name)
_KNOWN_PIPELINES: Final = select(*_place, pipelines.c.id).where(tuple_(*_place).in_(bindparam("wanted", expanding=True)))


@functools.cache
def _add_pipelines(dialect: str) -> Any:
    return insert_of(dialect)(pipelines).on_conflict_do_nothing()
