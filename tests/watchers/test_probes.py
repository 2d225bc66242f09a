"""Probing services: transitions alone are told, each is asked when it is due, and none holds up another."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway.storage import tables
from gateway.storage.database import Database
from gateway.upstream.probing import Found, Prober, Question
from gateway.watchers import probes
from gateway.watchers.probes import ProbeWatcher
from tests.builders import House
from tests.conftest import NOW, Clock
from tests.watchers.looking import VAULT, check, told, watch

SHOP: dict[str, Any] = {"slug": "shop", "url": "https://shop.acme.test/health?key=k", "environment": "prod", "owners": ["@ana"], "tries": 2}


class Services(Prober):
    """Answers what a test wants, by address."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, Found] = {}
        self.asked: list[Question] = []
        self.held: dict[str, asyncio.Event] = {}

    async def ask(self, question: Question) -> Found:
        self.asked.append(question)
        if question.url in self.held:
            await self.held[question.url].wait()
        return self.found.get(question.url, Found(status=200, seconds=0.012))


@pytest.fixture
def house(database: Database, clock: Clock) -> House:
    return House(database, clock)


@pytest.fixture
def services() -> Services:
    return Services()


def watcher(house: House, services: Services) -> ProbeWatcher:
    made = ProbeWatcher(house.database, VAULT, house.clock, lambda: None)
    made._prober = services
    return made


Look = Callable[..., Any]


@pytest.fixture
def look(house: House, services: Services, clock: Clock) -> Look:
    """Lets a minute pass, asks all that is due, and gives what people were told."""
    watch(house, probe=[SHOP])
    one = watcher(house, services)

    async def look() -> list[tuple[str, str, str]]:
        clock.advance(minutes=1)
        while await one.step():
            await one.settled()
        return await told(house)

    return look


@pytest.mark.req("R14", "R101")
async def test_a_service_is_down_after_its_tries_and_the_recovery_says_for_how_long(look: Look, services: Services, house: House) -> None:
    assert await look() == []
    services.found[SHOP["url"]] = Found("answered 503", 503, 0.1)
    assert await look() == []
    assert await look() == [("shop is down", "error", "open")]
    assert await look() == [("shop is down", "error", "open")]
    services.found.clear()
    assert [row[2] for row in await look()] == ["resolved"]
    resolved = house.rows(tables.occurrences)[-1]
    assert resolved["message"] == "It was down for 3 min."
    thread = house.thread()
    assert (thread["category"], thread["environment"], thread["urgent"]) == ("incident", "prod", True)


async def test_what_is_asked_is_what_the_configuration_says(house: House, services: Services, clock: Clock) -> None:
    watch(
        house,
        probe=[
            SHOP | {
                "method": "HEAD", "headers": {"X-Key": "k"}, "timeout": "3s", "status": [200, "3xx"], "contains": "", "redirects": "none",
            }
        ],
    )  # fmt: skip
    clock.advance(minutes=1)
    one = watcher(house, services)
    await one.step()
    await one.settled()
    assert services.asked == [Question(SHOP["url"], "HEAD", {"X-Key": "k"}, 3.0, ["200", "3xx"], "", "none")]
    assert check(house)["seen"] == {"status": 200, "milliseconds": 12}


@pytest.mark.req("R101")
async def test_each_is_asked_once_by_two_processes_and_keeps_its_beat(house: House, services: Services, clock: Clock) -> None:
    watch(house, probe=[{"slug": f"s{number}", "url": f"https://s{number}.acme.test/"} for number in range(9)])
    clock.advance(minutes=1)
    both = [watcher(house, services) for _ in range(2)]
    await asyncio.gather(*(one.step() for one in both))
    for one in both:
        await one.settled()
    assert sorted(question.url for question in services.asked) == [f"https://s{number}.acme.test/" for number in range(9)]
    assert all(clock() < row["due_at"] <= clock() + timedelta(minutes=1) for row in house.rows(tables.checks))
    assert len({row["due_at"] for row in house.rows(tables.checks)}) == 9


async def test_a_slow_one_takes_one_place_of_many(house: House, services: Services, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "AT_ONCE", 2)
    watch(house, probe=[{"slug": name, "url": f"https://{name}.acme.test/"} for name in ("slow", "one", "two", "three")])
    services.held["https://slow.acme.test/"] = asyncio.Event()
    clock.advance(minutes=1)
    working = watcher(house, services)
    running = asyncio.create_task(working.run())
    async with asyncio.timeout(10):
        while len([row for row in house.rows(tables.checks) if row["checked_at"]]) < 3:  # noqa: ASYNC110 - what is waited for stands in the database
            await asyncio.sleep(0.02)
    assert [row["slug"] for row in house.rows(tables.checks) if row["checked_at"] is None] == ["slow"]
    working.stop()
    await asyncio.wait_for(running, 5)
    assert [row["lease"] for row in house.rows(tables.checks)] == [None] * 4


async def test_one_whose_worker_was_killed_is_asked_again_when_the_lease_ran_out(house: House, services: Services, clock: Clock) -> None:
    watch(house, probe=[SHOP])
    clock.advance(minutes=1)
    services.held[SHOP["url"]] = asyncio.Event()
    killed = watcher(house, services)
    await killed.step()
    other = watcher(house, services)
    assert await other.step() == 0
    clock.advance(minutes=3)
    services.held.clear()
    assert await other.step() == 1
    await other.settled()
    assert check(house)["is_down"] is False
    killed.stop()
    await killed.finish()


def expires(days: float) -> Found:
    return Found(status=200, seconds=0.01, certificate_ends_at=NOW + timedelta(days=days))


@pytest.mark.req("R101")
async def test_a_certificate_that_ends_soon_is_told_once_and_is_well_when_another_is_in_use(look: Look, services: Services) -> None:
    services.found[SHOP["url"]] = expires(40)
    assert await look() == []
    services.found[SHOP["url"]] = expires(10)
    ending = [("The certificate of shop ends in 9 d 23 h", "warning", "open")]
    assert await look() == ending
    assert await look() == ending
    services.found[SHOP["url"]] = expires(90)
    assert [row[2] for row in await look()] == ["resolved"]


async def test_a_certificate_is_nobodys_news_where_it_is_not_to_be(house: House, services: Services, clock: Clock) -> None:
    watch(house, probe=[SHOP | {"certificate": 0}])
    services.found[SHOP["url"]] = expires(1)
    clock.advance(minutes=1)
    one = watcher(house, services)
    await one.step()
    await one.settled()
    assert await told(house) == []
    assert datetime.fromisoformat(check(house)["seen"]["certificate_ends_at"]) == NOW + timedelta(days=1)


async def test_after_hours_away_each_is_asked_once(house: House, services: Services, clock: Clock) -> None:
    watch(house, probe=[SHOP])
    clock.advance(hours=30)
    one = watcher(house, services)
    while await one.step():
        await one.settled()
    assert len(services.asked) == 1


async def test_what_was_sealed_with_another_key_says_what_to_do(house: House, services: Services, clock: Clock) -> None:
    watch(house, probe=[SHOP])
    clock.advance(minutes=1)
    one = ProbeWatcher(house.database, VAULT.__class__("another key of more than thirty-two characters"), clock, lambda: None)
    await one.step()
    await one.settled()
    await one.finish()
    assert check(house)["trouble"] == "its address was sealed with another TOCSIN_SECRET_KEY: run `tocsin apply`"


@pytest.mark.req("R101")
@pytest.mark.parametrize("restarted", [False, True])
async def test_a_clock_that_is_set_back_does_not_keep_services_from_being_asked(
    house: House, services: Services, clock: Clock, restarted: bool
) -> None:
    watch(house, probe=[SHOP])
    one = watcher(house, services)
    clock.advance(minutes=1)
    await one.step()
    await one.settled()
    clock.advance(hours=-2)
    one = watcher(house, services) if restarted else one
    for _ in range(3):
        await one.step()
        await one.settled()
        clock.advance(minutes=1)
    assert len(services.asked) == 4
