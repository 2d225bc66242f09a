"""What a team calls urgent, when people are reminded, and what they close by hand; on both engines."""

import pytest

from gateway.config.document import Team
from gateway.domain.policy import DEFAULT, Policy
from gateway.engine import settle
from gateway.storage import inbox, people
from gateway.storage.database import Database
from mappers.contract import Category, Level
from tests.builders import House, failure, recovery
from tests.conftest import Clock


@pytest.fixture
def house(database: Database, clock: Clock) -> House:
    return House(database, clock)


def told(house: House, clock: Clock, user_id: int, *hours: float) -> list[int]:
    """How many reminders a person had after each of these hours."""
    counts, passed = [], 0.0
    for hour in hours:
        clock.advance(hours=hour - passed)
        passed = hour
        house.settle()
        house.deliver()
        counts.append(sum(kind == "reminder" for kind, _ in house.mails(user_id)))
    return counts


@pytest.mark.req("R41")
def test_what_is_urgent_and_nobodys_is_reminded_of_after_half_an_hour_and_then_every_four(house: House, clock: Clock) -> None:
    ana = house.user("ana")
    house.say(failure())
    house.deliver()
    assert told(house, clock, ana, 0.4, 0.5, 0.6, 4.4, 4.5, 8.5) == [0, 1, 1, 1, 2, 3]


@pytest.mark.req("R41", "R64")
def test_what_is_acknowledged_is_reminded_of_once_a_day_and_soon_again_when_that_is_taken_back(house: House, clock: Clock) -> None:
    ana = house.user("ana")
    house.say(failure())
    house.deliver()
    thread = house.thread()["id"]
    with house.database.writing() as transaction:
        inbox.acknowledge(transaction, user_id=ana, notification_id=thread, now=clock.now, taken_back=False)
    assert told(house, clock, ana, 0.5, 8, 23.9, 24, 25) == [0, 0, 0, 1, 1]


@pytest.mark.req("R41")
def test_what_is_not_urgent_is_reminded_of_once_a_day_until_it_is_over(house: House, clock: Clock) -> None:
    ana = house.user("ana")
    house.say(failure(level="warning"))
    house.deliver()
    assert told(house, clock, ana, 23, 24, 47, 48) == [0, 1, 1, 2]
    house.say(recovery())
    house.deliver()
    assert told(house, clock, ana, 24, 48) == [2, 2]
    assert house.thread()["remind_at"] is None


@pytest.mark.req("R41")
def test_nobody_is_reminded_of_a_note_of_what_is_held_or_of_what_was_replayed(house: House, clock: Clock) -> None:
    ana = house.user("ana")
    house.say(failure(state="note", event_data={"a": 1}))
    house.say(failure(event_data={"a": 2}, hold=7200))
    event_id = house.send(failure(event_data={"a": 3}))
    clock.advance(hours=25)
    house.process()
    house.deliver()
    assert event_id
    assert told(house, clock, ana, 1) == [0]


@pytest.mark.req("R41", "R54")
def test_who_muted_or_snoozed_it_is_not_reminded(house: House, clock: Clock) -> None:
    ana, ben, eve = (house.user(name) for name in ("ana", "ben", "eve"))
    house.say(failure())
    house.deliver()
    house.set_entry(ana, muted_until=clock.now.replace(year=2030))
    house.set_entry(ben, snoozed_until=clock.now.replace(year=2030))
    assert (told(house, clock, ana, 1), told(house, clock, ben, 0), told(house, clock, eve, 0)) == ([0], [0], [1])


@pytest.mark.req("R41")
def test_a_reminder_that_has_not_left_is_cancelled_by_the_recovery(house: House, clock: Clock) -> None:
    ana = house.user("ana")
    house.say(failure())
    house.deliver()
    clock.advance(hours=1)
    house.settle()
    house.say(recovery())
    assert house.mails(ana) == [("failing", "sent"), ("reminder", "cancelled"), ("resolved", "waiting")]


@pytest.mark.req("R32")
def test_a_team_says_itself_what_is_urgent(house: House, clock: Clock) -> None:
    ana = house.user("ana")
    with house.database.writing() as transaction:
        policy = Team(slug="acme", urgent={Category.LATE_RUN: Level.WARNING}).policy
        people.put_team(transaction, slug="acme", name="acme", base_url=None, now=clock.now, policy=policy)
    house.say(failure())
    house.say(failure(slug="late", category="late_run", level="warning", title="late"))
    assert [row["title"] for row in house.bar(ana)] == ["late"]


def test_what_a_team_leaves_out_is_as_by_default() -> None:
    assert Policy.of(None) == Policy.of(Team(slug="acme").policy) == DEFAULT
    some = Policy.of(Team.model_validate({"slug": "acme", "reminders": {"every": "2d"}}).policy)
    assert (some.remind_every.days, some.urgent_every, some.urgent) == (2, DEFAULT.urgent_every, DEFAULT.urgent)


@pytest.mark.req("R49")
def test_what_is_resolved_by_hand_is_over_for_everyone_and_opens_again_with_the_next_failure(house: House, clock: Clock) -> None:
    ana, ben = house.user("ana"), house.user("ben")
    house.say(failure("a", run="r1"), failure("b", run="r1"))
    house.deliver()
    thread = house.thread()["id"]
    clock.advance(minutes=5)
    for expected in (True, False):
        with house.database.writing() as transaction:
            assert settle.close_by_hand(transaction, notification_id=thread, who="Ben", now=clock.now) is expected
    assert house.bar(ana) == []
    row = house.thread()
    assert (row["status"], row["firing"], row["resolved_at"]) == ("resolved", 0, clock.now)
    assert house.mails(ana) == house.mails(ben) == [("failing", "sent"), ("resolved", "waiting")]
    clock.advance(minutes=5)
    house.say(failure("a", run="r2"))
    row = house.thread()
    assert (row["status"], row["episode"], row["firing"]) == ("open", 2, 1)


@pytest.mark.req("R47", "R49")
def test_a_failure_of_before_that_comes_after_the_closing_by_hand_has_passed(house: House, clock: Clock) -> None:
    ana = house.user("ana")
    house.say(failure(run="r1", when=3600 - 60))
    with house.database.writing() as transaction:
        settle.close_by_hand(transaction, notification_id=house.thread()["id"], who="Ana", now=clock.now)
    house.say(failure(run="r0", when=3600 - 120))
    assert house.thread()["status"] == "resolved"
    assert house.bar(ana) == []


def test_what_is_held_and_unseen_can_be_closed_by_hand_without_telling_anyone(house: House, clock: Clock) -> None:
    ana = house.user("ana")
    house.say(failure(hold=600))
    with house.database.writing() as transaction:
        assert settle.close_by_hand(transaction, notification_id=house.thread()["id"], who="Ana", now=clock.now)
    clock.advance(hours=1)
    house.settle()
    assert house.inbox(ana) == []
    assert house.mails(ana) == []


def test_the_first_failure_that_anybody_sees_is_called_so_whatever_came_and_went_on_hold_before(house: House, clock: Clock) -> None:
    ana = house.user("ana")
    house.say(failure(hold=600))
    house.say(recovery())
    clock.advance(hours=1)
    house.say(failure())
    assert house.entry(ana)["reason"] == "first"
    clock.advance(hours=1)
    house.say(recovery())
    clock.advance(hours=1)
    house.say(failure())
    assert house.entry(ana)["reason"] == "reopened"
