"""The sessions of browsers: where somebody is signed in, and the ids by which that is known, which change now and then.

A replaced id is good until its successor is used, and for a moment after that: an answer may be lost, and requests overtake each other.
One that comes later still is somebody's copy, and ends the session for both.
https://cheatsheetseries.owasp.org/cheatsheets/Session_Management_Cheat_Sheet.html
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, delete, func, or_, select, update

from gateway.storage.credentials import UNUSED_FOR, holder
from gateway.storage.people import Person
from gateway.storage.tables import credentials

GRACE: Final = timedelta(minutes=1)
"""How long a replaced id is good once its successor was used."""
RENEWED_EVERY: Final = timedelta(hours=12)
_SESSION: Final = credentials.c.kind == "session"


@dataclass(frozen=True, slots=True)
class Session:
    """A session that is good now, as one of its ids found it."""

    person: Person
    is_due: bool
    """It wants a new id."""
    is_first_use: bool
    """Its id was not used before, so the one it replaced runs out."""


def find(connection: Connection, *, digest: bytes, now: datetime) -> Session | None:
    """The session with this id, or whose id this was a moment ago."""
    if found := holder(connection, credentials.c.digest == digest, _SESSION, now=now):
        person, row = found
        first_use = row.previous is not None and row.previous_until is None
        return Session(person, is_due=(row.renewed_at or row.created_at) + RENEWED_EVERY <= now, is_first_use=first_use)
    good = or_(credentials.c.previous_until.is_(None), credentials.c.previous_until > now)
    if found := holder(connection, credentials.c.previous == digest, _SESSION, good, now=now):
        person, row = found  # the answer that held the new id was lost, or is on its way
        return Session(person, is_due=row.previous_until is None and row.renewed_at + GRACE <= now, is_first_use=False)
    return None


def note_first_use(connection: Connection, *, credential_id: int, now: datetime) -> None:
    """The new id of a session has arrived: the one before runs out."""
    one = credentials.c
    connection.execute(
        update(credentials)
        .where(one.id == credential_id, one.previous.is_not(None), one.previous_until.is_(None))
        .values(previous_until=now + GRACE)
    )


def renew(connection: Connection, *, credential_id: int, presented: bytes, digest: bytes, now: datetime) -> bool:
    """Gives a session a new id; False where another request did so meanwhile."""
    one = credentials.c
    replaced = update(credentials).where(one.id == credential_id, one.digest == presented)
    if connection.execute(replaced.values(digest=digest, previous=presented, previous_until=None, renewed_at=now)).rowcount:
        return True
    lost = update(credentials).where(
        one.id == credential_id, one.previous == presented, one.previous_until.is_(None), one.renewed_at <= now - GRACE
    )
    return connection.execute(lost.values(digest=digest, renewed_at=now)).rowcount > 0


def end_copied(connection: Connection, *, digest: bytes, now: datetime) -> bool:
    """Ends the session that had this id before and has another for long: two hold it. False where there is none such."""
    one = credentials.c
    return connection.execute(delete(credentials).where(_SESSION, one.previous == digest, one.previous_until <= now)).rowcount > 0


def end(connection: Connection, *, user_id: int, credential_id: int) -> bool:
    """Ends a session of this person; False where there is none such."""
    mine = (credentials.c.id == credential_id, credentials.c.user_id == user_id, _SESSION)
    return connection.execute(delete(credentials).where(*mine)).rowcount > 0


def end_all(connection: Connection, *, user_id: int, but: int | None = None) -> int:
    """Ends every session of this person, and the links that would begin another; `but` one. Gives how many sessions ended."""
    whose = credentials.c.user_id == user_id
    connection.execute(delete(credentials).where(whose, credentials.c.kind == "sign-in"))
    ending = delete(credentials).where(whose, _SESSION)
    return connection.execute(ending if but is None else ending.where(credentials.c.id != but)).rowcount


def of_user(connection: Connection, *, user_id: int, now: datetime) -> list[dict[str, Any]]:
    """Where somebody is signed in now, used last first."""
    one = credentials.c
    used = func.coalesce(one.last_used_at, one.created_at)
    rows = connection.execute(
        select(one.id, one.name, one.created_at, one.expires_at, used.label("last_used_at"))
        .where(one.user_id == user_id, _SESSION, one.expires_at > now, used > now - UNUSED_FOR)
        .order_by(used.desc(), one.id.desc())
    )
    return [dict(row._mapping) for row in rows]
