"""Sign-in links that people asked for by mail: kept until the mail has left, so that a crash loses none."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, and_, delete, exists, func, insert, or_, select, update

from gateway.domain.sign_in_link import INVITED_FOR
from gateway.storage import credentials, people
from gateway.storage.among import among_taken
from gateway.storage.tables import credentials as stored
from gateway.storage.tables import memberships, teams
from gateway.storage.tables import sign_in_requests as requests

MOST_WAITING: Final = 500
"""Strangers can ask too, so there is an end to it."""
MOST_LINKS: Final = 5
"""Mailed links of one person that are good at once."""
NAME: Final = "mailed link"


@dataclass(frozen=True, slots=True)
class Requested:
    """A mail that a worker has in hand, and to whom it goes."""

    id: int
    user_id: int
    email: str
    name: str
    zone: str
    target: str
    salt: str
    attempts: int
    asked_at: datetime
    invited_to: str | None = None
    """The team that they were added to; None: they asked for a link themselves."""
    invited_by: str = ""


def ask(connection: Connection, *, email: str, target: str, salt: str, now: datetime) -> bool:
    """Notes that a link was asked for, whoever that is: the same work for an address that is known and for one that is not.

    False where too many wait.
    """
    if (connection.scalar(select(func.count()).select_from(requests).where(requests.c.team_id.is_(None))) or 0) >= MOST_WAITING:
        return False
    connection.execute(insert(requests).values(email=email, target=target, salt=salt, due_at=now, asked_at=now))
    return True


def claim(
    connection: Connection, *, now: datetime, lease: str, lease_for: timedelta, limit: int, good_for: timedelta,
    digest_of: Callable[[int, str], bytes],
) -> list[Requested]:  # fmt: skip
    """Takes what is due. What is nobody's, too old, or was used meanwhile goes at once.

    The first time a link is made good, `good_for` from when it was asked for; `digest_of` gives what is stored of it.
    """
    is_due = or_(requests.c.due_at <= now, requests.c.attempts == 0)  # what nobody took yet is due whatever the clock says now
    due = select(requests.c.id).where(is_due).order_by(requests.c.due_at).limit(limit).with_for_update(skip_locked=True)
    rows = connection.execute(
        update(requests)
        .where(among_taken(requests.c.id, due))
        .values(lease=lease, due_at=now + lease_for, attempts=requests.c.attempts + 1)
        .returning(requests)
    ).all()
    taken = []
    for row in sorted(rows, key=lambda one: int(one.id)):
        person = people.find_recipient(connection, row.email)
        if row.team_id is not None:
            team = _team_of(connection, person.id, row.team_id) if person else None
            if team is None or row.asked_at + INVITED_FOR <= now:
                end(connection, number=row.id, lease=lease)
            else:
                zone = person.settings.get("timezone", "UTC")
                about = (row.id, person.id, person.email, person.name, zone, row.target, row.salt, row.attempts, row.asked_at)
                taken.append(Requested(*about, invited_to=team, invited_by=row.invited_by))
            continue
        digest, until = digest_of(row.id, row.salt), row.asked_at + good_for
        if person is not None and until > now and _is_good(connection, person.id, digest, until, first=row.attempts == 1, now=now):
            zone = person.settings.get("timezone", "UTC")
            taken.append(Requested(row.id, person.id, person.email, person.name, zone, row.target, row.salt, row.attempts, row.asked_at))
        else:
            end(connection, number=row.id, lease=lease)
    return taken


def end(connection: Connection, *, number: int, lease: str) -> None:
    """The mail has left, or never will."""
    connection.execute(delete(requests).where(requests.c.id == number, requests.c.lease == lease))


def again(connection: Connection, *, number: int, lease: str, due_at: datetime) -> None:
    """To be tried once more."""
    connection.execute(update(requests).where(requests.c.id == number, requests.c.lease == lease).values(lease=None, due_at=due_at))


def extend(connection: Connection, *, lease: str, until: datetime) -> bool:
    """Holds what is held under `lease` for longer. False where nothing is, any more."""
    return connection.execute(update(requests).where(requests.c.lease == lease).values(due_at=until)).rowcount > 0


def next_due(connection: Connection) -> datetime | None:
    """When the next one is due, or its lease runs out."""
    due: datetime | None = connection.scalar(select(func.min(requests.c.due_at)))
    return due


def _team_of(connection: Connection, user_id: int, team_id: int) -> str | None:
    """What the team is called, where the person is still in it."""
    mine = (memberships.c.team_id == teams.c.id, memberships.c.user_id == user_id)
    name: str | None = connection.scalar(select(teams.c.name).join(memberships, and_(*mine)).where(teams.c.id == team_id))
    return name


def _is_good(connection: Connection, user_id: int, digest: bytes, until: datetime, *, first: bool, now: datetime) -> bool:
    """Whether the link signs in: it is made good once, and a used one never again."""
    mine = (stored.c.user_id == user_id, stored.c.kind == "sign-in")
    if not first:
        return bool(connection.scalar(select(exists().where(*mine, stored.c.digest == digest))))
    others = select(func.count()).where(*mine, stored.c.name == NAME, stored.c.expires_at > now)
    if (connection.scalar(others) or 0) >= MOST_LINKS:
        return False
    credentials.put(connection, user_id=user_id, kind="sign-in", digest=digest, name=NAME, now=now, expires_at=until)
    return True
