"""API tokens: everybody's own, and those of people who are in no team but an admin's own."""

import secrets
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BaseModel, Field, field_validator

from gateway.api.models import Done, ZonedTime
from gateway.api.operation import Call, Model, Operation
from gateway.api.problem import FieldError, Problem
from gateway.domain import limits
from gateway.storage import audit, credentials, members
from gateway.storage.database import Transaction
from mappers.contract.signature import digest
from mappers.contract.text import one_line

Scope = Literal["read", "write", "ingest", "admin"]
_NEEDS_ROLE: Final = {"ingest": "member", "admin": "admin"}
"""The role that somebody must have in some team to get anything from a scope."""


class TokenRequest(Model):
    """A new API token of mine."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(get_args(Scope)))] = ["read", "write"]
    """`read` and `write` for what is mine, `admin` for what admins may, `ingest` for the door of my teams' sources."""
    expires_at: ZonedTime | None = None

    @field_validator("name")
    @classmethod
    def _on_a_line(cls, value: str) -> str:
        return one_line(value, 100) or "token"

    @field_validator("expires_at")
    @classmethod
    def _in_utc(cls, value: datetime | None) -> datetime | None:
        try:
            return value and value.astimezone(UTC)
        except OverflowError:
            raise ValueError("must be before the year 10000 in UTC") from None


class Token(BaseModel):
    """A token without the token itself."""

    id: int
    name: str
    scopes: list[Scope]
    managed: bool
    """Whether tocsin.toml owns it."""
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class Tokens(BaseModel):
    """Every token of a person."""

    items: list[Token]
    next: None = None


class NewToken(BaseModel):
    """The token; shown this once."""

    id: int
    name: str
    scopes: list[Scope]
    expires_at: datetime | None
    token: str


async def list_tokens(call: Call) -> Tokens:
    """My API tokens, without the tokens themselves."""
    return _tokens(await call.database.read(credentials.tokens, user_id=call.person.id))


async def create_token(call: Call) -> NewToken:
    """A new API token of mine: for no more, and no longer, than what it is made with, and for nothing that my roles do not allow."""
    wanted: TokenRequest = call.body
    _check(call, wanted)
    token, scopes = new_token(), [one for one in get_args(Scope) if one in wanted.scopes]

    def make(transaction: Transaction) -> int:
        if limits.TOKENS.refuses(credentials.valid_tokens(transaction, user_id=call.person.id, now=call.now)):
            raise Problem(409, limits.TOKENS.said)
        made = credentials.put(
            transaction, user_id=call.person.id, kind="token", digest=digest(token), name=wanted.name, now=call.now,
            expires_at=wanted.expires_at, scopes=scopes,
        )  # fmt: skip
        _note(transaction, call, "token.created", made, call.person.id, call.person.roles, scopes=scopes, name=wanted.name)
        return made

    made = await call.database.write(make)
    return NewToken(id=made, name=wanted.name, scopes=scopes, expires_at=wanted.expires_at, token=token)


async def revoke_token(call: Call) -> Done:
    """Ends one of my API tokens at once."""
    return await _revoke(call, call.person.id, call.id())


async def list_tokens_of(call: Call) -> Tokens:
    """The API tokens of somebody who is in no team but those that I administer."""

    def find(transaction: Transaction) -> list[dict[str, Any]]:
        _rules(transaction, call, call.id())
        return credentials.tokens(transaction, user_id=call.id())

    return _tokens(await call.database.read(find))


async def revoke_token_of(call: Call) -> Done:
    """Ends an API token of somebody who is in no team but those that I administer."""
    return await _revoke(call, call.id(), call.id("token"))


async def _revoke(call: Call, user_id: int, credential_id: int) -> Done:
    def end(transaction: Transaction) -> bool:
        team_ids = call.person.roles.keys() if user_id == call.person.id else _rules(transaction, call, user_id)
        found = credentials.tokens(transaction, user_id=user_id, credential_id=credential_id)
        if not found:
            raise Problem(404, "There is no such token.")
        if not credentials.revoke_token(transaction, user_id=user_id, credential_id=credential_id):
            return False
        _note(transaction, call, "token.revoked", credential_id, user_id, team_ids, scopes=found[0]["scopes"], name=found[0]["name"])
        return True

    if not await call.database.write(end):
        raise Problem(409, "tocsin.toml owns this token: take it out there.")
    return Done()


def _rules(transaction: Transaction, call: Call, user_id: int) -> frozenset[int]:
    """The teams of somebody whose tokens the caller may rule over. Raises a 404 for anybody else."""
    team_ids = members.teams_of(transaction, user_id=user_id)
    if not team_ids or not team_ids & call.person.admin_of:
        raise Problem(404, "There is nobody with this id.")
    if not team_ids <= call.person.admin_of:
        raise Problem(403, "Somebody who is in other teams too rules over their tokens alone.")
    return team_ids


def _check(call: Call, wanted: TokenRequest) -> None:
    person = call.person
    if person.credential_kind == "jwt":
        raise Problem(403, "Somebody whom an application signs in makes no tokens here.")
    for scope in wanted.scopes:
        if scope not in person.scopes:
            raise Problem(403, f"A token cannot make one for more than itself: it lacks the scope `{scope}`.")
        if not person.is_at_least(_NEEDS_ROLE.get(scope, "viewer")):
            raise Problem(403, f"The scope `{scope}` needs the role {_NEEDS_ROLE[scope]} in some team.")
    ends = wanted.expires_at
    if ends is not None and ends <= call.now:
        raise Problem(422, "The token would have ended already.", [FieldError(place="body.expires_at", message="must be in the future")])
    if person.credential_kind == "token" and person.expires_at and (ends is None or ends > person.expires_at):
        raise Problem(403, f"A token cannot make one that lasts longer than itself, until {person.expires_at.isoformat()}.")


def _note(
    transaction: Transaction, call: Call, action: str, token: int, user_id: int, team_ids: Any, *, scopes: list[str], name: str
) -> None:
    """In every team that the token reaches; by its name only where one team alone is told."""
    details = {"scopes": scopes, **({"name": name} if len(team_ids) == 1 else {})}
    whose = audit.who(transaction, user_id)
    for team_id in sorted(team_ids):
        audit.note(
            transaction, by=call.person, team_id=team_id, action=action, target=f"token {token} of {whose}", details=details, now=call.now
        )


def _tokens(found: list[dict[str, Any]]) -> Tokens:
    return Tokens(items=[Token.model_validate(one) for one in found])


def new_token() -> str:
    """A fresh API token."""
    return f"tocsin_{secrets.token_urlsafe(32)}"


OPERATIONS: Final = (
    Operation("GET", "/api/tokens", "My API tokens", list_tokens, Tokens),
    Operation("POST", "/api/tokens", "A new API token", create_token, NewToken, body=TokenRequest, status=201, problems=(409,)),
    Operation("DELETE", "/api/tokens/{id}", "End an API token", revoke_token, Done, problems=(404, 409)),
    Operation("GET", "/api/users/{id}/tokens", "API tokens of a member", list_tokens_of, Tokens, problems=(404,), floor="admin"),
    Operation(
        "DELETE", "/api/users/{id}/tokens/{token}", "End a member's API token", revoke_token_of, Done, problems=(404, 409), floor="admin"
    ),
)
