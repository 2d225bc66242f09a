"""The page about monitors: what teaches when there is nothing, what is offered, and what each button does."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from gateway.storage import monitors, runs
from gateway.storage.database import Transaction
from gateway.storage.monitors import Wanted
from gateway.storage.runs import Signal
from tests.web.house import OURS, House, opened, text, words


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path) as one:
        yield one


@pytest.fixture
async def ana(house: House) -> AsyncIterator[TestClient[Any, Any]]:
    async with await house.signed_in("ana") as client:
        yield client


def ran(transaction: Transaction, house: House, pipeline: str, days: int) -> None:
    """A run each night."""
    nights = [house.clock().replace(hour=2, minute=0) - timedelta(days=number) for number in range(days)]
    runs.put(
        transaction,
        [
            Signal(house.source_id, "prod", pipeline, f"r{number}", 0, "succeeded", "Completed", "", "", at, None, at, at)
            for number, at in enumerate(nights)
        ],
    )  # fmt: skip


async def look(house: House) -> None:
    """Lets the watcher look, and what it noticed be read."""
    workers = {worker.name: worker for worker in house.work.workers}
    for name in ("late_runs", "notice", "process"):
        while await workers[name].step():
            pass


FORM = {"place": "acme/prefect-prod", "pipeline": "nightly", "cron": "0 2 * * *", "timezone": "Europe/Berlin", "grace_seconds": "20m"}


@pytest.mark.req("R68", "R90")
async def test_an_empty_page_teaches_and_its_form_watches_a_pipeline(house: House, ana: TestClient[Any, Any]) -> None:
    page = words(await text(await ana.get("/monitors")))
    assert "Nothing is watched yet" in page
    answer = await ana.post("/monitors", data=FORM, headers=OURS)
    shown = words(await text(answer))
    assert "Watched from now on" in shown
    assert "20 min of grace" in shown
    await look(house)
    shown = words(await text(await ana.get("/monitors")))
    assert "nightly acme/prefect-prod/prod Never seen 0 2 * * * Europe/Berlin 20 min of grace never seen 3 Mar, 01:00" in shown


@pytest.mark.req("R68", "R90")
async def test_what_runs_by_habit_is_offered_and_taken_with_one_button(house: House, ana: TestClient[Any, Any]) -> None:
    for pipeline in ("orders", "stock"):
        await house.database.write(ran, house, pipeline, 15)
    page = await text(await ana.get("/monitors"))
    assert "orders prefect-prod / prod ran at 02:00 on 14 of the last 14 days UTC : watch it?" in words(page)
    shown = words(await text(await ana.post("/monitors/suggestions/1/accept", headers=OURS)))
    assert "Watched from now on" in shown
    shown = words(await text(await ana.post("/monitors/suggestions/2/dismiss", headers=OURS)))
    assert "You are not asked about it again" in shown
    assert "watch it?" not in shown


@pytest.mark.req("R90")
async def test_late_is_told_with_its_history_and_a_pause_ends_it(house: House, ana: TestClient[Any, Any]) -> None:
    await ana.post("/monitors", data={**FORM, "cron": "", "interval_seconds": "1h", "grace_seconds": "0s"}, headers=OURS)
    await look(house)
    for minutes in (61, 1):
        house.clock.advance(minutes=minutes)
        await look(house)
    shown = words(await text(await ana.get("/monitors/1")))
    assert "State Late" in shown
    assert "nightly is late" in shown
    shown = words(await text(await ana.post("/monitors/1/pause", data={"for": "8h"}, headers=OURS)))
    assert "Paused" in shown
    await look(house)
    assert "nightly is not waited for" in words(await text(await ana.get("/monitors/1")))
    shown = words(await text(await ana.post("/monitors/1/resume", headers=OURS)))
    assert "Watched again" in shown


@pytest.mark.req("R90")
async def test_a_monitor_is_changed_and_removed_and_a_wrong_form_says_what_is_allowed(house: House, ana: TestClient[Any, Any]) -> None:
    await ana.post("/monitors", data=FORM, headers=OURS)
    shown = words(await text(await ana.post("/monitors/1", data={"cron": "0 3 * * *", "max_duration_seconds": "2h"}, headers=OURS)))
    assert "0 3 * * * Europe/Berlin 20 min of grace, at most 2 h long" in shown
    shown = words(await text(await ana.post("/monitors/1", data={"cron": "at three"}, headers=OURS), 422))
    assert "no cron expression that ever comes" in shown
    await text(await ana.post("/monitors/1/pause", data={"for": "ever"}, headers=OURS), 422)
    shown = words(await text(await ana.post("/monitors/1/remove", headers=OURS)))
    assert "Not watched any more" in shown
    await text(await ana.get("/monitors/1"), 404)


@pytest.mark.req("R36", "R90")
async def test_what_the_configuration_owns_has_no_form_and_others_see_nothing(house: House) -> None:
    own = Wanted(house.source_id, "loads", "", None, 3600, "UTC", 0, None)
    await house.database.write(monitors.keep, [own], now=house.clock())
    async with await house.signed_in("ben") as ben, await house.signed_in("olga") as olga:
        page = await text(await ben.get("/monitors/1"))
        assert "stands in tocsin.toml" in words(page)
        assert 'name="cron"' not in page
        assert "loads" not in await text(await olga.get("/monitors"))
        await text(await olga.get("/monitors/1"), 404)
