"""Which processes work, and when each of their workers last ended a step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, select

from gateway.storage.clock import shared_time
from gateway.storage.database import insert_for
from gateway.storage.tables import working_processes

FORGOTTEN_AFTER: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Process:
    """A process that works, as it says of itself."""

    id: str
    host: str
    pid: int
    version: str
    key_mark: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """The last sign of life of a process."""

    process: Process
    ago: timedelta
    idle: Mapping[str, timedelta]
    """Worker → how long ago its last step ended."""


def live(connection: Connection, process: Process, *, idle: Mapping[str, float], now: datetime) -> None:
    """A sign of life. `idle`: worker → seconds since its last step. Those who gave none for a day are forgotten."""
    moment = shared_time(connection, now)
    said = {"seen_at": moment, "steps": {worker: round(seconds, 1) for worker, seconds in idle.items()}}
    own = {name: getattr(process, name) for name in ("id", "host", "pid", "version", "key_mark", "started_at")}
    statement = insert_for(connection)(working_processes).values(**own, **said)
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=said))
    connection.execute(delete(working_processes).where(working_processes.c.seen_at < moment - FORGOTTEN_AFTER))


def end(connection: Connection, process_id: str) -> None:
    """It ends, as it should."""
    connection.execute(delete(working_processes).where(working_processes.c.id == process_id))


def end_all(connection: Connection) -> None:
    """Of all that lived here before nobody lives. Only for the one `serve` of a SQLite file, when it starts."""
    connection.execute(delete(working_processes))


def seen(connection: Connection, now: datetime) -> Sequence[Seen]:
    """Every process that is known, the one that was seen last first."""
    moment = shared_time(connection, now)
    rows = connection.execute(select(working_processes).order_by(working_processes.c.seen_at.desc()))
    return [
        _seen(Process(row.id, row.host, row.pid, row.version, row.key_mark, row.started_at), row.seen_at, row.steps, moment) for row in rows
    ]


def _seen(process: Process, seen_at: datetime, steps: Mapping[str, float], moment: datetime) -> Seen:
    ago = max(moment - seen_at, timedelta())
    return Seen(process, ago, {worker: ago + timedelta(seconds=seconds) for worker, seconds in steps.items()})
