"""For admins of a team: its sources, what was refused, what was sent; and everyone's own tokens."""

import secrets
from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, Field, field_validator

from gateway.api import events
from gateway.api.models import Done, ListQuery, Rows, TeamQuery
from gateway.api.operation import Call, Model, Operation
from gateway.api.problem import Problem
from gateway.api.refusals import explanation
from gateway.api.rows import before, rows
from gateway.storage import deliveries, people, rejections, sources
from mappers.contract.signature import digest


class RejectionsQuery(ListQuery):
    """Which refused requests."""

    source: str | None = None
    """The slug of a source."""


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


async def list_sources(call: Call) -> Rows:
    """The sources of my teams, with their last event and rejection."""
    return Rows(items=await call.database.read(sources.overview, team_ids=call.admin_team_ids(call.query.team)))


async def list_rejections(call: Call) -> Rows:
    """Refused requests with the reason, in words too, and what to do; a sample of at most one a second."""
    query: RejectionsQuery = call.query
    found = await call.database.read(
        rejections.page,
        team_ids=call.admin_team_ids(query.team),
        source=query.source,
        before=before(query.cursor),
        limit=query.limit + 1,
    )
    return rows([{**row, **explanation(row["reason"])._asdict()} for row in found], query.limit)


async def list_deliveries(call: Call) -> Rows:
    """What was sent to whom and what the server said."""
    query: ListQuery = call.query
    found = await call.database.read(
        deliveries.page,
        user_id=call.person.id,
        team_ids=call.admin_team_ids(query.team),
        before=before(query.cursor),
        limit=query.limit + 1,
    )
    return rows(found, query.limit)


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
    Operation("GET", "/api/sources", "Sources of my teams", list_sources, Rows, query=TeamQuery, problems=(404,), floor="admin"),
    *events.OPERATIONS,
    Operation("GET", "/api/rejections", "What was refused", list_rejections, Rows, query=RejectionsQuery, problems=(404,), floor="admin"),
    Operation("GET", "/api/deliveries", "What was sent", list_deliveries, Rows, query=ListQuery, problems=(404,), floor="admin"),
    Operation("GET", "/api/tokens", "My API tokens", list_tokens, Rows),
    Operation("POST", "/api/tokens", "A new API token", create_token, NewToken, body=TokenRequest, status=201),
    Operation("DELETE", "/api/tokens/{id}", "End an API token", revoke_token, Done, problems=(404,)),
)
