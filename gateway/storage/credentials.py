"""What people are known by: one-time links, sessions and tokens. Nothing but their digests is kept."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, delete, exists, func, select, text, update

from gateway.storage.database import insert_for
from gateway.storage.people import Person
from gateway.storage.tables import credentials, memberships, teams, users
from gateway.storage.tables.people import INGESTS

SCOPES: Final = ("read", "write", "ingest", "admin")
"""What a token may be used for; a session may do all of it."""
UNUSED_FOR: Final = timedelta(days=14)
"""How long a session lasts that nobody uses."""
_USED_STEP: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class DoorToken:
    """A token that stands in for a source's own bearer credential."""

    id: int
    digest: bytes
    expires_at: datetime | None


def put(
    connection: Connection, *, user_id: int, kind: str, digest: bytes, name: str, now: datetime, expires_at: datetime | None,
    scopes: Collection[str] = (), managed: bool = False,
) -> int:  # fmt: skip
    """Stores the digest of a credential; gives its id. The same digest again only changes what it is called, whose and for what."""
    changing = {"name": name, "user_id": user_id, "scopes": " ".join(one for one in SCOPES if one in scopes), "managed": managed}
    statement = insert_for(connection)(credentials).values(kind=kind, digest=digest, created_at=now, expires_at=expires_at, **changing)
    return int(
        connection.execute(
            statement.on_conflict_do_update(index_elements=[credentials.c.digest], set_=changing).returning(credentials.c.id)
        ).scalar_one()
    )


def managed(connection: Connection) -> dict[bytes, int]:
    """digest → user of the tokens that the configuration owns."""
    return {
        row.digest: row.user_id
        for row in connection.execute(select(credentials.c.digest, credentials.c.user_id).where(credentials.c.managed))
    }


def forget(connection: Connection, digest: bytes) -> None:
    """Ends the credential with this digest."""
    connection.execute(delete(credentials).where(credentials.c.digest == digest))


def take_sign_in(connection: Connection, *, digest: bytes, now: datetime) -> int | None:
    """Uses up a one-time sign-in link; gives its user. None where it is unknown, used or expired."""
    row = connection.execute(
        delete(credentials)
        .where(credentials.c.digest == digest, credentials.c.kind == "sign-in")
        .returning(credentials.c.user_id, credentials.c.expires_at)
    ).one_or_none()
    return row.user_id if row and (row.expires_at is None or row.expires_at > now) else None


def offered(connection: Connection, *, digest: bytes, now: datetime) -> str | None:
    """The address of whom a one-time link would sign in; uses nothing up."""
    found: str | None = connection.scalar(
        select(users.c.email)
        .join(credentials, credentials.c.user_id == users.c.id)
        .where(
            credentials.c.digest == digest,
            credentials.c.kind == "sign-in",
            credentials.c.expires_at.is_(None) | (credentials.c.expires_at > now),
        )
    )
    return found


def revoke_token(connection: Connection, *, user_id: int, credential_id: int) -> bool:
    """Ends a token of this person; False where there is none such, or the configuration owns it."""
    mine = (credentials.c.id == credential_id, credentials.c.user_id == user_id, credentials.c.kind == "token")
    return connection.execute(delete(credentials).where(*mine, credentials.c.managed.is_(False))).rowcount > 0


def tokens(connection: Connection, *, user_id: int, credential_id: int | None = None) -> list[dict[str, Any]]:
    """A person's API tokens, or one of them, without the tokens themselves."""
    one = credentials.c
    wanted = select(one.id, one.name, one.scopes, one.managed, one.created_at, one.expires_at, one.last_used_at).where(
        one.user_id == user_id, one.kind == "token"
    )
    if credential_id is not None:
        wanted = wanted.where(one.id == credential_id)
    return [{**row._mapping, "scopes": row.scopes.split()} for row in connection.execute(wanted.order_by(one.id))]


def valid_tokens(connection: Connection, *, user_id: int, now: datetime) -> int:
    """How many API tokens of this person are valid, those of the configuration left out. Nobody adds one meanwhile."""
    connection.execute(select(users.c.id).where(users.c.id == user_id).with_for_update(key_share=True))
    valid = credentials.c.expires_at.is_(None) | (credentials.c.expires_at > now)
    mine = (credentials.c.user_id == user_id, credentials.c.kind == "token", credentials.c.managed.is_(False), valid)
    return connection.scalar(select(func.count()).select_from(credentials).where(*mine)) or 0


def door_tokens(connection: Connection, *, team_id: int) -> tuple[DoorToken, ...]:
    """The tokens that open the door to sources of this team: those of its members that are for ingesting."""
    belongs = exists().where(
        memberships.c.team_id == team_id, memberships.c.user_id == credentials.c.user_id, memberships.c.role.in_(("member", "admin"))
    )
    rows = connection.execute(
        select(credentials.c.id, credentials.c.digest, credentials.c.expires_at)
        .where(text(INGESTS), credentials.c.kind == "token", belongs)
        .order_by(credentials.c.id)
    )
    return tuple(DoorToken(row.id, row.digest, row.expires_at) for row in rows)


def identify(connection: Connection, *, digest: bytes, kind: str, now: datetime) -> Person | None:
    """Who holds this credential now."""
    found = holder(connection, credentials.c.digest == digest, credentials.c.kind == kind, now=now)
    return found[0] if found else None


def holder(connection: Connection, *which: ColumnElement[bool], now: datetime) -> tuple[Person, Any] | None:
    """The person who holds one credential that is good now, and what is stored of it."""
    rows = connection.execute(
        select(
            users.c.id, users.c.email, users.c.name, users.c.settings, credentials.c.id.label("credential_id"), credentials.c.kind,
            credentials.c.scopes, credentials.c.expires_at, credentials.c.created_at, credentials.c.last_used_at, credentials.c.renewed_at,
            credentials.c.previous, credentials.c.previous_until, teams.c.id.label("team_id"), teams.c.slug, memberships.c.role,
        )
        .join(users, users.c.id == credentials.c.user_id)
        .outerjoin(memberships, memberships.c.user_id == users.c.id)
        .outerjoin(teams, teams.c.id == memberships.c.team_id)
        .where(*which)
    ).all()  # fmt: skip
    if not rows or (rows[0].expires_at is not None and rows[0].expires_at <= now):
        return None
    one, mine = rows[0], [row for row in rows if row.team_id is not None]
    if one.kind == "session" and (one.last_used_at or one.created_at) + UNUSED_FOR <= now:
        return None
    person = Person(
        id=one.id, email=one.email, name=one.name, zone=one.settings.get("timezone", "UTC"), desktop=one.settings.get("desktop", False),
        teams={row.slug: row.team_id for row in mine}, roles={row.team_id: row.role for row in mine},
        credential_id=one.credential_id, credential_kind=one.kind, expires_at=one.expires_at,
        scopes=frozenset(one.scopes.split() if one.kind == "token" else SCOPES), shortcuts=one.settings.get("shortcuts", True),
    )  # fmt: skip
    return person, one


def holds(connection: Connection, *, user_id: int, credential_id: int, now: datetime) -> bool:
    """Whether this credential of the person is good still."""
    one = credentials.c
    mine = (one.id == credential_id, one.user_id == user_id)
    in_time = one.expires_at.is_(None) | (one.expires_at > now)
    in_use = (one.kind != "session") | (func.coalesce(one.last_used_at, one.created_at) > now - UNUSED_FOR)
    return bool(connection.scalar(select(one.id).where(*mine, in_time, in_use)))


def mark_used(connection: Connection, *, credential_id: int, now: datetime) -> None:
    """Notes that a credential was used, at most once a minute."""
    used = credentials.c.last_used_at
    connection.execute(
        update(credentials).where(credentials.c.id == credential_id, used.is_(None) | (used < now - _USED_STEP)).values(last_used_at=now)
    )
