"""What is too old to keep, and how it goes: found by reading, removed in short transactions of a few hundred rows each.

A sweep goes through its rooms in order, each from beginning to end. It may be stopped or killed anywhere: the next one finds what
is left. Two at once, or one beside a worker, never wait for each other's rows: what somebody has in hand is left for next time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, Select

from gateway.storage import journal_retention as journal
from gateway.storage import retention_statements as sql
from gateway.storage import threads

DEFAULT_DAYS: Final = 90
EXPIRED_FOR: Final = timedelta(days=1)
KEYS_FOR: Final = timedelta(days=7)
AUDIT_FOR: Final = timedelta(days=400)
BATCH: Final = 500
"""Rows of one transaction."""
JOURNAL_BATCH: Final = 100
"""The same where senders wait at the door of a SQLite file meanwhile."""
THREADS_AT_ONCE: Final = 20
PEOPLE_AT_ONCE: Final = 100
SOURCES_AT_ONCE: Final = 10
_BEGINNING: Final = datetime(1, 1, 2, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Picked:
    """What one step found to go: rows of one room by their keys, perhaps none."""

    room: str
    keys: Sequence[Any]
    values: dict[str, Any]

    @property
    def counted_as(self) -> str:
        """What these rows are to a reader of the account."""
        said = {"archived": "entries", "expired": "notifications", "resolved": "notifications", "ended": "events"}
        return said.get(self.room, self.room)

    @property
    def is_mark(self) -> bool:
        """Whether `remove` only marks them as to be removed, which another room then does."""
        return self.room in ("expired", "resolved", "ended")

    @property
    def is_in_journal(self) -> bool:
        """Whether `remove` wants a transaction on the journal."""
        return self.room in ("events", "request_keys", "rejections")


@dataclass(frozen=True, slots=True)
class _Found:
    keys: Sequence[Any]
    values: dict[str, Any]
    following: Any
    """The place from which the room goes on; None where it ends."""


class Sweep:
    """One way through all that ages: `pick` in a reading transaction, `remove` in a writing one, in turn, until `pick` gives None.

    What `is_in_journal` is removed by an appending transaction instead.
    """

    def __init__(
        self, *, now: datetime, max_age_days: int = DEFAULT_DAYS, event_days: int = journal.DEFAULT_DAYS, batch: int = BATCH
    ) -> None:
        """`max_age_days` holds for all who chose nothing themselves, and for what belongs to nobody; `event_days` for what arrived
        and the runs it told of."""
        self._now, self._days, self._event_days, self._batch = now, max_age_days, event_days, batch
        self._rooms: list[tuple[str, Callable[[Connection, Any], _Found]]] = [
            ("entries", partial(self._entries, False)),
            ("archived", partial(self._entries, True)),
            ("expired", partial(self._older, sql.EXPIRED, EXPIRED_FOR)),
            ("resolved", self._resolved),
            ("notifications", self._being_removed),
            ("deliveries", partial(self._oldest, sql.DELIVERIES, timedelta(days=max_age_days))),
            ("conversations", partial(self._oldest, sql.CONVERSATIONS, timedelta(days=max_age_days))),
            ("idempotency_keys", self._keys),
            ("answers", partial(self._oldest, sql.ANSWERS, timedelta(days=max_age_days))),
            ("follow_ups", partial(self._oldest, sql.FOLLOW_UPS, timedelta(days=max_age_days))),
            ("episodes", partial(self._oldest, sql.EPISODES, AUDIT_FOR)),
            ("ended", partial(self._events, journal.ended)),
            ("events", partial(self._events, journal.let_go)),
            ("request_keys", self._request_keys),
            ("runs", partial(self._oldest, sql.RUNS, timedelta(days=event_days))),
            ("rejections", self._rejections),
            ("sources", self._sources),
            ("audit", partial(self._oldest, sql.AUDIT, AUDIT_FOR)),
            ("credentials", partial(self._oldest, sql.CREDENTIALS, timedelta(0))),
        ]
        self._place: Any = None
        self._again: Picked | None = None

    def pick(self, connection: Connection) -> Picked | None:
        """What goes next; None where the sweep is at its end."""
        if self._again:
            again, self._again = self._again, None
            return again
        if not self._rooms:
            return None
        room, find = self._rooms[0]
        found = find(connection, self._place)
        self._place = found.following
        if found.following is None:
            self._rooms.pop(0)
        return Picked(room, found.keys, found.values | {"now": self._now})

    def remove(self, connection: Connection, picked: Picked) -> int:
        """Removes of it what is still to go and in nobody's hands; gives how many."""
        if not picked.keys:
            return 0
        if picked.room in ("entries", "archived"):
            return connection.execute(sql.REMOVE_ENTRIES, picked.values | {"keys": picked.keys}).rowcount
        if picked.room == "idempotency_keys":
            return connection.execute(sql.REMOVE_KEYS, picked.values | {"keys": picked.keys}).rowcount
        if picked.room == "notifications":
            return self._remove_threads(connection, picked)
        if picked.room == "ended":
            return journal.forget(connection, picked.keys)
        if picked.room == "events":
            return journal.remove(connection, picked.keys)
        if picked.room == "rejections":
            return connection.execute(sql.REMOVE_REJECTIONS, {"ids": picked.keys}).rowcount
        if picked.room == "request_keys":
            return journal.remove_keys(connection, picked.keys, before=picked.values["before"])
        return connection.execute(sql.REMOVE[picked.room], picked.values | {"ids": picked.keys}).rowcount

    def _remove_threads(self, connection: Connection, picked: Picked) -> int:
        """One step of removing threads, with what they take along; the last step removes the threads."""
        rows = connection.execute(sql.HOLD, {"ids": picked.keys}).all()
        held = [row.id for row in rows]
        left = self._batch
        for part in sql.PARTS if held else ():
            left -= connection.execute(part, {"ids": held, "limit": left}).rowcount
            if left <= 0:
                self._again = picked
                return 0
        gone = connection.execute(sql.END, {"ids": held}).rowcount if held else 0
        threads.close_conversations(connection, sorted({row.conversation_id for row in rows if row.conversation_id}), self._now)
        return gone

    def _entries(self, archived: bool, connection: Connection, place: Any) -> _Found:
        """Some people at a time, who keep things equally long."""
        after, behind = place or (0, (0, _BEGINNING, 0))
        people = connection.execute(sql.PEOPLE, {"after": after, "limit": PEOPLE_AT_ONCE}).all()
        if not people:
            return _Found((), {}, None)
        days = people[0].retention_days
        other = next((number for number, person in enumerate(people) if person.retention_days != days), len(people))
        alike = [person.id for person in people[:other]]
        values = {"before": self._before(timedelta(days=self._days if days is None else days))}
        user, at, last = behind
        start = {"ids": alike, "user": user, "at": at, "id": last, "now": self._now, "limit": self._batch}
        rows = connection.execute(sql.entries(archived=archived), values | start).all()
        following = (after, tuple(rows[-1])) if len(rows) == self._batch else (alike[-1], (0, _BEGINNING, 0))
        return _Found([(row.user_id, row.notification_id) for row in rows], values, following)

    def _resolved(self, connection: Connection, place: Any) -> _Found:
        longest = connection.scalar(sql.LONGEST) or 0
        return self._older(sql.RESOLVED, timedelta(days=max(longest, self._days)), connection, place)

    def _older(self, statement: Select[Any], age: timedelta, connection: Connection, place: Any) -> _Found:
        at, last = place or (_BEGINNING, 0)
        values = {"before": self._before(age)}
        rows = connection.execute(statement, values | {"at": at, "id": last, "limit": self._batch}).all()
        following = (rows[-1].at, rows[-1].id) if len(rows) == self._batch else None
        return _Found([row.id for row in rows if row.goes], values, following)

    def _oldest(self, statement: Select[Any], age: timedelta, connection: Connection, place: Any) -> _Found:
        values = {"before": self._before(age)}
        rows = connection.execute(statement, values | {"id": place or 0, "limit": self._batch}).all()
        following = rows[-1].id if len(rows) == self._batch and rows[-1].at < values["before"] else None
        return _Found([row.id for row in rows if row.goes], values, following)

    def _being_removed(self, connection: Connection, place: Any) -> _Found:
        ids = list(connection.scalars(sql.BEING_REMOVED, {"id": place or 0, "limit": THREADS_AT_ONCE}))
        return _Found(ids, {}, ids[-1] if ids else None)

    def _keys(self, connection: Connection, place: Any) -> _Found:
        at, user, last = place or (_BEGINNING, 0, "")
        values = {"before": self._before(KEYS_FOR)}
        rows = connection.execute(sql.KEYS, values | {"at": at, "user": user, "id": last, "limit": self._batch}).all()
        return _Found([(row.user_id, row.key) for row in rows], values, tuple(rows[-1]) if len(rows) == self._batch else None)

    def _events(self, find: Callable[..., journal.Old], connection: Connection, place: Any) -> _Found:
        before = self._before(timedelta(days=self._event_days))
        found = find(connection, place, before=before, limit=self._of_journal(connection))
        return _Found(found.keys, {}, found.following)

    def _request_keys(self, connection: Connection, place: Any) -> _Found:
        before = self._before(timedelta(days=self._event_days + journal.KEYS_BEYOND_DAYS))
        found = journal.old_keys(connection, place, before=before, limit=self._of_journal(connection))
        return _Found(found.keys, {"before": before}, found.following)

    def _rejections(self, connection: Connection, place: Any) -> _Found:
        """Those of sources that were deleted; of others the door keeps a few."""
        limit = self._of_journal(connection)
        ids = list(connection.scalars(sql.REJECTIONS, {"id": place or 0, "limit": limit}))
        return _Found(ids, {}, ids[-1] if len(ids) == limit else None)

    def _sources(self, connection: Connection, place: Any) -> _Found:
        """Those that were deleted, a few at a time: for each, all threads may have to be looked through."""
        values = {"before": self._before(timedelta(days=self._days))}
        rows = connection.execute(sql.SOURCES, values | {"id": place or 0, "limit": SOURCES_AT_ONCE}).all()
        return _Found([row.id for row in rows if row.goes], values, rows[-1].id if len(rows) == SOURCES_AT_ONCE else None)

    def _of_journal(self, connection: Connection) -> int:
        return min(self._batch, JOURNAL_BATCH) if connection.dialect.name == "sqlite" else self._batch

    def _before(self, age: timedelta) -> datetime:
        return self._now - age
