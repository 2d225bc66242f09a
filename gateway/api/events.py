"""For admins of a team: what arrived, what became of it, and mapping it again."""

import asyncio
import codecs
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from gateway.api.models import Done, Limit, Rows, ZonedTime
from gateway.api.operation import Call, Model, Operation
from gateway.api.problem import FieldError, Problem
from gateway.api.rows import before, rows
from gateway.domain.connecting import TEST_HEADER
from gateway.domain.redacting import Clean, document, pairs, without_secrets
from gateway.engine.mapping import read_whole
from gateway.storage import audit, events, processing, replay
from gateway.storage.database import Transaction
from gateway.storage.events import Filter
from gateway.storage.replay import Place, Step

_SHOWN_BODY: Final = 65536
_utf8: Final = codecs.getincrementaldecoder("utf-8")
_Id = Annotated[int, Field(ge=1, le=2**53)]
_MOST_IDS: Final = 1000


class EventFilter(Model):
    """Which events; everything given must hold."""

    team: str | None = None
    source: str | None = None
    """The slug of a source."""
    status: Annotated[str | None, Field(pattern=f"^({'|'.join(events.STATUSES)})$")] = None
    since: ZonedTime | None = None
    """Received at this time or later."""
    until: ZonedTime | None = None
    """Received before this time."""
    processed_since: ZonedTime | None = None
    """Processed at this time or later."""
    conflicting: bool = False
    """Only those whose request key was known with other bytes."""

    @field_validator("since", "until", "processed_since")
    @classmethod
    def _in_utc(cls, value: datetime | None) -> datetime | None:
        try:
            return value and value.astimezone(UTC)
        except OverflowError:
            raise ValueError("must be between the years 1 and 9999 in UTC") from None

    @model_validator(mode="after")
    def _holds_time(self) -> Self:
        if self.since and self.until and self.since >= self.until:
            raise ValueError("since must be before until")
        return self

    @property
    def wanted(self) -> Filter:
        """The same for storage, without the team."""
        return Filter(self.source, self.status, self.since, self.until, self.processed_since, self.conflicting)


class EventsQuery(EventFilter):
    """A page of events."""

    limit: Limit = 50
    cursor: str | None = None


class ReplayRequest(EventFilter):
    """Which events to map again."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "unmapped"}]})
    status: Annotated[str | None, Field(pattern=f"^({'|'.join(events.ENDINGS)})$")] = None
    ids: Annotated[list[_Id], Field(max_length=_MOST_IDS)] = []
    cursor: str | None = None
    """The `next` of the answer before, with the same filter; absent to begin."""

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if self.wanted == events.EVERYTHING:
            raise ValueError("say which: set at least one of status, source, since, until, processed_since, conflicting, ids")
        return self

    @property
    def wanted(self) -> Filter:
        """The same for storage, without the team."""
        return Filter(self.source, self.status, self.since, self.until, self.processed_since, self.conflicting, tuple(self.ids))


class EventCounts(BaseModel):
    """How many events match."""

    total: int
    by_status: dict[str, int]
    replaying: int
    """How many of those that wait are being replayed."""


class Replayed(BaseModel):
    """One step of a replay."""

    queued: int
    waiting: int
    """Replayed events of my teams that wait to be mapped, these included. At most 500 wait at a time: then ask again in a moment."""
    next: str | None
    """The cursor to go on with; null once everything that matched was looked at."""


class FollowUp(BaseModel):
    """A document that the event's mapper asked for, and what came of it."""

    id: int
    kind: str
    """Which mapper reads it; it enters as an event of its own."""
    operation: str
    ids: dict[str, str]
    status: str
    """`waiting`, `done` or `failed`."""
    reason: str | None
    """Why it is not there."""
    attempts: int
    asked_at: datetime
    ended_at: datetime | None


class WouldBe(BaseModel):
    """What a test would become if it were none."""

    drafts: list[dict[str, Any]]
    """Notifications, as their mapper writes them."""
    runs: list[str]
    """What it says of runs, in words."""
    ignored: str | None
    """Why there is nothing to tell."""
    unmapped: str | None
    """Why it is not understood."""


class EventDetail(BaseModel):
    """One event as it may be shown: the first 64 KiB of its body, and no secrets; those that sign a sender in were never stored."""

    id: int
    team: str
    source: str
    kind: str
    method: str
    path: str
    query: str
    headers: list[list[str]]
    request_key: str | None
    conflicting: bool
    received_at: datetime
    status: str
    reason: str | None
    attempts: int
    processed_at: datetime | None
    size: int
    body: str
    """The body as text, with `[redacted: what]` in place of what looks like a secret; what is not UTF-8 stands as U+FFFD."""
    redacted: bool
    """Whether anything was taken out of what is shown."""
    follow_ups: list[FollowUp]
    test: WouldBe | None
    """What it would become; null where it is no test."""


async def list_events(call: Call) -> Rows:
    """What arrived and how its processing ended, newest first."""
    query: EventsQuery = call.query
    found = await call.database.read(
        events.page,
        team_ids=call.admin_team_ids(query.team),
        wanted=query.wanted,
        before=before(query.cursor),
        limit=query.limit + 1,
    )
    return rows(found, query.limit)


async def count_events(call: Call) -> EventCounts:
    """How many events match, by status."""
    query: EventFilter = call.query
    found = await call.database.read(events.counts, team_ids=call.admin_team_ids(query.team), wanted=query.wanted)
    return EventCounts(total=sum(found.by_status.values()), by_status=found.by_status, replaying=found.replaying)


async def show_event(call: Call) -> EventDetail:
    """One event with its body, without what looks like a secret; `tocsin events show ID --raw` on the gateway's machine shows the bytes."""
    row = await call.database.read(events.show, team_ids=call.admin_team_ids(None), event_id=call.id())
    if row is None:
        raise Problem(404, "There is no such event, or it was too old to keep.")
    test = await _would_be(call) if any(name.lower() == TEST_HEADER.lower() for name, _ in row["headers"]) else None
    return await asyncio.to_thread(_shown, row, test, call.means.redact)


def _shown(row: Mapping[str, Any], test: WouldBe | None, redact: Clean) -> EventDetail:
    """In a thread, for a body may be large."""
    raw = bytes(row["body"])
    whole = _utf8("replace").decode(raw[:_SHOWN_BODY], final=len(raw) <= _SHOWN_BODY)  # a cut character at the end is left out
    given = {"path": row["path"], "query": row["query"], "headers": [list(one) for one in row["headers"]], "body": whole}
    shown = {
        "path": redact(row["path"]), "query": redact(row["query"]), "headers": pairs(row["headers"], redact),
        "body": without_secrets(whole, redact),
    }  # fmt: skip
    more = {"reason": row["reason"] and redact(row["reason"]), "size": len(raw), "redacted": shown != given}
    return EventDetail.model_validate({**row, **shown, **more, "test": test and document(test.model_dump(), redact)})


async def _would_be(call: Call) -> WouldBe:
    """Mapped anew for whoever looks; in a thread, for a body may be large."""

    def find(transaction: Transaction) -> WouldBe:
        (event,) = processing.load(transaction, [call.id()])
        reading = read_whole(call.means.kinds.get(event.kind), event, lambda _: {})
        return WouldBe(
            drafts=[draft.model_dump(mode="json", exclude_defaults=True) for draft in reading.mapped.drafts],
            runs=[f"{one.pipeline} {one.run} is {one.phase.value}" for one in reading.mapped.signals],
            ignored=reading.mapped.ignored,
            unmapped=reading.unmapped,
        )

    return await call.database.read(find)


async def replay_event(call: Call) -> Done:
    """Maps an event again, as after a mapper was mended; nobody is alerted twice for the same happening."""

    def again(transaction: Transaction) -> bool:
        done = replay.replay(transaction, team_ids=call.admin_team_ids(None), event_id=call.id(), now=call.now)
        if done:
            audit.note_replay(transaction, by=call.person, queued=[call.id()], now=call.now)
        return done

    if not await call.database.write(again):
        raise Problem(404, "There is no such event, or it is being processed right now.")
    return Done()


async def replay_events(call: Call) -> Replayed:
    """Maps all that match again, oldest first, a bounded part in each call; go on with `next` until it is null.

    Nobody is alerted twice for the same happening. What waits already, or is held by a worker, is left alone.
    """
    request: ReplayRequest = call.body
    team_ids = call.admin_team_ids(request.team)
    place = await call.database.read(replay.beginning) if request.cursor is None else _place(request.cursor)
    picked = await call.database.read(replay.pick, team_ids=team_ids, wanted=request.wanted, place=place)

    def queue(transaction: Transaction) -> Step:
        step = replay.queue(transaction, team_ids=team_ids, picked=picked, place=place, now=call.now)
        audit.note_replay(transaction, by=call.person, queued=step.queued, now=call.now)
        return step

    step = await call.database.write(queue)
    following = f"{step.following.after}.{step.following.upto}" if step.following else None
    return Replayed(queued=len(step.queued), waiting=step.waiting, next=following)


def _place(cursor: str) -> Place:
    numbers = cursor.split(".")
    if len(numbers) != 2 or not all(one.isascii() and one.isdigit() and len(one) <= 18 for one in numbers):
        raise Problem(422, "The cursor cannot be used.", [FieldError(place="body.cursor", message="use the `next` of the answer before")])
    return Place(int(numbers[0]), int(numbers[1]))


OPERATIONS: Final = (
    Operation("GET", "/api/events", "What arrived", list_events, Rows, query=EventsQuery, problems=(404,), floor="admin"),
    Operation("GET", "/api/events/counts", "How much of it", count_events, EventCounts, query=EventFilter, problems=(404,), floor="admin"),
    Operation(
        "POST",
        "/api/events/replay",
        "Map all that match again",
        replay_events,
        Replayed,
        body=ReplayRequest,
        problems=(404,),
        floor="admin",
    ),
    Operation("GET", "/api/events/{id}", "One event whole", show_event, EventDetail, problems=(404,), floor="admin"),
    Operation("POST", "/api/events/{id}/replay", "Map it again", replay_event, Done, problems=(404,), floor="admin"),
)
