"""What one person sees: lists, counts and the urgent bar, always through the same conditions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, CursorResult, func, literal, update

from gateway.storage import bar_statements as bar_sql
from gateway.storage import changes, episodes
from gateway.storage import inbox_statements as sql
from gateway.storage.inbox_statements import Shape
from gateway.storage.tables import inbox_entries, notifications
from gateway.storage.types import Time

FEW: Final = 2000
"""So many threads at most are looked for before the person's entries are; more of them would take longer than the entries do."""
VERY_FEW: Final = 300
ON_THE_BAR: Final = 30
"""Conversations whose threads are told one by one."""
STORM: Final = 10
"""Conversations beyond which it is told how many each source has."""
JUST: Final = timedelta(minutes=5)
"""How long what recovered is told beside what is open."""
_SOURCES: Final = 8
_OVER: Final = 3


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries of an inbox; None and empty mean "any"."""

    team_ids: tuple[int, ...] | None = None
    categories: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    urgent_only: bool = False
    read: bool | None = None
    status: str | None = None
    source: str | None = None
    pipeline: str | None = None
    owner: str | None = None
    tag: str | None = None
    muted: bool = False
    archived: bool = False
    snoozed: bool = False
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None


EVERYTHING: Final = Filter()


@dataclass(frozen=True, slots=True)
class Bar:
    """What is urgent, open and not put aside."""

    rows: list[dict[str, Any]]
    """Threads, worst first, then oldest, of the worst conversations."""
    total: int
    """How many conversations there are, whether or not `rows` has their threads."""
    unacknowledged: int
    """How many of them nobody is on yet."""
    more: bool
    """Whether conversations are left out of `rows`."""
    sources: list[dict[str, Any]] = field(default_factory=list)
    """In a storm, how many conversations each source has."""
    over: list[dict[str, Any]] = field(default_factory=list)
    """Threads that were here and recovered just now, the latest first."""


def page(
    connection: Connection, *, user_id: int, wanted: Filter, now: datetime, after: tuple[datetime, int] | None, limit: int
) -> list[dict[str, Any]]:
    """A page of the inbox, newest first, from behind `after` (last_at, id) on."""
    asked = _asked(connection, user_id, wanted, now)
    if asked is None:
        return []
    shape, values = asked
    if after is not None:
        values |= {"after_at": after[0], "after_id": after[1]}
    query = sql.page(replace(shape, after=after is not None, limit=limit))
    return _rows(connection.execute(query, values))


def unread(connection: Connection, *, user_id: int, wanted: Filter, now: datetime) -> dict[str, int]:
    """How many entries of the list are unread, by category."""
    asked = _asked(connection, user_id, replace(wanted, read=False), now)
    if asked is None or wanted.read:
        return {}
    shape, values = asked
    return {category: number for category, number in connection.execute(sql.unread(_barring(connection, shape, values)), values)}


def count(connection: Connection, *, user_id: int, wanted: Filter, now: datetime) -> int:
    """How many entries the list has."""
    asked = _asked(connection, user_id, wanted, now)
    if asked is None:
        return 0
    shape, values = asked
    return int(connection.scalar(sql.count(_barring(connection, shape, values)), values) or 0)


def urgent(connection: Connection, *, user_id: int, team_ids: Sequence[int] | None, now: datetime) -> list[dict[str, Any]]:
    """The threads of the bar."""
    return bar(connection, user_id=user_id, team_ids=team_ids, now=now).rows


def bar(connection: Connection, *, user_id: int, team_ids: Sequence[int] | None, now: datetime) -> Bar:
    """The open urgent threads that the person has not put aside; worst first, then oldest."""
    reader = _reader(connection, user_id, team_ids)
    shape: dict[str, Any] = {"lacks": bool(reader["lacked"]), "dialect": connection.dialect.name}
    asked = reader | {"now": now}
    over = _rows(connection.execute(bar_sql.just_resolved(**shape), asked | {"since": now - JUST, "limit": _OVER}))
    found = connection.execute(bar_sql.bar(**shape), asked | {"limit": ON_THE_BAR}).all()
    if not found:
        return Bar([], 0, 0, more=False, over=over)
    ids = [int(one) for row in found for one in row.ids.split(",")]
    rows = _rows(connection.execute(bar_sql.SAID_OF_BAR, {"user_id": user_id, "ids": ids, "now": now}))
    total = found[0].total
    of_each = _rows(connection.execute(bar_sql.bar_sources(**shape), asked | {"limit": _SOURCES})) if total > STORM else []
    return Bar(rows, total, found[0].unacknowledged, more=total > len(found), sources=of_each, over=over)


def one(connection: Connection, *, user_id: int, notification_id: int, now: datetime) -> dict[str, Any] | None:
    """One entry of the person's inbox, listed or not; None where it is not theirs to see."""
    reader = _reader(connection, user_id, None)
    row = connection.execute(sql.one(lacks=bool(reader["lacked"])), reader | {"id": notification_id, "now": now}).one_or_none()
    return dict(row._mapping) if row else None


def mark(
    connection: Connection,
    *,
    user_id: int,
    ids: Sequence[int],
    now: datetime,
    read: bool | None,
    archived: bool | None,
    dismissed: bool | None,
) -> list[int]:
    """Sets these states of the person's own entries; gives the ids that are theirs."""
    columns = {"read_at": read, "archived_at": archived, "dismissed_at": dismissed}
    values = {
        name: (func.coalesce(inbox_entries.c[name], literal(now, Time)) if on else None) for name, on in columns.items() if on is not None
    }
    mine = own(connection, user_id=user_id, ids=ids)
    if values and mine:
        connection.execute(
            update(inbox_entries).where(inbox_entries.c.user_id == user_id, inbox_entries.c.notification_id.in_(mine)).values(**values)
        )
        changes.note_people(connection, [user_id])
    return mine


def read_all(connection: Connection, *, user_id: int, wanted: Filter, now: datetime) -> list[int]:
    """Marks every unread entry of the list as read; gives their ids."""
    asked = _asked(connection, user_id, replace(wanted, read=False), now)
    if asked is None or wanted.read:
        return []
    ids = list(connection.scalars(sql.ids(asked[0]), asked[1]))
    if ids:
        connection.execute(sql.READ, {"reader": user_id, "ids": ids, "moment": now})
        changes.note_people(connection, [user_id])
    return ids


def unread_again(connection: Connection, *, user_id: int, read_at: datetime) -> list[int]:
    """Takes back what was marked as read at exactly this moment; gives their ids."""
    ids = list(connection.scalars(sql.UNREAD_AGAIN, {"reader": user_id, "moment": read_at}))
    if ids:
        changes.note_people(connection, [user_id])
    return ids


def acknowledge(connection: Connection, *, user_id: int, notification_id: int, now: datetime, taken_back: bool) -> bool:
    """Says for everyone that somebody is on it, or takes that back. False where the thread is not theirs to see.

    The first who acknowledges stays the one.
    """
    if not own(connection, user_id=user_id, ids=[notification_id]):
        return False
    thread = update(notifications).where(notifications.c.id == notification_id)
    if taken_back:
        episodes.take_back(connection, notification_id)
        connection.execute(thread.values(acknowledged_at=None, acknowledged_by=None))
    else:
        first = connection.execute(
            thread.where(notifications.c.acknowledged_at.is_(None), notifications.c.status == "open").values(
                acknowledged_at=now, acknowledged_by=user_id
            )
        )
        if first.rowcount:
            episodes.acknowledge(connection, notification_id, now=now)
    changes.note_threads(connection, [notification_id])
    return True


def own(connection: Connection, *, user_id: int, ids: Sequence[int]) -> list[int]:
    """Those of these notifications that are the person's to see."""
    reader = _reader(connection, user_id, None)
    return list(connection.scalars(sql.mine(lacks=bool(reader["lacked"])), reader | {"ids": list(ids)}))


def _barring(connection: Connection, shape: Shape, values: dict[str, Any]) -> Shape:
    """The shape for a count, which goes through everything."""
    few = shape.lacks and connection.scalar(sql.BARRED, values | {"most": FEW + 1}) <= FEW
    return replace(shape, few_barred=True) if few else shape


def _rows(found: CursorResult[Any]) -> list[dict[str, Any]]:
    names = tuple(found.keys())
    return [dict(zip(names, row, strict=True)) for row in found]


def _reader(connection: Connection, user_id: int, team_ids: Sequence[int] | None) -> dict[str, Any]:
    """Who reads: the teams they are in still (of those asked for), and what they are not permitted there."""
    held: dict[int, set[str]] = {}
    for team_id, permission in connection.execute(sql.READER, {"user_id": user_id}):
        held.setdefault(team_id, set()).add(permission)
    mine = [team_id for team_id in held if team_ids is None or team_id in team_ids]
    required = list(connection.scalars(sql.REQUIRED)) if mine else []
    lacked = [f"{team_id} {permission}" for team_id in mine for permission in required if permission not in held[team_id]]
    permissions = sorted({one.partition(" ")[2] for one in lacked})
    return {"user_id": user_id, "team_ids": mine, "lacked": lacked, "permissions": permissions}


def _asked(connection: Connection, user_id: int, wanted: Filter, now: datetime) -> tuple[Shape, dict[str, Any]] | None:
    """The shape of a filter and the values of its parameters; None where nothing can meet it."""
    values = _reader(connection, user_id, wanted.team_ids) | {"now": now}
    given = set(_given(wanted, values))
    if "source" in given:
        values["source_ids"] = list(connection.scalars(sql.SOURCES, {"slug": wanted.source, "team_ids": values["team_ids"]}))
        if not values["source_ids"]:
            return None
    counts = {name: _count(connection, name, values) for name in sql.COUNTS if name in given}
    least = min(counts, key=lambda name: counts[name], default="")
    shape = Shape(
        muted=wanted.muted, archived=wanted.archived, snoozed=wanted.snoozed, read=wanted.read, given=frozenset(given),
        lacks=bool(values["lacked"]), threads_first=least if least and counts[least] <= FEW else "",
        very_few=bool(least) and counts[least] <= VERY_FEW, dialect=connection.dialect.name,
    )  # fmt: skip
    return shape, values


def _given(wanted: Filter, values: dict[str, Any]) -> Iterator[str]:
    """The names of the filters that are set, whose values are added."""
    for name, value in (
        ("categories", wanted.categories), ("levels", wanted.levels), ("pipeline", wanted.pipeline), ("owner", wanted.owner),
        ("tag", wanted.tag), ("since", wanted.since), ("until", wanted.until), ("text", wanted.text and _pattern(wanted.text)),
    ):  # fmt: skip
        if value:
            values[name] = value
            yield name
    if wanted.urgent_only:
        yield "urgent"
    if wanted.status:
        yield wanted.status
    if wanted.source:
        yield "api" if wanted.source == "api" else "source"


def _count(connection: Connection, name: str, values: dict[str, Any]) -> int:
    """How many threads this filter leaves, as far as that matters."""
    return int(connection.scalar(sql.COUNTS[name], values | {"most": FEW + 1}) or 0)


def _pattern(text: str) -> str:
    escaped = text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
