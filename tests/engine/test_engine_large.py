"""A large team is told later, in ranges; those whom a notification names are told at once; on both engines."""

import pytest

from gateway.engine import create
from gateway.engine.create import Wanted
from gateway.storage import tables, teams
from gateway.storage.database import Database
from mappers.contract import Category, Draft, Level
from tests.builders import House, failure
from tests.conftest import Clock


@pytest.fixture
def house(database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr(teams, "is_large", lambda *_: True)
    return House(database, clock)


def test_a_large_team_is_told_once_the_ranges_come_to_its_people(house: House) -> None:
    ana, ben = house.user("ana"), house.user("ben")
    house.say(failure())
    assert house.inbox(ana) == []
    assert house.fan_out() == 1
    assert [len(house.inbox(user_id)) for user_id in (ana, ben)] == [1, 1]
    assert [house.mails(user_id) for user_id in (ana, ben)] == [[("failing", "waiting")]] * 2
    assert house.rows(tables.fan_outs) == []


@pytest.mark.req("R38")
def test_in_a_large_team_named_people_are_told_at_once_and_nobody_between_them(house: House, clock: Clock) -> None:
    first, between, last = (house.user(name) for name in ("ana", "ben", "eve"))
    draft = Draft(slug="told", event_data={"a": 1}, category=Category.SYSTEM, level=Level.ERROR, title="Told")
    with house.database.writing() as transaction:
        create.create(transaction, Wanted(house.team_id, draft, users=(last, first)), clock.now)
    assert [len(house.inbox(user_id)) for user_id in (first, between, last)] == [1, 0, 1]
    assert [len(house.mails(user_id)) for user_id in (first, between, last)] == [1, 0, 1]
    assert house.fan_out() == 0
