"""For admins of a team: its sources, what arrived, what was refused, what was sent; and everyone's own tokens."""

import base64
import codecs
import secrets
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, Field, field_validator

from gateway.api.models import Done, ListQuery, Rows, TeamQuery
from gateway.api.operation import Call, Model, Operation
from gateway.api.problem import FieldError, Problem
from gateway.storage import deliveries, events, people, processing, rejections, sources
from mappers.contract.signature import digest

_SHOWN_BODY: Final = 65536
_utf8: Final = codecs.getincrementaldecoder("utf-8")


class EventsQuery(ListQuery):
    """Which events."""

    status: Annotated[str | None, Field(pattern="^(waiting|mapped|ignored|unmapped|quarantined)$")] = None


class EventDetail(BaseModel):
    """One event whole, as far as it is shown: the first 64 KiB of its body."""

    id: int
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
    body: str | None
    """The body as text; null where it is not UTF-8."""
    body_base64: str | None
    """The body where it is not UTF-8."""


class TokenRequest(Model):
    """A new API token of mine."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    expires_at: AwareDatetime | None = None

    @field_validator("expires_at")
    @classmethod
    def _in_utc(cls, value: datetime | None) -> datetime | None:
        try:
            return value and value.astimezone(UTC)
        except OverflowError:
            raise ValueError("must be before the year 10000 in UTC") from None


class NewToken(BaseModel):
    """The token; shown this once."""

    id: int
    name: str
    token: str


def _before(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
        raise Problem(422, "The cursor cannot be used.", [FieldError(place="query.cursor", message="use the `next` of the page before")])
    return int(cursor)


def _rows(rows: list[dict[str, Any]], limit: int) -> Rows:
    return Rows(items=rows[:limit], next=str(rows[limit - 1]["id"]) if len(rows) > limit else None)


async def list_sources(call: Call) -> Rows:
    """The sources of my teams, with their last event and rejection."""
    return Rows(items=await call.database.read(sources.overview, team_ids=call.admin_team_ids(call.query.team)))


async def list_events(call: Call) -> Rows:
    """What arrived and how its processing ended, newest first."""
    query: EventsQuery = call.query
    rows = await call.database.read(
        events.page,
        team_ids=call.admin_team_ids(query.team),
        source_id=None,
        status=query.status,
        before=_before(query.cursor),
        limit=query.limit + 1,
    )
    return _rows(rows, query.limit)


async def show_event(call: Call) -> EventDetail:
    """One event with its body; credentials were never stored."""
    row = await call.database.read(events.show, team_ids=call.admin_team_ids(None), event_id=call.id())
    if row is None:
        raise Problem(404, "There is no such event.")
    raw = bytes(row["body"])
    try:
        body, encoded = _utf8().decode(raw[:_SHOWN_BODY], final=len(raw) <= _SHOWN_BODY), None  # a cut character at the end is left out
    except UnicodeDecodeError:
        body, encoded = None, base64.b64encode(raw[:_SHOWN_BODY]).decode()
    return EventDetail.model_validate({**row, "size": len(raw), "body": body, "body_base64": encoded})


async def replay_event(call: Call) -> Done:
    """Maps an event again, as after a mapper was mended; nobody is alerted twice for the same happening."""
    done = await call.database.write(processing.replay, team_ids=call.admin_team_ids(None), event_id=call.id(), now=call.now)
    if not done:
        raise Problem(404, "There is no such event, or it is being processed right now.")
    return Done()


async def list_rejections(call: Call) -> Rows:
    """Refused requests with the reason, a sample of at most one a second."""
    query: ListQuery = call.query
    rows = await call.database.read(
        rejections.page, team_ids=call.admin_team_ids(query.team), before=_before(query.cursor), limit=query.limit + 1
    )
    return _rows(rows, query.limit)


async def list_deliveries(call: Call) -> Rows:
    """What was sent to whom and what the server said."""
    query: ListQuery = call.query
    rows = await call.database.read(
        deliveries.page,
        user_id=call.person.id,
        team_ids=call.admin_team_ids(query.team),
        before=_before(query.cursor),
        limit=query.limit + 1,
    )
    return _rows(rows, query.limit)


async def list_tokens(call: Call) -> Rows:
    """My API tokens, without the tokens themselves."""
    return Rows(items=await call.database.read(people.tokens, user_id=call.person.id))


async def create_token(call: Call) -> NewToken:
    """A new API token of mine."""
    wanted: TokenRequest = call.body
    token = new_token()
    credential_id = await call.database.write(
        people.put_credential,
        user_id=call.person.id,
        kind="token",
        digest=digest(token),
        name=wanted.name,
        now=call.now,
        expires_at=wanted.expires_at,
    )
    return NewToken(id=credential_id, name=wanted.name, token=token)


async def revoke_token(call: Call) -> Done:
    """Ends one of my API tokens at once."""
    if not await call.database.write(people.revoke, user_id=call.person.id, credential_id=call.id()):
        raise Problem(404, "You have no such token, or the configuration file owns it.")
    return Done()


def new_token() -> str:
    """A fresh API token."""
    return f"tocsin_{secrets.token_urlsafe(32)}"


OPERATIONS: Final = (
    Operation("GET", "/api/sources", "Sources of my teams", list_sources, Rows, query=TeamQuery, problems=(403, 404)),
    Operation("GET", "/api/events", "What arrived", list_events, Rows, query=EventsQuery, problems=(403, 404)),
    Operation("GET", "/api/events/{id}", "One event whole", show_event, EventDetail, problems=(403, 404)),
    Operation("POST", "/api/events/{id}/replay", "Map it again", replay_event, Done, problems=(403, 404)),
    Operation("GET", "/api/rejections", "What was refused", list_rejections, Rows, query=ListQuery, problems=(403, 404)),
    Operation("GET", "/api/deliveries", "What was sent", list_deliveries, Rows, query=ListQuery, problems=(403, 404)),
    Operation("GET", "/api/tokens", "My API tokens", list_tokens, Rows),
    Operation("POST", "/api/tokens", "A new API token", create_token, NewToken, body=TokenRequest, status=201),
    Operation("DELETE", "/api/tokens/{id}", "End an API token", revoke_token, Done, problems=(404,)),
)
