"""The statements of `inbox`, made once for each shape of a filter: making one costs ten times what running it does.

A page is found in two steps: first which entries, from an index that holds all that is asked of them, then what these few say.
What is asked of a thread is answered by `ix_notifications_facets`, a twentieth of the table, or, where few threads can be meant
(`threads_first`), by finding those before anything else.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    String,
    TextClause,
    and_,
    bindparam,
    cast,
    exists,
    func,
    literal_column,
    not_,
    or_,
    select,
    text,
    tuple_,
    update,
)  # fmt: skip

from gateway.storage.among import among
from gateway.storage.tables import (
    conversations,
    inbox_entries,
    membership_permissions,
    memberships,
    notification_owners,
    notification_permissions,
    notifications,
    sources,
    teams,
    users,
)  # fmt: skip
from gateway.storage.types import Time

OPEN: Final[ColumnElement[str]] = literal_column("'open'")
"""Written out, for a partial index is found by its own words alone."""
NOW: Final = bindparam("now", type_=Time)
_thread, _entry = notifications.c, inbox_entries.c
_expired, _aside = notifications.alias("expired").c, notifications.alias("aside").c


def of(column: ColumnElement[Any], referring: ColumnElement[Any]) -> Any:
    """What the row referred to says. Joins say the same, but PostgreSQL plans six of them for longer than it runs them."""
    return select(column).where(column.table.c.id == referring).scalar_subquery()


ITEM: Final = (
    _thread.id, of(teams.c.slug, _thread.team_id).label("team"), _thread.slug, _thread.category, _thread.level, _thread.urgent,
    _thread.status, _thread.title, _thread.message, func.coalesce(of(sources.c.slug, _thread.source_id), "api").label("source"),
    _thread.pipeline, _thread.run, _thread.environment, _thread.links, _thread.tags,
    of(teams.c.base_url, _thread.team_id).label("base_url"),
    _thread.firing, _thread.members_total, _thread.count, _thread.first_at, _thread.opened_at, _thread.resolved_at,
    _entry.last_at, _entry.read_at, _entry.archived_at, _entry.dismissed_at, _entry.snoozed_until, _entry.muted_until, _entry.reason,
    _thread.acknowledged_at, of(users.c.name, _thread.acknowledged_by).label("acknowledged_by"), _thread.conversation_id,
    of(conversations.c.subject, _thread.conversation_id).label("subject"),
    _thread.flapping, _thread.source_app, _thread.source_model, _thread.source_ref.label("source_id"), _thread.expires_at,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shape:
    """Which conditions there are; their values are parameters."""

    muted: bool = False
    archived: bool = False
    snoozed: bool = False
    read: bool | None = None
    given: frozenset[str] = frozenset()
    """Names of filters: categories, since, until; of threads: levels, urgent, open, resolved, pipeline, source, api, owner, tag, text."""
    lacks: bool = False
    """Whether there are permissions that the reader does not hold."""
    few_barred: bool = False
    """Whether few threads require these, so that they are looked for before anything else."""
    threads_first: str = ""
    """The filter that leaves few threads, so that they are looked for before anything else; empty where none does."""
    very_few: bool = False
    """Whether it leaves so few that each one's entry is looked for, instead of going through all entries in their order."""
    after: bool = False
    """Whether the page begins behind another one."""
    limit: int = 0
    """Written out: PostgreSQL plans for a tenth of everything where it does not know it."""
    dialect: str = ""


READER: Final = (
    select(memberships.c.team_id, membership_permissions.c.permission)
    .outerjoin(
        membership_permissions,
        and_(membership_permissions.c.team_id == memberships.c.team_id, membership_permissions.c.user_id == memberships.c.user_id),
    )
    .where(memberships.c.user_id == bindparam("user_id"))
)


def _required() -> Any:
    """Every permission that some thread requires, each found from the one before: as many steps as there are permissions."""
    first = select(func.min(notification_permissions.c.permission).label("permission")).cte("required", recursive=True)
    following = (
        select(func.min(notification_permissions.c.permission))
        .where(notification_permissions.c.permission > first.c.permission)
        .scalar_subquery()
    )
    every = first.union_all(select(following).where(first.c.permission.is_not(None)))
    return select(every.c.permission).where(every.c.permission.is_not(None))


REQUIRED: Final = _required()


@functools.lru_cache(maxsize=512)
def page(shape: Shape) -> Select[Any]:
    """The entries of a page, newest first, with what they say."""
    found = _found(shape).subquery("found")
    return (
        said(select(*item()).select_from(found).join(inbox_entries, _is_mine(found.c.notification_id)))
        .order_by(found.c.last_at.desc(), found.c.notification_id.desc())
    )  # fmt: skip


def _found(shape: Shape) -> Select[Any]:
    place = tuple_(_entry.last_at, _entry.notification_id)
    behind = (place < tuple_(bindparam("after_at", type_=Time), bindparam("after_id")),) if shape.after else ()
    newest = literal_column("+inbox_entries.last_at") if shape.very_few and shape.dialect == "sqlite" else _entry.last_at
    return (
        select(_entry.notification_id, _entry.last_at)
        .where(*visible(shape), *behind)
        .order_by(newest.desc(), _entry.notification_id.desc())  # +: sorted afterwards, so that SQLite begins with the threads
        .limit(literal_column(str(shape.limit)))
    )


@functools.lru_cache(maxsize=64)
def unread(shape: Shape) -> Select[Any]:
    """How many of these entries there are, by category."""
    return select(_entry.category, func.count()).where(*visible(shape)).group_by(_entry.category)


@functools.lru_cache(maxsize=64)
def count(shape: Shape) -> Select[Any]:
    """How many of these entries there are."""
    return select(func.count()).select_from(inbox_entries).where(*visible(shape))


@functools.lru_cache(maxsize=64)
def ids(shape: Shape) -> Select[Any]:
    """Which these entries are."""
    return select(_entry.notification_id).where(*visible(shape)).order_by(_entry.notification_id)


def visible(shape: Shape) -> list[ColumnElement[bool]]:
    """The one definition of what is in a list, and so in its counts.

    What is archived stands there even if it is muted, and what is muted even if it is snoozed: nothing is in no list at all.
    A thread that has entries has been shown, and no thread that was shown becomes unseen again.
    """
    return [
        _entry.user_id == bindparam("user_id"),
        among(_entry.team_id, "team_ids"),
        and_(_entry.listed),
        _entry.archived_at.is_not(None) if shape.archived else _entry.archived_at.is_(None),
        *((_muted(),) if shape.muted else () if shape.archived else _not_muted()),
        *((_snoozed(),) if shape.snoozed else () if shape.archived or shape.muted else _not_snoozed()),
        *(() if shape.read is None else (_entry.read_at.is_not(None) if shape.read else _entry.read_at.is_(None),)),
        *(condition for name, condition in _OF_ENTRIES.items() if name in shape.given),
        _entry.notification_id.not_in(select(_expired.id).where(_expired.expires_at <= NOW)),
        *((_not_barred(few=shape.few_barred),) if shape.lacks else ()),
        *_of_threads(shape),
    ]


_OF_ENTRIES: Final = {
    "categories": among(_entry.category, "categories"),
    "since": _entry.last_at >= bindparam("since", type_=Time),
    "until": _entry.last_at < bindparam("until", type_=Time),
}


def _not_barred(*, few: bool = False) -> ColumnElement[bool]:
    required = notification_permissions.c
    lacked = among(cast(_entry.team_id, String) + " " + required.permission, "lacked")
    barred: ColumnElement[bool] = exists().where(required.notification_id == _entry.notification_id, lacked)
    return not_(and_(_entry.notification_id.in_(select(_MAYBE_BARRED.c.notification_id)), barred) if few else barred)


_MAYBE_BARRED: Final = (
    select(notification_permissions.c.notification_id).where(among(notification_permissions.c.permission, "permissions")).subquery("maybe")
)


def _of_threads(shape: Shape) -> Iterator[ColumnElement[bool]]:
    conditions = [condition for name, condition in _FACETS.items() if name in shape.given]
    named = [(word, is_tag) for word, is_tag in (("owner", False), ("tag", True)) if word in shape.given]
    if shape.threads_first:
        of_names = (facet("id").in_(select(_named(word, is_tag).c.notification_id)) for word, is_tag in named)
        index = {"open": "ix_notifications_open", "pipeline": "ix_notifications_pipeline"}.get(shape.threads_first)
        index = index or (None if "text" in shape.given else "ix_notifications_facets")
        mine = (among(facet("team_id"), "team_ids"),) if shape.threads_first == "open" else ()
        few = (
            select(facet("id").label("id"))
            .select_from(threads(shape.dialect, index))
            .where(*mine, *conditions, *of_names)
            .cte("few")
        )  # fmt: skip
        yield _entry.notification_id.in_(select(few.prefix_with("MATERIALIZED", dialect="postgresql").c.id))
        return
    if conditions:
        narrow = select(1).select_from(threads(shape.dialect, None if "text" in shape.given else "ix_notifications_facets"))
        yield narrow.where(facet("id") == _entry.notification_id, *conditions).correlate(inbox_entries).exists()
    for word, is_tag in named:
        owned = _named(word, is_tag)
        yield exists().where(owned.c.notification_id == _entry.notification_id)


def threads(dialect: str, index: str | None) -> TextClause:
    """Threads under the name `facet`. SQLite, which gathers no statistics by itself, is told by which index."""
    return text("notifications AS facet" + (f" INDEXED BY {index}" if index and dialect == "sqlite" else ""))


def facet(name: str) -> ColumnElement[Any]:
    """A column of `threads`."""
    return literal_column(f"facet.{name}", type_=notifications.c[name].type)


_FACETS: Final = {
    "levels": among(facet("level"), "levels"),
    "urgent": and_(facet("urgent")),
    "open": facet("status") == OPEN,
    "resolved": facet("status") == literal_column("'resolved'"),
    "pipeline": facet("pipeline") == bindparam("pipeline"),
    "api": facet("source_id").is_(None),
    "source": among(facet("source_id"), "source_ids"),
    "text": or_(*(func.lower(facet(name)).like(bindparam("text", type_=String), escape="\\") for name in ("title", "message", "pipeline"))),
}


def _named(word: str, is_tag: bool) -> FromClause:
    names = notification_owners.alias(f"{word}_name")
    return select(names.c.notification_id).where(names.c.owner == bindparam(word), names.c.is_tag == is_tag).subquery(f"of_{word}")


def _is_mine(notification_id: ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(_entry.user_id == bindparam("user_id"), _entry.notification_id == notification_id)


def said(query: Select[Any]) -> Select[Any]:
    """Entries with their threads."""
    return query.join(notifications, _thread.id == _entry.notification_id)


def _muted() -> ColumnElement[bool]:
    return or_(_entry.muted_until > NOW, _entry.notification_id.in_(_put_aside("muted_episode")))


def _not_muted() -> tuple[ColumnElement[bool], ...]:
    return or_(_entry.muted_until.is_(None), _entry.muted_until <= NOW), _entry.notification_id.not_in(_put_aside("muted_episode"))


def _snoozed() -> ColumnElement[bool]:
    return or_(_entry.snoozed_until > NOW, _entry.notification_id.in_(_still_snoozed()))


def _not_snoozed() -> tuple[ColumnElement[bool], ...]:
    return or_(_entry.snoozed_until.is_(None), _entry.snoozed_until <= NOW), _entry.notification_id.not_in(_still_snoozed())


def _still_snoozed() -> Select[Any]:
    return _put_aside("snoozed_episode", _aside.status == OPEN)


def _put_aside(until: str, *conditions: ColumnElement[bool]) -> Select[Any]:
    """What the reader put aside until an episode is over that is not: few, and found at once rather than entry by entry."""
    mine = inbox_entries.alias("put_aside").c
    return select(mine.notification_id).where(
        mine.user_id == bindparam("user_id"), mine[until].is_not(None), _aside.id == mine.notification_id, _aside.episode == mine[until],
        *conditions,
    )  # fmt: skip


def item() -> tuple[Any, ...]:
    """All that a list tells of an entry and its thread."""
    is_snoozed = or_(_entry.snoozed_until > NOW, and_(_entry.snoozed_episode == _thread.episode, _thread.status == OPEN))
    is_muted = or_(_entry.muted_until > NOW, _entry.muted_episode == _thread.episode)
    return (*ITEM, is_muted.label("muted"), is_snoozed.label("snoozed"))


@functools.lru_cache(maxsize=2)
def one(*, lacks: bool) -> Select[Any]:
    """One entry whole, listed or not."""
    more = (_thread.facts, _thread.impact, _thread.excerpt, _thread.episode)
    return said(select(*item(), *more).select_from(inbox_entries)).where(
        *_mine(lacks=lacks), _entry.notification_id == bindparam("id"), or_(_thread.expires_at.is_(None), _thread.expires_at > NOW)
    )


@functools.lru_cache(maxsize=2)
def mine(*, lacks: bool) -> Select[Any]:
    """Which of these are the person's, listed or not."""
    return select(_entry.notification_id).where(*_mine(lacks=lacks), among(_entry.notification_id, "ids")).order_by(_entry.notification_id)


def _mine(*, lacks: bool) -> tuple[ColumnElement[bool], ...]:
    return (_entry.user_id == bindparam("user_id"), among(_entry.team_id, "team_ids"), *((_not_barred(),) if lacks else ()))


def _few(query: Select[Any]) -> Select[Any]:
    return select(func.count()).select_from(query.limit(bindparam("most")).subquery("few"))


COUNTS: Final = {
    "pipeline": _few(select(_thread.id).where(_thread.pipeline == bindparam("pipeline"))),
    "open": _few(select(_thread.id).where(_thread.status == OPEN, among(_thread.team_id, "team_ids"))),
    **{word: _few(select(_named(word, is_tag).c.notification_id)) for word, is_tag in (("owner", False), ("tag", True))},
}
"""How many threads a filter leaves, up to `most`."""
BARRED: Final = _few(select(_MAYBE_BARRED.c.notification_id))
SOURCES: Final = select(sources.c.id).where(sources.c.slug == bindparam("slug"), among(sources.c.team_id, "team_ids"))
READ: Final = (
    update(inbox_entries)
    .where(_entry.user_id == bindparam("reader"), among(_entry.notification_id, "ids"))
    .values(read_at=bindparam("moment", type_=Time))
)  # fmt: skip
UNREAD_AGAIN: Final = (
    update(inbox_entries)
    .where(_entry.user_id == bindparam("reader"), _entry.read_at == bindparam("moment", type_=Time))
    .values(read_at=None)
    .returning(_entry.notification_id)
)
