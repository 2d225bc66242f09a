"""Notifications (threads), their members and occurrences: loaded for the judge, saved as it says."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Select, Table, and_, delete, exists, func, or_, select, update

from gateway.domain.flapping import NONE, Swings
from gateway.domain.identity import digest_identity
from gateway.domain.thread import Firing, Occurrence, Thread
from gateway.storage import thread_statements as sql
from gateway.storage.tables import (
    inbox_entries,
    members,
    notification_owners,
    notification_permissions,
    notifications,
    occurrences,
    recipients,
)
from mappers.contract import Level, State

RESOLVED: Final = "resolved"
UNSEEN: Final = "unseen"
_UNREAD_AND_READ: Final = (
    and_(inbox_entries.c.listed, inbox_entries.c.read_at.is_(None)),
    and_(inbox_entries.c.listed, inbox_entries.c.read_at.is_not(None)),
)
_SWINGS: Final = tuple(field.name for field in fields(Swings))


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
    identities = [place.identity for place in ordered]
    known = set(connection.scalars(sql.IDENTITIES, {"identities": identities}))
    missing = [
        {
            "identity": place.identity, "team_id": place.team_id, "source_id": place.source_id, "environment": place.environment,
            "slug": place.slug, "event_data": place.event_data,
        }
        for place in ordered
        if place.identity not in known
    ]  # fmt: skip
    if missing:
        connection.execute(sql.begin(connection.dialect.name), missing)
    return {stored.row["identity"]: stored for stored in _load(connection, sql.LOCK, identities=identities)}


def lock_due(connection: Connection, *, now: datetime, limit: int) -> list[Stored]:
    """Threads with a hold that is over, locked."""
    return _load(connection, sql.LOCK_DUE, now=now, limit=limit)


def lock_silent(connection: Connection, *, now: datetime, limit: int) -> list[Stored]:
    """Open threads that close by themselves and had no news for long enough, locked."""
    return _load(connection, sql.LOCK_SILENT, now=now, limit=limit)


def lock_to_remind(connection: Connection, *, now: datetime, limit: int) -> list[Stored]:
    """Open threads of which people may have to be reminded, locked."""
    return _load(connection, sql.LOCK_TO_REMIND, now=now, limit=limit)


def lock_one(connection: Connection, notification_id: int) -> Stored | None:
    """This thread, locked; None where there is none."""
    return next(iter(_load(connection, sql.LOCK_ONE, id=notification_id)), None)


def _load(connection: Connection, locked: Select[Any], **parameters: Any) -> list[Stored]:
    rows = [dict(row._mapping) for row in connection.execute(locked, parameters)]
    firing: dict[int, dict[str, Firing]] = {row["id"]: {} for row in rows}
    for notification_id, key, level, since, run, held_until in connection.execute(sql.FIRING, {"ids": list(firing)}) if rows else ():
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
        swings=_swings(row["swings"]),
    )


def _swings(kept: Mapping[str, Any] | None) -> Swings:
    """The ups and downs of a thread from the document that `kept_swings` made of them."""
    if kept is None:
        return NONE
    return Swings(**{**kept, "last": datetime.fromisoformat(kept["last"]) if kept["last"] else None})


def kept_swings(swings: Swings) -> dict[str, Any] | None:
    """The ups and downs of a thread as a document."""
    if swings == NONE:
        return None
    return {
        **{name: getattr(swings, name) for name in _SWINGS},
        "last": swings.last and swings.last.isoformat(),
        "known": dict(swings.known),
    }


def known_occurrences(connection: Connection, keys: Sequence[tuple[int, str]]) -> dict[tuple[int, str], Occurrence]:
    """Those of these occurrences, (notification id, key), that are recorded already."""
    if not keys:
        return {}
    wanted, found = sorted(set(keys)), dict[tuple[int, str], Occurrence]()
    for start in range(0, len(wanted), sql.KNOWN_AT_ONCE):
        for row in connection.execute(sql.KNOWN, {"pairs": wanted[start : start + sql.KNOWN_AT_ONCE]}):
            found[row.notification_id, row.key] = _occurrence(row)
    return found


def history(connection: Connection, notification_id: int) -> list[Occurrence]:
    """Every occurrence recorded on a thread."""
    return [_occurrence(row) for row in connection.execute(sql.HISTORY, {"id": notification_id})]


def _occurrence(row: Any) -> Occurrence:
    return Occurrence(
        key=row.key,
        at=row.occurred_at,
        state=State(row.state),
        members={key: Level(level) for key, level in row.members.items()},
        run=row.run,
        held_until=row.held_until,
        spares_own_run=row.spares_own_run,
        final=row.final,
    )


def save(connection: Connection, changes: Mapping[int, Mapping[str, Any]]) -> None:
    """Writes columns of notifications: id → column → value."""
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for notification_id, changed in changes.items():
        if changed:
            parameters = {"b_id": notification_id, **{f"b_{name}": value for name, value in changed.items()}}
            alike.setdefault(tuple(changed), []).append(parameters)
    for columns, rows in alike.items():
        connection.execute(sql.save(columns), rows)


def save_members(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes members that fire."""
    if rows:
        connection.execute(sql.put_members(connection.dialect.name, tuple(rows[0])), list(rows))


def end_members(connection: Connection, keys: Sequence[tuple[int, str]]) -> None:
    """Marks members, (notification id, key), as recovered."""
    if keys:
        connection.execute(
            sql.END_MEMBER,
            [{"n": notification_id, "k": key} for notification_id, key in keys],
        )


def move_members(connection: Connection, states: Mapping[tuple[int, str], Mapping[str, Any]]) -> None:
    """Sets the state of members, (notification id, key), that are stored already; what they said stays."""
    if states:
        connection.execute(
            sql.move_member(tuple(next(iter(states.values())))),
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
        row = connection.execute(sql.WORST_MEMBER, {"id": notification_id}).one_or_none()
        if row:
            found[notification_id] = (row.details, row.run)
    return found


def count_members(connection: Connection, ids: Sequence[int]) -> None:
    """Brings `members_total` up to date: how many failed at any time in the current episode."""
    if ids:
        connection.execute(sql.COUNT_MEMBERS, {"ids": ids})


def record(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes occurrences; one that is known is brought up to date, apart from what only its first report can say."""
    if rows:
        connection.execute(sql.put_occurrences(connection.dialect.name, tuple(rows[0])), list(rows))


def forget_audience(connection: Connection, ids: Sequence[int]) -> None:
    """Takes owners, tags and required permissions off these threads."""
    if ids:
        for forget in sql.FORGET_AUDIENCE:
            connection.execute(forget, {"ids": ids})


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
        connection.execute(sql.add_once(connection.dialect.name, table), list(rows))


def plan_reminder_anew(connection: Connection, notification_id: int, *, now: datetime) -> None:
    """Has it looked at whether people are to be reminded of it, for what that depends on has changed."""
    mine = (notifications.c.id == notification_id, notifications.c.remind_at.is_not(None))
    connection.execute(update(notifications).where(*mine).values(remind_at=now))


def address(connection: Connection, notification_id: int, user_ids: Collection[int]) -> None:
    """Makes the thread one for these people alone."""
    connection.execute(update(notifications).where(notifications.c.id == notification_id).values(addressed=True))
    _add(connection, recipients, [{"notification_id": notification_id, "user_id": user_id} for user_id in sorted(user_ids)])


def adopt(connection: Connection, notification_id: int, place: Place) -> bool:
    """Turns the row that stood for a scheduled notification into its thread; False where that thread is there already."""
    if connection.scalars(sql.IDENTITIES, {"identities": [place.identity]}).first() is not None:
        return False
    shape = {
        "identity": place.identity, "source_id": place.source_id, "environment": place.environment, "slug": place.slug,
        "event_data": place.event_data, "status": UNSEEN,
    }  # fmt: skip
    connection.execute(update(notifications).where(notifications.c.id == notification_id).values(**shape))
    return True


def is_unread(connection: Connection, notification_id: int) -> bool:
    """Whether somebody was told of it and nobody has read it."""
    of_thread = inbox_entries.c.notification_id == notification_id
    unread, read = (select(inbox_entries.c.user_id).where(of_thread, condition).limit(1) for condition in _UNREAD_AND_READ)
    return connection.scalar(unread) is not None and connection.scalar(read) is None


def open_conversations(connection: Connection, wanted: Mapping[str, Mapping[str, Any]], now: datetime) -> dict[str, int]:
    """The open conversation of each identity, begun where there is none: identity → id. Locked."""
    if not wanted:
        return {}
    rows = [{"identity": identity, "opened_at": now, **values} for identity, values in sorted(wanted.items())]
    found: dict[str, int] = {}
    while len(found) < len(wanted):  # one that was closed while we waited for its lock is begun anew
        connection.execute(sql.open_conversation(connection.dialect.name), [row for row in rows if row["identity"] not in found])
        found = {identity: conversation_id for identity, conversation_id in connection.execute(sql.LOCK_OPEN, {"identities": list(wanted)})}
    return found


def digest_conversations(connection: Connection, subjects: Mapping[int, str], now: datetime) -> dict[int, int]:
    """The conversation that each team's digests are part of, begun where there is none: team → id. `subjects`: team → subject."""
    wanted = {digest_identity(team_id): team_id for team_id in subjects}
    found = {identity: one for identity, one in connection.execute(sql.OPEN_CONVERSATIONS, {"identities": list(wanted)})}
    missing = [
        {"identity": identity, "team_id": team_id, "subject": subjects[team_id], "opened_at": now}
        for identity, team_id in sorted(wanted.items())
        if identity not in found
    ]
    if missing:
        connection.execute(sql.open_conversation(connection.dialect.name), missing)
        found = {identity: one for identity, one in connection.execute(sql.OPEN_CONVERSATIONS, {"identities": list(wanted)})}
    return {wanted[identity]: conversation_id for identity, conversation_id in found.items()}


def close_conversations(connection: Connection, ids: Sequence[int], now: datetime) -> None:
    """Ends those of these conversations in which nothing is open any more."""
    if not ids:
        return
    connection.execute(sql.LOCK_CONVERSATIONS, {"ids": ids}).all()
    connection.execute(sql.CLOSE_CONVERSATIONS, {"ids": ids, "now": now})


def next_due(connection: Connection) -> datetime | None:
    """When time alone will change a thread: a hold or flapping is over, a silence ends, a reminder is due."""
    timers = (notifications.c.due_at, notifications.c.silence_at, notifications.c.remind_at)
    firsts = (select(func.min(column)).where(column.is_not(None)) for column in timers)
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
