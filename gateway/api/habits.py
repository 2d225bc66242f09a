"""Pipelines that nobody watches and that run as if by a timetable: offered, taken, or refused for good."""

from typing import Final

from pydantic import BaseModel

from gateway.api.models import Done
from gateway.api.operation import Call
from gateway.api.problem import Problem
from gateway.domain.habit import LOOK_BACK, MOST, Habit, learn
from gateway.storage import audit, habits
from gateway.storage.database import Transaction
from gateway.storage.habits import Unwatched

PIPELINES: Final = 100
"""Those that ran last are looked at."""
_NO_SUCH: Final = "There is no such pipeline, or it has no habit, or it is watched already."


class Suggestion(BaseModel):
    """A pipeline and the timetable that its past fits."""

    id: int
    """The pipeline's."""
    team: str
    source: str
    pipeline: str
    environment: str
    cron: str | None
    interval_seconds: int | None
    timezone: str
    grace_seconds: int
    seen: int
    of: int
    """In how many of how many days, weekdays, weeks, hours or runs it did so."""
    sentence: str
    """As in `ran at 02:00 on 14 of the last 14 days`."""


class Suggestions(BaseModel):
    """What might be watched."""

    items: list[Suggestion]
    next: None = None


async def list_suggestions(call: Call) -> Suggestions:
    """Pipelines that run by habit and that nobody watches, in my own time zone; of the hundred that ran last."""

    def find(transaction: Transaction) -> list[Suggestion]:
        team_ids = call.team_ids(call.query.team)
        found = habits.unwatched(transaction, team_ids=team_ids, since=call.now - LOOK_BACK, limit=PIPELINES)
        return [_suggestion(one, habit) for one in found if (habit := _habit(transaction, call, one.id)) is not None]

    return Suggestions(items=await call.database.read(find))


async def refuse_suggestion(call: Call) -> Done:
    """Nobody in the team is asked about this pipeline again."""

    def refuse(transaction: Transaction) -> None:
        one = _one(transaction, call)
        habits.refuse(transaction, one.id, now=call.now)
        target = f"{one.source}/{one.name}"
        audit.note(transaction, by=call.person, team_id=one.team_id, action="monitor.refused", target=target, now=call.now)

    await call.database.write(refuse)
    return Done()


def suggestion(transaction: Transaction, call: Call) -> tuple[Unwatched, Habit]:
    """The pipeline that a call names, and its habit. Raises a 404 where it is not offered."""
    one = _one(transaction, call)
    habit = _habit(transaction, call, one.id)
    if habit is None:
        raise Problem(404, _NO_SUCH)
    return one, habit


def _one(transaction: Transaction, call: Call) -> Unwatched:
    found = habits.unwatched(transaction, team_ids=call.team_ids(None), since=call.now - LOOK_BACK, limit=1, pipeline_id=call.id())
    if not found:
        raise Problem(404, _NO_SUCH)
    call.require("member", found[0].team_id)
    return found[0]


def _habit(transaction: Transaction, call: Call, pipeline_id: int) -> Habit | None:
    return learn(habits.came(transaction, pipeline_id, since=call.now - LOOK_BACK, limit=MOST), call.person.zone, call.now)


def _suggestion(one: Unwatched, habit: Habit) -> Suggestion:
    return Suggestion(
        id=one.id, team=one.team, source=one.source, pipeline=one.name, environment=one.environment, cron=habit.cron,
        interval_seconds=int(habit.interval.total_seconds()) if habit.interval else None, timezone=habit.zone,
        grace_seconds=int(habit.grace.total_seconds()), seen=habit.seen, of=habit.of, sentence=habit.sentence,
    )  # fmt: skip
