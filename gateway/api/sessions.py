"""Where somebody is signed in: everybody's own browsers, and those of people who are in no team but an admin's own."""

from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel

from gateway.api.models import Done
from gateway.api.operation import Call, Operation
from gateway.api.problem import Problem
from gateway.storage import audit, members, sessions
from gateway.storage.database import Transaction


class SessionShown(BaseModel):
    """A browser that is signed in."""

    id: int
    name: str
    """The browser and what it runs on, as far as it told."""
    created_at: datetime
    last_used_at: datetime
    """To the minute."""
    expires_at: datetime
    """Sooner where it is not used for two weeks."""
    current: bool
    """Whether this is the one that asks."""


class Sessions(BaseModel):
    """Every session of a person, used last first."""

    items: list[SessionShown]
    next: None = None


class Ended(BaseModel):
    """How many sessions ended."""

    ended: int


async def list_sessions(call: Call) -> Sessions:
    """Where I am signed in."""
    return _shown(call, await call.database.read(sessions.of_user, user_id=call.person.id, now=call.now))


async def end_session(call: Call) -> Done:
    """Signs one of my browsers out."""
    if not await call.database.write(sessions.end, user_id=call.person.id, credential_id=call.id()):
        raise Problem(404, "There is no such session, or it has ended.")
    return Done()


async def end_sessions(call: Call) -> Ended:
    """Signs me out everywhere; sign-in links that were not used yet end too, API tokens do not."""
    return Ended(ended=await call.database.write(sessions.end_all, user_id=call.person.id))


async def list_sessions_of(call: Call) -> Sessions:
    """Where somebody is signed in who is in no team but those that I administer."""

    def find(transaction: Transaction) -> list[dict[str, Any]]:
        if not _shared(transaction, call) <= call.person.admin_of:
            raise Problem(403, "Where somebody is signed in who is in other teams too is for them alone to see.")
        return sessions.of_user(transaction, user_id=call.id(), now=call.now)

    return _shown(call, await call.database.read(find))


async def end_sessions_of(call: Call) -> Ended:
    """Signs a member of a team that I administer out everywhere."""

    def end(transaction: Transaction) -> int:
        team_ids = _shared(transaction, call) & call.person.admin_of
        ended = sessions.end_all(transaction, user_id=call.id())
        whose = audit.who(transaction, call.id())
        for team_id in sorted(team_ids):
            audit.note(
                transaction, by=call.person, team_id=team_id, action="sessions.ended", target=whose, now=call.now, details={"ended": ended}
            )
        return ended

    return Ended(ended=await call.database.write(end))


def _shared(transaction: Transaction, call: Call) -> frozenset[int]:
    """The teams of a person of whom the caller administers some. Raises a 404 for a stranger."""
    team_ids = members.teams_of(transaction, user_id=call.id())
    if not team_ids & call.person.admin_of:
        raise Problem(404, "There is nobody with this id.")
    return team_ids


def _shown(call: Call, found: list[dict[str, Any]]) -> Sessions:
    mine = call.person.credential_id if call.person.credential_kind == "session" else 0
    return Sessions(items=[SessionShown.model_validate({**one, "current": one["id"] == mine}) for one in found])


OPERATIONS: Final = (
    Operation("DELETE", "/api/sessions/{id}", "Sign one of my browsers out", end_session, Done, problems=(404,)),
    Operation("GET", "/api/sessions", "Where I am signed in", list_sessions, Sessions),
    Operation("DELETE", "/api/sessions", "Sign me out everywhere", end_sessions, Ended),
    Operation("GET", "/api/users/{id}/sessions", "Where a member is signed in", list_sessions_of, Sessions, problems=(404,), floor="admin"),
    Operation("DELETE", "/api/users/{id}/sessions", "Sign a member out everywhere", end_sessions_of, Ended, problems=(404,), floor="admin"),
)
