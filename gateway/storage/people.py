"""Teams, users, memberships and the credentials by which people are known."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update

from gateway.storage.database import insert_for
from gateway.storage.tables import credentials, membership_permissions, memberships, subscriptions, teams, user_owns, users

ROLES: Final = ("viewer", "member", "admin")
"""Weakest first; each role's floor, `role:viewer` and so on, works as a permission."""
SCOPES: Final = ("read", "write", "ingest", "admin")
"""What a token may be used for; a session may do all of it."""
_USED_STEP: Final = timedelta(minutes=1)


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
    credential_id: int
    """0: of a JWT, which is not kept."""
    credential_kind: str
    scopes: frozenset[str]
    """What the credential may be used for."""
    expires_at: datetime | None
    """Until when the credential is good."""

    @property
    def admin_of(self) -> frozenset[int]:
        """The ids of the teams that the person administers."""
        return frozenset(team_id for team_id, role in self.roles.items() if role == "admin")

    def is_at_least(self, role: str, team_id: int | None = None) -> bool:
        """Whether the person has this role or a stronger one in the team, or in any."""
        held = self.roles.values() if team_id is None else (self.roles[team_id],) if team_id in self.roles else ()
        return any(ROLES.index(one) >= ROLES.index(role) for one in held)


def put_team(connection: Connection, *, slug: str, name: str, base_url: str | None, now: datetime) -> int:
    """Creates a team or brings it to this shape; gives its id."""
    shape = {"name": name, "base_url": base_url}
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


def put_membership(connection: Connection, *, team_id: int, user_id: int, role: str, permissions: Iterable[str]) -> None:
    """Makes the user a member in this role with exactly these permissions, beside the floors of the role."""
    statement = insert_for(connection)(memberships).values(team_id=team_id, user_id=user_id, role=role)
    connection.execute(statement.on_conflict_do_update(index_elements=["team_id", "user_id"], set_={"role": role}))
    held = membership_permissions.c
    connection.execute(delete(membership_permissions).where(held.team_id == team_id, held.user_id == user_id))
    floors = [f"role:{one}" for one in ROLES[: ROLES.index(role) + 1]]
    connection.execute(
        insert(membership_permissions),
        [{"team_id": team_id, "user_id": user_id, "permission": one} for one in dict.fromkeys([*floors, *permissions])],
    )


def keep_memberships(connection: Connection, *, user_id: int, team_ids: Sequence[int]) -> None:
    """Ends the user's memberships in every other team."""
    for table in (membership_permissions, memberships):
        connection.execute(delete(table).where(table.c.user_id == user_id, table.c.team_id.not_in(team_ids)))


def keep_members(connection: Connection, *, team_ids: Sequence[int], user_ids: Sequence[int]) -> None:
    """Ends the memberships of everyone else in these teams."""
    for table in (membership_permissions, memberships):
        connection.execute(delete(table).where(table.c.team_id.in_(team_ids), table.c.user_id.not_in(user_ids)))


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


def put_credential(
    connection: Connection,
    *,
    user_id: int,
    kind: str,
    digest: bytes,
    name: str,
    now: datetime,
    expires_at: datetime | None,
    managed: bool = False,
) -> int:
    """Stores the digest of a credential; gives its id. The same digest again only renames it."""
    statement = insert_for(connection)(credentials).values(
        user_id=user_id, kind=kind, digest=digest, name=name, created_at=now, expires_at=expires_at, managed=managed
    )
    return int(
        connection.execute(
            statement.on_conflict_do_update(index_elements=[credentials.c.digest], set_={"name": name, "user_id": user_id}).returning(
                credentials.c.id
            )
        ).scalar_one()
    )


def keep_managed_tokens(connection: Connection, *, digests: Sequence[bytes]) -> None:
    """Revokes the configuration's tokens that it no longer names."""
    connection.execute(delete(credentials).where(credentials.c.managed, credentials.c.digest.not_in(digests)))


def take_sign_in(connection: Connection, *, digest: bytes, now: datetime) -> int | None:
    """Uses up a one-time sign-in link; gives its user. None where it is unknown, used or expired."""
    row = connection.execute(
        delete(credentials)
        .where(credentials.c.digest == digest, credentials.c.kind == "sign-in")
        .returning(credentials.c.user_id, credentials.c.expires_at)
    ).one_or_none()
    return row.user_id if row and (row.expires_at is None or row.expires_at > now) else None


def revoke(connection: Connection, *, user_id: int, credential_id: int) -> bool:
    """Ends one of the user's own credentials; False where there is none such, or the configuration owns it."""
    gone = connection.execute(
        delete(credentials).where(credentials.c.id == credential_id, credentials.c.user_id == user_id, credentials.c.managed.is_(False))
    )
    return gone.rowcount > 0


def tokens(connection: Connection, *, user_id: int) -> list[dict[str, Any]]:
    """The user's API tokens without the tokens themselves."""
    columns = (
        credentials.c.id,
        credentials.c.name,
        credentials.c.managed,
        credentials.c.created_at,
        credentials.c.expires_at,
        credentials.c.last_used_at,
    )
    rows = connection.execute(
        select(*columns).where(credentials.c.user_id == user_id, credentials.c.kind == "token").order_by(credentials.c.id)
    )
    return [dict(row._mapping) for row in rows]


def identify(connection: Connection, *, digest: bytes, kind: str, now: datetime) -> Person | None:
    """Who holds this credential now."""
    rows = connection.execute(
        select(
            users.c.id, users.c.email, users.c.name, users.c.settings, credentials.c.id.label("credential_id"), credentials.c.kind,
            credentials.c.scopes, credentials.c.expires_at, teams.c.id.label("team_id"), teams.c.slug, memberships.c.role,
        )
        .join(users, users.c.id == credentials.c.user_id)
        .outerjoin(memberships, memberships.c.user_id == users.c.id)
        .outerjoin(teams, teams.c.id == memberships.c.team_id)
        .where(credentials.c.digest == digest, credentials.c.kind == kind)
    ).all()  # fmt: skip
    if not rows or (rows[0].expires_at is not None and rows[0].expires_at <= now):
        return None
    one, mine = rows[0], [row for row in rows if row.team_id is not None]
    return Person(
        id=one.id, email=one.email, name=one.name, zone=one.settings.get("timezone", "UTC"),
        teams={row.slug: row.team_id for row in mine}, roles={row.team_id: row.role for row in mine},
        credential_id=one.credential_id, credential_kind=one.kind, expires_at=one.expires_at,
        scopes=frozenset(one.scopes.split() if one.kind == "token" else SCOPES),
    )  # fmt: skip


def mark_used(connection: Connection, *, credential_id: int, now: datetime) -> None:
    """Notes that a credential was used, at most once a minute."""
    used = credentials.c.last_used_at
    connection.execute(
        update(credentials).where(credentials.c.id == credential_id, used.is_(None) | (used < now - _USED_STEP)).values(last_used_at=now)
    )
