"""Folding mails that would be too many into one."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection, bindparam, case, func, literal, not_, or_, select, text, union_all, update

from gateway.domain.flood import WINDOW, Due, Fate, Lately, fates, gathers_for
from gateway.storage.among import among
from gateway.storage.database import insert_for
from gateway.storage.deliveries import Claimed
from gateway.storage.hearing import DIGEST, EMAIL, WAITING, open_digest
from gateway.storage.tables import OPEN_DIGEST, deliveries, delivery_items
from gateway.storage.types import Time

WHY: Final = "too many mails at once: told in one mail instead"


def surplus(connection: Connection, claimed: Sequence[Claimed], *, lease: str, now: datetime) -> list[Claimed]:
    """Those of these mails, claimed under `lease`, that are too many for their readers."""
    readers = sorted({one.user_id for one in claimed if one.kind != DIGEST})
    rows = connection.execute(_LATELY, {"ids": readers, "since": now - WINDOW, "own": lease}) if readers else ()
    lately = {user_id: Lately(urgent, total - urgent) for user_id, total, urgent in rows}
    due = [Due(one.id, one.user_id, one.kind, one.urgent, one.mail is not None) for one in claimed]
    decided = fates(due, lately)
    return [one for one in claimed if decided[one.id] is Fate.FOLDED]


def fold(connection: Connection, mails: Sequence[Claimed], digests: Mapping[int, int], *, now: datetime) -> None:
    """Tells what these mails would have told in one mail for each person and team. `digests`: team → conversation of its digests."""
    groups: dict[tuple[int, int], list[Claimed]] = {}
    for one in sorted(mails, key=lambda one: one.id):
        groups.setdefault((one.user_id, one.team_id), []).append(one)
    for (user_id, team_id), together in sorted(groups.items()):
        digest = _open(connection, user_id, team_id, digests[team_id], together, now)
        for one in together:
            connection.execute(_move(connection), {"digest": digest, "folded": one.id})
    ended = {"ids": [one.id for one in mails], "ended": now, "why": WHY}
    connection.execute(_FOLDED, ended)


def _open(connection: Connection, user_id: int, team_id: int, conversation_id: int, together: Sequence[Claimed], now: datetime) -> int:
    """The person's open digest of the team, due in time; gives its id."""
    statement = insert_for(connection)(deliveries).values(
        user_id=user_id, team_id=team_id, conversation_id=conversation_id, channel=EMAIL, kind=DIGEST, news=uuid4().hex, status=WAITING,
        due_at=now + gathers_for(urgent=any(one.urgent for one in together)), created_at=now, folded=len(together),
    )  # fmt: skip
    sooner = statement.excluded.due_at < deliveries.c.due_at
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["user_id", "conversation_id", "channel"],
            index_where=text(OPEN_DIGEST),
            set_={
                "due_at": case((sooner, statement.excluded.due_at), else_=deliveries.c.due_at),
                "folded": deliveries.c.folded + statement.excluded.folded,
            },
        )
    )
    found: int = connection.execute(
        select(deliveries.c.id).where(deliveries.c.user_id == user_id, deliveries.c.conversation_id == conversation_id, open_digest())
    ).scalar_one()
    return found


def _move(connection: Connection) -> Any:
    parts = select(
        bindparam("digest", type_=deliveries.c.id.type), delivery_items.c.user_id, delivery_items.c.notification_id,
        delivery_items.c.episode, delivery_items.c.reason, literal(False),
    ).where(delivery_items.c.delivery_id == bindparam("folded"), not_(delivery_items.c.cancelled))  # fmt: skip
    statement = insert_for(connection)(delivery_items).from_select(
        ["delivery_id", "user_id", "notification_id", "episode", "reason", "cancelled"], parts
    )
    latest = {name: statement.excluded[name] for name in ("episode", "reason", "cancelled")}
    return statement.on_conflict_do_update(index_elements=["delivery_id", "notification_id"], set_=latest)


_SINGLE: Final = (among(deliveries.c.user_id, "ids"), deliveries.c.kind != DIGEST)
_WERE_SENT: Final = select(deliveries.c.user_id, deliveries.c.urgent).where(
    *_SINGLE, deliveries.c.finished_at > bindparam("since", type_=Time), deliveries.c.status.in_(["sent", "kept"])
)
_ARE_LEAVING: Final = select(deliveries.c.user_id, deliveries.c.urgent).where(
    *_SINGLE,
    deliveries.c.finished_at.is_(None),  # for the index
    deliveries.c.status == WAITING,
    deliveries.c.attempts > 0,
    or_(deliveries.c.lease.is_(None), deliveries.c.lease != bindparam("own")),
)
"""In other hands, or tried and to be tried again: all of these leave one by one."""
_BOTH: Final = union_all(_WERE_SENT, _ARE_LEAVING).subquery()
_LATELY: Final = select(_BOTH.c.user_id, func.count(), func.coalesce(func.sum(case((_BOTH.c.urgent, 1), else_=0)), 0)).group_by(
    _BOTH.c.user_id
)
_FOLDED: Final = (
    update(deliveries)
    .where(among(deliveries.c.id, "ids"))
    .values(status="cancelled", last_answer=bindparam("why"), finished_at=bindparam("ended", type_=Time), lease=None)
)
