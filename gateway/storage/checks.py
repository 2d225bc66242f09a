"""What is looked at now and then: databases whose tables are watched, and services that are probed."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, delete, false, func, select, update

from gateway.domain.standing import Standing, first_look
from gateway.storage.database import insert_for
from gateway.storage.tables import checks, snapshots, teams

DATABASE: Final = "database"
PROBE: Final = "probe"
SKEW: Final = timedelta(minutes=10)
"""How far the clocks of machines may lie apart."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be looked at, as the configuration says."""

    team_id: int
    kind: str
    slug: str
    environment: str
    owners: list[str]
    address: str
    sealed: str
    settings: dict[str, Any]
    identity: str
    cron: str | None
    interval_seconds: int
    timezone: str
    tries: int


@dataclass(frozen=True, slots=True)
class Check(Wanted):
    """What is looked at, and how it stood after the last look."""

    id: int
    due_at: datetime
    checked_at: datetime | None
    is_down: bool | None
    failures: int
    since: datetime | None
    trouble: str | None
    seen: dict[str, Any]

    @property
    def standing(self) -> Standing:
        """As it is judged."""
        return Standing(self.is_down, self.failures, self.since)


@dataclass(frozen=True, slots=True)
class Kept:
    """The tables of a database, packed, as its people know them."""

    digest: str
    packed: bytes
    taken_at: datetime


_COLUMNS: Final = tuple(checks.c[one.name] for one in fields(Check))
_ENABLED: Final = checks.c.disabled_at.is_(None)


def keep(connection: Connection, wanted: Sequence[Wanted], *, now: datetime) -> list[Check]:
    """Makes these the enabled ones; gives those that are no longer wanted, which are disabled and not deleted.

    What is looked at somewhere else than before forgets what was seen there.
    """
    known = {(one.team_id, one.kind, one.slug): one for one in every(connection)}
    enabled = {row.id for row in connection.execute(select(checks.c.id).where(_ENABLED))}
    for number, one in enumerate(wanted):
        before = known.get((one.team_id, one.kind, one.slug))
        if before is None:
            due_at = first_look(number, timedelta(seconds=one.interval_seconds), now)
            connection.execute(insert_for(connection)(checks).values(**asdict(one), due_at=due_at, seen={}))
            continue
        changed: dict[str, Any] = {**asdict(one), "disabled_at": None}
        if before.identity != one.identity or before.id not in enabled:
            changed |= {"due_at": now, "lease": None, "seen": {}, "is_down": None, "failures": 0, "since": None, "trouble": None}
            connection.execute(delete(snapshots).where(snapshots.c.check_id == before.id))
        connection.execute(update(checks).where(checks.c.id == before.id).values(**changed))
    names = {(one.team_id, one.kind, one.slug) for one in wanted}
    gone = [one for name, one in known.items() if name not in names and one.id in enabled]
    if gone:
        ids = [one.id for one in gone]
        connection.execute(update(checks).where(checks.c.id.in_(ids)).values(disabled_at=now, lease=None))
    return gone


def every(connection: Connection) -> list[Check]:
    """All of them, disabled ones included."""
    return [Check(*row) for row in connection.execute(select(*_COLUMNS))]


def claim(connection: Connection, kind: str, *, now: datetime, lease: str, lease_for: timedelta, limit: int) -> list[Check]:
    """Takes up to `limit` that are due, the longest due first, for so long; each with the time at which it was due."""
    due = (
        select(*_COLUMNS)
        .where(checks.c.kind == kind, _ENABLED, checks.c.due_at <= now)
        .order_by(checks.c.due_at, checks.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claimed = [Check(*row) for row in connection.execute(due)]
    if claimed:
        ids = [one.id for one in claimed]
        connection.execute(update(checks).where(checks.c.id.in_(ids)).values(lease=lease, due_at=now + lease_for))
    return claimed


def next_due(connection: Connection, kind: str) -> datetime | None:
    """When the next of this kind is due, or a lease runs out."""
    due: datetime | None = connection.scalar(select(func.min(checks.c.due_at)).where(checks.c.kind == kind, _ENABLED))
    return due


def pull_forward(connection: Connection, kind: str, *, now: datetime) -> None:
    """Makes due what would wait because a clock was set back since it was looked at."""
    ahead = func.coalesce(checks.c.checked_at, checks.c.due_at) > now + SKEW
    connection.execute(update(checks).where(checks.c.kind == kind, checks.c.lease.is_(None), ahead).values(due_at=now))


def put_back(connection: Connection, check_id: int, *, lease: str, due_at: datetime) -> None:
    """Lets go of it: it was not looked at."""
    held = (checks.c.id == check_id, checks.c.lease == lease)
    connection.execute(update(checks).where(*held).values(lease=None, due_at=due_at))


def finish(
    connection: Connection, check_id: int, *, lease: str, standing: Standing, trouble: str | None, seen: Mapping[str, Any],
    checked_at: datetime, due_at: datetime,
) -> bool:  # fmt: skip
    """Records how a look went. False where the lease ran out meanwhile: somebody else looks, and what was seen is theirs to tell."""
    held = (checks.c.id == check_id, checks.c.lease == lease)
    values = {"is_down": standing.is_down, "failures": standing.failures, "since": standing.since}
    changed = update(checks).where(*held).values(
        lease=None, due_at=due_at, checked_at=checked_at, trouble=trouble, seen=dict(seen), **values
    )  # fmt: skip
    return connection.execute(changed).rowcount > 0


def snapshot(connection: Connection, check_id: int) -> Kept | None:
    """The tables of a database as its people know them."""
    row = connection.execute(
        select(snapshots.c.digest, snapshots.c.packed, snapshots.c.taken_at).where(snapshots.c.check_id == check_id)
    ).one_or_none()
    return Kept(*row) if row else None


def keep_snapshot(connection: Connection, check_id: int, kept: Kept) -> None:
    """From now on these are the tables that changes are told against."""
    values = {"digest": kept.digest, "packed": kept.packed, "taken_at": kept.taken_at}
    statement = insert_for(connection)(snapshots).values(check_id=check_id, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["check_id"], set_=values))


def check_now(connection: Connection, check_id: int, *, team_ids: Sequence[int], now: datetime) -> Check | None:
    """Makes it due at once, unless it is being looked at; None where these teams have none with this id."""
    mine = (checks.c.id == check_id, checks.c.team_id.in_(team_ids), _ENABLED)
    connection.execute(update(checks).where(*mine, checks.c.lease.is_(None), checks.c.due_at > now).values(due_at=now))
    row = connection.execute(select(*_COLUMNS).where(*mine)).one_or_none()
    return Check(*row) if row else None


def overview(connection: Connection, *, team_ids: Sequence[int]) -> list[dict[str, Any]]:
    """Every enabled one of these teams, what is down first; nothing secret."""
    shown = (
        "id", "kind", "slug", "environment", "owners", "address", "cron", "interval_seconds", "timezone", "tries", "due_at", "lease",
        "checked_at", "is_down", "failures", "since", "trouble", "seen",
    )  # fmt: skip
    rows = connection.execute(
        select(teams.c.slug.label("team"), *(checks.c[name] for name in shown))
        .join(teams, teams.c.id == checks.c.team_id)
        .where(checks.c.team_id.in_(team_ids), _ENABLED)
        .order_by(func.coalesce(checks.c.is_down, false()).desc(), checks.c.kind, teams.c.slug, checks.c.slug)
    )
    return [dict(row._mapping) for row in rows]
