"""An operation of the API: declared once, run by `serve`, described by `openapi`."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator

from gateway.api.means import Means
from gateway.api.problem import FieldError, Problem
from gateway.storage.database import Database
from gateway.storage.people import Person


class Model(BaseModel):
    """Base of what comes in: an unknown field is an error, not a silence."""

    model_config = ConfigDict(extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _is_plain(cls, value: object) -> object:
        return _plain(value)


def _plain(value: Any) -> Any:
    """The same with 7.0 as 7, for to JSON Schema both are integers. A NUL is refused here, for PostgreSQL would."""
    if isinstance(value, str) and "\x00" in value:
        raise ValueError("must not hold a NUL character")
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {_plain(key): _plain(part) for key, part in value.items()}
    return value


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an operation."""

    person: Person
    database: Database
    now: datetime
    path: dict[str, str]
    query: Any
    body: Any
    public_url: str
    means: Means
    idempotency_key: str | None = None

    def team_to_write(self, slug: str | None) -> int:
        """The named team, or the only one of the person who names none; at least a member there. A 422 where it must be named."""
        if slug is None and len(self.person.teams) > 1:
            names = ", ".join(sorted(self.person.teams))
            raise Problem(422, "Say in which team.", [FieldError(place="team", message=f"must be one of {names}")])
        teams = self.team_ids(slug)
        if not teams:
            raise Problem(403, "You are in no team.")
        self.require("member", teams[0])
        return teams[0]

    def teams_as(self, role: str) -> tuple[int, ...]:
        """The teams in which the person has at least this role."""
        return tuple(team_id for team_id in self.person.teams.values() if self.person.is_at_least(role, team_id))

    def team_ids(self, slug: str | None) -> tuple[int, ...]:
        """All the person's teams, or the named one. A foreign team is a 404."""
        if slug is None:
            return tuple(self.person.teams.values())
        if slug not in self.person.teams:
            raise Problem(404, f"You have no team {slug!r}.")
        return (self.person.teams[slug],)

    def admin_team_ids(self, slug: str | None) -> tuple[int, ...]:
        """Those of the teams that the person administers. A team without that role is a 403."""
        wanted = self.team_ids(slug)
        mine = tuple(team_id for team_id in wanted if team_id in self.person.admin_of)
        if not mine:
            raise Problem(403, "This is for admins of the team.")
        return mine

    def require(self, role: str, team_id: int) -> None:
        """Raises a 403 where the person's role in the team is weaker than this one, and a 404 where the team is foreign."""
        if team_id not in self.person.roles:
            raise Problem(404, "There is nothing with this id.")
        if not self.person.is_at_least(role, team_id):
            raise Problem(403, f"This needs the role {role} in the team.")

    def id(self, name: str = "id") -> int:
        """A number in the path; anything else names nothing that exists."""
        text = self.path[name]
        if not (text.isascii() and text.isdigit() and len(text) <= 18):
            raise Problem(404, "There is nothing with this id.")
        return int(text)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with a status of its own."""

    model: BaseModel
    status: int


@dataclass(frozen=True, slots=True)
class Download:
    """A text that is no JSON, and the name of the file that it is saved as."""

    text: str
    filename: str


Handler = Callable[[Call], Awaitable[BaseModel | Answer | Download | None]]


@dataclass(frozen=True, slots=True)
class Operation:
    """Method, path and models of one operation."""

    method: str
    path: str
    summary: str
    handler: Handler
    answer: type[BaseModel] | None
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    status: int = 200
    also: tuple[int, ...] = ()
    """Other statuses of success, with the same model."""
    problems: tuple[int, ...] = ()
    """Statuses beside 401 and 403, and 422 where there is something to refuse."""
    floor: str = "viewer"
    """The weakest role that somebody must have in some team; which team that must be is the handler's to ask (`Call.require`)."""

    media: str = "application/json"
    """What the answer is; of anything but JSON the handler gives a `Download`."""
    safe: bool = False
    """Whether it changes nothing although it is no GET."""
    idempotent: bool = False
    """Whether it heeds `Idempotency-Key`. https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/"""

    @property
    def route(self) -> str:
        """The path for the router: an id is digits, so that no fixed path is taken for one and every path knows its own methods."""
        return re.sub(r"\{(?!slug\})(\w+)\}", r"{\1:[0-9]+}", self.path)

    @property
    def scope(self) -> str:
        """What a token must be for."""
        return "admin" if self.floor == "admin" else "write" if self.writes else "read"

    @property
    def writes(self) -> bool:
        """Whether it may change anything."""
        return self.method not in ("GET", "HEAD") and not self.safe
