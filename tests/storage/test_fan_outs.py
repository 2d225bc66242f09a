"""Large teams are told in ranges: everyone once, in order, wherever a worker dies and however many there are."""

import threading
import tracemalloc
from collections import Counter
from collections.abc import Callable

import pytest

from gateway.engine import tell
from gateway.storage import fan_outs, tables
from gateway.storage.database import Database
from gateway.storage.teams import LARGE
from tests.builders import House, failure, recovery
from tests.conftest import Clock
from tests.storage.large import join

TEAM = LARGE + 100
RANGE = 500


@pytest.fixture
def house(database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr(tell, "RANGE", RANGE)
    return House(database, clock)


class Killed(Exception):
    """A worker that dies within its transaction."""


def one_range(house: House, *, dies: bool = False) -> bool:
    with house.database.writing() as transaction:
        told = tell.fan_out(transaction, house.clock())
        if dies:
            raise Killed
        return told


def mails(house: House, *statuses: str) -> Counter[tuple[int, str]]:
    """How many mails of each kind each person has."""
    wanted = tables.deliveries.c.status.in_(statuses or ("waiting", "sent"))
    return Counter((row["user_id"], row["kind"]) for row in house.rows(tables.deliveries, wanted))


def reasons(house: House) -> dict[int, str]:
    """Why each person's entry is there; all of them are unread."""
    rows = house.rows(tables.inbox_entries)
    assert all(row["read_at"] is None for row in rows)
    return {row["user_id"]: row["reason"] for row in rows}


@pytest.mark.req("R38")
def test_everyone_of_a_large_team_is_told_once_in_memory_that_does_not_grow_with_it(database: Database, clock: Clock) -> None:
    peaks = []
    for slug, number in (("small", 5_000), ("large", 12_000)):
        house = House(database, clock, slug)
        ids = join(database, house.team_id, number, now=clock())
        house.say(failure(run="r1", when=1))
        assert house.rows(tables.fan_outs), "nobody is told within the transaction that records"
        tracemalloc.start()
        assert house.fan_out() == number // tell.RANGE + 1
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        people = tables.inbox_entries.c.user_id >= ids[0]
        assert [row["user_id"] for row in house.rows(tables.inbox_entries, people)] == ids
        sent = house.rows(tables.deliveries, tables.deliveries.c.user_id >= ids[0])
        assert sorted(row["user_id"] for row in sent) == ids
        items = house.rows(tables.delivery_items, tables.delivery_items.c.delivery_id.in_([row["id"] for row in sent[:1000]]))
        assert len(items) == 1000
    assert peaks[1] < 1.3 * peaks[0]


@pytest.mark.req("R38", "R83")
def test_a_worker_that_dies_in_a_range_leaves_it_to_the_next(house: House) -> None:
    ids = join(house.database, house.team_id, TEAM, now=house.clock())
    house.say(failure(run="r1", when=1))
    ranges = 0
    while True:
        with pytest.raises(Killed):
            one_range(house, dies=True)
        if not one_range(house):
            break
        ranges += 1
    assert ranges == -(-TEAM // RANGE)
    assert mails(house) == dict.fromkeys(((one, "failing") for one in ids), 1)
    assert reasons(house) == dict.fromkeys(ids, "first")


@pytest.mark.req("R46")
@pytest.mark.parametrize("sent", [True, False])
def test_a_recovery_overtakes_no_failure_and_no_more_failing_mail_is_made(house: House, *, sent: bool) -> None:
    ids = join(house.database, house.team_id, TEAM, now=house.clock())
    house.say(failure(run="r1", when=1))
    one_range(house)
    if sent:
        assert sorted(house.deliver()) == ids[:RANGE]
    house.say(recovery(run="r2", when=2))
    house.fan_out()
    told = ids[:RANGE] if sent else []
    assert mails(house) == dict.fromkeys([(one, kind) for one in told for kind in ("failing", "resolved")], 1)
    assert mails(house, "cancelled") == ({} if sent else dict.fromkeys([(one, "failing") for one in ids[:RANGE]], 1))
    assert reasons(house) == dict.fromkeys(ids, "resolved")


@pytest.mark.req("R43", "R46")
def test_what_fails_again_while_its_first_failure_is_on_its_way_is_told_episode_by_episode(house: House) -> None:
    ids = join(house.database, house.team_id, TEAM, now=house.clock())
    house.say(failure(run="r1", when=1))
    one_range(house)
    assert sorted(house.deliver()) == ids[:RANGE]
    house.say(recovery(run="r2", when=2))
    house.say(failure(run="r3", when=3))
    house.fan_out()
    both = [(one, "failing") for one in ids]
    assert mails(house) == Counter([*both, *both[:RANGE], *((one, "resolved") for one in ids[:RANGE])])
    assert reasons(house) == dict.fromkeys(ids, "reopened")
    assert {row["episode"] for row in house.rows(tables.inbox_entries)} == {2}


@pytest.mark.req("R43")
def test_two_threads_of_one_event_are_one_mail_and_none_is_swallowed(house: House) -> None:
    ids = join(house.database, house.team_id, TEAM, now=house.clock())
    house.say(failure(run="r1", when=1), failure(run="r1", when=1, slug="other-failed"))
    while one_range(house):
        house.deliver()
    assert mails(house) == dict.fromkeys(((one, "failing") for one in ids), 1)
    parts = Counter(row["delivery_id"] for row in house.rows(tables.delivery_items))
    assert set(parts.values()) == {2}


@pytest.mark.req("R43")
def test_of_two_threads_of_one_event_one_may_have_to_wait_for_what_came_before(house: House) -> None:
    ids = join(house.database, house.team_id, TEAM, now=house.clock())
    other = {"slug": "other-failed", "level": "warning"}
    house.say(failure(run="r1", when=1, **other))
    one_range(house)
    house.say(failure(run="r2", when=2), failure(run="r2", when=2, **{**other, "level": "error"}))
    while one_range(house):
        house.deliver()
    items = house.rows(tables.delivery_items)
    assert Counter(row["notification_id"] for row in items) == {items[0]["notification_id"]: TEAM, items[-1]["notification_id"]: TEAM} | {
        1: 2 * TEAM
    }
    assert set(mails(house, "sent").values()) == {2}
    assert len(reasons(house)) == len(ids)


@pytest.mark.req("R46")
def test_of_two_threads_of_one_event_that_are_on_their_way_one_recovers(house: House) -> None:
    ids = join(house.database, house.team_id, TEAM, now=house.clock())
    house.say(failure(run="r1", when=1), failure(run="r1", when=1, slug="other-failed"))
    one_range(house)
    house.say(recovery(run="r2", when=2, slug="other-failed"))
    house.fan_out()
    assert mails(house) == dict.fromkeys(((one, "failing") for one in ids), 1)
    going = [row for row in house.rows(tables.delivery_items) if not row["cancelled"]]
    assert len(going) == TEAM
    assert len({row["notification_id"] for row in going}) == 1


@pytest.mark.req("R38")
def test_what_is_urgent_goes_first_and_one_team_is_not_told_what_belongs_to_another(house: House) -> None:
    ids = join(house.database, house.team_id, TEAM, now=house.clock())
    other = house.team("other")
    strangers = join(house.database, other, TEAM, now=house.clock())
    house.say(failure(run="r1", when=1, level="warning", slug="slow-job"))
    house.say(failure(run="r1", when=1), source_id=house.source("theirs", team_id=other))
    one_range(house)
    assert set(reasons(house)) == set(strangers[:RANGE])
    house.fan_out()
    of_team = Counter((row["team_id"], row["user_id"]) for row in house.rows(tables.inbox_entries))
    assert of_team == Counter([*((house.team_id, one) for one in ids), *((other, one) for one in strangers)])
    assert fan_outs_left(house) == 0


def fan_outs_left(house: House) -> int:
    with house.database.reading() as transaction:
        return fan_outs.waiting(transaction)[0]


@pytest.mark.req("R45", "R46")
def test_two_workers_at_once_tell_everyone_once_and_in_order(house: House) -> None:
    ids = join(house.database, house.team_id, TEAM, now=house.clock())
    house.say(failure(run="r1", when=1), failure(run="r1", when=1, slug="other-failed"))
    house.say(recovery(run="r2", when=2), recovery(run="r2", when=2, slug="other-failed"))
    house.say(failure(run="r3", when=3, level="warning"))
    house.say(failure(run="r4", when=4, level="error"))
    in_threads(house.fan_out, 3)
    while one_range(house):
        continue
    assert mails(house) == dict.fromkeys(((one, "failing") for one in ids), 2), "reopened, and escalated"
    entries = Counter((row["notification_id"], row["reason"]) for row in house.rows(tables.inbox_entries))
    assert sorted(entries.values()) == [TEAM, TEAM]
    assert {reason for _, reason in entries} == {"escalated", "resolved"}


def in_threads(work: Callable[[], object], number: int) -> None:
    """Runs it several times at once; raises what one of them raised."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
