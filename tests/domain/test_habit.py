"""What a pipeline's past says about when it runs."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.habit import learn
from gateway.domain.timetable import Timetable

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
"""A Sunday, four weeks after clocks were set back in Berlin."""
BERLIN = ZoneInfo("Europe/Berlin")


def days(count: int, hour: int, minute: int = 0, *, fits: Callable[[datetime], bool] = lambda _: True, jitter: int = 0) -> list[datetime]:
    """A run each of the last days that fit, at this local time, up to `jitter` minutes late."""
    dice = random.Random(7)
    local = [datetime(2026, 11, 22, hour, minute, 4, tzinfo=BERLIN) - timedelta(days=number) for number in range(count)]
    return [(one + timedelta(minutes=dice.randint(0, jitter))).astimezone(UTC) for one in local if fits(one)]


def cron_of(came: list[datetime], zone: str = "Europe/Berlin", now: datetime = NOW) -> str | None:
    habit = learn(came, zone, now)
    return habit.cron if habit else None


@pytest.mark.req("R90")
def test_a_nightly_run_is_told_as_people_say_it() -> None:
    habit = learn(days(15, 2), "Europe/Berlin", NOW)
    assert habit is not None
    assert (habit.cron, habit.zone, habit.sentence) == ("0 2 * * *", "Europe/Berlin", "ran at 02:00 on 14 of the last 14 days")
    assert habit.grace == timedelta(minutes=10)


@pytest.mark.parametrize(
    ("came", "cron"),
    [
        (days(15, 2, jitter=12), "0 2 * * *"),
        (days(15, 2, fits=lambda one: one.day not in (12, 15)), "0 2 * * *"),
        (days(15, 2) + [NOW - timedelta(hours=hours) for hours in (20, 50, 51)], "0 2 * * *"),
        (days(7, 6, 37), "37 6 * * *"),
        (days(15, 0, 1), "1 0 * * *"),
        (days(15, 23, 58), "58 23 * * *"),
        (days(18, 5, 30, fits=lambda one: one.weekday() < 5), "30 5 * * 1-5"),
        (days(28, 7, fits=lambda one: one.weekday() == 0), "0 7 * * 1"),
        (days(28, 7, fits=lambda one: one.weekday() == 6), "0 7 * * 0"),
        ([NOW - timedelta(hours=number, minutes=53) for number in range(40)], "7 * * * *"),
    ],
    ids=["jitter", "gaps", "runs by hand", "a week", "midnight", "before midnight", "weekdays", "Mondays", "Sundays", "hourly"],
)
def test_habits_are_found_through_jitter_gaps_and_runs_by_hand(came: list[datetime], cron: str) -> None:
    random.Random(1).shuffle(came)
    assert cron_of(came) == cron


def test_what_comes_again_after_as_long_is_an_interval() -> None:
    dice = random.Random(3)
    came = [NOW - timedelta(minutes=7 * number, seconds=dice.randint(0, 40)) for number in range(60)]
    habit = learn(came, "UTC", NOW)
    assert habit is not None
    assert habit.interval == timedelta(minutes=7)
    assert habit.sentence.startswith("ran every 7 min, ")


@pytest.mark.parametrize(
    "came",
    [
        [],
        days(3, 2),
        days(28, 2)[6:],
        [NOW - timedelta(hours=hours) for hours in (1, 2, 30, 31, 32, 80, 81, 200, 201, 300)],
        [NOW - timedelta(hours=5, minutes=7 * number) for number in range(60)],
    ],
    ids=["nothing", "too few", "given up", "as people please", "a script that ended"],
)
def test_what_is_no_habit_or_none_any_more_is_not_offered(came: list[datetime]) -> None:
    assert learn(came, "Europe/Berlin", NOW) is None


def test_a_wall_time_is_kept_through_the_night_in_which_clocks_are_set() -> None:
    now = datetime(2026, 10, 30, 9, 0, tzinfo=UTC)
    local = [datetime(2026, 10, 30, 2, 0, 9, tzinfo=BERLIN) - timedelta(days=number) for number in range(15)]
    assert cron_of([one.astimezone(UTC) for one in local], now=now) == "0 2 * * *"
    assert cron_of([one.astimezone(UTC) for one in local], "UTC", now) != "0 2 * * *"


@settings(max_examples=150, deadline=None)
@given(
    hour=st.integers(0, 23), minute=st.integers(0, 59), jitter=st.integers(0, 15), count=st.integers(6, 25),
    lost=st.sets(st.integers(1, 25), max_size=1), zone=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata"]),
)  # fmt: skip
def test_what_is_offered_would_have_been_kept(hour: int, minute: int, jitter: int, count: int, lost: set[int], zone: str) -> None:
    dice = random.Random(count)
    at = datetime(2026, 11, 21, hour, minute, 5, tzinfo=ZoneInfo(zone))
    nights = [number for number in range(count) if number not in lost]
    came = [(at - timedelta(days=number) + timedelta(minutes=dice.randint(0, jitter))).astimezone(UTC) for number in nights]
    habit = learn(came, zone, NOW)
    assert habit is not None
    assert habit.cron is not None
    table = Timetable(habit.cron, None, zone)
    expected = table.after(min(came) - timedelta(hours=1))
    assert abs(expected - min(came)) <= timedelta(minutes=30)
    assert sum(table.after(one - habit.grace) <= one for one in came) >= len(came) - 2, "nearly all runs came within the grace"


@given(st.lists(st.integers(0, 40 * 86_400), max_size=80))
@settings(max_examples=200, deadline=None)
def test_no_past_is_too_odd(seconds: list[int]) -> None:
    learn([NOW - timedelta(seconds=one) for one in seconds], "America/Sao_Paulo", NOW)
