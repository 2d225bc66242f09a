"""What silence means: the table of verdicts, and that no order of looking makes two alarms of one silence."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.expectation import PATIENCE, Came, Expectation, Lateness, Reason, Standing, Verdict, awaited_from, decide
from gateway.domain.timetable import Timetable

HOURLY = Expectation(Timetable("0 * * * *", None), timedelta(minutes=10))
EVERY = Expectation(Timetable(None, timedelta(hours=1)), timedelta(minutes=10))
DAY = datetime(2026, 3, 2, tzinfo=UTC)


def clock(text: str) -> datetime:
    hours, minutes = map(int, text.split(":"))
    return DAY + timedelta(hours=hours, minutes=minutes)


def look(
    now: str, *, expected: str | None = "10:00", lateness: Lateness = Lateness.NONE, came: tuple[str, str] | None = None,
    held: str | None = None, certain: bool = True, what: Expectation = HOURLY,
) -> Verdict:  # fmt: skip
    standing = Standing(expected and clock(expected), lateness, held and clock(held))
    return decide(what, standing, Came(clock(came[0]), clock(came[1])) if came else None, clock(now), certain=certain)


@pytest.mark.req("R90")
@pytest.mark.parametrize(
    ("given", "reason", "expected", "due"),
    [
        ({"now": "09:30", "expected": None}, Reason.BEGUN, "10:00", "10:10"),
        ({"now": "09:30"}, Reason.EARLY, "10:00", "10:10"),
        ({"now": "10:09"}, Reason.EARLY, "10:00", "10:10"),
        ({"now": "10:10"}, Reason.LATE, "10:00", "11:10"),
        ({"now": "10:10", "came": ("10:02", "10:02")}, Reason.ON_TIME, "11:00", "11:10"),
        ({"now": "10:11", "came": ("10:11", "10:11")}, Reason.UNNOTICED, "11:00", "11:10"),
        ({"now": "11:00", "lateness": Lateness.LATE}, Reason.STILL, "10:00", "11:10"),
        ({"now": "11:10", "lateness": Lateness.LATE}, Reason.MISSING, "10:00", None),
        ({"now": "19:00", "lateness": Lateness.MISSING}, Reason.STILL, "10:00", None),
        ({"now": "19:00"}, Reason.MISSING, "10:00", None),
        ({"now": "19:00", "came": ("10:01", "14:01")}, Reason.ON_TIME, "15:00", "15:10"),
        ({"now": "10:42", "lateness": Lateness.LATE, "came": ("10:40", "10:40")}, Reason.ARRIVED, "11:00", "11:10"),
        ({"now": "19:02", "lateness": Lateness.MISSING, "came": ("19:01", "19:01")}, Reason.ARRIVED, "20:00", "20:10"),
    ],
)
def test_a_monitor_is_judged_as_the_table_says(given: dict[str, object], reason: Reason, expected: str, due: str | None) -> None:
    verdict = look(**given)  # type: ignore[arg-type]
    assert verdict.reason is reason
    assert verdict.standing.expected_at == clock(expected)
    assert verdict.due_at == (due and clock(due))


@pytest.mark.req("R90")
def test_what_came_late_says_how_many_never_came() -> None:
    assert look("10:42", lateness=Lateness.LATE, came=("10:40", "10:40")).missed == 0
    assert look("19:02", lateness=Lateness.MISSING, came=("19:01", "19:01")).missed == 9
    assert look("19:02", lateness=Lateness.MISSING, came=("19:01", "19:01"), what=EVERY).missed == 9
    assert look("19:00", lateness=Lateness.MISSING, came=("18:59", "18:59")).missed == 8 + 1, "a minute early is that of 19:00"


@pytest.mark.req("R90")
def test_an_arrival_is_never_before_the_alarm_it_ends() -> None:
    in_time = look("10:30", lateness=Lateness.LATE, came=("10:03", "10:03"))
    assert (in_time.reason, in_time.at) == (Reason.ARRIVED, clock("10:10"))
    assert look("19:02", lateness=Lateness.MISSING, came=("10:03", "10:03")).at == clock("11:10")


@pytest.mark.req("R90")
def test_what_may_not_have_been_read_yet_is_waited_for_and_no_longer_than_patience() -> None:
    first = look("10:10", certain=False)
    assert (first.reason, first.standing.held_since) == (Reason.UNCERTAIN, clock("10:10"))
    assert look("10:14", certain=False, held="10:10").reason is Reason.UNCERTAIN
    assert look("10:12", certain=True, held="10:10").reason is Reason.LATE
    assert look("10:15", certain=False, held="10:10").reason is Reason.LATE
    assert timedelta(minutes=5) == PATIENCE


@pytest.mark.req("R90")
def test_a_clock_that_is_set_back_leaves_nothing_to_be_waited_for_longer_than_usual() -> None:
    assert look("10:00", expected="22:00").standing.expected_at == clock("11:00")
    assert look("10:00", expected="22:00", what=EVERY).standing.expected_at == clock("11:00")
    assert look("10:59", expected="12:00").reason is Reason.EARLY, "it ran a minute early, as that of 11:00"


HOURS = st.lists(st.floats(0, 48), max_size=30).map(sorted)


@pytest.mark.req("R90")
@settings(max_examples=300, deadline=None)
@given(runs=HOURS, looks=HOURS, interval=st.booleans())
def test_whenever_it_is_looked_each_silence_is_told_once_late_once_missing_and_once_over(
    runs: list[float], looks: list[float], interval: bool
) -> None:
    what = EVERY if interval else HOURLY
    came = [DAY + timedelta(hours=hours) for hours in runs]
    standing, told = Standing(), []
    for hours in looks:
        now = DAY + timedelta(hours=hours)
        for _ in range(60):
            since = awaited_from(what.timetable, standing.expected_at) if standing.expected_at else now
            fitting = [one for one in came if since <= one <= now]
            verdict = decide(what, standing, Came(fitting[0], fitting[-1]) if fitting else None, now, certain=True)
            if verdict.standing == standing:
                break
            if verdict.reason in (Reason.LATE, Reason.MISSING, Reason.ARRIVED):
                told.append((verdict.reason, verdict.at))
            standing = verdict.standing
        assert decide(what, standing, None, now, certain=True).standing.expected_at is not None
    for (before, at), (after, later) in itertools.pairwise(told):
        assert (
            after
            not in {Reason.LATE: {Reason.LATE}, Reason.MISSING: {Reason.LATE, Reason.MISSING}, Reason.ARRIVED: {Reason.ARRIVED}}[before]
        )
        assert later >= at, "what ends an alarm is not before it"
    assert not told or told[0][0] is not Reason.ARRIVED
