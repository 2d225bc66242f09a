"""Which of what arrived is too old to keep, and how it goes: first what is known of an event's processing, then the event itself.

On SQLite the two are in different files, so it is two transactions, on PostgreSQL as well. The first decides, under the lock that a
replay takes too; what it let go of no worker finds any more, and if nobody comes to the second, the next sweep does.
"""

import itertools
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, exists, func, literal_column, or_, select, tuple_

from gateway.storage.among import among
from gateway.storage.events import ENDINGS
from gateway.storage.tables import documents, events, processing, request_keys, sources
from gateway.storage.types import Time

DEFAULT_DAYS: Final = 90
KEYS_BEYOND_DAYS: Final = 30
"""Days that a request key is known beyond its event. No sender tries again for as long: Amazon SNS, the most patient, for 23 days.
https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html"""
MOST_BYTES: Final = 4 * 1024 * 1024
"""Bytes of bodies that one transaction removes at most, unless a single one is larger."""
GOES: Final = tuple(status for status in ENDINGS if status != "quarantined")
"""What was never made anything of, though it should have been, stays until somebody has replayed it."""


class Old(NamedTuple):
    """Some of what is old, by its keys, and the place from which it goes on; None at the end."""

    keys: Sequence[Any]
    following: Any


_BEFORE: Final[Any] = bindparam("before", type_=Time)
_ID: Final[Any] = bindparam("id")
_LIMIT: Final[Any] = bindparam("limit")
_later: Final = events.alias("later")
_NEWEST_QUEUED: Final = select(func.max(processing.c.event_id)).scalar_subquery()


def _of_deleted() -> ColumnElement[bool]:
    its = (events.c.id == processing.c.event_id, sources.c.id == events.c.source_id, sources.c.deleted_at.is_not(None))
    return and_(processing.c.status != literal_column("'waiting'"), exists().where(*its).correlate(processing))


def _may_go() -> ColumnElement[bool]:
    """Its processing ended, no mapper wants it back, and it is not the last that was queued, from which the worker counts on.

    Of a source that was deleted nobody will replay what failed.
    """
    return and_(
        or_(processing.c.status.in_([literal_column(f"'{one}'") for one in GOES]), _of_deleted()),
        ~exists().where(documents.c.event_id == processing.c.event_id),
        processing.c.event_id < _NEWEST_QUEUED,
    )


_IS_NEWEST: Final = ~exists().where(_later.c.source_id == events.c.source_id, _later.c.id > events.c.id)
"""Of its source: it says when something last came."""
_DELETED: Final = exists().where(sources.c.id == events.c.source_id, sources.c.deleted_at.is_not(None)).correlate(events)
_OLD: Final = (  # as they came, so that a sweep ends where the first young one is; no index by time is kept up for it at the door
    select(
        events.c.id, events.c.received_at.label("at"), func.length(events.c.body).label("size"),
        and_(processing.c.event_id.is_not(None), _may_go(), or_(~_IS_NEWEST, _DELETED)).label("goes"),
        and_(processing.c.event_id.is_(None), events.c.id < _NEWEST_QUEUED).label("let_go"),
    )
    .select_from(events.outerjoin(processing, processing.c.event_id == events.c.id))
    .where(events.c.id > _ID)
    .order_by(events.c.id)
    .limit(_LIMIT)
)  # fmt: skip
_LET_GO: Final = delete(processing).where(
    processing.c.event_id.in_(
        select(processing.c.event_id).where(among(processing.c.event_id, "ids"), _may_go()).with_for_update(skip_locked=True, of=processing)
    )
)
_REMOVE: Final = delete(events).where(among(events.c.id, "ids"))
_key: Final = request_keys.c
_KEY_ORDER: Final = (_key.received_at, _key.source_id, _key.request_key)
_KEYS: Final = (
    select(*_KEY_ORDER)
    .where(_key.received_at < _BEFORE, tuple_(*_KEY_ORDER) > tuple_(bindparam("at", type_=Time), bindparam("source"), bindparam("key")))
    .order_by(*_KEY_ORDER)
    .limit(_LIMIT)
)
_ROW: Final[Any] = literal_column("request_keys.rowid")
_KEYS_SQLITE: Final = (  # its rows lie in the order in which they were written
    select(_ROW.label("row"), *_KEY_ORDER).where(bindparam("row") < _ROW).order_by(_ROW).limit(_LIMIT)
)
_REMOVE_KEYS: Final = delete(request_keys).where(  # of every pair of them, for whichever is there and as old may go
    among(_key.source_id, "sources"), among(_key.request_key, "names"), _key.received_at < _BEFORE
)


def ended(connection: Connection, place: Any, *, before: datetime, limit: int) -> Old:
    """Events from before then that may go."""
    return _old(connection, "goes", place, before, limit)


def let_go(connection: Connection, place: Any, *, before: datetime, limit: int) -> Old:
    """Events from before then whose processing is forgotten already."""
    return _old(connection, "let_go", place, before, limit)


def _old(connection: Connection, which: str, place: Any, before: datetime, limit: int) -> Old:
    rows = connection.execute(_OLD, {"id": place or 0, "limit": limit}).all()
    sizes = itertools.accumulate(row.size for row in rows)
    fitting = [row for row, size in zip(rows, sizes, strict=True) if size <= MOST_BYTES] or rows[:1]
    old = [row for row in fitting if row.at < before]
    goes_on = fitting and (len(rows) == limit or len(fitting) < len(rows)) and fitting[-1].at < before
    return Old([row.id for row in old if getattr(row, which)], fitting[-1].id if goes_on else None)


def forget(connection: Connection, ids: Sequence[int]) -> int:
    """Lets go of these events, as far as nobody has them in hand and they may still go; gives of how many."""
    return connection.execute(_LET_GO, {"ids": ids}).rowcount


def remove(connection: Connection, ids: Sequence[int]) -> int:
    """Removes these events; in a transaction on the journal."""
    return connection.execute(_REMOVE, {"ids": ids}).rowcount


def old_keys(connection: Connection, place: Any, *, before: datetime, limit: int) -> Old:
    """Request keys from before then, each as (source id, request key)."""
    if connection.dialect.name == "sqlite":
        rows = connection.execute(_KEYS_SQLITE, {"row": place or 0, "limit": limit}).all()
        goes_on = len(rows) == limit and rows[-1].received_at < before
        following: Any = rows[-1].row if goes_on else None
        rows = [row for row in rows if row.received_at < before]
    else:
        at, source, key = place or (datetime.min.replace(year=2, tzinfo=before.tzinfo), 0, "")
        rows = connection.execute(_KEYS, {"before": before, "at": at, "source": source, "key": key, "limit": limit}).all()
        following = tuple(rows[-1]) if len(rows) == limit else None
    return Old([(row.source_id, row.request_key) for row in rows], following)


def remove_keys(connection: Connection, keys: Sequence[tuple[int, str]], *, before: datetime) -> int:
    """Removes these request keys, unless they are younger by now; in a transaction on the journal."""
    sources, names = sorted({source_id for source_id, _ in keys}), [name for _, name in keys]
    return connection.execute(_REMOVE_KEYS, {"sources": sources, "names": names, "before": before}).rowcount
