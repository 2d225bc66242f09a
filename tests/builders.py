"""Short ways to say what tests need: occurrences, drafts, a house full of people."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Table, select, update

from gateway.domain.thread import WHOLE, Occurrence
from gateway.domain.unsubscribing import Unsubscribing
from gateway.engine import create, process, reading, settle, tell
from gateway.storage import arrivals, credentials, deliveries, inbox, people, processing, readings, sources, tables
from gateway.storage.arrivals import Arrival
from gateway.storage.database import Database
from gateway.storage.deliveries import Frozen, Result
from gateway.storage.inbox import EVERYTHING, Filter
from gateway.storage.processing import Event
from gateway.upstream.asking import Upstream
from gateway.workers.letters import Desk
from mappers.contract import Draft, Example, FollowUp, Inbound, Level, Mapped, RunSignal, SourceKind, SourceSettings, State, Unmapped
from mappers.contract.signature import Scheme, digest
from mappers.tocsin import SOURCE as TOCSIN

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


LEASE = timedelta(seconds=60)
DESK = Desk("https://tocsin.test", Unsubscribing(b"a key for tests"))


def at(seconds: float) -> datetime:
    """A moment, in seconds since the tests' own beginning of time."""
    return START + timedelta(seconds=seconds)


def firing(
    key: str, when: float, *, run: str | None = None, hold: float | None = None, level: Level = Level.ERROR, **members: Level
) -> Occurrence:
    """A failure of these members, or of the whole thread."""
    return Occurrence(
        key=f"{key}/firing",
        at=at(when),
        state=State.FIRING,
        members=members or {WHOLE: level},
        run=run,
        held_until=None if hold is None else at(hold),
    )


def resolved(key: str, when: float, *members: str, run: str | None = None, spares: bool = False) -> Occurrence:
    """A recovery of these members, or of the whole thread. `spares`: it says nothing of its own run's failures."""
    return Occurrence(
        key=f"{key}/resolved",
        at=at(when),
        state=State.RESOLVED,
        members=dict.fromkeys(members or (WHOLE,), Level.SUCCESS),
        run=run,
        spares_own_run=spares,
    )


def note(key: str, when: float, level: Level = Level.INFO) -> Occurrence:
    """A note."""
    return Occurrence(key=f"{key}/note", at=at(when), state=State.NOTE, members={WHOLE: level})


# ---- a sender that says exactly what a test wants -----------------------------------------------------------


def _map(inbound: Inbound) -> Mapped:
    body = inbound.json
    if "unmapped" in body:
        raise Unmapped(body["unmapped"])
    if "raises" in body:
        raise RuntimeError(body["raises"])
    drafts = tuple(Draft(**draft) for draft in body["drafts"])
    if "poison" in body:  # what a mapper past all checks might do
        drafts = tuple(draft.model_copy(update={"title": object()}) for draft in drafts)
    return Mapped(
        drafts=drafts,
        signals=tuple(RunSignal(**signal) for signal in body.get("signals", ())),
        follow_ups=tuple(FollowUp(**follow_up) for follow_up in body.get("follow_ups", ())),
        ignored=body.get("ignored"),
    )


class SpeakerSettings(SourceSettings):
    """A speaker may have an API too."""

    api_key: SecretStr | None = None


SPEAKER = SourceKind(
    kind="speaker",
    title="Speaker",
    auth=(Scheme.BEARER,),
    event_types=("said",),
    map=_map,
    example=Example(body=b"{}", headers={}),
    settings=SpeakerSettings,
)
KINDS = {"speaker": SPEAKER, "tocsin": TOCSIN}


def ended(delivery_id: int, lease: str, now: datetime, outcome: str = "sent", answer: str = "250 OK") -> Result:
    """What came of an attempt to send."""
    return Result(delivery_id, lease, outcome, answer, now)


def failure(member: str | None = None, **given: Any) -> dict[str, Any]:
    """A draft that fires, as JSON. `when` is in seconds, see `at`."""
    draft: dict[str, Any] = {
        "slug": "job-failed",
        "event_data": {"job": "nightly"},
        "category": "job_failure",
        "level": "error",
        "title": "nightly failed",
        "pipeline": "nightly",
        "state": "firing",
        **given,
    }
    if member is not None:
        draft["member"] = {"key": member, "label": member}
    if "when" in draft:
        draft["occurred_at"] = at(draft.pop("when")).isoformat()
    return draft


def recovery(member: str | None = None, **given: Any) -> dict[str, Any]:
    """A draft that resolves, as JSON."""
    return failure(member, **{"state": "resolved", "level": "success", "title": "nightly recovered", **given})


# ---- a house full of people ---------------------------------------------------------------------------------


class House:
    """A team with people and a source, and the whole path from an event to what people see; everything in this thread."""

    def __init__(self, database: Database, clock: Callable[[], datetime], slug: str = "acme") -> None:
        self.database, self.clock = database, clock
        self.team_id = self.team(slug)
        self.source_id = self.source("etl")
        self.upstreams: dict[str, Upstream] = {}
        """What can be asked of the senders of its sources."""
        self._lease = 0

    def team(self, slug: str) -> int:
        """A team; gives its id."""
        with self.database.writing() as transaction:
            return people.put_team(transaction, slug=slug, name=slug, base_url=None, now=self.clock())

    def user(
        self, name: str, *, team_id: int | None = None, role: str = "member", permissions: Iterable[str] = (), owns: Iterable[str] = ()
    ) -> int:
        """A member of the team with the API token `{name}-token`; gives the user's id. Again: a membership more."""
        with self.database.writing() as transaction:
            user_id = people.put_user(transaction, email=f"{name}@acme.test", name=name.title(), now=self.clock())
            people.put_membership(transaction, team_id=team_id or self.team_id, user_id=user_id, role=role, permissions=permissions)
            people.put_owns(transaction, user_id=user_id, owns=owns)
            credentials.put(
                transaction, user_id=user_id, kind="token", digest=digest(f"{name}-token"), name="test", now=self.clock(), expires_at=None,
                scopes=credentials.SCOPES,
            )  # fmt: skip
        return user_id

    def source(self, slug: str, *, team_id: int | None = None, environment: str = "prod", **settings: Any) -> int:
        """A source whose events say what a test wants; gives its id."""
        with self.database.writing() as transaction:
            return sources.put(
                transaction, team_id=team_id or self.team_id, slug=slug, kind="speaker", environment=environment, auth=[],
                settings=settings, managed=True, now=self.clock(),
            )  # fmt: skip

    def send(self, *drafts: Mapping[str, Any], source_id: int | None = None, key: str | None = None, **body: Any) -> int:
        """Stores an event whose mapper gives these drafts; gives the event's id."""
        with self.database.appending() as transaction:
            (receipt,) = arrivals.append(transaction, [self.arrival({"drafts": drafts, **body}, source_id=source_id, key=key)])
        return receipt.event_id

    def arrival(self, body: Any, *, source_id: int | None = None, key: str | None = None) -> Arrival:
        """A request with this JSON body."""
        raw = json.dumps(body).encode()
        return Arrival(
            source_id=source_id or self.source_id, request_key=key, body_digest=hashlib.sha256(raw).digest(), method="POST", path="",
            query="", headers=[["Content-Type", "application/json"]], body=raw, received_at=self.clock(),
        )  # fmt: skip

    def claim(self, limit: int = 1000) -> tuple[str, list[Event]]:
        """Takes what waits, as a worker does; gives the lease and the events."""
        self._lease += 1
        lease = f"lease-{self._lease}"
        with self.database.writing() as transaction:
            return lease, processing.claim(transaction, now=self.clock(), lease=lease, lease_for=LEASE, limit=limit)

    def commit(self, lease: str, batch: Sequence[Event]) -> int:
        """Maps and records these events; gives how many were still held."""
        reads = process.map_events(self.database, batch, KINDS)
        with self.database.writing() as transaction:
            return process.commit(transaction, reads, lease=lease, now=self.clock(), upstreams=self.upstreams)

    def process(self, limit: int = 1000) -> None:
        """Processes everything that waits, `limit` events in each transaction."""
        while (taken := self.claim(limit))[1]:
            self.commit(*taken)

    def say(self, *drafts: Mapping[str, Any], **given: Any) -> int:
        """Sends one event and processes it; gives the event's id."""
        event_id = self.send(*drafts, **given)
        self.process()
        return event_id

    def settle(self) -> None:
        """Does what time alone brings."""
        with self.database.writing() as transaction:
            for act in (create.release_scheduled, settle.release_due, settle.close_silent, settle.remind):
                act(transaction, now=self.clock(), limit=100)

    def fan_out(self) -> int:
        """Tells large teams to the end; gives in how many ranges."""
        ranges = 0
        while True:
            with self.database.writing() as transaction:
                if not tell.fan_out(transaction, self.clock()):
                    return ranges
            ranges += 1

    def read(self) -> None:
        """Ends the reading of whatever is to be read, as if there were nothing in it."""
        with self.database.writing() as transaction:
            for one in readings.claim(transaction, now=self.clock(), lease="read", lease_for=LEASE, limit=1000):
                readings.write(
                    transaction, one.notification_id, lease="read", summary=None, why_not="nothing_to_read", ended_at=self.clock()
                )
                if one.conversation is not None:
                    reading.let_go(transaction, one.conversation, one.source_id, self.clock())

    def deliver(self, *, read: bool = True) -> list[int]:
        """Sends every mail that is due, once all is read; gives whom to."""
        if read:
            self.read()
        with self.database.writing() as transaction:
            batch = deliveries.claim(transaction, now=self.clock(), lease="mail", lease_for=LEASE, limit=1000)
            frozen = [Frozen(one.id, f"<{one.id}@acme.test>", b"mail") for one in batch]
            deliveries.freeze(transaction, frozen, lease="mail")
            deliveries.record(transaction, [ended(one.id, "mail", self.clock()) for one in batch])
        return [one.user_id for one in batch]

    def rows(self, table: Table, *conditions: Any) -> list[dict[str, Any]]:
        """The rows of a table, in order of their keys."""
        with self.database.reading() as transaction:
            found = transaction.execute(select(table).where(*conditions).order_by(*table.primary_key.columns))
            return [dict(row._mapping) for row in found]

    def thread(self) -> dict[str, Any]:
        """The only thread there is."""
        (row,) = self.rows(tables.notifications)
        return row

    def entry(self, user_id: int) -> dict[str, Any]:
        """The only inbox entry of a person."""
        (row,) = self.rows(tables.inbox_entries, tables.inbox_entries.c.user_id == user_id)
        return row

    def mails(self, user_id: int, status: str | None = None) -> list[tuple[str, str]]:
        """The mails to a person, as (kind, status)."""
        rows = self.rows(tables.deliveries, tables.deliveries.c.user_id == user_id)
        return [(row["kind"], row["status"]) for row in rows if status in (None, row["status"])]

    def inbox(self, user_id: int, wanted: Filter = EVERYTHING) -> list[dict[str, Any]]:
        """A person's list."""
        with self.database.reading() as transaction:
            return inbox.page(transaction, user_id=user_id, wanted=wanted, now=self.clock(), after=None, limit=1000)

    def bar(self, user_id: int) -> list[dict[str, Any]]:
        """The threads on a person's urgent bar."""
        with self.database.reading() as transaction:
            return inbox.urgent(transaction, user_id=user_id, team_ids=None, now=self.clock())

    def mark(self, user_id: int, *, read: bool | None = None, archived: bool | None = None, dismissed: bool | None = None) -> None:
        """Sets these states of all of a person's entries."""
        ids = [row["notification_id"] for row in self.rows(tables.inbox_entries, tables.inbox_entries.c.user_id == user_id)]
        with self.database.writing() as transaction:
            inbox.mark(transaction, user_id=user_id, ids=ids, now=self.clock(), read=read, archived=archived, dismissed=dismissed)

    def set_entry(self, user_id: int, **columns: Any) -> None:
        """Sets columns of all of a person's entries."""
        with self.database.writing() as transaction:
            transaction.execute(update(tables.inbox_entries).where(tables.inbox_entries.c.user_id == user_id).values(**columns))

    def set_user(self, user_id: int, **columns: Any) -> None:
        """Sets columns of a person."""
        with self.database.writing() as transaction:
            transaction.execute(update(tables.users).where(tables.users.c.id == user_id).values(**columns))
