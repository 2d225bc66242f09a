"""What I put aside for a while: mute and snooze. Both end by themselves."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from gateway.api.models import FOR_EVER, Done, Moment
from gateway.api.operation import Call, Model, Operation
from gateway.api.problem import FieldError, Problem
from gateway.domain import limits
from gateway.storage import inbox, put_aside
from gateway.storage.database import Transaction

UNTIL_RESOLVED: Final = "until-resolved"
NOT_OPEN: Final = "It is not open, so there is nothing to wait for; give a time instead."
PERIODS: Final = {
    "1h": timedelta(hours=1),
    "8h": timedelta(hours=8),
    "1d": timedelta(days=1),
    "1w": timedelta(weeks=1),
    "1m": timedelta(days=30),
}
"""Periods with a name of their own."""
Change = Callable[[Transaction, Mapping[str, Any]], None]
"""What to do with an entry, given as its row."""


class Period(Model):
    """For how long: either `for` or `until`."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [name], "properties": {name: {"type": "string"}}} for name in ("for", "until")]}
    )
    name: Literal["1h", "8h", "1d", "1w", "1m", "until-resolved", "forever"] | None = Field(
        default=None, alias="for", description="`1m` is 30 days; `until-resolved` is for what is open"
    )
    until: Moment | None = None

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Self:
        if (self.name is None) is (self.until is None):
            raise ValueError('give either for, as in {"for": "8h"}, or until, as in {"until": "2026-11-22T07:30:00Z"}')
        return self

    def end(self, now: datetime) -> datetime | None:
        """Until when; None is until it is resolved. Raises a 422 for what is over already."""
        if self.name == UNTIL_RESOLVED:
            return None
        if self.until is None:
            return now + PERIODS[self.name] if self.name in PERIODS else FOR_EVER
        if self.until <= now:
            raise Problem(422, "1 field cannot be used; see errors.", [FieldError(place="body.until", message="must be in the future")])
        return self.until


async def mute(call: Call) -> Done:
    """I hear of it no more and see it no more, urgent or not. Mail about it that has not left does not leave."""

    def change(transaction: Transaction, row: Mapping[str, Any]) -> None:
        refuse_too_many_muted(transaction, call, [row["id"]])
        put_aside.mute(transaction, user_id=call.person.id, ids=[row["id"]], until=_end(call, row), now=call.now)

    return await _with_entry(call, change)


def refuse_too_many_muted(transaction: Transaction, call: Call, ids: Sequence[int]) -> None:
    """Raises a 409 where these, beside those that are muted, are more than a person can mute."""
    others = put_aside.count_muted(transaction, user_id=call.person.id, without=ids, now=call.now, upto=limits.MUTED.most)
    if limits.MUTED.refuses(others + len(ids) - 1):
        raise Problem(409, limits.MUTED.said)


async def unmute(call: Call) -> Done:
    """I hear of it again, from the next news on."""
    return await _with_entry(call, lambda transaction, row: put_aside.unmute(transaction, user_id=call.person.id, ids=[row["id"]]))


async def snooze(call: Call) -> Done:
    """Out of my list, counts and bar; then it is back, unread and on top. A new episode or an escalation wakes it."""

    def change(transaction: Transaction, row: Mapping[str, Any]) -> None:
        put_aside.snooze(transaction, user_id=call.person.id, ids=[row["id"]], until=_end(call, row))

    return await _with_entry(call, change)


async def unsnooze(call: Call) -> Done:
    """It is back now, unread and on top."""
    return await _with_entry(
        call, lambda transaction, row: put_aside.unsnooze(transaction, user_id=call.person.id, ids=[row["id"]], now=call.now)
    )


async def _with_entry(call: Call, change: Change) -> Done:
    def write(transaction: Transaction) -> bool:
        row = inbox.one(transaction, user_id=call.person.id, notification_id=call.id(), now=call.now)
        if row is not None:
            change(transaction, row)
        return row is not None

    if not await call.database.write(write):
        raise Problem(404, "You have no such notification.")
    return Done()


def _end(call: Call, row: Mapping[str, Any]) -> datetime | None:
    until: datetime | None = call.body.end(call.now)
    if until is None and row["status"] != "open":
        raise Problem(409, NOT_OPEN)
    return until


_ROOT: Final = "/api/notifications/{id}"
OPERATIONS: Final = (
    Operation("POST", f"{_ROOT}/mute", "Hear of it no more for a while", mute, Done, body=Period, problems=(404, 409)),
    Operation("POST", f"{_ROOT}/unmute", "Hear of it again", unmute, Done, problems=(404,)),
    Operation("POST", f"{_ROOT}/snooze", "See it again later", snooze, Done, body=Period, problems=(404, 409)),
    Operation("POST", f"{_ROOT}/unsnooze", "See it again now", unsnooze, Done, problems=(404,)),
)
