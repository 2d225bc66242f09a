"""What arrived, as admins look at it: lists, counts, single events. Each part of a query is led by the index that serves it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, func, literal, null, select, union_all

from gateway.storage import follow_ups
from gateway.storage.tables import events, processing, sources, teams

WAITING: Final = "waiting"
MAPPED: Final = "mapped"
ENDINGS: Final = (MAPPED, "ignored", "unmapped", "quarantined")
STATUSES: Final = (WAITING, *ENDINGS)
_SOURCES_AT_ONCE: Final = 100
"""SQLite takes 500 parts in one query. https://sqlite.org/limits.html"""

_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_status: Final = func.coalesce(processing.c.status, WAITING)  # what has just arrived may not be queued yet
_with_processing: Final = events.outerjoin(processing, processing.c.event_id == events.c.id)
_places: Final = (
    sources.c.slug.label("source"), sources.c.kind, teams.c.slug.label("team"), _status.label("status"), processing.c.reason,
    func.coalesce(processing.c.attempts, 0).label("attempts"), processing.c.processed_at,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events. What is None, empty or false is not asked for."""

    source: str | None = None
    status: str | None = None
    since: datetime | None = None
    """Received at this time or later."""
    until: datetime | None = None
    """Received before this time."""
    processed_since: datetime | None = None
    conflicting: bool = False
    ids: tuple[int, ...] = ()


EVERYTHING: Final = Filter()


@dataclass(frozen=True, slots=True)
class Counts:
    """How many events of each status match."""

    by_status: dict[str, int]
    replaying: int
    """How many of those that wait were processed before: they are being replayed."""


def page(connection: Connection, *, team_ids: Sequence[int], wanted: Filter, before: int | None, limit: int) -> list[dict[str, Any]]:
    """Events of these teams, newest first, with how they ended; without their bodies."""
    ids = matching(connection, team_ids=team_ids, wanted=wanted, before=before, limit=limit)
    shown = (
        select(
            events.c.id, events.c.method, events.c.request_key, events.c.received_at, events.c.conflicting, *_places,
            func.length(events.c.body).label("size"),
        )
        .select_from(_with_processing.join(sources, sources.c.id == events.c.source_id).join(teams, teams.c.id == sources.c.team_id))
        .where(events.c.id.in_(ids))
        .order_by(events.c.id.desc())
    )  # fmt: skip
    return [dict(row._mapping) for row in connection.execute(shown)]


def show(connection: Connection, *, team_ids: Sequence[int], event_id: int) -> dict[str, Any] | None:
    """One event whole, with what its mapper asked for, or None where these teams have no such event."""
    row = connection.execute(
        select(events, *_places)
        .select_from(_with_processing.join(sources, sources.c.id == events.c.source_id).join(teams, teams.c.id == sources.c.team_id))
        .where(and_(events.c.id == event_id, sources.c.team_id.in_(team_ids)))
    ).one_or_none()
    return {**row._mapping, "follow_ups": follow_ups.of_event(connection, event_id)} if row else None


def matching(
    connection: Connection, *, team_ids: Sequence[int], wanted: Filter, after: int = 0, before: int | None = None, limit: int,
    oldest_first: bool = False,
) -> list[int]:  # fmt: skip
    """Ids of up to `limit` events between `after` and `before` (neither included), newest first unless said otherwise."""
    of_teams = _source_ids(connection, team_ids, wanted.source)
    found: list[int] = []
    for start in range(0, len(of_teams), _SOURCES_AT_ONCE):
        groups = [[source_id] for source_id in of_teams[start : start + _SOURCES_AT_ONCE]]
        limited = []
        for part in _parts(groups, wanted, after, before):
            key = part.selected_columns.id
            limited.append(select(part.order_by(key if oldest_first else key.desc()).limit(limit).subquery().c.id))
        found += connection.scalars(union_all(*limited))
    return sorted(found, reverse=not oldest_first)[:limit]


def counts(connection: Connection, *, team_ids: Sequence[int], wanted: Filter) -> Counts:
    """How many events match, by status."""
    of_teams = _source_ids(connection, team_ids, wanted.source)
    one = union_all(*_parts([of_teams], wanted, 0, None)).subquery()
    rows = connection.execute(select(one.c.status, func.count(), func.count(one.c.processed_at)).group_by(one.c.status)).all()
    return Counts(
        by_status={status: sum(count for name, count, _ in rows if name == status) for status in STATUSES},
        replaying=sum(before for name, _, before in rows if name == WAITING),
    )


def _source_ids(connection: Connection, team_ids: Sequence[int], slug: str | None) -> list[int]:
    query = select(sources.c.id).where(sources.c.team_id.in_(team_ids)).order_by(sources.c.id)
    return list(connection.scalars(query if slug is None else query.where(sources.c.slug == slug)))


def _parts(groups: Sequence[Sequence[int]], wanted: Filter, after: int, before: int | None) -> list[Select[Any]]:
    """Selects of (id, status, processed_at) that together give what is wanted of these groups of sources."""
    everyone = [source_id for group in groups for source_id in group]
    if wanted.ids:
        named = [events.c.id.in_(wanted.ids), *_between(events.c.id, after, before), *_asked(wanted)]
        return [_of_sources(everyone, [*named, *([_status == wanted.status] if wanted.status else [])])]
    if wanted.status == WAITING:
        return [_queued(everyone, wanted, after, before), _just_arrived(everyone, wanted, after, before)]
    if wanted.status not in (None, MAPPED):
        return [_put_aside(everyone, wanted, after, before)]
    conditions = [*_between(events.c.id, after, before), *_asked(wanted)]
    if wanted.status == MAPPED:
        conditions.append(processing.c.status == MAPPED)
    return [_of_sources(group, conditions) for group in groups]


def _of_sources(source_ids: Sequence[int], conditions: Sequence[ColumnElement[bool]]) -> Select[Any]:
    """Of one source they are read in order; of several, as they come."""
    mine = events.c.source_id == source_ids[0] if len(source_ids) == 1 else events.c.source_id.in_(source_ids)
    return select(events.c.id, _status.label("status"), processing.c.processed_at).select_from(_with_processing).where(mine, *conditions)


def _put_aside(source_ids: Sequence[int], wanted: Filter, after: int, before: int | None) -> Select[Any]:
    """Of these there are few: an index of their own leads to them."""
    return (
        select(processing.c.event_id.label("id"), processing.c.status.label("status"), processing.c.processed_at)
        .join(events, events.c.id == processing.c.event_id)
        .where(processing.c.status == _written_out(wanted.status), *_between(processing.c.event_id, after, before))
        .where(events.c.source_id.in_(source_ids), *_asked(wanted))
    )


def _queued(source_ids: Sequence[int], wanted: Filter, after: int, before: int | None) -> Select[Any]:
    """What waits, by the index of the workers. Each `+ 0` keeps SQLite from taking another one.

    https://sqlite.org/optoverview.html#disqualifying_where_clause_terms_using_unary_
    """
    key = processing.c.event_id + 0
    return (
        select(key.label("id"), processing.c.status.label("status"), processing.c.processed_at)
        .join(events, events.c.id == processing.c.event_id)
        .where(processing.c.status == _written_out(WAITING), processing.c.due_at >= _EVER, *_between(key, after, before))
        .where((events.c.source_id + 0).in_(source_ids), *_asked(wanted))
    )


def _just_arrived(source_ids: Sequence[int], wanted: Filter, after: int, before: int | None) -> Select[Any]:
    """What is newer than all that was ever queued: on SQLite the worker queues it a moment later."""
    queued = select(func.coalesce(func.max(processing.c.event_id), 0)).scalar_subquery()
    never = (literal(False),) if wanted.processed_since else ()
    received = _asked(Filter(since=wanted.since, until=wanted.until, conflicting=wanted.conflicting))
    return select(events.c.id, literal(WAITING).label("status"), null().label("processed_at")).where(
        events.c.id > queued, *_between(events.c.id, after, before), events.c.source_id.in_(source_ids), *received, *never
    )


def _asked(wanted: Filter) -> list[ColumnElement[bool]]:
    asked: list[ColumnElement[bool]] = []
    if wanted.since is not None:
        asked.append(events.c.received_at >= wanted.since)
    if wanted.until is not None:
        asked.append(events.c.received_at < wanted.until)
    if wanted.processed_since is not None:
        asked.append(processing.c.processed_at >= wanted.processed_since)
    if wanted.conflicting:
        asked.append(events.c.conflicting)
    return asked


def _between(column: ColumnElement[int], after: int, before: int | None) -> list[ColumnElement[bool]]:
    return [column > after] if before is None else [column > after, column < before]


def _written_out(status: str | None) -> ColumnElement[str]:
    """The status as part of the statement, not as a parameter: only so a plan kept for it can use a partial index."""
    return literal(status, literal_execute=True)


def waiting_again(connection: Connection) -> int:
    """How many events wait that were processed before, of all teams."""
    again = (processing.c.status == _written_out(WAITING), processing.c.due_at >= _EVER, processing.c.processed_at.is_not(None))
    return connection.scalar(select(func.count()).select_from(processing).where(*again)) or 0
