"""The statements of `retention`. Those that find walk an index on from a place; those that remove take no row that another has in hand."""

import functools
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Delete,
    Select,
    String,
    Table,
    and_,
    bindparam,
    cast,
    delete,
    exists,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    tuple_,
    update,
)  # fmt: skip

from gateway.storage.among import among
from gateway.storage.tables import (
    answers,
    audit,
    conversations,
    credentials,
    deliveries,
    delivery_items,
    episodes,
    events,
    fan_outs,
    follow_ups,
    idempotency_keys,
    inbox_entries,
    members,
    monitors,
    notices,
    notification_owners,
    notification_permissions,
    notifications,
    occurrences,
    pipelines,
    recipients,
    rejections,
    request_keys,
    runs,
    scheduled,
    sources,
    users,
)  # fmt: skip
from gateway.storage.types import Time

_NOW, _BEFORE, _AT = (bindparam(name, type_=Time) for name in ("now", "before", "at"))
_ID: Final[Any] = bindparam("id")
_LIMIT: Final[Any] = bindparam("limit")
_OPEN: Final[Any] = literal_column("'open'")
_RESOLVED: Final[Any] = literal_column("'resolved'")
"""Written out, for a partial index is found by its own words alone."""
_entry, _thread, _delivery, _conversation = inbox_entries.c, notifications.c, deliveries.c, conversations.c
_ENTRY: Final = tuple_(_entry.user_id, _entry.notification_id)
_KEY: Final = tuple_(idempotency_keys.c.user_id, idempotency_keys.c.key)

LONGEST: Final = select(func.max(users.c.retention_days))
PEOPLE: Final = select(users.c.id, users.c.retention_days).where(users.c.id > bindparam("after")).order_by(users.c.id).limit(_LIMIT)


def _entry_goes() -> tuple[ColumnElement[bool], ...]:
    """Its reader is done with it, or never had it on a list; its thread is over; and no mute depends on it."""
    return (
        _entry.last_at < _BEFORE,
        or_(_entry.read_at.is_not(None), _entry.archived_at.is_not(None), _entry.dismissed_at.is_not(None), not_(_entry.listed)),
        or_(_entry.muted_until.is_(None), _entry.muted_until <= _NOW),
        not_(exists().where(_thread.id == _entry.notification_id, _thread.status == _OPEN)),
    )


@functools.cache
def entries(*, archived: bool) -> Select[Any]:
    """Of these people (`ids`) the entries that go, behind the one of `user`, `at`, `id`."""
    order = (_entry.user_id, _entry.last_at, _entry.notification_id)
    return (
        select(*order)
        .where(
            among(_entry.user_id, "ids"),
            _entry.archived_at.is_not(None) if archived else _entry.archived_at.is_(None),
            tuple_(*order) > tuple_(bindparam("user"), _AT, _ID),
            *_entry_goes(),
        )
        .order_by(*order)
        .limit(_LIMIT)
    )


def _older(table: Table, at: ColumnElement[Any], goes: ColumnElement[bool], *where: ColumnElement[bool]) -> Select[Any]:
    """What is older than `before`, in the order of this time, behind the one of `at`, `id`; and whether it goes."""
    behind = tuple_(at, table.c.id) > tuple_(_AT, _ID)
    return select(table.c.id, at.label("at"), goes.label("goes")).where(*where, at < _BEFORE, behind).order_by(at, table.c.id).limit(_LIMIT)


def _oldest(table: Table, at: ColumnElement[Any], goes: ColumnElement[bool]) -> Select[Any]:
    """Rows in the order in which they were made, behind the one of `id`; and whether they go."""
    return select(table.c.id, at.label("at"), goes.label("goes")).where(table.c.id > _ID).order_by(table.c.id).limit(_LIMIT)


def _thread_goes() -> ColumnElement[bool]:
    """Nobody has an entry of it, and nothing is still to be told of it."""
    waiting = and_(
        delivery_items.c.notification_id == _thread.id, _delivery.id == delivery_items.c.delivery_id, _delivery.status == "waiting"
    )
    still = (_entry.notification_id == _thread.id, fan_outs.c.notification_id == _thread.id, scheduled.c.notification_id == _thread.id)
    return not_(or_(*(exists().where(one) for one in (*still, waiting))))


def _delivery_goes() -> ColumnElement[bool]:
    """It ended; and no recovery or reply can want to know any more whom it told."""
    closed = exists().where(_conversation.id == _delivery.conversation_id, _conversation.closed_at.is_not(None))
    still_open = exists().where(
        delivery_items.c.delivery_id == _delivery.id, _thread.id == delivery_items.c.notification_id, _thread.status == _OPEN
    )
    return and_(_delivery.status != "waiting", _delivery.finished_at < _BEFORE, or_(_delivery.kind == "digest", closed), not_(still_open))


def _conversation_goes() -> ColumnElement[bool]:
    empty = (exists().where(column == _conversation.id) for column in (_thread.conversation_id, _delivery.conversation_id))
    return and_(_conversation.closed_at < _BEFORE, not_(or_(*empty)))


def _credential_goes() -> ColumnElement[bool]:
    return and_(credentials.c.kind.in_(("session", "sign-in")), credentials.c.expires_at < _BEFORE)


RUNS_KEPT: Final = 50
"""Of each pipeline, however old: as many as anything looks back at."""


def _run_goes() -> ColumnElement[bool]:
    newer = runs.alias("newer")
    last = select(newer.c.phase_at).where(newer.c.pipeline_id == runs.c.pipeline_id).order_by(newer.c.phase_at.desc())
    old = runs.c.phase_at < last.limit(1).offset(RUNS_KEPT - 1).correlate(runs).scalar_subquery()
    deleted = exists().where(pipelines.c.id == runs.c.pipeline_id, sources.c.id == pipelines.c.source_id, sources.c.deleted_at.is_not(None))
    return and_(runs.c.phase_at < _BEFORE, or_(func.coalesce(old, literal_column("false")), deleted.correlate(runs)))


def _source_goes() -> ColumnElement[bool]:
    """It was deleted long ago, and nothing names it any more."""
    late = (monitors.c.source_id == sources.c.id, or_(monitors.c.lateness != "none", monitors.c.overrun.is_not(None)))
    ran = (pipelines.c.source_id == sources.c.id, runs.c.pipeline_id == pipelines.c.id)
    told = (table.c.source_id == sources.c.id for table in (events, request_keys, follow_ups, notices, notifications))
    return and_(sources.c.deleted_at < _BEFORE, not_(or_(*(exists().where(*one) for one in (late, ran, *((one,) for one in told))))))


EXPIRED: Final = _older(notifications, _thread.expires_at, literal_column("1"), _thread.expires_at.is_not(None))
RESOLVED: Final = _older(notifications, _thread.resolved_at, _thread_goes(), _thread.status == _RESOLVED)
DELIVERIES: Final = _oldest(deliveries, _delivery.created_at, _delivery_goes())
CONVERSATIONS: Final = _oldest(conversations, _conversation.opened_at, _conversation_goes())
ANSWERS: Final = _oldest(answers, answers.c.asked_at, answers.c.until < _BEFORE)
FOLLOW_UPS: Final = _oldest(follow_ups, follow_ups.c.asked_at, follow_ups.c.ended_at < _BEFORE)
EPISODES: Final = _oldest(episodes, episodes.c.opened_at, episodes.c.opened_at < _BEFORE)
RUNS: Final = _oldest(runs, runs.c.phase_at, _run_goes())
AUDIT: Final = _oldest(audit, audit.c.at, audit.c.at < _BEFORE)
CREDENTIALS: Final = _oldest(credentials, credentials.c.created_at, _credential_goes())
REJECTIONS: Final = (
    select(rejections.c.id)
    .join(sources, sources.c.id == rejections.c.source_id)
    .where(sources.c.deleted_at.is_not(None), rejections.c.id > _ID)
    .order_by(rejections.c.id)
    .limit(_LIMIT)
)
REMOVE_REJECTIONS: Final = delete(rejections).where(among(rejections.c.id, "ids"))
SOURCES: Final = _oldest(sources, sources.c.created_at, _source_goes()).where(sources.c.deleted_at.is_not(None))
_KEY_ORDER: Final = (idempotency_keys.c.created_at, idempotency_keys.c.user_id, idempotency_keys.c.key)
KEYS: Final = (
    select(*_KEY_ORDER)
    .where(idempotency_keys.c.created_at < _BEFORE, tuple_(*_KEY_ORDER) > tuple_(_AT, bindparam("user"), _ID))
    .order_by(*_KEY_ORDER)
    .limit(_LIMIT)
)
GONE: Final = "gone "
"""What the identity of a thread begins with that is being removed: it is found no more, and the same problem begins a new thread."""
_IS_GONE: Final = and_(_thread.identity >= "gone", _thread.identity < "goof", _thread.identity.like(f"{GONE}%"))  # in any collation
BEING_REMOVED: Final = select(_thread.id).where(_IS_GONE, _thread.id > _ID).order_by(_thread.id).limit(_LIMIT)
HOLD: Final = select(_thread.id, _thread.conversation_id).where(among(_thread.id, "ids"), _IS_GONE).with_for_update(skip_locked=True)
END: Final = delete(notifications).where(among(_thread.id, "ids"))


def _given_up(where: ColumnElement[bool]) -> Any:
    """Makes threads into such that are being removed, by their `ids`."""
    free = select(_thread.id).where(among(_thread.id, "ids"), where, not_(_IS_GONE)).with_for_update(skip_locked=True)
    nothing_to_do = dict.fromkeys(("due_at", "silence_at", "remind_at"))
    return update(notifications).where(_thread.id.in_(free)).values(identity=literal(GONE) + cast(_thread.id, String), **nothing_to_do)


def _removed(table: Table, goes: ColumnElement[bool]) -> Delete:
    free = select(table.c.id).where(among(table.c.id, "ids"), goes).with_for_update(skip_locked=True, of=table)
    return delete(table).where(table.c.id.in_(free))


REMOVE: Final[dict[str, Any]] = {
    "expired": _given_up(_thread.expires_at < _BEFORE),
    "resolved": _given_up(and_(_thread.status == _RESOLVED, _thread.resolved_at < _BEFORE, _thread_goes())),
    "deliveries": _removed(deliveries, _delivery_goes()),
    "conversations": _removed(conversations, _conversation_goes()),
    "answers": _removed(answers, answers.c.until < _BEFORE),
    "follow_ups": _removed(follow_ups, follow_ups.c.ended_at < _BEFORE),
    "episodes": _removed(episodes, episodes.c.opened_at < _BEFORE),
    "runs": _removed(runs, _run_goes()),
    "sources": _removed(sources, _source_goes()),
    "audit": _removed(audit, audit.c.at < _BEFORE),
    "credentials": _removed(credentials, _credential_goes()),
}
"""By the room, for `ids`; what is true no more of a row by now is asked again."""
REMOVE_ENTRIES: Final = delete(inbox_entries).where(
    _ENTRY.in_(
        select(_entry.user_id, _entry.notification_id)
        .where(_ENTRY.in_(bindparam("keys", expanding=True)), *_entry_goes())
        .with_for_update(skip_locked=True, of=inbox_entries)
    )
)
REMOVE_KEYS: Final = delete(idempotency_keys).where(_KEY.in_(bindparam("keys", expanding=True)), idempotency_keys.c.created_at < _BEFORE)


def _part(table: Table, *key: str) -> Delete:
    columns = [table.c[name] for name in key]
    some = select(*columns).where(among(table.c.notification_id, "ids")).limit(_LIMIT)
    return delete(table).where(tuple_(*columns).in_(some))


PARTS: Final = (
    _part(inbox_entries, "user_id", "notification_id"),
    _part(occurrences, "notification_id", "key"),
    _part(members, "notification_id", "key"),
    _part(delivery_items, "delivery_id", "notification_id"),
    _part(recipients, "notification_id", "user_id"),
    _part(notification_owners, "notification_id", "owner", "is_tag"),
    _part(notification_permissions, "notification_id", "permission"),
)
"""What a thread takes along, up to `limit` rows of each."""
