"""Applications whose word on who a user is we take, and whom they mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, delete, insert, literal, select, update

from gateway.storage import people
from gateway.storage.database import insert_for
from gateway.storage.people import Person, floors
from gateway.storage.tables import identities, issuers, membership_permissions, memberships, teams, users


@dataclass(frozen=True, slots=True)
class Issuer:
    """An application, the team it is bound to, and how its word is checked."""

    id: int
    team_id: int
    issuer: str
    audience: str
    algorithm: str
    secret: str | None
    jwks: str | None
    role: str
    permissions: tuple[str, ...]
    enabled: bool


_SCOPES = frozenset({"read", "write"})
_COLUMNS = (
    issuers.c.id, issuers.c.team_id, issuers.c.issuer, issuers.c.audience, issuers.c.algorithm, issuers.c.secret, issuers.c.jwks,
    issuers.c.role, issuers.c.permissions, issuers.c.disabled_at,
)  # fmt: skip


def known(connection: Connection, *, issuer: str, subject: str) -> tuple[Issuer, Person | None] | None:
    """An enabled issuer and whom it means by this subject; None where there is none of this name.

    Such a person is in the issuer's team alone, and no more than a member there, whatever else was written.
    """
    row = connection.execute(
        select(*_COLUMNS, users.c.id.label("user_id"), users.c.email, users.c.name, users.c.settings, teams.c.slug, memberships.c.role)
        .outerjoin(identities, and_(identities.c.issuer_id == issuers.c.id, identities.c.subject == subject))
        .outerjoin(users, users.c.id == identities.c.user_id)
        .outerjoin(memberships, and_(memberships.c.user_id == users.c.id, memberships.c.team_id == issuers.c.team_id))
        .outerjoin(teams, teams.c.id == memberships.c.team_id)
        .where(issuers.c.issuer == issuer, issuers.c.disabled_at.is_(None))
    ).one_or_none()
    if row is None:
        return None
    one = _issuer(row)
    if row.user_id is None:
        return one, None
    role = row[-1] and min(row[-1], "member", key=people.ROLES.index)
    return one, Person(
        id=row.user_id, email=row.email, name=row.name, zone=row.settings.get("timezone", "UTC"),
        desktop=row.settings.get("desktop", False),
        teams={row.slug: one.team_id} if role else {}, roles={one.team_id: role} if role else {},
        credential_id=0, credential_kind="jwt", scopes=_SCOPES, expires_at=None,
    )  # fmt: skip


def meet(connection: Connection, *, issuer: Issuer, subject: str, name: str, email: str, now: datetime) -> None:
    """Makes the person whom an issuer names for the first time. However often it is done at once, there is one.

    `email` is nobody's address: a person is known by issuer and subject, never by what looks like somebody else's.
    """
    made = connection.execute(
        insert(users).values(email=email, name=name, settings={}, mailable=False, created_at=now).returning(users.c.id)
    ).scalar_one()
    named = insert_for(connection)(identities).values(issuer_id=issuer.id, subject=subject, user_id=made).on_conflict_do_nothing()
    if connection.scalar(named.returning(identities.c.user_id)) is None:  # another request was faster, and this one waited for it
        connection.execute(delete(users).where(users.c.id == made))
        return
    people.put_membership(connection, team_id=issuer.team_id, user_id=made, role=issuer.role, permissions=issuer.permissions)


def every(connection: Connection) -> dict[str, Issuer]:
    """Every issuer by its name, disabled ones too."""
    return {row.issuer: _issuer(row) for row in connection.execute(select(*_COLUMNS))}


def put(connection: Connection, *, issuer: str, team_id: int, **shape: Any) -> int:
    """Makes an issuer, or brings it to this shape; gives its id."""
    values = {**shape, "permissions": list(shape["permissions"]), "disabled_at": None}
    statement = insert_for(connection)(issuers).values(issuer=issuer, team_id=team_id, **values)
    return int(
        connection.execute(statement.on_conflict_do_update(index_elements=["issuer"], set_=values).returning(issuers.c.id)).scalar_one()
    )


def disable(connection: Connection, *, issuer_id: int, now: datetime) -> None:
    """From now on nothing it says is believed. Whom it named stays."""
    connection.execute(update(issuers).where(issuers.c.id == issuer_id).values(disabled_at=now))


def spread(connection: Connection, *, issuer_id: int, team_id: int, role: str, permissions: Sequence[str]) -> None:
    """Gives everyone whom an issuer named, and who is a member still, this role and these permissions."""
    named = select(identities.c.user_id).where(identities.c.issuer_id == issuer_id)
    theirs = (memberships.c.team_id == team_id, memberships.c.user_id.in_(named))
    connection.execute(update(memberships).where(*theirs).values(role=role))
    held = membership_permissions.c
    connection.execute(delete(membership_permissions).where(held.team_id == team_id, held.user_id.in_(named)))
    for permission in dict.fromkeys([*floors(role), *permissions]):
        rows = select(memberships.c.team_id, memberships.c.user_id, literal(permission)).where(*theirs)
        connection.execute(insert(membership_permissions).from_select(["team_id", "user_id", "permission"], rows))


def _issuer(row: Any) -> Issuer:
    return Issuer(
        row.id, row.team_id, row.issuer, row.audience, row.algorithm, row.secret, row.jwks, row[7], tuple(row.permissions),
        row.disabled_at is None,
    )  # fmt: skip
