"""The statements of the urgent bar, over the same conditions as the lists."""

import functools
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, String, and_, bindparam, case, cast, exists, func, literal_column, select

from gateway.storage.among import among
from gateway.storage.inbox_statements import OPEN, Shape, facet, item, of, said, threads, visible
from gateway.storage.tables import inbox_entries, notifications, sources, teams
from gateway.storage.types import Time

_thread, _entry = notifications.c, inbox_entries.c


def _on_the_bar(*columns: str, lacks: bool, dialect: str) -> Select[Any]:
    """The threads of the urgent bar, each with the key of its conversation."""
    return (
        select(func.coalesce(facet("conversation_id"), -facet("id")).label("key"), *(facet(name).label(name) for name in columns))
        .select_from(threads(dialect, "ix_notifications_open"))
        .where(
            among(facet("team_id"), "team_ids"), facet("status") == OPEN, and_(facet("urgent")), _is_on_my_bar(lacks=lacks),
        )
    )  # fmt: skip


def _is_on_my_bar(*, lacks: bool) -> ColumnElement[bool]:
    return exists().where(_entry.notification_id == facet("id"), _entry.dismissed_at.is_(None), *visible(Shape(lacks=lacks)))


@functools.lru_cache(maxsize=4)
def bar(*, lacks: bool, dialect: str) -> Select[Any]:
    """The conversations of the urgent bar: ids of their threads, how many conversations there are, and how many nobody is on."""
    mine = _on_the_bar("id", "weight", "opened_at", "acknowledged_at", lacks=lacks, dialect=dialect).subquery("mine")
    nobody = func.max(case((mine.c.acknowledged_at.is_(None), 1), else_=0))
    worst, oldest = func.max(mine.c.weight), func.min(mine.c.opened_at)
    return (
        select(
            func.aggregate_strings(cast(mine.c.id, String), ",").label("ids"),
            func.count().over().label("total"),
            func.sum(nobody).over().label("unacknowledged"),
        )
        .group_by(mine.c.key)
        .order_by(worst.desc(), oldest, func.min(mine.c.id))
        .limit(bindparam("limit"))
    )


@functools.lru_cache(maxsize=4)
def bar_sources(*, lacks: bool, dialect: str) -> Select[Any]:
    """How many conversations of the urgent bar each source has, and how many of them nobody is on; the most first."""
    mine = _on_the_bar("team_id", "source_id", "acknowledged_at", lacks=lacks, dialect=dialect).subquery("mine")
    each = (
        select(mine.c.key, mine.c.team_id, mine.c.source_id, func.max(case((mine.c.acknowledged_at.is_(None), 1), else_=0)).label("nobody"))
        .group_by(mine.c.key, mine.c.team_id, mine.c.source_id)
        .subquery("each_one")
    )
    team, source = (
        of(teams.c.slug, each.c.team_id).label("team"),
        func.coalesce(of(sources.c.slug, each.c.source_id), "api").label("source"),
    )
    total = func.count().label("total")
    return (
        select(team, source, total, func.sum(each.c.nobody).label("unacknowledged"))
        .group_by(each.c.team_id, each.c.source_id)
        .order_by(total.desc(), each.c.source_id)
        .limit(bindparam("limit"))
    )


@functools.lru_cache(maxsize=4)
def just_resolved(*, lacks: bool, dialect: str) -> Select[Any]:
    """What was on the urgent bar and recovered since a moment, with what it says."""
    over = (
        select(facet("id"))
        .select_from(threads(dialect, "ix_notifications_resolved"))
        .where(
            facet("status") == literal_column("'resolved'"), facet("resolved_at") > bindparam("since", type_=Time),
            facet("opened_at") < facet("resolved_at"), and_(facet("urgent")), among(facet("team_id"), "team_ids"),
            _is_on_my_bar(lacks=lacks),
        )
    )  # fmt: skip
    mine = said(select(*item()).select_from(inbox_entries)).where(_entry.user_id == bindparam("user_id"), _thread.id.in_(over))
    return mine.order_by(_thread.resolved_at.desc(), _thread.id).limit(bindparam("limit"))


SAID_OF_BAR: Final = (
    said(select(*item()).select_from(inbox_entries))
    .where(_entry.user_id == bindparam("user_id"), among(_entry.notification_id, "ids"))
    .order_by(_thread.weight.desc(), _thread.opened_at, _thread.id)
)
