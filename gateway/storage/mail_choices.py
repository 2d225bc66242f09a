"""Whether somebody hears of some categories of a team by mail: what a link in a mail asks and changes."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from gateway.storage import preferences
from gateway.storage.tables import memberships, subscriptions, teams, users


@dataclass(frozen=True, slots=True)
class Place:
    """Whose mail it is, and of which team."""

    email: str
    team: str
    comes: tuple[str, ...]
    """Those of the categories that still come by mail."""


def place(connection: Connection, *, user_id: int, team_id: int, categories: Sequence[str]) -> Place | None:
    """None where the person does not belong to the team."""
    row = connection.execute(
        select(users.c.email, teams.c.slug, users.c.email_enabled)
        .join(memberships, memberships.c.user_id == users.c.id)
        .join(teams, teams.c.id == memberships.c.team_id)
        .where(users.c.id == user_id, teams.c.id == team_id)
    ).one_or_none()
    if row is None:
        return None
    ended = connection.scalars(
        select(subscriptions.c.category).where(
            subscriptions.c.user_id == user_id, subscriptions.c.team_id == team_id, subscriptions.c.email.is_(False)
        )
    )
    return Place(row.email, row.slug, tuple(sorted(set(categories) - set(ended))) if row.email_enabled else ())


def choose(connection: Connection, *, user_id: int, team_id: int, categories: Sequence[str], email: bool) -> None:
    """The person's own choice for mail about these categories of the team; what they hear in the page stays as it is."""
    for category in categories:
        preferences.choose(connection, user_id=user_id, team_ids=[team_id], category=category, values={"email": email})
