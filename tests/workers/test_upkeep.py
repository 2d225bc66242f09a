"""The worker that removes what is too old."""

import asyncio

import pytest

from gateway.storage import tables
from gateway.storage.database import Database
from gateway.workers.upkeep import EVERY, FIRST_AFTER, UpkeepWorker
from tests.builders import House
from tests.conftest import Clock

FAILING = {"slug": "flow-run-failed", "event_data": {"flow": "orders"}, "category": "job_failure", "level": "error", "title": "orders"}


async def work(worker: UpkeepWorker) -> int:
    """Steps until there is nothing to do; gives how many there were."""
    steps = 0
    while await worker.step():
        steps += 1
    return steps


@pytest.mark.req("R92")
async def test_it_sweeps_soon_after_the_start_and_then_each_hour(database: Database, clock: Clock) -> None:
    house = House(database, clock)
    ana = house.user("ana")
    for state in ("firing", "resolved"):
        house.say({**FAILING, "state": state})
    house.mark(ana, read=True)
    clock.advance(days=91)
    worker = UpkeepWorker(database, clock)
    assert await work(worker) == 0
    assert await worker.next_due() == clock() + FIRST_AFTER
    clock.now += FIRST_AFTER
    assert await work(worker) > 0
    assert house.rows(tables.notifications) == []
    assert await worker.next_due() == clock() + EVERY
    assert await work(worker) == 0
    clock.now += EVERY
    assert await work(worker) > 0


async def test_it_ends_between_two_batches(database: Database, clock: Clock) -> None:
    worker = UpkeepWorker(database, clock)
    clock.now += FIRST_AFTER
    running = asyncio.create_task(worker.run())
    await asyncio.sleep(0)
    worker.stop()
    await asyncio.wait_for(running, 10)


@pytest.mark.req("R92")
async def test_what_arrived_goes_after_as_many_days_as_were_said(database: Database, clock: Clock) -> None:
    house = House(database, clock)
    for number in range(3):
        house.say({**FAILING, "event_data": {"flow": number}, "state": "note"})
    clock.advance(days=15)
    for days, left in ((16, 3), (14, 1)):
        worker = UpkeepWorker(database, clock, days)
        clock.now += FIRST_AFTER
        await work(worker)
        assert len(house.rows(tables.events)) == left
