"""Holding on to work: for as long as its worker lives, and not longer."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from gateway.storage import deliveries, processing, tables
from gateway.storage.database import Database, StorageUnavailable, Transaction
from gateway.workers import lease
from gateway.workers.lease import BEATS, LEASE, held, new_lease
from tests.builders import House, failure
from tests.conftest import NOW, Clock


@pytest.fixture
def house(database: Database, clock: Clock) -> House:
    return House(database, clock)


really_sleep = asyncio.sleep


class Pulse:
    """Lets the beats of `held` come when the test says so, and not with time."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self._waits: list[asyncio.Future[None]] = []

    async def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)
        self._waits.append(asyncio.get_running_loop().create_future())
        await self._waits[-1]

    async def beat(self) -> bool:
        """One beat, to its end; False where nobody waits for one any more."""
        for _ in range(3):  # until the beat's task has begun, or has ended
            await really_sleep(0)
        waiting = [one for one in self._waits if not one.done()]
        if not waiting:
            return False
        waiting[0].set_result(None)
        return True


@pytest.fixture
def pulse(monkeypatch: pytest.MonkeyPatch) -> Pulse:
    pulse = Pulse()

    class Patched:
        create_task = staticmethod(asyncio.create_task)
        sleep = staticmethod(pulse.sleep)

    monkeypatch.setattr(lease, "asyncio", Patched)
    return pulse


async def until(look: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not look():
            await really_sleep(0.005)


def due(house: House, event_id: int) -> datetime:
    (row,) = house.rows(tables.processing, tables.processing.c.event_id == event_id)
    moment: datetime = row["due_at"]
    return moment


def claim_of(house: House, now: datetime, limit: int = 10) -> list[int]:
    """What another worker gets at this time."""
    with house.database.writing() as transaction:
        taken = processing.claim(transaction, now=now, lease=new_lease(), lease_for=LEASE, limit=limit)
    return [event.id for event in taken]


@pytest.mark.req("R93")
async def test_a_lease_is_extended_while_the_block_runs_and_runs_out_after_it(house: House, clock: Clock, pulse: Pulse) -> None:
    event_id = house.send(failure(run="r1"))
    token, _ = house.claim()
    assert due(house, event_id) == NOW + LEASE
    async with held(house.database, processing.extend, token, lambda _: clock()):
        for _ in range(4):
            now = clock.advance(seconds=LEASE.total_seconds() / BEATS)
            assert await pulse.beat()
            await until(lambda now=now: due(house, event_id) == now + LEASE)
            assert claim_of(house, now + LEASE - timedelta(seconds=1)) == []
    assert now > NOW + LEASE, "longer than one lease"
    assert set(pulse.asked) == {LEASE.total_seconds() / BEATS}
    assert not await pulse.beat(), "after the block nobody holds it any more"
    assert claim_of(house, now + LEASE) == [event_id], "and who waits for the lease to end gets it"


@pytest.mark.req("R93")
async def test_only_what_is_held_under_this_lease_is_extended(house: House, clock: Clock, pulse: Pulse) -> None:
    first, second = house.send(failure(run="r1")), house.send(failure(run="r2"))
    mine, _ = house.claim(1)
    house.claim(1)
    third = house.send(failure(run="r3"))
    async with held(house.database, processing.extend, mine, lambda _: clock()):
        clock.advance(seconds=20)
        assert await pulse.beat()
        await until(lambda: due(house, first) == clock() + LEASE)
    assert due(house, second) == NOW + LEASE, "another worker's"
    assert claim_of(house, clock()) == [third], "nobody's"


@pytest.mark.req("R93")
async def test_a_lease_that_was_lost_is_not_asked_for_again(house: House, clock: Clock, pulse: Pulse) -> None:
    event_id = house.send(failure(run="r1"))
    token, _ = house.claim()
    async with held(house.database, processing.extend, token, lambda _: clock()):
        clock.advance(seconds=LEASE.total_seconds() + 1)  # no beat came: the machine slept
        assert claim_of(house, clock()) == [event_id]
        taken_over = due(house, event_id)
        assert await pulse.beat()
        await until(lambda: not _beating())
        assert not await pulse.beat()
    assert due(house, event_id) == taken_over


def _beating() -> list[Any]:
    return [task for task in asyncio.all_tasks() if getattr(task.get_coro(), "__name__", "") == "_beat"]


async def test_what_is_done_already_ends_the_beat(house: House, clock: Clock, pulse: Pulse) -> None:
    house.send(failure(run="r1"))
    token, batch = house.claim()
    async with held(house.database, processing.extend, token, lambda _: clock()):
        assert house.commit(token, batch) == 1
        assert await pulse.beat()
        await until(lambda: not _beating())


async def test_a_delivery_is_held_in_the_same_way(house: House, clock: Clock, pulse: Pulse) -> None:
    house.user("ana")
    house.say(failure(run="r1"))
    token = new_lease()
    with house.database.writing() as transaction:
        (mail,) = deliveries.claim(transaction, now=clock(), lease=token, lease_for=LEASE, limit=4)
    async with held(house.database, deliveries.extend, token, lambda _: clock()):
        now = clock.advance(seconds=50)
        assert await pulse.beat()
        await until(lambda: house.rows(tables.deliveries)[0]["due_at"] == now + LEASE)
    with house.database.writing() as transaction:
        assert deliveries.claim(transaction, now=now + LEASE - timedelta(seconds=1), lease="b", lease_for=LEASE, limit=4) == []
        assert [one.id for one in deliveries.claim(transaction, now=now + LEASE, lease="b", lease_for=LEASE, limit=4)] == [mail.id]


async def test_storage_trouble_is_no_end_of_the_beat_and_the_blocks_own_trouble_is(pulse: Pulse, caplog: pytest.LogCaptureFixture) -> None:
    tried = []

    class Troubled:
        async def write(self, _: Callable[[Transaction], bool]) -> bool:
            tried.append(True)
            raise StorageUnavailable("the disk is full")

    async def work() -> None:
        async with held(cast("Database", Troubled()), processing.extend, "lease", lambda _: NOW):
            for count in (1, 2, 3):
                assert await pulse.beat()
                await until(lambda count=count: len(tried) == count)
            raise ValueError("the work failed")

    with pytest.raises(ValueError, match="the work failed"):
        await work()
    assert caplog.text.count("a lease could not be kept up: the disk is full") == 3
    await until(lambda: not _beating())
    assert not await pulse.beat()


def test_no_two_leases_are_the_same() -> None:
    assert len({new_lease() for _ in range(1000)}) == 1000
