"""Pipelines and their runs, from what senders signal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, func, select, tuple_

from gateway.storage.database import insert_for
from gateway.storage.tables import pipelines, runs


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
    statement = insert_for(connection)(runs)
    new = statement.excluded
    later = new.phase_at >= runs.c.phase_at
    changed: dict[str, Any] = {name: case((later, new[name]), else_=runs.c[name]) for name in ("phase", "state", "phase_at")}
    changed |= {name: case((new[name] != "", new[name]), else_=runs.c[name]) for name in ("name", "url")}
    changed |= {name: func.coalesce(runs.c[name], new[name]) for name in ("expected_at", "started_at")}
    changed["ended_at"] = case((later, func.coalesce(new.ended_at, runs.c.ended_at)), else_=func.coalesce(runs.c.ended_at, new.ended_at))
    connection.execute(
        statement.on_conflict_do_update(index_elements=["pipeline_id", "run", "attempt"], set_=changed),
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


def _pipelines(connection: Connection, wanted: Sequence[tuple[int, str, str]]) -> dict[tuple[int, str, str], int]:
    rows = [{"source_id": source_id, "environment": environment, "name": name} for source_id, environment, name in wanted]
    connection.execute(insert_for(connection)(pipelines).on_conflict_do_nothing(), rows)
    found = connection.execute(
        select(pipelines.c.source_id, pipelines.c.environment, pipelines.c.name, pipelines.c.id).where(
            tuple_(pipelines.c.source_id, pipelines.c.environment, pipelines.c.name).in_(wanted)
        )
    )
    return {(source_id, environment, name): pipeline_id for source_id, environment, name, pipeline_id in found}
