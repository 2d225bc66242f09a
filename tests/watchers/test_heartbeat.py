"""The heartbeat to an outside monitor: it stops where the work stops."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.storage.database import Database
from gateway.watchers.heartbeat import Heartbeat
from gateway.workers.loop import Worker
from tests.builders import House, failure
from tests.conftest import Clock


class Monitor:
    """Counts the beats."""

    def __init__(self) -> None:
        self.beats = 0
        self.status = 200
        self.url = ""

    async def hear(self, _: web.Request) -> web.Response:
        self.beats += 1
        return web.Response(status=self.status)


@pytest.fixture
async def monitor() -> AsyncIterator[Monitor]:
    monitor = Monitor()
    app = web.Application()
    app.router.add_get("/ping", monitor.hear)
    async with TestServer(app) as server:
        monitor.url = f"http://127.0.0.1:{server.port}/ping"
        yield monitor


@pytest.fixture
def house(database: Database, clock: Clock) -> House:
    return House(database, clock)


class Loop(Worker):
    """A worker that can be made to hang."""

    name = "deliver"

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.hangs = asyncio.Event()
        self.hangs.set()

    async def step(self) -> int:
        await self.hangs.wait()
        return 0

    async def next_due(self) -> datetime | None:
        return None


class Ticking:
    """A clock that never steps, moved by a test."""

    def __init__(self, worker: Worker) -> None:
        self.now = worker.last_step

    def __call__(self) -> float:
        return self.now


async def beat(heart: Heartbeat, clock: Clock) -> None:
    clock.advance(minutes=1)
    await heart.step()


async def test_it_beats_once_a_minute_while_all_is_well(house: House, monitor: Monitor, clock: Clock) -> None:
    loop = Loop(clock)
    heart = Heartbeat(house.database, monitor.url, [loop], clock, Ticking(loop))
    await beat(heart, clock)
    await heart.step()
    assert monitor.beats == 1
    await beat(heart, clock)
    assert monitor.beats == 2
    await heart.finish()


@pytest.mark.req("R102")
async def test_it_stops_when_a_loop_hangs_though_the_process_lives_and_goes_on_when_it_comes_round(
    house: House, monitor: Monitor, clock: Clock
) -> None:
    loop = Loop(clock)
    ticking = Ticking(loop)
    heart = Heartbeat(house.database, monitor.url, [loop], clock, ticking)
    loop.hangs.clear()
    running = asyncio.create_task(loop.run())
    ticking.now += 6 * 60
    await beat(heart, clock)
    assert monitor.beats == 0
    loop.hangs.set()
    async with asyncio.timeout(5):
        while loop.last_step <= ticking.now - 6 * 60:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    ticking.now = loop.last_step
    await beat(heart, clock)
    assert monitor.beats == 1
    loop.stop()
    await running
    await heart.finish()


async def test_it_stops_when_mail_is_due_and_nobody_sends_it(house: House, monitor: Monitor, clock: Clock) -> None:
    house.user("ana")
    house.say(failure(run="r"))
    heart = Heartbeat(house.database, monitor.url, [], clock)
    clock.now += timedelta(minutes=11)
    await beat(heart, clock)
    assert monitor.beats == 0
    house.deliver()
    await beat(heart, clock)
    assert monitor.beats == 1
    await heart.finish()


async def test_a_monitor_that_is_gone_or_angry_is_no_trouble_of_ours(house: House, monitor: Monitor, clock: Clock) -> None:
    monitor.status = 500
    heart = Heartbeat(house.database, monitor.url, [], clock)
    await beat(heart, clock)
    gone = Heartbeat(house.database, "http://127.0.0.1:1/ping", [], clock)
    await beat(gone, clock)
    assert monitor.beats == 1
    await heart.finish()
    await gone.finish()


@pytest.mark.req("R102")
async def test_a_clock_that_is_set_back_does_not_hold_up_the_beat(house: House, monitor: Monitor, clock: Clock) -> None:
    loop = Loop(clock)
    heart = Heartbeat(house.database, monitor.url, [loop], clock, Ticking(loop))
    await beat(heart, clock)
    clock.advance(hours=-1)
    await heart.step()
    await heart.step()
    assert monitor.beats == 2
    await heart.finish()
