"""Mails that tell people of a team they were added to: each once, and no more of them than a team may send."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, func, insert, select

from gateway.domain import limits
from gateway.storage import audit
from gateway.storage.people import Person
from gateway.storage.tables import audit as written
from gateway.storage.tables import sign_in_requests as requests
from gateway.storage.tables import users

AGAIN_AFTER: Final = timedelta(days=7)
"""Whoever is removed and added again meanwhile is not told again."""
DAY: Final = timedelta(days=1)
ACTION: Final = "member.invited"


class Invited(StrEnum):
    """What becomes of the mail."""

    ASKED = "asked"
    """It is on its way."""
    LATELY = "lately"
    """They were told within a week."""
    TOO_MANY = "too-many"
    """The team told as many today as it may."""
    REFUSED = "refused"
    """The address takes no mail, or the person has none."""
    NO_SERVER = "no-server"
    """No mail server is configured."""


def invite(connection: Connection, *, team_id: int, user_id: int, by: Person, now: datetime) -> Invited:
    """Asks for the mail, in the transaction that adds the member; it is written down, and counted by that."""
    email = connection.scalar(select(users.c.email).where(users.c.id == user_id, users.c.mailable, users.c.refused_at.is_(None)))
    if email is None:
        return Invited.REFUSED
    told = select(written.c.id).where(written.c.team_id == team_id, written.c.action == ACTION)
    to_them = told.where(written.c.at > now - AGAIN_AFTER, written.c.target.endswith(f"<{email}>", autoescape=True))
    if connection.execute(to_them.limit(1)).first():
        return Invited.LATELY
    today = told.where(written.c.at > now - DAY).limit(limits.INVITATIONS.most)
    if limits.INVITATIONS.refuses(connection.scalar(select(func.count()).select_from(today.subquery())) or 0):
        return Invited.TOO_MANY
    values = {"email": email, "target": "", "salt": "", "due_at": now, "asked_at": now}
    connection.execute(insert(requests).values(team_id=team_id, invited_by=audit.who(connection, by.id), **values))
    audit.note(connection, by=by, team_id=team_id, action=ACTION, target=audit.who(connection, user_id), now=now)
    return Invited.ASKED
