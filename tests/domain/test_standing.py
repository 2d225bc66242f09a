"""When something that is looked at now and then is down, and when it is looked at next."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.certificate import News, news_of
from gateway.domain.standing import Standing, Turn, first_look, next_look
from tests.conftest import NOW

MINUTE = timedelta(minutes=1)


def run(outcomes: str, tries: int = 3) -> str:
    """`f`ailures and successes as they come; what was told at each: `D`own, `U`p, or nothing."""
    standing, told = Standing(), ""
    for number, outcome in enumerate(outcomes):
        standing, turn = standing.after(outcome == "f", at=NOW + number * MINUTE, tries=tries)
        told += {Turn.DOWN: "D", Turn.UP: "U", None: "."}[turn]
    return told


@pytest.mark.parametrize(
    ("outcomes", "told"),
    [
        ("ss", ".."),
        ("ff", ".."),
        ("fff", "..D"),
        ("fffff", "..D.."),
        ("ffs", "..."),
        ("fffs", "..DU"),
        ("fffsfff", "..DU..D"),
        ("fffss", "..DU."),
    ],
)
def test_only_turns_are_told(outcomes: str, told: str) -> None:
    assert run(outcomes) == told


@given(st.text("sf", max_size=60), st.integers(1, 5))
@settings(deadline=None)
def test_down_and_up_take_turns_and_nothing_goes_down_before_its_tries(outcomes: str, tries: int) -> None:
    told = run(outcomes, tries)
    turns = told.replace(".", "")
    assert turns == ("DU" * len(turns))[: len(turns)]
    for place, turn in enumerate(told):
        if turn == "D":
            assert outcomes[: place + 1].endswith("f" * tries)
        if turn == "U":
            assert outcomes[place] == "s"


def test_it_is_down_since_the_first_failure_in_a_row() -> None:
    standing = Standing()
    for number, failed in enumerate([True, False, True, True, True, True]):
        standing, _ = standing.after(failed, at=NOW + number * MINUTE, tries=3)
    assert (standing.since, standing.failures, standing.is_down) == (NOW + 2 * MINUTE, 4, True)


@given(st.integers(-10_000, 100_000), st.integers(1, 90_000))
@settings(deadline=None)
def test_the_next_look_is_later_than_now_by_no_more_than_once_the_interval_and_keeps_its_beat(since: int, seconds: int) -> None:
    due, every = NOW, timedelta(seconds=seconds)
    at = NOW + timedelta(seconds=since)
    found = next_look(due, every, at)
    assert found > at
    assert found - at <= max(every, due - at)
    assert (found - due) % every == timedelta()


@given(st.integers(2, 60))
@settings(deadline=None)
def test_first_looks_are_spread_over_the_first_minute(count: int) -> None:
    found = sorted((first_look(number, timedelta(hours=1), NOW) - NOW).total_seconds() for number in range(count))
    assert found[0] >= 0
    assert found[-1] < 60
    assert min(later - earlier for earlier, later in pairwise(found)) > 60 / count / 3


def ends(days: float) -> datetime:
    return NOW + timedelta(days=days)


@pytest.mark.parametrize(
    ("ends_at", "told", "news"),
    [
        (None, None, None),
        (ends(30), None, None),
        (ends(14), None, News.EXPIRING),
        (ends(3), ends(3), None),
        (ends(-1), None, News.EXPIRING),
        (ends(90), ends(3), News.RENEWED),
        (ends(5), ends(3), News.EXPIRING),
        (None, ends(3), None),
    ],
)
def test_of_a_certificate_people_are_told_once_that_it_ends_and_once_that_another_is_in_use(
    ends_at: datetime | None, told: datetime | None, news: News | None
) -> None:
    assert news_of(ends_at, told=told, now=NOW, before=timedelta(days=14)) is news
