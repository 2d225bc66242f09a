"""Teams, users and memberships."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select

from gateway.storage import changes
from gateway.storage.database import insert_for
from gateway.storage.tables import membership_permissions, memberships, subscriptions, teams, user_owns, users

ROLES: Final = ("viewer", "member", "admin")
"""Weakest first; each role's floor, `role:viewer` and so on, works as a permission."""
FLOOR: Final = "role:"


@dataclass(frozen=True, slots=True)
class Person:
    """A signed-in user with the teams that are theirs."""

    id: int
    email: str
    name: str
    teams: Mapping[str, int]
    """slug → id."""
    roles: Mapping[int, str]
    """team id → role."""
    zone: str
    desktop: bool
    """Whether what is new and urgent is told on the desktop."""
    credential_id: int
    """0: of a JWT, which is not kept."""
    credential_kind: str
    scopes: frozenset[str]
    """What the credential may be used for."""
    expires_at: datetime | None
    """Until when the credential is good."""
    shortcuts: bool = True
    """Whether single keys do something on the page."""

    @property
    def admin_of(self) -> frozenset[int]:
        """The ids of the teams that the person administers."""
        return frozenset(team_id for team_id, role in self.roles.items() if role == "admin")

    def is_at_least(self, role: str, team_id: int | None = None) -> bool:
        """Whether the person has this role or a stronger one in the team, or in any."""
        held = self.roles.values() if team_id is None else (self.roles[team_id],) if team_id in self.roles else ()
        return any(ROLES.index(one) >= ROLES.index(role) for one in held)


def put_team(
    connection: Connection, *, slug: str, name: str, base_url: str | None, now: datetime, policy: Mapping[str, Any] | None = None
) -> int:
    """Creates a team or brings it to this shape; gives its id."""
    shape = {"name": name, "base_url": base_url, "policy": policy}
    statement = insert_for(connection)(teams).values(slug=slug, created_at=now, **shape)
    return int(
        connection.execute(statement.on_conflict_do_update(index_elements=[teams.c.slug], set_=shape).returning(teams.c.id)).scalar_one()
    )


def put_user(connection: Connection, *, email: str, name: str, now: datetime) -> int:
    """Creates or renames a user, known by e-mail address; gives the id. What the person chose stays."""
    statement = insert_for(connection)(users).values(email=email, name=name, settings={}, created_at=now)
    return int(
        connection.execute(
            statement.on_conflict_do_update(index_elements=[users.c.email], set_={"name": name}).returning(users.c.id)
        ).scalar_one()
    )


def put_membership(
    connection: Connection, *, team_id: int, user_id: int, role: str, permissions: Iterable[str], managed: bool = False
) -> None:
    """Makes the user a member in this role with exactly these permissions, beside the floors of the role."""
    shape = {"role": role, "managed": managed}
    statement = insert_for(connection)(memberships).values(team_id=team_id, user_id=user_id, **shape)
    connection.execute(statement.on_conflict_do_update(index_elements=["team_id", "user_id"], set_=shape))
    held = membership_permissions.c
    connection.execute(delete(membership_permissions).where(held.team_id == team_id, held.user_id == user_id))
    connection.execute(
        insert(membership_permissions),
        [{"team_id": team_id, "user_id": user_id, "permission": one} for one in dict.fromkeys([*floors(role), *permissions])],
    )
    changes.note_people(connection, [user_id])


def floors(role: str) -> list[str]:
    """The permissions that are in a role: its own floor and those of the weaker ones."""
    return [f"{FLOOR}{one}" for one in ROLES[: ROLES.index(role) + 1]]


def end_membership(connection: Connection, *, team_id: int, user_id: int) -> None:
    """Ends a membership."""
    for table in (membership_permissions, memberships):
        connection.execute(delete(table).where(table.c.team_id == team_id, table.c.user_id == user_id))
    changes.note_people(connection, [user_id])


def put_owns(connection: Connection, *, user_id: int, owns: Iterable[str]) -> None:
    """Sets the words that count as this person's own in owners and tags."""
    connection.execute(delete(user_owns).where(user_owns.c.user_id == user_id))
    rows = [{"user_id": user_id, "owner": one} for one in dict.fromkeys(owns)]
    if rows:
        connection.execute(insert(user_owns), rows)


def put_default_subscription(connection: Connection, *, user_id: int, team_id: int, category: str, values: Mapping[str, Any]) -> None:
    """A default for a category; never over what the person chose."""
    statement = insert_for(connection)(subscriptions).values(user_id=user_id, team_id=team_id, category=category, chosen=False, **values)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["user_id", "team_id", "category"], set_=dict(values), where=subscriptions.c.chosen.is_(False)
        )
    )


def keep_default_subscriptions(connection: Connection, *, listed: Collection[tuple[int, int, str]]) -> None:
    """Takes back the defaults, (user, team, category), that the configuration no longer names."""
    stored = select(subscriptions.c.user_id, subscriptions.c.team_id, subscriptions.c.category).where(subscriptions.c.chosen.is_(False))
    for user_id, team_id, category in {tuple(row) for row in connection.execute(stored)} - set(listed):
        mine = (subscriptions.c.user_id == user_id, subscriptions.c.team_id == team_id, subscriptions.c.category == category)
        connection.execute(delete(subscriptions).where(*mine))


def team_ids(connection: Connection) -> dict[str, int]:
    """Every team: slug → id."""
    return {slug: team_id for slug, team_id in connection.execute(select(teams.c.slug, teams.c.id))}


def find_user(connection: Connection, email: str) -> int | None:
    """The id of the user with this e-mail address."""
    return connection.scalar(select(users.c.id).where(users.c.email == email))


def admins(connection: Connection) -> list[int]:
    """The ids of users who administer some team."""
    return list(
        connection.scalars(select(memberships.c.user_id).where(memberships.c.role == "admin").distinct().order_by(memberships.c.user_id))
    )


def find_recipient(connection: Connection, email: str) -> Any:
    """Who reads mail at this address: id, email, name, settings; None: nobody. Written otherwise, it must be one person's."""
    wanted = select(users.c.id, users.c.email, users.c.name, users.c.settings).where(users.c.mailable)
    exact = connection.execute(wanted.where(users.c.email == email)).one_or_none()
    alike = [exact] if exact else connection.execute(wanted.where(func.lower(users.c.email) == email.lower()).limit(2)).all()
    return alike[0] if len(alike) == 1 else None
