"""Addresses that take no mail, as a mail server said: nothing more is sent there until an admin clears it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select, update

from gateway.storage.tables import memberships, users

MOST_LISTED: Final = 100


@dataclass(frozen=True, slots=True)
class Refused:
    """Whose address takes no mail, since when, and what the server said."""

    user_id: int
    email: str
    at: datetime
    why: str


def refuse(connection: Connection, *, user_id: int, why: str, now: datetime) -> None:
    """Remembers that the person's address takes no mail."""
    connection.execute(update(users).where(users.c.id == user_id, users.c.refused_at.is_(None)).values(refused_at=now, refused_why=why))


def clear(connection: Connection, *, user_id: int) -> bool:
    """Mail goes there again. False where nothing was in its way."""
    mended = update(users).where(users.c.id == user_id, users.c.refused_at.is_not(None)).values(refused_at=None, refused_why=None)
    return connection.execute(mended).rowcount > 0


def of_person(connection: Connection, user_id: int) -> Refused | None:
    """None where nothing is in the way of the person's mail."""
    row = connection.execute(_REFUSED.where(users.c.id == user_id)).one_or_none()
    return Refused(*row) if row else None


def of_teams(connection: Connection, team_ids: Sequence[int]) -> list[Refused]:
    """The first hundred people of these teams whose address takes no mail, by address."""
    belongs = select(memberships.c.user_id).where(memberships.c.team_id.in_(team_ids))
    rows = connection.execute(_REFUSED.where(users.c.id.in_(belongs)).order_by(users.c.email).limit(MOST_LISTED))
    return [Refused(*row) for row in rows]


_REFUSED: Final = select(users.c.id, users.c.email, users.c.refused_at, users.c.refused_why).where(users.c.refused_at.is_not(None))
