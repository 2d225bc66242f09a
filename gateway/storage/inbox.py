"""What one person sees: lists, counts and the urgent bar, always through the same conditions."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, exists, func, literal, or_, select, update

from gateway.storage.permitted import holds_permissions
from gateway.storage.tables import (
    conversations,
    inbox_entries,
    memberships,
    notification_owners,
    notifications,
    sources,
    teams,
    users,
)  # fmt: skip
from gateway.storage.types import Time

acknowledger: Final = users.alias("acknowledger")
_thread, _entry = notifications.c, inbox_entries.c
_ITEM: Final = (
    _thread.id, teams.c.slug.label("team"), _thread.slug, _thread.category, _thread.level, _thread.urgent, _thread.status, _thread.title,
    _thread.message, func.coalesce(sources.c.slug, "api").label("source"), _thread.pipeline, _thread.environment, _thread.links,
    _thread.tags, teams.c.base_url, _thread.firing, _thread.members_total, _thread.count, _thread.first_at, _thread.opened_at,
    _thread.resolved_at, _entry.last_at, _entry.read_at, _entry.archived_at, _entry.dismissed_at, _entry.snoozed_until, _entry.muted_until,
    _entry.reason,
    _thread.acknowledged_at, acknowledger.c.name.label("acknowledged_by"), _thread.conversation_id, conversations.c.subject,
    _thread.flapping, _thread.source_app, _thread.source_model, _thread.source_ref.label("source_id"), _thread.expires_at,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries of an inbox; None and empty mean "any"."""

    team_ids: tuple[int, ...] | None = None
    categories: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    urgent_only: bool = False
    read: bool | None = None
    status: str | None = None
    source: str | None = None
    pipeline: str | None = None
    owner: str | None = None
    tag: str | None = None
    muted: bool = False
    archived: bool = False
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None


EVERYTHING: Final = Filter()


def page(
    connection: Connection, *, user_id: int, wanted: Filter, now: datetime, after: tuple[datetime, int] | None, limit: int
) -> list[dict[str, Any]]:
    """A page of the inbox, newest first, from behind `after` (last_at, id) on."""
    query = (
        _items(now)
        .where(*_visible(user_id, wanted, now))
        .order_by(inbox_entries.c.last_at.desc(), inbox_entries.c.notification_id.desc())
        .limit(limit)
    )
    if after is not None:
        moment, notification_id = after
        query = query.where(
            or_(
                inbox_entries.c.last_at < moment,
                and_(inbox_entries.c.last_at == moment, inbox_entries.c.notification_id < notification_id),
            )
        )
    return [dict(row._mapping) for row in connection.execute(query)]


def unread(connection: Connection, *, user_id: int, wanted: Filter, now: datetime) -> dict[str, int]:
    """How many entries of the list are unread, by category."""
    rows = connection.execute(
        _joined(select(inbox_entries.c.category, func.count()))
        .where(*_visible(user_id, wanted, now), inbox_entries.c.read_at.is_(None))
        .group_by(inbox_entries.c.category)
    )
    return {category: count for category, count in rows}


def urgent(connection: Connection, *, user_id: int, team_ids: Sequence[int] | None, now: datetime) -> list[dict[str, Any]]:
    """The open urgent threads that the person has not put aside; worst first, then oldest."""
    wanted = Filter(team_ids=tuple(team_ids) if team_ids is not None else None, urgent_only=True, status="open")
    query = (
        _items(now)
        .where(*_visible(user_id, wanted, now), inbox_entries.c.dismissed_at.is_(None))
        .order_by(notifications.c.weight.desc(), notifications.c.opened_at, notifications.c.id)
        .limit(500)
    )
    return [dict(row._mapping) for row in connection.execute(query)]


def one(connection: Connection, *, user_id: int, notification_id: int, now: datetime) -> dict[str, Any] | None:
    """One entry of the person's inbox, listed or not; None where it is not theirs to see."""
    row = connection.execute(
        _items(now)
        .add_columns(notifications.c.facts, notifications.c.impact, notifications.c.excerpt, notifications.c.run, notifications.c.episode)
        .where(inbox_entries.c.user_id == user_id, inbox_entries.c.notification_id == notification_id, *_allowed(), _not_expired(now))
    ).one_or_none()
    return dict(row._mapping) if row else None


def mark(
    connection: Connection,
    *,
    user_id: int,
    ids: Sequence[int],
    now: datetime,
    read: bool | None,
    archived: bool | None,
    dismissed: bool | None,
) -> list[int]:
    """Sets these states of the person's own entries; gives the ids that are theirs."""
    columns = {"read_at": read, "archived_at": archived, "dismissed_at": dismissed}
    changes = {
        name: (func.coalesce(inbox_entries.c[name], literal(now, Time)) if on else None) for name, on in columns.items() if on is not None
    }
    mine = set(_mine(connection, user_id, ids))
    if changes and mine:
        connection.execute(
            update(inbox_entries).where(inbox_entries.c.user_id == user_id, inbox_entries.c.notification_id.in_(mine)).values(**changes)
        )
    return sorted(mine)


def read_all(connection: Connection, *, user_id: int, wanted: Filter, now: datetime) -> list[int]:
    """Marks every unread entry of the list as read; gives their ids."""
    shown = _joined(select(inbox_entries.c.notification_id)).where(*_visible(user_id, wanted, now), inbox_entries.c.read_at.is_(None))
    ids = list(connection.scalars(shown.order_by(inbox_entries.c.notification_id)))
    entry = update(inbox_entries).where(inbox_entries.c.user_id == user_id, inbox_entries.c.notification_id == bindparam("id"))
    if ids:
        connection.execute(entry.values(read_at=literal(now, Time)), [{"id": notification_id} for notification_id in ids])
    return ids


def acknowledge(connection: Connection, *, user_id: int, notification_id: int, now: datetime, taken_back: bool) -> bool:
    """Says for everyone that somebody is on it, or takes that back. False where the thread is not theirs to see.

    The first who acknowledges stays the one.
    """
    if not _mine(connection, user_id, [notification_id]):
        return False
    thread = update(notifications).where(notifications.c.id == notification_id)
    if taken_back:
        connection.execute(thread.values(acknowledged_at=None, acknowledged_by=None))
    else:
        connection.execute(
            thread.where(notifications.c.acknowledged_at.is_(None), notifications.c.status == "open").values(
                acknowledged_at=now, acknowledged_by=user_id
            )
        )
    return True


def _mine(connection: Connection, user_id: int, ids: Sequence[int]) -> list[int]:
    query = _joined(select(inbox_entries.c.notification_id)).where(
        inbox_entries.c.user_id == user_id, inbox_entries.c.notification_id.in_(list(ids)), *_allowed()
    )
    return list(connection.scalars(query))


def _items(now: datetime) -> Select[Any]:
    return (
        _joined(select(*_ITEM, _muted(now).label("muted"), _snoozed(now).label("snoozed")))
        .outerjoin(sources, sources.c.id == notifications.c.source_id)
        .outerjoin(acknowledger, acknowledger.c.id == notifications.c.acknowledged_by)
        .outerjoin(conversations, conversations.c.id == notifications.c.conversation_id)
        .join(teams, teams.c.id == notifications.c.team_id)
    )


def _joined(query: Select[Any]) -> Select[Any]:
    """From the person's entries to their threads, as far as the person is a member still."""
    return (
        query.select_from(inbox_entries)
        .join(notifications, notifications.c.id == inbox_entries.c.notification_id)
        .join(memberships, and_(memberships.c.team_id == notifications.c.team_id, memberships.c.user_id == inbox_entries.c.user_id))
    )


def _allowed() -> tuple[ColumnElement[bool], ...]:
    return (notifications.c.status != "unseen", holds_permissions(inbox_entries.c.user_id))


def _not_expired(now: datetime) -> ColumnElement[bool]:
    return or_(notifications.c.expires_at.is_(None), notifications.c.expires_at > now)


def _visible(user_id: int, wanted: Filter, now: datetime) -> list[ColumnElement[bool]]:
    """The one definition of what is in a list, and so in its counts."""
    return [
        _entry.user_id == user_id,
        _entry.listed,
        *_allowed(),
        _not_expired(now),
        *((_muted(now),) if wanted.muted else _not_muted(now)),
        _entry.archived_at.is_not(None) if wanted.archived else _entry.archived_at.is_(None),
        *_not_snoozed(now),
        *_wanted(wanted),
    ]


def _muted(now: datetime) -> ColumnElement[bool]:
    return or_(_entry.muted_until > now, _entry.muted_episode == _thread.episode)


def _not_muted(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        or_(_entry.muted_until.is_(None), _entry.muted_until <= now),
        or_(_entry.muted_episode.is_(None), _entry.muted_episode != _thread.episode),
    )


def _snoozed(now: datetime) -> ColumnElement[bool]:
    return or_(_entry.snoozed_until > now, and_(_entry.snoozed_episode == _thread.episode, _thread.status == "open"))


def _not_snoozed(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        or_(_entry.snoozed_until.is_(None), _entry.snoozed_until <= now),
        or_(_entry.snoozed_episode.is_(None), _entry.snoozed_episode != _thread.episode, _thread.status != "open"),
    )


def _wanted(wanted: Filter) -> Iterator[ColumnElement[bool]]:
    """One condition for each part of the filter that is set."""
    given: tuple[tuple[object, Callable[[Any], ColumnElement[bool]]], ...] = (
        (wanted.team_ids, _entry.team_id.in_),
        (wanted.categories or None, _entry.category.in_),
        (wanted.levels or None, _thread.level.in_),
        (wanted.urgent_only or None, lambda _: and_(_thread.urgent)),
        (wanted.read, lambda read: _entry.read_at.is_not(None) if read else _entry.read_at.is_(None)),
        (wanted.status, lambda status: _thread.status == status),
        (wanted.pipeline, lambda name: _thread.pipeline == name),
        (wanted.source, _of_source),
        (wanted.owner, lambda word: _named(word, is_tag=False)),
        (wanted.tag, lambda word: _named(word, is_tag=True)),
        (wanted.since, lambda moment: _entry.last_at >= moment),
        (wanted.until, lambda moment: _entry.last_at < moment),
        (wanted.text or None, _holds_text),
    )
    return (condition(value) for value, condition in given if value is not None)


def _of_source(slug: str) -> ColumnElement[bool]:
    of_slug = select(sources.c.id).where(sources.c.slug == slug)
    return _thread.source_id.is_(None) if slug == "api" else _thread.source_id.in_(of_slug)


def _named(word: str, *, is_tag: bool) -> ColumnElement[bool]:
    named = notification_owners.c
    return exists().where(named.notification_id == _thread.id, named.owner == word, named.is_tag == is_tag)


def _holds_text(text: str) -> ColumnElement[bool]:
    pattern = f"%{_escaped(text.lower())}%"
    return or_(*(func.lower(field).like(pattern, escape="\\") for field in (_thread.title, _thread.message, _thread.pipeline)))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
