"""What silence means: whether a run that was expected is late, never came, or came after all. Pure, and each verdict names its reason.

A monitor waits for one run at a time. Nothing is told of the runs it waited for in vain but of the first: one word when it is late,
one when the next was due as well, one when it ran again.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from gateway.domain.timetable import SLACK, Timetable

PATIENCE: Final = timedelta(minutes=5)
"""How long what may not have been read yet is waited for before a run is called late all the same."""
LOOK_AGAIN: Final = timedelta(seconds=2)
"""When to look again at what is not certain."""
MOST_MISSED: Final = 999


class Lateness(StrEnum):
    """What people were told."""

    NONE = "none"
    LATE = "late"
    MISSING = "missing"
    """It did not run at all: nothing came when it was due again."""


class Reason(StrEnum):
    """Why a monitor stands as it does."""

    BEGUN = "begun"
    """It waits for the first run after it was made, changed or resumed."""
    EARLY = "early"
    """It is not late yet."""
    ON_TIME = "on-time"
    UNNOTICED = "unnoticed"
    """It came after its grace, before anybody was told: nobody is."""
    UNCERTAIN = "uncertain"
    """It may have come: not everything that arrived has been read."""
    LATE = "late"
    MISSING = "missing"
    STILL = "still"
    """People know."""
    ARRIVED = "arrived"


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is expected of a pipeline."""

    timetable: Timetable
    grace: timedelta
    max_duration: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a monitor is."""

    expected_at: datetime | None = None
    """The run it waits for. None: to be reckoned, from now."""
    lateness: Lateness = Lateness.NONE
    held_since: datetime | None = None
    """Since when it would be late were everything certain."""


@dataclass(frozen=True, slots=True)
class Came:
    """When runs came that may be the expected one: the first and the last of them."""

    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """How it stands now, why, and when to look again; None: when a run comes."""

    reason: Reason
    standing: Standing
    due_at: datetime | None
    at: datetime
    """When it became so."""
    missed: int = 0
    """Expected runs that never came, now that one did."""


def decide(expected: Expectation, before: Standing, came: Came | None, now: datetime, *, certain: bool) -> Verdict:
    """The verdict on a monitor. `came`: of the runs from `awaited_from` on. `certain`: whether all that came by the end of the
    grace is known."""
    at = before.expected_at
    if at is None or at > _latest(expected.timetable, now):  # the second: a clock was set back
        return _wait(Reason.BEGUN, expected, expected.timetable.after(now), now)
    if came is not None:
        following = expected.timetable.after_run(came.last)
        if before.lateness is not Lateness.NONE:
            missed = missed_between(expected.timetable, at, came.first)
            return replace(_wait(Reason.ARRIVED, expected, following, max(came.first, told_at(expected, before))), missed=missed)
        on_time = came.first <= at + expected.grace
        return _wait(Reason.ON_TIME if on_time else Reason.UNNOTICED, expected, following, came.first)
    if now < late_at(expected, at):
        return Verdict(Reason.EARLY, before, late_at(expected, at), now)
    if before.lateness is Lateness.MISSING:
        return Verdict(Reason.STILL, before, None, now)
    gone = missing_at(expected, at)
    if before.lateness is Lateness.LATE and now < gone:
        return Verdict(Reason.STILL, before, gone, now)
    held_since = before.held_since or now
    if not certain and now < held_since + PATIENCE:
        return Verdict(Reason.UNCERTAIN, replace(before, held_since=held_since), now + LOOK_AGAIN, now)
    if now >= gone:
        return Verdict(Reason.MISSING, Standing(at, Lateness.MISSING), None, gone)
    return Verdict(Reason.LATE, Standing(at, Lateness.LATE), gone, late_at(expected, at))


def late_at(expected: Expectation, at: datetime) -> datetime:
    """When the run expected at `at` is late."""
    return at + expected.grace


def missing_at(expected: Expectation, at: datetime) -> datetime:
    """When it did not run at all: a whole further period was silent."""
    return expected.timetable.after(at) + expected.grace


def told_at(expected: Expectation, standing: Standing) -> datetime:
    """The time that people were last told it is late from."""
    assert standing.expected_at is not None
    return (missing_at if standing.lateness is Lateness.MISSING else late_at)(expected, standing.expected_at)


def awaited_from(timetable: Timetable, at: datetime) -> datetime:
    """From when on a run is the one expected at `at`; of an interval, any after the one that it began with."""
    return at - timetable.slack(at) if timetable.interval is None else at - timetable.interval + timedelta(microseconds=1)


def missed_between(timetable: Timetable, at: datetime, came: datetime) -> int:
    """How many runs expected from `at` on never came, where the next one that did came at `came`; at most `MOST_MISSED`."""
    if timetable.interval is not None:
        return min(max((came - at) // timetable.interval, 0), MOST_MISSED)
    missed, following = 0, timetable.after(at)
    while missed < MOST_MISSED and following - timetable.slack(following) <= came:
        missed, following = missed + 1, timetable.after(following)
    return missed


def _latest(timetable: Timetable, now: datetime) -> datetime:
    """No run can be expected later than this."""
    return timetable.after(now if timetable.cron is None else now + SLACK)


def _wait(reason: Reason, expected: Expectation, at: datetime, since: datetime) -> Verdict:
    return Verdict(reason, Standing(at), late_at(expected, at), since)
