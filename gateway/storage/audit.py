"""What admins changed, and who they were. Nothing secret is written here: names, roles and numbers alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, insert, select

from gateway.storage.among import among
from gateway.storage.people import Person
from gateway.storage.tables import audit, events, sources, teams, users

CONFIGURATION: Final = "tocsin.toml"
PROVIDER: Final = "the sign-in provider"
COMMAND: Final = "the command line"


def note(
    transaction: Connection, *, by: Person | str, team_id: int, action: str, target: str, now: datetime,
    details: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """Writes a change down, in the transaction that makes it. `by`: a person, or what else did it, in words."""
    actor, actor_id = (by, None) if isinstance(by, str) else (_in_words(by.name, by.email), by.id)
    transaction.execute(
        insert(audit).values(team_id=team_id, actor_id=actor_id, actor=actor, action=action, target=target, details=details, at=now)
    )


def note_replay(transaction: Connection, *, by: Person | str, queued: Sequence[int], now: datetime) -> None:
    """Writes down that these events are mapped again, in each of their teams."""
    of_team: dict[int, list[int]] = {}
    rows = select(events.c.id, sources.c.team_id).join(sources, sources.c.id == events.c.source_id).where(among(events.c.id, "queued"))
    for event_id, team_id in transaction.execute(rows.order_by(events.c.id), {"queued": queued}):
        of_team.setdefault(team_id, []).append(event_id)
    for team_id, ids in of_team.items():
        target = f"event {ids[0]}" if len(ids) == 1 else f"{len(ids)} events, {ids[0]} to {ids[-1]}"
        note(transaction, by=by, team_id=team_id, action="events.replayed", target=target, now=now)


def who(connection: Connection, user_id: int) -> str:
    """A person in words, as they are written down: they may be gone when it is read."""
    row = connection.execute(select(users.c.name, users.c.email).where(users.c.id == user_id)).one_or_none()
    return _in_words(row.name, row.email) if row else f"user {user_id}"


def _in_words(name: str, email: str) -> str:
    return f"{name} <{email}>"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which changes. What is None is not asked for."""

    action: str | None = None
    """`source.created`, or all that begins with `source`."""
    actor: str | None = None
    """A part of who did it."""
    target: str | None = None
    """A part of what it was done to."""
    since: datetime | None = None
    until: datetime | None = None


EVERYTHING: Final = Filter()


def page(
    connection: Connection, *, team_ids: Sequence[int], before: int | None, limit: int, wanted: Filter = EVERYTHING
) -> list[dict[str, Any]]:
    """What was changed in these teams, newest first."""
    rows = (
        select(audit.c.id, audit.c.at, teams.c.slug.label("team"), audit.c.actor, audit.c.action, audit.c.target, audit.c.details)
        .join(teams, teams.c.id == audit.c.team_id)
        .where(audit.c.team_id.in_(team_ids))
        .order_by(audit.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        rows = rows.where(audit.c.id < before)
    if wanted.action is not None:
        rows = rows.where((audit.c.action == wanted.action) | audit.c.action.startswith(f"{wanted.action}.", autoescape=True))
    if wanted.actor is not None:
        rows = rows.where(audit.c.actor.icontains(wanted.actor, autoescape=True))
    if wanted.target is not None:
        rows = rows.where(audit.c.target.icontains(wanted.target, autoescape=True))
    if wanted.since is not None:
        rows = rows.where(audit.c.at >= wanted.since)
    if wanted.until is not None:
        rows = rows.where(audit.c.at < wanted.until)
    return [dict(row._mapping) for row in connection.execute(rows)]
