"""The episodes that are written down are those that the history of a thread has, in whatever order it was heard."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gateway.domain.episode import episodes
from gateway.engine import settle
from gateway.storage import inbox, retention, tables, threads
from gateway.storage.database import Database
from tests.builders import House, failure, recovery
from tests.conftest import Clock

pytestmark = pytest.mark.req("R94")
KEPT = ("opened_at", "resolved_at", "ended_by", "happenings", "flapped")


@pytest.fixture
def house(database: Database, clock: Clock) -> House:
    house = House(database, clock)
    house.user("ana", role="admin")
    return house


def written(house: House) -> list[dict[str, Any]]:
    return sorted(house.rows(tables.episodes), key=lambda row: row["opened_at"])


DEEDS = st.sampled_from(["fail", "fail", "recover", "recover", "close"])
STEPS = st.lists(st.tuples(DEEDS, st.integers(0, 40), st.integers(0, 3)), min_size=2, max_size=14)


@settings(max_examples=25, deadline=None, phases=[Phase.generate], derandomize=True, suppress_health_check=list(HealthCheck))
@given(steps=STEPS, at_once=st.booleans())
def test_in_any_order_they_are_those_of_the_history(database: Database, steps: list[tuple[str, int, int]], at_once: bool) -> None:
    with database.writing() as transaction:
        for table in (tables.episodes, tables.processing, tables.notifications, tables.users, tables.teams):
            transaction.execute(table.delete())
    clock = Clock()
    house = House(database, clock)
    house.user("ana")
    for number, (step, minute, wait) in enumerate(steps):
        clock.advance(minutes=20 * wait)
        if step == "close":
            house.process()
            house.settle()
            for row in house.rows(tables.notifications):
                with database.writing() as transaction:
                    settle.close_by_hand(transaction, notification_id=row["id"], who="Ana", now=clock())
        else:
            make = failure if step == "fail" else recovery
            house.send(make(run=f"r{number}", when=60 * minute))
        if not at_once:
            house.process()
            house.settle()
    house.process()
    clock.advance(hours=3)
    house.settle()
    (thread,) = house.rows(tables.notifications)
    with database.reading() as transaction:
        known = threads.history(transaction, thread["id"])
    expected = [tuple(getattr(one, name) for name in KEPT) for one in episodes(known, clock())]
    assert [tuple(row[name] for name in KEPT) for row in written(house)] == expected


def test_an_acknowledgement_counts_from_the_first_time_and_one_taken_back_never_was(house: House, clock: Clock) -> None:
    house.say(failure(run="a", level="warning"))

    def acknowledge(*, taken_back: bool = False) -> Any:
        clock.advance(minutes=10)
        with house.database.writing() as transaction:
            inbox.acknowledge(transaction, user_id=1, notification_id=1, now=clock(), taken_back=taken_back)
        return written(house)[0]["acknowledged_at"]

    first = acknowledge()
    assert first == clock()
    assert acknowledge() == first, "somebody else is on it as well"
    assert acknowledge(taken_back=True) is None
    again = acknowledge()
    assert again == clock()
    house.say(failure(run="b", level="error"))  # it got worse: the thread has it no more, the figures do
    assert house.rows(tables.notifications)[0]["acknowledged_at"] is None
    assert acknowledge() == again
    assert acknowledge(taken_back=True) == again, "what is taken back is the second one"
    clock.advance(minutes=1)
    house.say(recovery(run="c"))
    clock.advance(minutes=1)
    house.say(failure(run="d"))
    assert [row["acknowledged_at"] for row in written(house)] == [again, None]


def test_alerts_are_counted_by_how_often_people_are_told(house: House, clock: Clock) -> None:
    house.say(failure(run="a"))
    house.say(failure(run="b"))
    assert (written(house)[0]["alerts"], written(house)[0]["happenings"]) == (1, 2)
    clock.advance(days=2)
    house.settle()
    house.say(recovery(run="c"))
    assert written(house)[0]["alerts"] == 3, "the failure, a reminder, the recovery"


def test_what_recovers_before_its_hold_is_over_is_none(house: House, clock: Clock) -> None:
    held = house.source("held", hold="5m")
    house.say(failure(run="a"), source_id=held)
    clock.advance(minutes=1)
    house.say(recovery(run="b"), source_id=held)
    clock.advance(minutes=10)
    house.settle()
    assert written(house) == []


def test_they_outlive_their_thread_and_go_after_400_days(house: House, clock: Clock) -> None:
    house.say(failure(run="a"))
    house.say(recovery(run="b"))
    with house.database.writing() as transaction:
        transaction.execute(tables.notifications.delete())
    assert len(written(house)) == 1
    clock.advance(days=401)
    sweep = retention.Sweep(now=clock())
    gone = 0
    while True:
        with house.database.writing() as transaction:
            picked = sweep.pick(transaction)
            if picked is None:
                break
            gone += sweep.remove(transaction, picked) if picked.room == "episodes" else 0
    assert (gone, written(house)) == (1, [])
