"""Who belongs to a team, as its admins see and change it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, and_, func, select

from gateway.domain import limits
from gateway.storage import people
from gateway.storage.people import FLOOR
from gateway.storage.tables import identities, issuers, membership_permissions, memberships, teams, users


class Refusal(StrEnum):
    """Why a membership stays as it is."""

    MANAGED = "managed"
    LAST_ADMIN = "last-admin"
    FULL = "full"
    ISSUED_ADMIN = "issued-admin"
    ISSUED_ELSEWHERE = "issued-elsewhere"


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a membership."""

    user_id: int
    role: str
    permissions: tuple[str, ...]
    before: str | None
    """The role before; None: was no member."""


@dataclass(frozen=True, slots=True)
class Membership:
    """One membership; permissions without those that come with the role, in order."""

    role: str
    managed: bool
    permissions: tuple[str, ...]


def of_user(connection: Connection, *, user_ids: Sequence[int], team_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """user id → their memberships in these teams, by slug."""
    rows = connection.execute(
        select(memberships.c.user_id, memberships.c.team_id, teams.c.slug, teams.c.name, memberships.c.role, memberships.c.managed)
        .join(teams, teams.c.id == memberships.c.team_id)
        .where(memberships.c.user_id.in_(user_ids), memberships.c.team_id.in_(team_ids))
        .order_by(teams.c.slug)
    ).all()
    held: dict[tuple[int, int], list[str]] = {}
    permission = membership_permissions.c
    for user_id, team_id, name in connection.execute(
        select(permission.user_id, permission.team_id, permission.permission)
        .where(permission.user_id.in_(user_ids), permission.team_id.in_(team_ids), ~permission.permission.startswith(FLOOR))
        .order_by(permission.permission)
    ):
        held.setdefault((user_id, team_id), []).append(name)
    found: dict[int, list[dict[str, Any]]] = {user_id: [] for user_id in user_ids}
    for row in rows:
        shown = {"slug": row.slug, "name": row.name, "role": row.role, "managed": row.managed}
        found[row.user_id].append({**shown, "permissions": held.get((row.user_id, row.team_id), [])})
    return found


def page(connection: Connection, *, team_ids: Sequence[int], email: str | None, before: int | None, limit: int) -> list[dict[str, Any]]:
    """The people of these teams, who came last first, each with their memberships there."""
    belongs = select(memberships.c.user_id).where(memberships.c.team_id.in_(team_ids))
    refused = (users.c.refused_at.label("mail_refused_at"), users.c.refused_why.label("mail_refused_why"))
    wanted = (
        select(users.c.id, users.c.email, users.c.name, *refused).where(users.c.id.in_(belongs)).order_by(users.c.id.desc()).limit(limit)
    )
    if email is not None:
        wanted = wanted.where(users.c.email == email)
    if before is not None:
        wanted = wanted.where(users.c.id < before)
    found = [dict(row._mapping) for row in connection.execute(wanted)]
    of = of_user(connection, user_ids=[one["id"] for one in found], team_ids=team_ids)
    return [{**one, "teams": of[one["id"]]} for one in found]


def managed(connection: Connection) -> dict[tuple[int, int], Membership]:
    """(team, user) → the memberships that the configuration owns."""
    held: dict[tuple[int, int], list[str]] = {}
    permission = membership_permissions.c
    of = (permission.team_id == memberships.c.team_id, permission.user_id == memberships.c.user_id, memberships.c.managed)
    for team_id, user_id, name in connection.execute(
        select(permission.team_id, permission.user_id, permission.permission)
        .join(memberships, and_(*of))
        .where(~permission.permission.startswith(FLOOR))
    ):
        held.setdefault((team_id, user_id), []).append(name)
    rows = connection.execute(select(memberships.c.team_id, memberships.c.user_id, memberships.c.role).where(memberships.c.managed))
    return {(row.team_id, row.user_id): Membership(row.role, True, tuple(sorted(held.get((row.team_id, row.user_id), ())))) for row in rows}


def teams_of(connection: Connection, *, user_id: int) -> frozenset[int]:
    """The ids of a person's teams."""
    return frozenset(connection.scalars(select(memberships.c.team_id).where(memberships.c.user_id == user_id)))


def put(
    connection: Connection,
    *,
    team_id: int,
    email: str,
    name: str | None,
    role: str | None,
    permissions: Sequence[str] | None,
    now: datetime,
) -> Change | Refusal:
    """Makes somebody a member, or changes the membership; what is None stays. Whoever is unknown is made, and named only then."""
    _one_change_at_a_time(connection, team_id)
    user_id = people.find_user(connection, email)
    known = _membership(connection, team_id, user_id) if user_id is not None else None
    wanted = role or (known.role if known else "member")
    refusal = _refusal(connection, team_id, user_id, known, wanted) if user_id is not None else None
    if refusal:
        return refusal
    if known is None and limits.MEMBERS.refuses(_made_here(connection, team_id)):
        return Refusal.FULL
    if user_id is None:
        user_id = people.put_user(connection, email=email, name=name or email.partition("@")[0], now=now)
    held = tuple(dict.fromkeys(permissions if permissions is not None else known.permissions if known else ()))
    people.put_membership(connection, team_id=team_id, user_id=user_id, role=wanted, permissions=held)
    return Change(user_id, wanted, held, known.role if known else None)


def end(connection: Connection, *, team_id: int, user_id: int) -> Change | Refusal | None:
    """Ends a membership; None where there is none."""
    _one_change_at_a_time(connection, team_id)
    known = _membership(connection, team_id, user_id)
    if known is None:
        return None
    if known.managed:
        return Refusal.MANAGED
    if known.role == "admin" and _is_last_admin(connection, team_id, user_id):
        return Refusal.LAST_ADMIN
    people.end_membership(connection, team_id=team_id, user_id=user_id)
    return Change(user_id, known.role, known.permissions, known.role)


def _refusal(connection: Connection, team_id: int, user_id: int, known: Membership | None, role: str) -> Refusal | None:
    issued = connection.scalar(
        select(issuers.c.team_id).join(identities, identities.c.issuer_id == issuers.c.id).where(identities.c.user_id == user_id)
    )
    if issued is not None and issued != team_id:
        return Refusal.ISSUED_ELSEWHERE
    if issued is not None and role == "admin":
        return Refusal.ISSUED_ADMIN
    if known and known.managed:
        return Refusal.MANAGED
    if known and known.role == "admin" != role and _is_last_admin(connection, team_id, user_id):
        return Refusal.LAST_ADMIN
    return None


def _one_change_at_a_time(connection: Connection, team_id: int) -> None:
    """Two admins who demote each other at once would leave none. What only refers to the team does not wait for this."""
    connection.execute(select(teams.c.id).where(teams.c.id == team_id).with_for_update(key_share=True))


def _membership(connection: Connection, team_id: int, user_id: int) -> Membership | None:
    row = connection.execute(
        select(memberships.c.role, memberships.c.managed).where(memberships.c.team_id == team_id, memberships.c.user_id == user_id)
    ).one_or_none()
    if row is None:
        return None
    of = of_user(connection, user_ids=[user_id], team_ids=[team_id])[user_id]
    return Membership(row.role, row.managed, tuple(of[0]["permissions"]))


def _made_here(connection: Connection, team_id: int) -> int:
    mine = (memberships.c.team_id == team_id, memberships.c.managed.is_(False))
    return connection.scalar(select(func.count()).select_from(memberships).where(*mine)) or 0


def _is_last_admin(connection: Connection, team_id: int, user_id: int) -> bool:
    others = select(memberships.c.user_id).where(
        memberships.c.team_id == team_id, memberships.c.user_id != user_id, memberships.c.role == "admin"
    )
    return connection.execute(others.limit(1)).first() is None
