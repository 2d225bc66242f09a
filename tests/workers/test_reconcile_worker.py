"""Runs whose webhooks never came are found by asking, and told as their webhooks would have."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway.storage.database import Database
from gateway.storage.tables import deliveries, events, notifications, occurrences, reconciliations
from gateway.upstream.asking import Asked, EndedRun, Refused, Unavailable, Upstream
from gateway.vault import Vault
from gateway.workers.reconcile import ReconcileWorker
from mappers.contract import SourceSettings
from tests.builders import KINDS, House, failure, recovery
from tests.conftest import Clock

pytestmark = pytest.mark.req("R23")
VAULT = Vault("a key for tests, long enough to be taken")


def body(run: str, ended_at: datetime, phase: str) -> dict[str, Any]:
    """What a sender says of a run, by webhook or when it is asked."""
    draft = failure if phase == "failed" else recovery
    return {
        "drafts": [draft(run=run, occurred_at=ended_at.isoformat())],
        "signals": [{"pipeline": "nightly", "run": run, "phase": phase, "at": ended_at.isoformat()}],
    }


class Api:
    """A sender that remembers its runs."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.runs: list[EndedRun] = []
        self.asked: list[tuple[datetime, datetime]] = []
        self.trouble: list[Exception] = []
        self.is_reachable = True
        self.hangs = False
        self.hanging = asyncio.Event()

    def ends(self, run: str, phase: str = "failed") -> dict[str, Any]:
        """A run ends now; gives the body of its webhook."""
        said = body(run, self.clock(), phase)
        self.runs.append(EndedRun(run, phase, self.clock(), json.dumps(said).encode()))
        return said

    async def ended_runs(self, _: Asked, since: datetime, until: datetime) -> AsyncIterator[Sequence[EndedRun]]:
        self.asked.append((since, until))
        if self.hangs:
            self.hanging.set()
            await asyncio.sleep(3600)
        found = sorted((one for one in self.runs if since < one.ended_at <= until), key=lambda one: one.ended_at)
        for start in range(0, len(found), 2):
            if self.trouble:
                raise self.trouble.pop()
            yield found[start : start + 2]

    def upstream(self) -> Upstream:
        def reachable(_: SourceSettings) -> bool:
            return self.is_reachable

        return Upstream(ended_runs=self.ended_runs, is_reachable=reachable)


@pytest.fixture
def house(database: Database, clock: Clock) -> House:
    house = House(database, clock)
    house.user("ana")
    return house


@pytest.fixture
def api(clock: Clock) -> Api:
    return Api(clock)


@pytest.fixture
def made(house: House, api: Api, clock: Clock) -> Callable[[], ReconcileWorker]:
    return lambda: ReconcileWorker(house.database, KINDS, {"speaker": api.upstream()}, VAULT, clock, lambda: None)


async def begun(made: Callable[[], ReconcileWorker], clock: Clock) -> ReconcileWorker:
    """A worker that has looked around once."""
    worker = made()
    await worker.step()
    clock.advance(seconds=61)
    return worker


def hears(house: House, said: dict[str, Any]) -> None:
    house.say(*said["drafts"], signals=said["signals"])


async def test_a_missed_failure_is_told_like_one_that_came(
    house: House, api: Api, made: Callable[[], ReconcileWorker], clock: Clock
) -> None:
    worker = await begun(made, clock)
    api.ends("r1")
    clock.advance(minutes=2)
    await worker.step()
    house.process()
    assert house.thread()["status"] == "open"
    assert len(house.deliver()) == 1
    assert [row["method"] for row in house.rows(events)] == ["FETCH"]


@pytest.mark.parametrize("webhook_first", [True, False])
async def test_webhook_and_asking_are_one_occurrence_whichever_comes_first(
    house: House, api: Api, made: Callable[[], ReconcileWorker], clock: Clock, webhook_first: bool
) -> None:
    worker = await begun(made, clock)
    said = api.ends("r1")
    if webhook_first:
        hears(house, said)
    clock.advance(minutes=2)
    await worker.step()
    house.process()
    if not webhook_first:
        hears(house, said)
    assert len(house.rows(occurrences)) == 1
    assert len(house.rows(deliveries)) == 1
    assert len(house.rows(events)) == (1 if webhook_first else 2), "what is known is not entered again"


async def test_what_happened_while_we_were_down_is_told_in_order(
    house: House, api: Api, made: Callable[[], ReconcileWorker], clock: Clock
) -> None:
    await begun(made, clock)
    for number in range(5):
        api.ends(f"bad-{number}")
        clock.advance(minutes=10)
    api.ends("good", "succeeded")
    clock.advance(hours=3)
    await made().step()
    house.process()
    assert house.thread()["status"] == "resolved"
    assert len(house.rows(occurrences)) == 6
    assert len([row for row in house.rows(deliveries) if row["status"] == "waiting"]) == 0, "what failed and recovered is no mail"


async def test_what_is_older_than_a_day_is_recorded_and_mailed_to_nobody(
    house: House, api: Api, made: Callable[[], ReconcileWorker], clock: Clock
) -> None:
    await begun(made, clock)
    api.ends("r1")
    clock.advance(hours=30)
    await made().step()
    house.process()
    assert house.thread()["status"] == "open"
    assert house.rows(deliveries) == []


async def test_a_run_that_was_started_again_and_failed_again_is_another_end(
    house: House, api: Api, made: Callable[[], ReconcileWorker], clock: Clock
) -> None:
    worker = await begun(made, clock)
    hears(house, api.ends("r1"))
    clock.advance(minutes=30)
    api.ends("r1")
    clock.advance(minutes=2)
    await worker.step()
    assert len(house.rows(events)) == 2


async def test_trouble_is_waited_out_and_shown_and_nothing_is_skipped(
    house: House, api: Api, made: Callable[[], ReconcileWorker], clock: Clock
) -> None:
    worker = await begun(made, clock)
    for number in range(3):
        api.ends(f"r{number}")
        clock.advance(seconds=1)
    clock.advance(minutes=2)
    api.trouble = [Refused("never"), Unavailable("down")]
    await worker.step()
    (row,) = house.rows(reconciliations)
    assert (row["trouble"], row["failures"]) == ("down", 1)
    assert await worker.step() == 0, "it is left alone for a while"
    clock.advance(minutes=2)
    await worker.step()
    assert house.rows(reconciliations)[0]["failures"] == 2
    clock.advance(minutes=2)
    await worker.step()
    assert (house.rows(reconciliations)[0]["trouble"], len(house.rows(events))) == (None, 3)


async def test_runs_of_before_the_source_could_be_asked_are_nobodys_business(
    house: House, api: Api, made: Callable[[], ReconcileWorker], clock: Clock
) -> None:
    api.is_reachable = False
    api.ends("old")
    worker = await begun(made, clock)
    clock.advance(hours=1)
    await worker.step()
    assert api.asked == []
    api.is_reachable = True
    clock.advance(minutes=5)
    await worker.step()
    assert house.rows(events) == []


async def test_at_start_everybody_is_asked_at_once(house: House, api: Api, made: Callable[[], ReconcileWorker], clock: Clock) -> None:
    worker = await begun(made, clock)
    await worker.step()
    before = len(api.asked)
    assert await worker.step() == 0
    assert await made().step() == 1
    assert len(api.asked) == before + 1


async def test_a_disabled_source_is_not_asked(house: House, api: Api, made: Callable[[], ReconcileWorker], clock: Clock) -> None:
    worker = await begun(made, clock)
    from gateway.storage import sources

    with house.database.writing() as transaction:
        sources.disable(transaction, team="acme", slug="etl", now=clock())
    before = len(api.asked)
    clock.advance(hours=1)
    assert await worker.step() == 0
    assert len(api.asked) == before


async def test_two_workers_never_ask_the_same_source_at_once(
    house: House, api: Api, made: Callable[[], ReconcileWorker], clock: Clock
) -> None:
    first, second = await begun(made, clock), await begun(made, clock)
    before = len(api.asked)
    await asyncio.gather(first.step(), second.step())
    assert len(api.asked) == before + 1


async def test_stopping_waits_for_no_stranger(house: House, api: Api, made: Callable[[], ReconcileWorker], clock: Clock) -> None:
    worker = await begun(made, clock)
    api.hangs = True
    step = asyncio.create_task(worker.step())
    await api.hanging.wait()
    worker.stop()
    await asyncio.wait_for(step, 20)
    (row,) = house.rows(reconciliations)
    assert (row["lease"], row["trouble"], row["due_at"]) == (None, None, clock())


async def test_it_looks_back_a_little_but_never_more_than_a_week(
    house: House, api: Api, made: Callable[[], ReconcileWorker], clock: Clock
) -> None:
    await begun(made, clock)
    started = clock() - timedelta(seconds=61)
    await made().step()
    assert api.asked[-1] == (started - timedelta(minutes=5), clock() - timedelta(seconds=20))
    clock.advance(days=40)
    await made().step()
    assert api.asked[-1][0] == clock() - timedelta(days=7)
    assert house.rows(notifications) == []
