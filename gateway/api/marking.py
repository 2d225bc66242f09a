"""What I do with several of my entries at once, and how it is taken back."""

from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field

from gateway.api.models import AllRead, FilterQuery, Marked, ReadAt
from gateway.api.notifications import wanted
from gateway.api.operation import Call, Model, Operation
from gateway.api.put_aside import Period, refuse_too_many_muted
from gateway.storage import inbox, put_aside
from gateway.storage.database import Transaction

MOST: Final = 500


def _is_false(value: object) -> object:
    if value is not False:  # 0 is equal to it, and something else in JSON
        raise ValueError("must be a period, or false to take it back")
    return value


_State = bool | None
_Aside = Period | Annotated[Literal[False], BeforeValidator(_is_false)] | None


class Marks(Model):
    """What to set on which of my entries. Absent states stay; false takes back what was put aside."""

    ids: Annotated[list[Annotated[int, Field(ge=1, le=2**53)]], Field(min_length=1, max_length=MOST)]
    read: _State = None
    archived: _State = None
    dismissed: _State = None
    snoozed: _Aside = None
    muted: _Aside = None


async def mark(call: Call) -> Marked:
    """Sets states of several of my entries at once. What is not open cannot wait until it is resolved, and is left out."""
    marks: Marks = call.body

    def write(transaction: Transaction) -> list[int]:
        states = {"read": marks.read, "archived": marks.archived, "dismissed": marks.dismissed}
        ids = inbox.mark(transaction, user_id=call.person.id, ids=marks.ids, now=call.now, **states)
        return _muted(transaction, call, _snoozed(transaction, call, ids))

    return Marked(ids=sorted(await call.database.write(write)))


def _snoozed(transaction: Transaction, call: Call, ids: list[int]) -> list[int]:
    wish: _Aside = call.body.snoozed
    if wish:
        return put_aside.snooze(transaction, user_id=call.person.id, ids=ids, until=wish.end(call.now))
    if wish is False:
        put_aside.unsnooze(transaction, user_id=call.person.id, ids=ids, now=call.now)
    return ids


def _muted(transaction: Transaction, call: Call, ids: list[int]) -> list[int]:
    wish: _Aside = call.body.muted
    if wish:
        refuse_too_many_muted(transaction, call, ids)
        return put_aside.mute(transaction, user_id=call.person.id, ids=ids, until=wish.end(call.now), now=call.now)
    if wish is False:
        put_aside.unmute(transaction, user_id=call.person.id, ids=ids)
    return ids


async def read_all(call: Call) -> AllRead:
    """Marks everything within the filter as read."""
    ids = await call.database.write(inbox.read_all, user_id=call.person.id, wanted=wanted(call), now=call.now)
    return AllRead(ids=sorted(ids), read_at=call.now)


async def unread_all(call: Call) -> Marked:
    """Takes back what was marked as read at exactly this moment, however much it was; what happened since is left alone."""
    return Marked(ids=sorted(await call.database.write(inbox.unread_again, user_id=call.person.id, read_at=call.body.read_at)))


_ROOT: Final = "/api/notifications"
OPERATIONS: Final = (
    Operation(
        "PUT", f"{_ROOT}/v1", "Mark several as read, archived, dismissed, snoozed or muted", mark, Marked, body=Marks, problems=(409,)
    ),
    Operation("POST", f"{_ROOT}/read-all", "Mark all within a filter as read", read_all, AllRead, query=FilterQuery, problems=(404,)),
    Operation("POST", f"{_ROOT}/unread-all", "Take that back", unread_all, Marked, body=ReadAt),
)
