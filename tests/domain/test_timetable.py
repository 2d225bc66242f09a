"""When a pipeline is to run, held to a plain oracle that looks at every minute, on the days when clocks are set and on others."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.timetable import Timetable

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kolkata", "Africa/Casablanca")
MINUTE = timedelta(minutes=1)
CLOCKS_SET = (
    datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC),  # Berlin
    datetime(2026, 3, 8, 7, tzinfo=UTC), datetime(2026, 11, 1, 6, tzinfo=UTC),  # New York
    datetime(2026, 4, 4, 15, tzinfo=UTC), datetime(2026, 10, 3, 15, 30, tzinfo=UTC),  # Lord Howe: by half an hour
    datetime(2026, 2, 15, 2, tzinfo=UTC), datetime(2026, 3, 22, 2, tzinfo=UTC),  # Casablanca
)  # fmt: skip


def matches(local: datetime, minute: int | None, hour: int | None) -> bool:
    return (minute is None or local.minute == minute) and (hour is None or local.hour == hour)


def oracle(minute: int | None, hour: int | None, zone: ZoneInfo, begin: datetime, end: datetime) -> set[datetime]:
    """Every time between two whole minutes, in UTC: what names both hour and minute once for each wall time, else each real minute."""
    found: set[datetime] = set()
    fixed = minute is not None and hour is not None
    at = begin
    while at < end:
        local, before = at.astimezone(zone), (at - MINUTE).astimezone(zone)
        if not fixed:
            if matches(local, minute, hour):
                found.add(at)
        else:
            first_time = local.fold == 0
            if first_time and matches(local, minute, hour):
                found.add(at)
            skipped = before.replace(tzinfo=None) + MINUTE
            while skipped < local.replace(tzinfo=None):  # clocks were set forward over these
                if matches(skipped, minute, hour):
                    found.add(at)
                skipped += MINUTE
        at += MINUTE
    return found


@pytest.mark.req("R90")
@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    around=st.sampled_from(CLOCKS_SET),
    minute=st.none() | st.integers(0, 59),
    hour=st.none() | st.integers(0, 23),
    start=st.integers(0, 18 * 60),
)
def test_cron_is_what_a_look_at_every_minute_says_also_when_clocks_are_set(
    zone: str, around: datetime, minute: int | None, hour: int | None, start: int
) -> None:
    begin = around - timedelta(hours=18) + start * MINUTE
    end = begin + timedelta(hours=40)
    table = Timetable(f"{'*' if minute is None else minute} {'*' if hour is None else hour} * * *", None, zone)
    found, at = set(), begin - timedelta(seconds=1)
    while (at := table.after(at)) < end:
        found.add(at)
    assert found == oracle(minute, hour, ZoneInfo(zone), begin, end)


@given(st.integers(0, 365 * 86_400), st.sampled_from(ZONES), st.integers(0, 59), st.integers(0, 23))
@settings(max_examples=200, deadline=None)
def test_the_next_time_is_always_later_and_at_most_a_day_and_an_hour_away(second: int, zone: str, minute: int, hour: int) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
    following = Timetable(f"{minute} {hour} * * *", None, zone).after(at)
    assert at < following <= at + timedelta(hours=25)


@pytest.mark.req("R90")
def test_a_wall_time_that_comes_twice_counts_once_and_one_that_never_comes_counts_when_clocks_are_set() -> None:
    berlin = Timetable("30 2 * * *", None, "Europe/Berlin")
    assert berlin.after(datetime(2026, 10, 24, 12, tzinfo=UTC)) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert berlin.after(datetime(2026, 10, 25, 0, 30, tzinfo=UTC)) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)
    assert berlin.after(datetime(2026, 10, 25, 1, 10, tzinfo=UTC)) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)
    assert berlin.after(datetime(2026, 3, 28, 12, tzinfo=UTC)) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


def test_an_interval_is_real_time_and_begins_with_the_run_before() -> None:
    table = Timetable(None, timedelta(hours=1), "Europe/Berlin")
    assert table.after(datetime(2026, 3, 29, 0, 59, 7, tzinfo=UTC)) == datetime(2026, 3, 29, 1, 59, 7, tzinfo=UTC)
    assert str(table) == "every 1 h"


@pytest.mark.parametrize(
    ("cron", "ran", "following"),
    [
        ("0 2 * * *", "2026-03-02T01:59:30Z", "2026-03-03T02:00:00Z"),
        ("0 2 * * *", "2026-03-02T01:58:30Z", "2026-03-02T02:00:00Z"),
        ("0 2 * * *", "2026-03-02T02:00:00Z", "2026-03-03T02:00:00Z"),
        ("* * * * *", "2026-03-02T01:59:20Z", "2026-03-02T02:00:00Z"),
        ("* * * * *", "2026-03-02T01:59:40Z", "2026-03-02T02:01:00Z"),
    ],
)
def test_a_run_a_little_early_by_a_clock_that_is_behind_is_the_expected_one(cron: str, ran: str, following: str) -> None:
    assert Timetable(cron, None).after_run(datetime.fromisoformat(ran)) == datetime.fromisoformat(following)


def test_a_zone_that_nobody_knows_any_more_is_utc() -> None:
    assert Timetable("0 2 * * *", None, "Mars/Olympus").after(datetime(2026, 3, 2, tzinfo=UTC)) == datetime(2026, 3, 2, 2, tzinfo=UTC)
