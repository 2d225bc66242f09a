"""The statements of `threads`, made once: making one costs ten times what running it does."""

import functools
from typing import Any, Final

from sqlalchemy import Table, bindparam, delete, exists, func, select, tuple_, update

from gateway.storage.among import among
from gateway.storage.database import insert_of
from gateway.storage.tables import conversations, members, notification_owners, notification_permissions, notifications, occurrences

OPEN: Final = "open"
OF_THE_FIRST_REPORT: Final = ("event_id", "recorded_at", "reason", "episode", "attempt")
"""Columns of an occurrence that a second report of it leaves alone."""

_BY_IDENTITY: Final = select(notifications).order_by(notifications.c.identity)
IDENTITIES: Final = select(notifications.c.identity).where(among(notifications.c.identity, "identities"))
LOCK: Final = _BY_IDENTITY.where(among(notifications.c.identity, "identities")).with_for_update()
LOCK_ONE: Final = _BY_IDENTITY.where(notifications.c.id == bindparam("id")).with_for_update()
LOCK_DUE, LOCK_SILENT, LOCK_TO_REMIND = (
    _BY_IDENTITY.where(
        notifications.c.id.in_(
            select(notifications.c.id).where(column <= bindparam("now")).order_by(column).limit(bindparam("limit")).scalar_subquery()
        )
    ).with_for_update(skip_locked=True)
    for column in (notifications.c.due_at, notifications.c.silence_at, notifications.c.remind_at)
)
FIRING: Final = select(
    members.c.notification_id, members.c.key, members.c.level, members.c.since, members.c.run, members.c.held_until
).where(among(members.c.notification_id, "ids"), members.c.firing)
KNOWN_AT_ONCE: Final = 1000
KNOWN: Final = select(occurrences).where(  # pairs: two lists would be looked up each with each
    tuple_(occurrences.c.notification_id, occurrences.c.key).in_(bindparam("pairs", expanding=True))
)
HISTORY: Final = select(occurrences).where(occurrences.c.notification_id == bindparam("id"))
_MEMBER: Final = update(members).where(members.c.notification_id == bindparam("n"), members.c.key == bindparam("k"))
END_MEMBER: Final = _MEMBER.values(firing=False, held_until=None)
WORST_MEMBER: Final = (
    select(members.c.details, members.c.run)
    .where(members.c.notification_id == bindparam("id"), members.c.firing, members.c.held_until.is_(None))
    .order_by((members.c.level == "error").desc(), (members.c.level == "warning").desc(), members.c.since, members.c.key)
    .limit(1)
)
COUNT_MEMBERS: Final = (
    update(notifications)
    .where(among(notifications.c.id, "ids"))
    .values(
        members_total=select(func.count())
        .where(members.c.notification_id == notifications.c.id, members.c.episode == notifications.c.episode)
        .scalar_subquery()
    )
)
FORGET_AUDIENCE: Final = tuple(
    delete(table).where(among(table.c.notification_id, "ids")) for table in (notification_owners, notification_permissions)
)
OPEN_CONVERSATIONS: Final = select(conversations.c.identity, conversations.c.id).where(
    among(conversations.c.identity, "identities"), conversations.c.closed_at.is_(None)
)
LOCK_OPEN: Final = (
    OPEN_CONVERSATIONS.order_by(conversations.c.identity).with_for_update(
        key_share=True
    )  # a delivery somebody else is queueing in it need not be waited for
)
LOCK_CONVERSATIONS: Final = (
    select(conversations.c.id).where(among(conversations.c.id, "ids")).order_by(conversations.c.identity).with_for_update(key_share=True)
)
CLOSE_CONVERSATIONS: Final = (
    update(conversations)
    .where(
        among(conversations.c.id, "ids"),
        conversations.c.closed_at.is_(None),
        ~exists().where(notifications.c.conversation_id == conversations.c.id, notifications.c.status == OPEN),
    )
    .values(closed_at=bindparam("now"))
)


@functools.cache
def begin(dialect: str) -> Any:
    """Threads that are not there yet."""
    return insert_of(dialect)(notifications).on_conflict_do_nothing(index_elements=["identity"])


@functools.lru_cache(maxsize=256)
def save(columns: tuple[str, ...]) -> Any:
    """Notification rows, each under its `id`."""
    return update(notifications).where(notifications.c.id == bindparam("b_id")).values({name: bindparam(f"b_{name}") for name in columns})


@functools.cache
def move_member(columns: tuple[str, ...]) -> Any:
    """The state of a member that is stored."""
    return _MEMBER.values({name: bindparam(f"b_{name}") for name in columns})


@functools.cache
def put_members(dialect: str, columns: tuple[str, ...]) -> Any:
    """Members that fire."""
    return _replacing(insert_of(dialect)(members), columns, kept=("notification_id", "key"))


@functools.cache
def put_occurrences(dialect: str, columns: tuple[str, ...]) -> Any:
    """Occurrences; of a known one, what only its first report can say stays."""
    return _replacing(insert_of(dialect)(occurrences), columns, kept=("notification_id", "key", *OF_THE_FIRST_REPORT))


def _replacing(statement: Any, columns: tuple[str, ...], *, kept: tuple[str, ...]) -> Any:
    replaced = {name: statement.excluded[name] for name in columns if name not in kept}
    return statement.on_conflict_do_update(index_elements=["notification_id", "key"], set_=replaced)


@functools.cache
def add_once(dialect: str, table: Table) -> Any:
    """Owners, permissions: what is there already stays."""
    return insert_of(dialect)(table).on_conflict_do_nothing()


@functools.cache
def open_conversation(dialect: str) -> Any:
    """A conversation, where none is open under its identity."""
    return insert_of(dialect)(conversations).on_conflict_do_nothing(
        index_elements=["identity"], index_where=conversations.c.closed_at.is_(None)
    )
