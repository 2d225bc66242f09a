"""Configured senders."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select, update

from gateway.storage.database import insert_for
from gateway.storage.tables import documents, events, monitors, pauses, reconciliations, rejections, sources, teams


@dataclass(frozen=True, slots=True)
class Source:
    """One configured sender of a team, as the door needs it."""

    id: int
    team_id: int
    team: str
    slug: str
    kind: str
    environment: str
    auth: list[dict[str, Any]]
    settings: dict[str, Any]


def find(connection: Connection, team: str, slug: str) -> Source | None:
    """The enabled source under these slugs."""
    row = connection.execute(
        select(
            sources.c.id,
            sources.c.team_id,
            teams.c.slug,
            sources.c.slug,
            sources.c.kind,
            sources.c.environment,
            sources.c.auth,
            sources.c.settings,
        )
        .join(teams, teams.c.id == sources.c.team_id)
        .where(teams.c.slug == team, sources.c.slug == slug, sources.c.disabled_at.is_(None))
    ).one_or_none()
    return Source(*row) if row else None


def put(
    connection: Connection, *, team_id: int, slug: str, kind: str, environment: str, auth: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any], managed: bool, now: datetime,
) -> int:  # fmt: skip
    """Creates the source or brings it to this shape; gives its id."""
    values = {
        "kind": kind,
        "environment": environment,
        "auth": list(auth),
        "settings": dict(settings),
        "managed": managed,
        "disabled_at": None,
    }
    known: int | None = connection.execute(
        update(sources).where(sources.c.team_id == team_id, sources.c.slug == slug).values(**values).returning(sources.c.id)
    ).scalar_one_or_none()
    if known is not None:
        return known
    made: int = connection.execute(
        insert(sources).values(team_id=team_id, slug=slug, created_at=now, **values).returning(sources.c.id)
    ).scalar_one()
    return made


OWN: Final = "tocsin"
"""The kind, and the slug, of the source that is the gateway itself. It has no credential, so the door refuses everything sent to it."""


def own(connection: Connection, *, team_id: int, now: datetime) -> int:
    """The team's own source, for what is about no sender of its; made when it is first asked for, once, whoever asks."""
    mine = select(sources.c.id).where(sources.c.team_id == team_id, sources.c.kind == OWN)
    found: int | None = connection.scalar(mine)
    for slug in (OWN, f"{OWN}-itself"):  # a sender may have been called so before this version
        if found is None:
            values = {"team_id": team_id, "slug": slug, "kind": OWN, "auth": [], "settings": {}, "created_at": now}
            connection.execute(insert_for(connection)(sources).values(**values).on_conflict_do_nothing())
            found = connection.scalar(mine)
    if found is None:
        raise LookupError(f"the slugs for the own source of team {team_id} are taken")
    return found


def kinds(connection: Connection) -> dict[tuple[str, str], str]:
    """(team, slug) → kind of every source."""
    rows = connection.execute(select(teams.c.slug, sources.c.slug, sources.c.kind).join(teams, teams.c.id == sources.c.team_id))
    return {(team, slug): kind for team, slug, kind in rows}


def senders(connection: Connection, team_ids: Sequence[int]) -> dict[tuple[int, str], int]:
    """(team, slug) → id of the enabled sources of these teams, but for the teams' own."""
    rows = connection.execute(
        select(sources.c.team_id, sources.c.slug, sources.c.id)
        .where(sources.c.team_id.in_(team_ids), sources.c.kind != OWN, sources.c.disabled_at.is_(None))
        .order_by(sources.c.slug)
    )
    return {(team_id, slug): source_id for team_id, slug, source_id in rows}


def kept_secrets(connection: Connection) -> list[tuple[str, list[dict[str, Any]], dict[str, Any]]]:
    """(kind, auth, settings) of every source, secrets sealed as they are kept."""
    return [
        (kind, auth, settings) for kind, auth, settings in connection.execute(select(sources.c.kind, sources.c.auth, sources.c.settings))
    ]


def kept_auth(connection: Connection) -> list[tuple[str, list[dict[str, Any]]]]:
    """(`team/slug`, auth) of every enabled source."""
    rows = connection.execute(
        select(teams.c.slug, sources.c.slug, sources.c.auth)
        .join(teams, teams.c.id == sources.c.team_id)
        .where(sources.c.disabled_at.is_(None))
        .order_by(teams.c.slug, sources.c.slug)
    )
    return [(f"{team}/{slug}", auth) for team, slug, auth in rows]


def unmanaged(connection: Connection) -> list[str]:
    """`team/slug` of the enabled sources that no configuration owns, apart from the teams' own."""
    rows = connection.execute(
        select(teams.c.slug, sources.c.slug)
        .join(teams, teams.c.id == sources.c.team_id)
        .where(~sources.c.managed, sources.c.kind != OWN, sources.c.disabled_at.is_(None))
        .order_by(teams.c.slug, sources.c.slug)
    )
    return [f"{team}/{slug}" for team, slug in rows]


def disable(connection: Connection, *, team: str, slug: str, now: datetime) -> bool:
    """Disables a source; its events stay. False where there is none enabled under these slugs."""
    of_team = select(teams.c.id).where(teams.c.slug == team).scalar_subquery()
    changed = connection.execute(
        update(sources).where(sources.c.team_id == of_team, sources.c.slug == slug, sources.c.disabled_at.is_(None)).values(disabled_at=now)
    )
    return changed.rowcount > 0


def disable_unlisted(connection: Connection, *, listed: Sequence[int], now: datetime) -> list[tuple[int, str]]:
    """Disables managed sources that the configuration no longer names; gives (team, slug) of each. Their events stay."""
    rows = connection.execute(
        update(sources)
        .where(sources.c.managed, sources.c.id.not_in(listed), sources.c.disabled_at.is_(None))
        .values(disabled_at=now)
        .returning(sources.c.team_id, sources.c.slug)
    )
    return [(team_id, slug) for team_id, slug in rows]


@dataclass(frozen=True, slots=True)
class Kept:
    """One source as its admins change it, whether or not it is enabled."""

    id: int
    team_id: int
    team: str
    slug: str
    kind: str
    environment: str
    auth: list[dict[str, Any]]
    settings: dict[str, Any]
    managed: bool
    created_at: datetime
    disabled_at: datetime | None

    @property
    def owned(self) -> bool:
        """Whether tocsin.toml owns it. What that no longer names is disabled, and whoever enables it takes it over."""
        return self.managed and self.disabled_at is None


def one(connection: Connection, *, team_ids: Collection[int], source_id: int, to_change: bool = False) -> Kept | None:
    """A source of these teams; held until the transaction ends where it is to change."""
    wanted = _KEPT.where(sources.c.id == source_id, sources.c.team_id.in_(team_ids), _THERE)
    row = connection.execute(wanted.with_for_update(of=sources) if to_change else wanted).one_or_none()
    return Kept(*row) if row else None


def is_taken(connection: Connection, *, team_id: int, slug: str) -> bool:
    """Whether the team has a source under this slug, enabled or not."""
    return connection.scalar(select(sources.c.id).where(sources.c.team_id == team_id, sources.c.slug == slug)) is not None


def count(connection: Connection, *, team_id: int) -> int:
    """How many sources the team made, disabled ones too. Nobody else counts or adds any meanwhile."""
    connection.execute(select(teams.c.id).where(teams.c.id == team_id).with_for_update(key_share=True))
    mine = (sources.c.team_id == team_id, ~sources.c.managed, _THERE)
    return connection.scalar(select(func.count()).select_from(sources).where(*mine)) or 0


def change(connection: Connection, source_id: int, **values: Any) -> None:
    """Sets these columns of a source."""
    connection.execute(update(sources).where(sources.c.id == source_id).values(**values))


def find_kept(connection: Connection, *, team: str, slug: str, to_change: bool = False) -> Kept | None:
    """The source under these slugs, enabled or not; held until the transaction ends where it is to change."""
    wanted = _KEPT.where(teams.c.slug == team, sources.c.slug == slug, _THERE)
    row = connection.execute(wanted.with_for_update(of=sources) if to_change else wanted).one_or_none()
    return Kept(*row) if row else None


def end(connection: Connection, kept: Kept, *, settings: Mapping[str, Any], now: datetime) -> None:
    """Deletes a disabled source: its name and its place among the team's are free, its secrets forgotten, its monitors ended.

    `settings`: those that stay. What it sent goes by age, and its row when nothing names it any more.
    """
    if kept.disabled_at is None:
        raise ValueError("an enabled source is disabled first: the door may still know it")
    slug = f"{kept.slug[:60]} (deleted {kept.id})"  # no source can be called so
    change(connection, kept.id, slug=slug, auth=[], settings=dict(settings), managed=False, deleted_at=now)
    connection.execute(update(monitors).where(monitors.c.source_id == kept.id, monitors.c.disabled_at.is_(None)).values(disabled_at=now))
    for table in (documents, reconciliations, pauses):
        connection.execute(delete(table).where(table.c.source_id == kept.id))


def slugs(connection: Connection, *, team_ids: Sequence[int]) -> set[str]:
    """Slugs of all sources of these teams; what was deleted bears one too, as long as it is named by what it sent."""
    return set(connection.scalars(select(sources.c.slug).where(sources.c.team_id.in_(team_ids))))


def adopted(connection: Connection, listed: Collection[tuple[str, str]]) -> list[tuple[int, str, str]]:
    """(team id, team, slug) of those of these (team, slug) that are there and that no configuration owned until now."""
    rows = connection.execute(
        select(sources.c.team_id, teams.c.slug, sources.c.slug)
        .join(teams, teams.c.id == sources.c.team_id)
        .where(~sources.c.managed)
        .order_by(teams.c.slug, sources.c.slug)
    )
    return [(team_id, team, slug) for team_id, team, slug in rows if (team, slug) in listed]


def overview(connection: Connection, *, team_ids: Sequence[int], source_id: int | None = None) -> list[dict[str, Any]]:
    """Every source of these teams, or one, with its last rejection and how asking it for missed runs went; no credentials."""
    last_event, last_rejection, last_reason = (
        select(column).where(table.c.source_id == sources.c.id).order_by(table.c.id.desc()).limit(1).scalar_subquery()
        for table, column in ((events, events.c.received_at), (rejections, rejections.c.rejected_at), (rejections, rejections.c.reason))
    )
    wanted = (
        select(
            sources.c.id, teams.c.slug.label("team"), sources.c.slug, sources.c.kind, sources.c.environment, sources.c.managed,
            sources.c.created_at, sources.c.disabled_at, sources.c.auth, last_event.label("last_event_at"),
            last_rejection.label("last_rejection_at"), last_reason.label("last_rejection_reason"),
            reconciliations.c.asked_at, reconciliations.c.trouble,
        )
        .join(teams, teams.c.id == sources.c.team_id)
        .outerjoin(reconciliations, reconciliations.c.source_id == sources.c.id)
        .where(sources.c.team_id.in_(team_ids), _THERE)
        .order_by(teams.c.slug, sources.c.slug)
    )  # fmt: skip
    rows = connection.execute(wanted if source_id is None else wanted.where(sources.c.id == source_id))
    return [dict(row._mapping) for row in rows]


_THERE: Final = sources.c.deleted_at.is_(None)
_KEPT: Final = select(*(sources.c[name] for name in ("id", "team_id")), teams.c.slug.label("team"), *(
    sources.c[name] for name in ("slug", "kind", "environment", "auth", "settings", "managed", "created_at", "disabled_at")
)).join(teams, teams.c.id == sources.c.team_id)  # fmt: skip
