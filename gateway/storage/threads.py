"""Notifications (threads), their members and occurrences: loaded for the judge, saved as it says."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Table, and_, bindparam, delete, exists, func, or_, select, tuple_, update

from gateway.domain.thread import Firing, Occurrence, Thread
from gateway.storage.database import insert_for
from gateway.storage.tables import conversations, members, notification_owners, notification_permissions, notifications, occurrences
from mappers.contract import Level, State

OPEN: Final = "open"
RESOLVED: Final = "resolved"
UNSEEN: Final = "unseen"
OF_THE_FIRST_REPORT: Final = ("event_id", "recorded_at", "reason", "episode", "attempt")
"""Columns of an occurrence that a second report of it leaves alone."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a thread belongs; all of it follows from its identity."""

    identity: str
    team_id: int
    source_id: int | None
    environment: str
    slug: str
    event_data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stored:
    """A thread as it is kept: its folded state and the row it is presented by."""

    id: int
    thread: Thread
    row: Mapping[str, Any]


def lock(connection: Connection, places: Sequence[Place]) -> dict[str, Stored]:
    """These threads by identity, created where missing, locked until the transaction ends, always in the same order."""
    ordered = sorted({place.identity: place for place in places}.values(), key=lambda place: place.identity)
    if not ordered:
        return {}
    rows = [
        {
            "identity": p.identity,
            "team_id": p.team_id,
            "source_id": p.source_id,
            "environment": p.environment,
            "slug": p.slug,
            "event_data": p.event_data,
        }
        for p in ordered
    ]
    connection.execute(insert_for(connection)(notifications).on_conflict_do_nothing(index_elements=["identity"]), rows)
    return {stored.row["identity"]: stored for stored in _load(connection, notifications.c.identity.in_([p.identity for p in ordered]))}


def lock_due(connection: Connection, *, now: datetime, limit: int) -> list[Stored]:
    """Threads with a hold that is over, locked."""
    due = select(notifications.c.id).where(notifications.c.due_at <= now).order_by(notifications.c.due_at).limit(limit)
    return _load(connection, notifications.c.id.in_(due.scalar_subquery()), skip_locked=True)


def lock_silent(connection: Connection, *, now: datetime, limit: int) -> list[Stored]:
    """Open threads that close by themselves and had no news for long enough, locked."""
    silent = select(notifications.c.id).where(notifications.c.silence_at <= now).order_by(notifications.c.silence_at).limit(limit)
    return _load(connection, notifications.c.id.in_(silent.scalar_subquery()), skip_locked=True)


def _load(connection: Connection, condition: Any, *, skip_locked: bool = False) -> list[Stored]:
    query = select(notifications).where(condition).order_by(notifications.c.identity).with_for_update(skip_locked=skip_locked)
    rows = [dict(row._mapping) for row in connection.execute(query)]
    firing: dict[int, dict[str, Firing]] = {row["id"]: {} for row in rows}
    found = connection.execute(
        select(members.c.notification_id, members.c.key, members.c.level, members.c.since, members.c.run, members.c.held_until).where(
            members.c.notification_id.in_(list(firing)), members.c.firing
        )
    )
    for notification_id, key, level, since, run, held_until in found:
        firing[notification_id][key] = Firing(Level(level), since, run, held_until)
    return [Stored(row["id"], _thread(row, firing[row["id"]]), row) for row in rows]


def _thread(row: Mapping[str, Any], firing: Mapping[str, Firing]) -> Thread:
    return Thread(
        firing=firing,
        episode=row["episode"],
        count=row["count"],
        level=Level(row["level"]),
        opened_at=row["opened_at"],
        resolved_at=row["resolved_at"],
        last=(row["folded_at"], row["folded_resolved"], row["folded_key"]) if row["folded_at"] is not None else None,
    )


def known_occurrences(connection: Connection, keys: Sequence[tuple[int, str]]) -> dict[tuple[int, str], Occurrence]:
    """Those of these occurrences, (notification id, key), that are recorded already."""
    if not keys:
        return {}
    rows = connection.execute(select(occurrences).where(tuple_(occurrences.c.notification_id, occurrences.c.key).in_(sorted(set(keys)))))
    return {(row.notification_id, row.key): _occurrence(row) for row in rows}


def history(connection: Connection, notification_id: int) -> list[Occurrence]:
    """Every occurrence recorded on a thread."""
    return [_occurrence(row) for row in connection.execute(select(occurrences).where(occurrences.c.notification_id == notification_id))]


def _occurrence(row: Any) -> Occurrence:
    return Occurrence(
        key=row.key,
        at=row.occurred_at,
        state=State(row.state),
        members={key: Level(level) for key, level in row.members.items()},
        run=row.run,
        held_until=row.held_until,
        spares_own_run=row.spares_own_run,
    )


def save(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes these notification rows, each under its `id`; all must have the same columns."""
    if rows:
        columns = [name for name in rows[0] if name != "id"]
        statement = (
            update(notifications).where(notifications.c.id == bindparam("b_id")).values({name: bindparam(f"b_{name}") for name in columns})
        )
        connection.execute(statement, [{f"b_{name}": value for name, value in row.items()} for row in rows])


def save_members(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes members that fire."""
    if not rows:
        return
    statement = insert_for(connection)(members)
    replaced = {name: statement.excluded[name] for name in rows[0] if name not in ("notification_id", "key")}
    connection.execute(statement.on_conflict_do_update(index_elements=["notification_id", "key"], set_=replaced), list(rows))


def end_members(connection: Connection, keys: Sequence[tuple[int, str]]) -> None:
    """Marks members, (notification id, key), as recovered."""
    if keys:
        connection.execute(
            update(members)
            .where(members.c.notification_id == bindparam("n"), members.c.key == bindparam("k"))
            .values(firing=False, held_until=None),
            [{"n": notification_id, "k": key} for notification_id, key in keys],
        )


def move_members(connection: Connection, states: Mapping[tuple[int, str], Mapping[str, Any]]) -> None:
    """Sets the state of members, (notification id, key), that are stored already; what they said stays."""
    if states:
        columns = list(next(iter(states.values())))
        connection.execute(
            update(members)
            .where(members.c.notification_id == bindparam("n"), members.c.key == bindparam("k"))
            .values({name: bindparam(f"b_{name}") for name in columns}),
            [
                {"n": notification_id, "k": key, **{f"b_{name}": value for name, value in state.items()}}
                for (notification_id, key), state in states.items()
            ],
        )


def release_member(connection: Connection, notification_id: int, key: str) -> None:
    """Takes the hold off a member."""
    connection.execute(update(members).where(members.c.notification_id == notification_id, members.c.key == key).values(held_until=None))


def worst_members(connection: Connection, ids: Sequence[int]) -> dict[int, tuple[Mapping[str, Any], str | None]]:
    """Of each of these threads the worst member that fires, the longest failing first: id → (details, run)."""
    found: dict[int, tuple[Mapping[str, Any], str | None]] = {}
    for notification_id in ids:
        row = connection.execute(
            select(members.c.details, members.c.run)
            .where(members.c.notification_id == notification_id, members.c.firing, members.c.held_until.is_(None))
            .order_by((members.c.level == "error").desc(), (members.c.level == "warning").desc(), members.c.since, members.c.key)
            .limit(1)
        ).one_or_none()
        if row:
            found[notification_id] = (row.details, row.run)
    return found


def count_members(connection: Connection, ids: Sequence[int]) -> None:
    """Brings `members_total` up to date: how many failed at any time in the current episode."""
    if not ids:
        return
    total = select(func.count()).where(members.c.notification_id == notifications.c.id, members.c.episode == notifications.c.episode)
    connection.execute(update(notifications).where(notifications.c.id.in_(ids)).values(members_total=total.scalar_subquery()))


def record(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes occurrences; one that is known is brought up to date, apart from what only its first report can say."""
    if not rows:
        return
    statement = insert_for(connection)(occurrences)
    kept = ("notification_id", "key", *OF_THE_FIRST_REPORT)
    replaced = {name: statement.excluded[name] for name in rows[0] if name not in kept}
    connection.execute(statement.on_conflict_do_update(index_elements=["notification_id", "key"], set_=replaced), list(rows))


def forget_audience(connection: Connection, ids: Sequence[int]) -> None:
    """Takes owners, tags and required permissions off these threads."""
    if ids:
        for table in (notification_owners, notification_permissions):
            connection.execute(delete(table).where(table.c.notification_id.in_(ids)))


def add_owners(connection: Connection, owners: Mapping[int, Collection[tuple[str, bool]]]) -> None:
    """Adds owners and tags to these threads: (word, whether it is a tag)."""
    rows = [{"notification_id": key, "owner": word, "is_tag": is_tag} for key, words in owners.items() for word, is_tag in sorted(words)]
    _add(connection, notification_owners, rows)


def add_permissions(connection: Connection, permissions: Mapping[int, Collection[str]]) -> None:
    """Adds to what a reader of these threads must hold."""
    rows = [{"notification_id": key, "permission": word} for key, words in permissions.items() for word in sorted(words)]
    _add(connection, notification_permissions, rows)


def _add(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        connection.execute(insert_for(connection)(table).on_conflict_do_nothing(), list(rows))


def open_conversations(connection: Connection, wanted: Mapping[str, Mapping[str, Any]], now: datetime) -> dict[str, int]:
    """The open conversation of each identity, begun where there is none: identity → id. Locked."""
    if not wanted:
        return {}
    rows = [{"identity": identity, "opened_at": now, **values} for identity, values in sorted(wanted.items())]
    statement = insert_for(connection)(conversations).on_conflict_do_nothing(
        index_elements=["identity"], index_where=conversations.c.closed_at.is_(None)
    )
    locked = (
        select(conversations.c.identity, conversations.c.id)
        .where(conversations.c.identity.in_(list(wanted)), conversations.c.closed_at.is_(None))
        .order_by(conversations.c.identity)
        .with_for_update(key_share=True)  # a delivery somebody else is queueing in it need not be waited for
    )
    found: dict[str, int] = {}
    while len(found) < len(wanted):  # one that was closed while we waited for its lock is begun anew
        connection.execute(statement, [row for row in rows if row["identity"] not in found])
        found = {identity: conversation_id for identity, conversation_id in connection.execute(locked)}
    return found


def close_conversations(connection: Connection, ids: Sequence[int], now: datetime) -> None:
    """Ends those of these conversations in which nothing is open any more."""
    if not ids:
        return
    connection.execute(
        select(conversations.c.id).where(conversations.c.id.in_(ids)).order_by(conversations.c.identity).with_for_update(key_share=True)
    ).all()
    still_open = exists().where(notifications.c.conversation_id == conversations.c.id, notifications.c.status == OPEN)
    connection.execute(
        update(conversations).where(conversations.c.id.in_(ids), conversations.c.closed_at.is_(None), ~still_open).values(closed_at=now)
    )


def next_due(connection: Connection) -> datetime | None:
    """When the next hold is over or the next silence ends."""
    firsts = (select(func.min(column)).where(column.is_not(None)) for column in (notifications.c.due_at, notifications.c.silence_at))
    return min((time for first in firsts if (time := connection.scalar(first)) is not None), default=None)


def forget_watermarks(connection: Connection, *, now: datetime, older_than: timedelta, limit: int) -> int:
    """Deletes recoveries of what never fired once nothing that late is expected any more; gives how many.

    One that met a failure out of order stays: without it the fold would have that failure open.
    """
    other, mark = occurrences.alias("other"), occurrences.c
    met = exists().where(
        other.c.notification_id == mark.notification_id,
        other.c.state != State.RESOLVED.value,
        or_(
            and_(other.c.occurred_at <= mark.occurred_at, other.c.recorded_at >= mark.recorded_at),
            and_(other.c.occurred_at >= mark.occurred_at, other.c.recorded_at <= mark.recorded_at),
        ),
    )
    old = select(mark.id).where(mark.reason == "nothing-open", mark.recorded_at < now - older_than, ~met).limit(limit)
    return connection.execute(delete(occurrences).where(occurrences.c.id.in_(old.scalar_subquery()))).rowcount
