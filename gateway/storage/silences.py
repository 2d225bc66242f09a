"""Which monitors must be looked at, what is known of the runs they wait for, and how they stand afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, exists, func, insert, or_, select, update

from gateway.storage.among import among
from gateway.storage.monitors import CAME_AT, ENVIRONMENT, HAS_RUN, LAST_RUN, WITH_RUNS
from gateway.storage.tables import beats, events, monitors, processing, reconciliations, runs, sources

GAP: Final = timedelta(minutes=2)
"""After this long without a look something may have been missed."""
_NOTE_EVERY: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Held:
    """A monitor in this transaction's hands."""

    id: int
    source_id: int
    source_disabled: bool
    pipeline: str
    environment: str
    cron: str | None
    interval_seconds: int | None
    timezone: str
    grace_seconds: int
    max_duration_seconds: int | None
    disabled_at: datetime | None
    paused_at: datetime | None
    paused_until: datetime | None
    expected_at: datetime | None
    lateness: str
    held_since: datetime | None
    overrun: str | None
    overrun_from: datetime | None
    last_run_at: datetime | None


@dataclass(frozen=True, slots=True)
class Running:
    """A run that started, did not end, and after which none ended."""

    run: str
    url: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Gap:
    """The last time that nobody looked for long."""

    since: datetime
    until: datetime


def wanting(connection: Connection, *, now: datetime, limit: int) -> list[int]:
    """Monitors that something is to be decided about: a time came, a run came, or somebody changed them."""
    found: set[int] = set()
    for statement in _WANTING:
        found.update(connection.scalars(statement, {"now": now, "most": limit}))
    overdue = [
        monitor_id
        for monitor_id, seconds, started_at in connection.execute(_OLDEST_RUNNING)
        if started_at + timedelta(seconds=seconds) <= now
    ]
    return sorted(found.union(overdue))[:limit]


def next_due(connection: Connection) -> datetime | None:
    """When time alone makes something of a monitor."""
    due: datetime | None = connection.scalar(_NEXT_DUE)
    return due


def hold(connection: Connection, ids: Sequence[int]) -> list[Held]:
    """Takes these in hand, but for those that another transaction has."""
    locked = list(connection.scalars(_LOCK, {"ids": ids}))
    return [Held(*row) for row in connection.execute(_HELD, {"ids": locked})] if locked else []


def came(connection: Connection, ids: Sequence[int]) -> dict[int, tuple[datetime, datetime]]:
    """monitor → when the first and the last run came that may be the one it waits for."""
    return {monitor_id: (first, last) for monitor_id, first, last in connection.execute(_CAME, {"ids": ids})}


def called_late(connection: Connection, ids: Sequence[int]) -> set[int]:
    """Those of which the sender itself says that the run is late."""
    return set(connection.scalars(_CALLED_LATE, {"ids": ids}))


def run_at(connection: Connection, monitor_id: int, at: datetime) -> Running | None:
    """The run that came then."""
    row = connection.execute(_RUN_AT, {"ids": [monitor_id], "at": at}).first()
    return Running(*row) if row else None


def running(connection: Connection, ids: Sequence[int]) -> dict[int, Running]:
    """monitor → the run that has been running the longest."""
    found: dict[int, Running] = {}
    for monitor_id, run, url, started_at in connection.execute(_RUNNING, {"ids": ids}):
        found.setdefault(monitor_id, Running(run, url, started_at))
    return found


def ended(connection: Connection, ids: Sequence[int]) -> dict[int, datetime]:
    """monitor → when the run that did not end was over: it ended, or one that started later did."""
    return {monitor_id: at for monitor_id, at in connection.execute(_ENDED, {"ids": ids})}


def save(connection: Connection, changes: Mapping[int, Mapping[str, Any]]) -> None:
    """How these monitors, which are in hand, stand now."""
    for monitor_id, values in changes.items():
        connection.execute(update(monitors).where(monitors.c.id == monitor_id).values(**values))


def unread_since(connection: Connection) -> datetime | None:
    """When the oldest event was received that nobody has processed yet; what is replayed does not count."""
    oldest: datetime | None = connection.scalar(_OLDEST_WAITING)
    if connection.dialect.name != "sqlite":
        return oldest
    arrived: datetime | None = connection.scalar(_OLDEST_ARRIVED)
    return min((moment for moment in (oldest, arrived) if moment), default=None)


def asked_upto(connection: Connection, source_ids: Sequence[int]) -> dict[int, datetime]:
    """source → until when every run that ended is known, of those whose API is asked for runs that were missed."""
    return {source_id: upto for source_id, upto in connection.execute(_ASKED_UPTO, {"ids": source_ids})}


def beat(connection: Connection, name: str, now: datetime) -> Gap | None:
    """Writes down that somebody looks; gives the last time that nobody did for long. A clock that was set ahead looks the same."""
    row = connection.execute(select(beats).where(beats.c.name == name).with_for_update()).one_or_none()
    if row is None:
        connection.execute(insert(beats).values(name=name, at=now))
        return None
    if now - row.at > GAP:
        connection.execute(update(beats).where(beats.c.name == name).values(at=now, gap_from=row.at, gap_until=now))
        return Gap(row.at, now)
    if abs(now - row.at) > _NOTE_EVERY:
        connection.execute(update(beats).where(beats.c.name == name).values(at=now))
    return Gap(row.gap_from, row.gap_until) if row.gap_until else None


_ENABLED: Final = (monitors.c.disabled_at.is_(None), monitors.c.paused_at.is_(None))
_WITH_SOURCE: Final = monitors.join(sources, sources.c.id == monitors.c.source_id)
_ARRIVED: Final = and_(runs.c.phase_at >= monitors.c.awaited_from, monitors.c.awaited_from <= CAME_AT, HAS_RUN)
_OVER: Final = and_(
    runs.c.phase_at >= monitors.c.overrun_from, runs.c.ended_at.is_not(None),
    func.coalesce(runs.c.started_at, runs.c.ended_at) >= monitors.c.overrun_from,
)  # fmt: skip
_MOST: Final = bindparam("most", type_=monitors.c.id.type)
_LATE: Final = monitors.c.lateness != "none"
_LET_GO: Final = or_(
    monitors.c.disabled_at.is_not(None), monitors.c.paused_at.is_not(None), monitors.c.expected_at.is_(None),
    sources.c.disabled_at.is_not(None),
)  # fmt: skip
_WANTING: Final = (
    select(monitors.c.id)
    .where(monitors.c.due_at.is_not(None), monitors.c.due_at <= bindparam("now"), monitors.c.disabled_at.is_(None))
    .order_by(monitors.c.due_at, monitors.c.id)
    .limit(_MOST),
    select(monitors.c.id)
    .select_from(_WITH_SOURCE)
    .where(monitors.c.expected_at.is_(None), *_ENABLED, sources.c.disabled_at.is_(None))
    .limit(_MOST),
    select(monitors.c.id).select_from(_WITH_SOURCE).where(_LATE, _LET_GO).limit(_MOST),
    select(monitors.c.id).select_from(_WITH_SOURCE).where(monitors.c.overrun.is_not(None), _LET_GO).limit(_MOST),
    select(monitors.c.id).select_from(WITH_RUNS).where(_LATE, _ARRIVED).distinct().limit(_MOST),
    select(monitors.c.id).select_from(WITH_RUNS).where(monitors.c.overrun.is_not(None), _OVER).distinct().limit(_MOST),
)
_NEXT_DUE: Final = select(func.min(monitors.c.due_at)).where(monitors.c.due_at.is_not(None), monitors.c.disabled_at.is_(None))
_LOCK: Final = (
    select(monitors.c.id).where(among(monitors.c.id, "ids")).order_by(monitors.c.id).with_for_update(of=monitors, skip_locked=True)
)
_HELD: Final = (
    select(
        monitors.c.id, monitors.c.source_id, sources.c.disabled_at.is_not(None), monitors.c.pipeline, ENVIRONMENT, monitors.c.cron,
        monitors.c.interval_seconds, monitors.c.timezone, monitors.c.grace_seconds, monitors.c.max_duration_seconds,
        monitors.c.disabled_at, monitors.c.paused_at, monitors.c.paused_until, monitors.c.expected_at, monitors.c.lateness,
        monitors.c.held_since, monitors.c.overrun, monitors.c.overrun_from, LAST_RUN,
    )
    .select_from(_WITH_SOURCE)
    .where(among(monitors.c.id, "ids"))
)  # fmt: skip
_MINE: Final = among(monitors.c.id, "ids")
_CAME: Final = (
    select(monitors.c.id, func.min(CAME_AT), func.max(CAME_AT)).select_from(WITH_RUNS).where(_MINE, _ARRIVED).group_by(monitors.c.id)
)
_CALLED_LATE: Final = (
    select(monitors.c.id).select_from(WITH_RUNS).where(_MINE, runs.c.phase_at >= monitors.c.awaited_from, runs.c.phase == "late").distinct()
)
_RUN_AT: Final = select(runs.c.run, runs.c.url, CAME_AT).select_from(WITH_RUNS).where(_MINE, HAS_RUN, bindparam("at") == CAME_AT).limit(1)
_later = runs.alias("later")
_NONE_ENDED_SINCE: Final = ~exists(
    select(_later.c.id).where(
        _later.c.pipeline_id == runs.c.pipeline_id, _later.c.phase_at >= runs.c.started_at, _later.c.ended_at.is_not(None),
        func.coalesce(_later.c.started_at, _later.c.ended_at) >= runs.c.started_at,
    )
)  # fmt: skip
_IS_RUNNING: Final = and_(
    runs.c.ended_at.is_(None), runs.c.started_at.is_not(None), runs.c.phase.in_(["running", "retrying"]), _NONE_ENDED_SINCE
)
_RUNNING: Final = (
    select(monitors.c.id, runs.c.run, runs.c.url, runs.c.started_at)
    .select_from(WITH_RUNS)
    .where(_MINE, monitors.c.max_duration_seconds.is_not(None), _IS_RUNNING)
    .order_by(monitors.c.id, runs.c.started_at)
)
_OLDEST_RUNNING: Final = (
    select(monitors.c.id, monitors.c.max_duration_seconds, func.min(runs.c.started_at))
    .select_from(WITH_RUNS)
    .where(monitors.c.max_duration_seconds.is_not(None), *_ENABLED, monitors.c.overrun.is_(None), _IS_RUNNING)
    .group_by(monitors.c.id, monitors.c.max_duration_seconds)
)
_ENDED: Final = select(monitors.c.id, func.min(runs.c.ended_at)).select_from(WITH_RUNS).where(_MINE, _OVER).group_by(monitors.c.id)
_FRESH: Final = (processing.c.status == "waiting", processing.c.processed_at.is_(None))
_OLDEST_WAITING: Final = select(events.c.received_at).where(
    events.c.id == select(func.min(processing.c.event_id)).where(*_FRESH).scalar_subquery()
)
_OLDEST_ARRIVED: Final = (
    select(events.c.received_at)
    .where(events.c.id > select(func.coalesce(func.max(processing.c.event_id), 0)).scalar_subquery())
    .order_by(events.c.id)
    .limit(1)
)
_ASKED_UPTO: Final = select(reconciliations.c.source_id, reconciliations.c.upto).where(
    among(reconciliations.c.source_id, "ids"), reconciliations.c.asked_at.is_not(None)
)
