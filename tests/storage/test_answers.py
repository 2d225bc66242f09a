"""Questions to a model: each asked once, whoever asks at the same time, and so many a day."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from gateway.storage import answers
from gateway.storage.answers import ANSWERED, ASKED, FAILED, Kept
from gateway.storage.database import Database
from tests.builders import House
from tests.conftest import Clock

PATIENCE = timedelta(seconds=40)


@pytest.fixture
def house(database: Database, clock: Clock) -> House:
    return House(database, clock)


def take(house: House, key: str = "why", daily: int = 100) -> Kept | bool:
    with house.database.writing() as transaction:
        return answers.take(
            transaction, team_id=house.team_id, key=key, model="m", daily=daily, patience=PATIENCE, now=house.clock()
        )  # fmt: skip


def keep(house: House, key: str = "why", *, summary: dict[str, str] | None, why_not: str | None = None) -> None:
    with house.database.writing() as transaction:
        answers.keep(
            transaction, team_id=house.team_id, key=key, summary=summary, why_not=why_not, tokens=(1, 1),
            until=house.clock() + timedelta(minutes=5),
        )  # fmt: skip


@pytest.mark.req("R88")
def test_of_many_who_ask_the_same_at_once_one_does_and_the_others_wait_for_it(house: House) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: take(house), range(24)))
    assert found.count(True) == 1
    assert {one.status for one in found if isinstance(one, Kept)} == {ASKED}
    keep(house, summary={"headline": "h"})
    kept = take(house)
    assert isinstance(kept, Kept)
    assert (kept.status, kept.summary) == (ANSWERED, {"headline": "h"})


@pytest.mark.req("R88")
def test_however_many_ask_at_once_a_team_asks_no_more_than_its_day_allows(house: House) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: take(house, f"key {number}", daily=3), range(24)))
    assert (found.count(True), found.count(False)) == (3, 21)


@pytest.mark.req("R88")
def test_a_day_ends_at_midnight_in_utc(house: House, clock: Clock) -> None:
    clock.now = datetime(2026, 3, 2, 23, 59, 59, tzinfo=UTC)
    assert take(house, "one", daily=1) is True
    assert take(house, "two", daily=1) is False
    clock.advance(seconds=1)
    assert take(house, "two", daily=1) is True


def test_whoever_asked_and_died_is_not_waited_for_and_a_failure_is_asked_again_later(house: House, clock: Clock) -> None:
    assert take(house) is True
    clock.advance(seconds=39)
    assert isinstance(take(house), Kept)
    clock.advance(seconds=2)
    assert take(house) is True
    keep(house, summary=None, why_not="timeout")
    kept = take(house)
    assert isinstance(kept, Kept)
    assert (kept.status, kept.why_not) == (FAILED, "timeout")
    clock.advance(minutes=6)
    assert take(house) is True


def test_teams_share_no_answers(house: House) -> None:
    assert take(house) is True
    keep(house, summary={"headline": "h"})
    other = house.team("other")
    with house.database.writing() as transaction:
        taken = answers.take(transaction, team_id=other, key="why", model="m", daily=9, patience=PATIENCE, now=house.clock())
    assert taken is True
