"""Puts people and threads as the oracle knows them into a team of the database, and reads what became of them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select

from gateway.storage import people, threads
from gateway.storage.audience import News
from gateway.storage.database import Database
from gateway.storage.tables import (
    conversations,
    deliveries,
    delivery_items,
    inbox_entries,
    memberships,
    notification_owners,
    notification_permissions,
    notifications,
    recipients,
    subscriptions,
    teams,
    users,
)
from tests.storage.oracle import BEFORE, EPISODE, UNSENT, Earlier, Entry, Happened, Seen, Someone

LEVELS = {1: "info", 2: "warning", 3: "error"}
_NUMBERS = count(1)
_SENT = {"status": "sent", "attempts": 1}
_DELIVERIES: dict[Earlier, dict[str, Any]] = {
    Earlier.SENT: _SENT,
    Earlier.REMINDED: {**_SENT, "kind": "reminder"},
    Earlier.WAITING: {},
    Earlier.REFUSED: {"attempts": 1, "mail": b"mail", "last_answer": "450 later"},
    Earlier.CLAIMED: {"attempts": 1, "lease": "a worker's"},
    Earlier.FROZEN: {"attempts": 1, "mail": b"mail"},
    Earlier.LAST_EPISODE: _SENT,
    Earlier.TAKEN_OUT: _SENT,
    Earlier.CANCELLED: {"status": "cancelled"},
    Earlier.RECOVERY: {**_SENT, "kind": "resolved"},
    Earlier.TRIED_DIGEST: {"kind": "digest", "attempts": 1},
    Earlier.SENT_DIGEST: {**_SENT, "kind": "digest"},
}


@dataclass
class Stage:
    """A team `mine` and a team `other`, with nobody else in the database."""

    database: Database
    now: datetime
    user_ids: list[int] = field(default_factory=list)
    thread_ids: list[int] = field(default_factory=list)
    team_ids: dict[str, int] = field(default_factory=dict)
    conversation: int = 0
    digest: int = 0

    def put(self, crowd: list[Someone], happened: list[Happened]) -> None:
        with self.database.writing() as transaction:
            for table in (inbox_entries, users, teams):  # the rest refers to them
                transaction.execute(delete(table))
            for word in ("mine", "other"):
                self.team_ids[word] = people.put_team(transaction, slug=f"{word}-{next(_NUMBERS)}", name=word, base_url=None, now=self.now)
            mine = self.team_ids["mine"]
            row = {"team_id": mine, "identity": f"c{mine}", "subject": "s", "opened_at": self.now}
            self.conversation = _put(transaction, conversations, **row)
            self.digest = threads.digest_conversations(transaction, {mine: "digest"}, self.now)[mine]
            self.user_ids = [self._put_person(transaction, place, one) for place, one in enumerate(crowd)]
            self.thread_ids = [self._put_thread(transaction, number, what) for number, what in enumerate(happened)]
            for user_id, one in zip(self.user_ids, crowd, strict=True):
                self._put_past(transaction, user_id, one, happened)

    def news(self, reason: str) -> list[News]:
        return [News(one, EPISODE, reason, "now", self.digest) for one in self.thread_ids]

    def _put_person(self, transaction: Connection, place: int, one: Someone) -> int:
        columns = ("enabled", "mailable", "in_app_enabled", "email_enabled", "in_app_weight", "email_weight")
        user_id = _put(
            transaction, users, email=f"{place}@acme.test", name="x", settings={}, created_at=self.now, rhythm=one.rhythm.key,
            urgent_breaks_through=one.breaks_through, do_not_disturb_until=self._at(one.disturb),
            **{name: getattr(one, name) for name in columns},
        )  # fmt: skip
        for word, mine in one.memberships.items():
            team_id = self.team_ids[word]
            people.put_membership(transaction, team_id=team_id, user_id=user_id, role=mine.role, permissions=mine.permissions)
            own = (memberships.c.team_id == team_id, memberships.c.user_id == user_id)
            transaction.execute(memberships.update().where(*own).values(do_not_disturb_until=self._at(mine.disturb)))
        people.put_owns(transaction, user_id=user_id, owns=one.owns)
        for (word, category), choice in one.choices.items():
            values = {name: getattr(choice, name) for name in choice.__dataclass_fields__}
            row = {"user_id": user_id, "team_id": self.team_ids[word], "category": category, "chosen": True, **values}
            transaction.execute(insert(subscriptions), [row])
        return user_id

    def _put_thread(self, transaction: Connection, number: int, what: Happened) -> int:
        thread_id = _put(
            transaction, notifications, identity=f"{self.team_ids['mine']}/{number}", team_id=self.team_ids["mine"],
            conversation_id=self.conversation, category=what.category, weight=what.weight, level=LEVELS[what.weight], status="open",
            urgent=what.urgent, episode=EPISODE, addressed=what.addressed is not None,
        )  # fmt: skip
        named = sorted(what.addressed or ())
        for table, rows in (
            (notification_permissions, [{"permission": word} for word in what.permissions]),
            (notification_owners, [{"owner": word, "is_tag": is_tag} for word, is_tag in what.owners]),
            (recipients, [{"user_id": self.user_ids[place]} for place in named if place < len(self.user_ids)]),
        ):
            if rows:
                transaction.execute(insert(table), [{"notification_id": thread_id, **row} for row in rows])
        return thread_id

    def _put_past(self, transaction: Connection, user_id: int, one: Someone, happened: list[Happened]) -> None:
        collecting = None
        if one.collecting is not None:
            row = {"kind": "digest", "conversation_id": self.digest, "due_at": self.now + one.collecting}
            collecting = self._put_delivery(transaction, user_id, "old digest", **row)
        for number, (thread_id, what, (view, earlier)) in enumerate(zip(self.thread_ids, happened, one.views, strict=True)):
            if view:
                self._put_entry(transaction, user_id, thread_id, what.category, view)
            delivery_id = collecting
            if (shape := _DELIVERIES.get(earlier)) is not None:
                delivery_id = self._put_delivery(transaction, user_id, f"old {number}", **shape)
            elif earlier is not Earlier.OPEN_DIGEST:
                continue
            if delivery_id is not None:
                episode = EPISODE - (earlier is Earlier.LAST_EPISODE)
                item = {"delivery_id": delivery_id, "user_id": user_id, "notification_id": thread_id, "episode": episode, "reason": "old"}
                transaction.execute(insert(delivery_items), [{**item, "cancelled": earlier is Earlier.TAKEN_OUT}])

    def _put_delivery(self, transaction: Connection, user_id: int, news: str, **given: Any) -> int:
        row = {
            "user_id": user_id, "team_id": self.team_ids["mine"], "conversation_id": self.conversation, "channel": "email",
            "kind": "failing", "news": news, "status": "waiting", "due_at": self.now, "created_at": self.now + BEFORE,
        }  # fmt: skip
        return _put(transaction, deliveries, **{**row, **given})

    def _put_entry(self, transaction: Connection, user_id: int, thread_id: int, category: str, view: Entry) -> None:
        then = self.now + BEFORE
        row = {
            "user_id": user_id, "notification_id": thread_id, "team_id": self.team_ids["mine"], "category": category,
            "episode": view.episode, "reason": "old", "listed": view.listed, "first_at": then, "last_at": then,
            "read_at": then if view.read else None, "archived_at": then if view.archived else None,
            "dismissed_at": then if view.dismissed else None, "muted_until": self._at(view.muted), "muted_episode": view.muted_episode,
            "snoozed_until": self._at(view.snoozed), "snoozed_episode": view.snoozed_episode,
        }  # fmt: skip
        transaction.execute(insert(inbox_entries), [row])

    def _at(self, span: timedelta | None) -> datetime | None:
        return None if span is None else self.now + span

    # ---- what became of them ----

    def entries(self) -> dict[tuple[int, int], Seen]:
        """By (place of the person, number of the thread)."""
        return {
            (self.user_ids.index(row.user_id), self.thread_ids.index(row.notification_id)): Seen(
                listed=row.listed, read=row.read_at is not None, archived=row.archived_at is not None,
                dismissed=row.dismissed_at is not None, episode=row.episode,
                asleep=row.snoozed_until is not None or row.snoozed_episode is not None, reason=row.reason, last=row.last_at - self.now,
            )
            for row in self._rows(inbox_entries)
        }  # fmt: skip

    def mails(self) -> set[tuple[int, int, str, datetime]]:
        """What this telling mails: (place of the person, number of the thread, kind, when it leaves)."""
        return {
            (self.user_ids.index(row.user_id), self.thread_ids.index(row.notification_id), row.kind, row.due_at)
            for row in self._items()
            if row.reason != "old" and not row.cancelled and row.status == "waiting"
        }

    def digests(self) -> dict[int, datetime]:
        """When each person's open digest is due."""
        rows = [row for row in self._rows(deliveries) if row.kind == "digest" and row.status == "waiting" and row.attempts == 0]
        found = {self.user_ids.index(row.user_id): row.due_at for row in rows}
        assert len(rows) == len(found), "one for each person"
        return found

    def cancelled(self) -> set[tuple[int, int]]:
        """(person, thread) of mails of before that will not be sent."""
        found = {
            (self.user_ids.index(row.user_id), self.thread_ids.index(row.notification_id))
            for row in self._items()
            if row.status == "cancelled" and row.cancelled
        }
        assert all(row.finished_at == self.now for row in self._rows(deliveries) if row.status == "cancelled" and row.finished_at)
        return found

    def empty(self) -> list[str]:
        """Mails that wait and tell nothing."""
        filled = {row.delivery_id for row in self._rows(delivery_items)}
        old = ("old digest",)
        return [row.news for row in self._rows(deliveries) if row.id not in filled and row.news not in old]

    def _items(self) -> list[Any]:
        return self._rows(deliveries.join(delivery_items, delivery_items.c.delivery_id == deliveries.c.id))

    def _rows(self, source: Any) -> list[Any]:
        with self.database.reading() as transaction:
            return list(transaction.execute(select(source)))


def unsent(crowd: list[Someone]) -> set[tuple[int, int]]:
    """(person, thread) whose failing mail has not left."""
    return {(place, number) for place, one in enumerate(crowd) for number, (_, earlier) in enumerate(one.views) if earlier in UNSENT}


def _put(transaction: Connection, table: Table, **row: Any) -> int:
    made: int = transaction.execute(insert(table).values(**row).returning(table.c.id)).scalar_one()
    return made
