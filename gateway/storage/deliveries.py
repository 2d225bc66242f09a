"""The outbox: what is still to be sent, in whose hands it is, and what came of each attempt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, TextClause, Update, bindparam, case, func, insert, literal_column, select, text, update

from gateway.storage.among import among, among_taken
from gateway.storage.tables import UNTOUCHED, URGENT, conversations, deliveries, delivery_attempts
from gateway.storage.types import Time

WAITING: Final = "waiting"
RETRY: Final = "retry"
ENDINGS: Final = ("sent", "kept", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery in the hands of a worker."""

    id: int
    user_id: int
    team_id: int
    kind: str
    urgent: bool
    attempts: int
    created_at: datetime
    message_id: str | None
    mail: bytes | None


@dataclass(frozen=True, slots=True)
class Frozen:
    """The bytes of a mail, before its first attempt."""

    id: int
    message_id: str
    mail: bytes


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an attempt: an ending, or `retry`."""

    id: int
    lease: str
    outcome: str
    answer: str
    at: datetime
    due_at: datetime | None = None
    """Of a retry: when."""


def claim(connection: Connection, *, now: datetime, lease: str, lease_for: timedelta, limit: int) -> list[Claimed]:
    """Takes up to `limit` deliveries that are due, urgent ones first.

    Each counts as one more attempt; it is due again when the lease ends.
    """
    values = {"now": now, "held_under": lease, "until": now + lease_for}
    rows = connection.execute(_TAKE_URGENT, values | {"limit": limit}).all()
    if len(rows) < limit:
        rows = [*rows, *connection.execute(_TAKE, values | {"limit": limit - len(rows)})]
    if len(rows) < limit:
        rows = [*rows, *connection.execute(_TAKE_UNTOUCHED, values | {"limit": limit - len(rows)})]
    return sorted((Claimed(*row) for row in rows), key=lambda one: (not one.urgent, one.id))


def extend(connection: Connection, *, lease: str, until: datetime) -> bool:
    """Holds what is held under `lease` for longer. False where nothing is, any more."""
    held = update(deliveries).where(deliveries.c.status == WAITING, deliveries.c.lease == lease).values(due_at=until)
    return connection.execute(held).rowcount > 0


def freeze(connection: Connection, mails: Sequence[Frozen], *, lease: str) -> set[int]:
    """Fixes the bytes of these mails before their first attempt; gives the ids of those still held under the lease."""
    held = set(connection.scalars(_HELD_UNDER, {"ids": [one.id for one in mails], "held_under": lease}))
    rows = [{"number": one.id, "frozen_as": one.message_id, "bytes": one.mail} for one in mails if one.id in held]
    if rows:
        connection.execute(_FREEZE, rows)
    return held


def record(connection: Connection, results: Sequence[Result]) -> set[int]:
    """Writes down what came of these attempts; gives the ids of those still held under their lease: for others somebody else answers."""
    rows = connection.execute(_HELD, {"ids": [one.id for one in results]}).all()
    held = {(row.id, row.lease): row.attempts for row in rows}
    mine = [one for one in results if (one.id, one.lease) in held]
    if ended := [_ended(one) for one in mine if one.outcome != RETRY]:
        connection.execute(_END, ended)
    if again := [{"number": one.id, "said": one.answer, "again_at": one.due_at} for one in mine if one.outcome == RETRY]:
        connection.execute(_AGAIN, again)
    if mine:
        tried = [
            {"delivery_id": one.id, "number": held[one.id, one.lease], "at": one.at, "outcome": one.outcome, "answer": one.answer}
            for one in mine
        ]
        connection.execute(insert(delivery_attempts), tried)
    return {one.id for one in mine}


def put_back(
    connection: Connection, ids: Sequence[int], *, lease: str, due_at: datetime, said: str | None = None, anew: bool = False
) -> None:
    """Gives back what was not tried after all; `said`: why. A digest that was taken collects no more, so it counts as tried.

    `anew`: what was never tried is written anew when its turn comes, as things stand then.
    """
    tried = case((deliveries.c.kind == "digest", deliveries.c.attempts), else_=deliveries.c.attempts - 1)
    values: dict[str, Any] = {"lease": None, "due_at": due_at, "attempts": tried}
    if said is not None:
        values["last_answer"] = said
    if anew:
        values |= {"mail": None, "message_id": None}
    mine = (deliveries.c.id.in_(ids), deliveries.c.lease == lease, deliveries.c.status == WAITING)
    connection.execute(update(deliveries).where(*mine).values(**values))


def hold(connection: Connection, identities: Sequence[str], *, until: datetime, now: datetime) -> None:
    """Failing mail of these conversations that was queued `now` waits; what is composed, or was tried, does not."""
    connection.execute(_HOLD, {"identities": list(identities), "moment": now, "until": until})


def release(connection: Connection, identities: Sequence[str]) -> None:
    """What waits in these conversations may leave."""
    if identities:
        connection.execute(_RELEASE, {"identities": list(identities)})


def hold_for_reading(connection: Connection, ids: Sequence[int], *, until: datetime, now: datetime) -> None:
    """`hold`, by the ids of conversations."""
    connection.execute(_HOLD_BY_ID, {"conversations": list(ids), "moment": now, "until": until})


def next_due(connection: Connection) -> datetime | None:
    """When the next delivery is due, or its lease runs out."""
    due: datetime | None = connection.scalar(select(func.min(deliveries.c.due_at)).where(_WAITS))
    return due


def _ended(one: Result) -> dict[str, object]:
    return {"number": one.id, "as_what": one.outcome, "said": one.answer, "ended": one.at}


_WAITS: Final = deliveries.c.status == literal_column("'waiting'")
"""Written out, for a partial index is found by its own words alone."""
_NOW: Final = bindparam("now", type_=Time)
_HELD_ROWS: Final = select(deliveries.c.id, deliveries.c.lease, deliveries.c.attempts).where(among(deliveries.c.id, "ids"), _WAITS)
_HELD: Final = _HELD_ROWS.order_by(deliveries.c.id).with_for_update()
_HELD_UNDER: Final = (
    select(deliveries.c.id)
    .where(among(deliveries.c.id, "ids"), deliveries.c.lease == bindparam("held_under"))
    .order_by(deliveries.c.id)
    .with_for_update()
)
_ONE: Final = deliveries.c.id == bindparam("number")
_FREEZE: Final = update(deliveries).where(_ONE).values(message_id=bindparam("frozen_as"), mail=bindparam("bytes"))
_END: Final = (
    update(deliveries)
    .where(_ONE)
    .values(status=bindparam("as_what"), last_answer=bindparam("said"), finished_at=bindparam("ended", type_=Time), lease=None)
)
_AGAIN: Final = update(deliveries).where(_ONE).values(last_answer=bindparam("said"), due_at=bindparam("again_at", type_=Time), lease=None)


def _take(*which: ColumnElement[Any] | TextClause, order: Sequence[ColumnElement[Any]] = (deliveries.c.due_at, deliveries.c.id)) -> Update:
    due = select(deliveries.c.id).where(*which).order_by(*order).limit(bindparam("limit")).with_for_update(skip_locked=True)
    return (
        update(deliveries)
        .where(among_taken(deliveries.c.id, due))
        .values(lease=bindparam("held_under"), due_at=bindparam("until", type_=Time), attempts=deliveries.c.attempts + 1)
        .returning(*(deliveries.c[name] for name in Claimed.__slots__))
    )


_TAKE: Final = _take(_WAITS, deliveries.c.due_at <= _NOW)
_TAKE_URGENT: Final = _take(text(URGENT), deliveries.c.due_at <= _NOW)
_TAKE_UNTOUCHED: Final = _take(text(UNTOUCHED), order=(deliveries.c.urgent.desc(), deliveries.c.id))
"""What was to leave at once is due whatever the clock says now: it may have stepped back, or be another machine's."""
_NOT_BEGUN: Final = (
    deliveries.c.status == WAITING,
    deliveries.c.kind == "failing",
    deliveries.c.attempts == 0,
    deliveries.c.mail.is_(None),
)
_NAMED: Final = conversations.c.identity.in_(bindparam("identities", expanding=True))
_OF_CONVERSATIONS: Final = (
    deliveries.c.conversation_id.in_(select(conversations.c.id).where(_NAMED, conversations.c.closed_at.is_(None))),
    *_NOT_BEGUN,
)
_BY_ID: Final = (among(deliveries.c.conversation_id, "conversations"), *_NOT_BEGUN)
_MOMENT: Final = bindparam("moment", type_=Time)
_HOLD: Final = (
    update(deliveries).where(*_OF_CONVERSATIONS, deliveries.c.created_at == _MOMENT).values(due_at=bindparam("until", type_=Time))
)
_RELEASE: Final = (
    update(deliveries)  # at once, whatever any clock says now
    .where(*_OF_CONVERSATIONS, deliveries.c.due_at > deliveries.c.created_at)
    .values(due_at=deliveries.c.created_at)
)
_HOLD_BY_ID: Final = update(deliveries).where(*_BY_ID, deliveries.c.created_at == _MOMENT).values(due_at=bindparam("until", type_=Time))
