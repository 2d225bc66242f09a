"""What a process says of its workers: also, and above all, when one of them hangs."""

import asyncio

import pytest

from gateway.storage import working
from gateway.storage.database import Database
from gateway.workers.loop import Worker
from gateway.workers.pulse import EVERY, PulseWorker
from tests.conftest import Clock

pytestmark = pytest.mark.req("R93", "R95")


class Hanging(Worker):
    name = "hanging"

    async def step(self) -> int:
        await asyncio.sleep(3600)
        return 1

    async def next_due(self) -> None:
        return None


class Idle(Worker):
    name = "idle"

    async def step(self) -> int:
        return 0

    async def next_due(self) -> None:
        return None


async def test_a_worker_that_hangs_is_seen_and_one_with_nothing_to_do_is_not(database: Database, clock: Clock) -> None:
    hanging, idle = Hanging(clock), Idle(clock)
    tasks = [asyncio.create_task(one.run()) for one in (hanging, idle)]
    hanging.last_step -= 500
    idle.last_step -= 500
    pulse = PulseWorker(database, clock, version="1", key_mark="m", others=(hanging, idle))
    await asyncio.sleep(0.05)
    await pulse.step()
    with database.reading() as connection:
        (seen,) = working.seen(connection, clock())
    assert seen.idle["hanging"].total_seconds() >= 500
    assert seen.idle["idle"].total_seconds() < 100
    for task in tasks:
        task.cancel()


async def test_it_says_so_every_ten_seconds_whatever_the_clock_does_and_takes_its_leave(database: Database, clock: Clock) -> None:
    pulse = PulseWorker(database, clock, version="1", key_mark="m", others=())
    await pulse.step()
    first = _started(database, clock)
    clock.advance(hours=-2)  # the clock steps back: that is no reason to be silent for two hours
    await pulse.step()
    assert await pulse.next_due() == clock() + EVERY
    assert first
    await pulse.finish()
    assert not _started(database, clock)


def _started(database: Database, clock: Clock) -> bool:
    with database.reading() as connection:
        return bool(working.seen(connection, clock()))
