"""The page with figures: tiles, drawings with a table behind them, links into the inbox, and honesty about what is missing."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import update

from gateway.storage import tables
from gateway.web.plots import by_day
from tests.web.figuring import fill
from tests.web.house import House, opened, text, words

pytestmark = pytest.mark.req("R68", "R94")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path) as one:
        yield one


@pytest.fixture
async def ana(house: House) -> AsyncIterator[TestClient[Any, Any]]:
    async with await house.signed_in("ana") as client:
        yield client


async def test_it_tells_tiles_drawings_and_tables(house: House, ana: TestClient[Any, Any]) -> None:
    await house.database.write(fill, house)
    page = await text(await ana.get("/figures?days=30"))
    shown = words(page)
    told = ("Time to recover, median", "104 of 208 acknowledged", "18 closed by hand; 11 by silence", "Noisiest pipelines")
    for said in (*told, "Read within a day"):
        assert said in shown, said
    drawn = re.findall(r'<svg class="plot".*?</svg>', page, re.DOTALL)
    assert len(drawn) == 4
    for one in drawn:
        assert 'role="img"' in one
        assert "<title id=" in one
        assert "<desc id=" in one
        assert one.count("<rect") >= 28
    assert "style=" not in page, "the page allows no style of its own"
    assert page.count('<tr><th scope="row">') >= 30, "each day is a row of the table behind"


async def test_what_senders_named_is_text(house: House, ana: TestClient[Any, Any]) -> None:
    await house.database.write(fill, house)
    page = await text(await ana.get("/figures"))
    assert "<script>alert" not in page


async def test_its_links_lead_to_the_same_things_in_the_inbox_and_to_csv(house: House, ana: TestClient[Any, Any]) -> None:
    await house.database.write(fill, house)
    page = await text(await ana.get("/figures?days=7&category=incident"))
    links = [unescape(link) for link in re.findall(r'href="([^"]+)"', page)]
    inbox = next(link for link in links if link.startswith("/?") and "pipeline=billing" in link)
    assert "category=incident" in inbox
    assert "since=2026-02-24&until=2026-03-02" in inbox
    assert (await ana.get(inbox)).status == 200
    tables_of = [link for link in links if link.startswith("/api/figures.csv")]
    assert len(tables_of) >= 8
    for link in tables_of:
        answer = await ana.get(link)
        assert (answer.status, answer.content_type) == (200, "text/csv"), link


async def test_the_period_is_in_the_address_and_what_cannot_be_is_said(house: House, ana: TestClient[Any, Any]) -> None:
    page = await text(await ana.get("/figures?since=2026-02-01&until=2026-02-03"))
    assert 'name="since" value="2026-02-01"' in page
    assert 'name="until" value="2026-02-03"' in page
    for query in ("since=2026-02-03&until=2026-02-01", "since=nonsense", "since=0001-01-01", "since=2020-01-01", "category=nope"):
        assert (await ana.get(f"/figures?{query}")).status == 422, query


async def test_it_says_what_is_missing_and_that_nothing_is_there(house: House, ana: TestClient[Any, Any]) -> None:
    shown = words(await text(await ana.get("/figures?days=90")))
    assert "nothing failed, and nobody was told anything" in shown
    made = house.clock() - timedelta(days=60)
    with house.database.writing() as transaction:
        transaction.execute(update(tables.beats).where(tables.beats.c.name == "episodes").values(at=house.clock() - timedelta(days=2)))
        transaction.execute(update(tables.teams).values(created_at=made))
        transaction.execute(update(tables.users).where(tables.users.c.id == house.users["ben"]).values(retention_days=7))
    shown = words(await text(await ana.get("/figures?days=30")))
    assert "Failures are written down since 28 Feb" in shown
    assert "some is gone, and mostly what was read" in shown
    assert "within this filter" in words(await text(await ana.get("/figures?category=incident")))


async def test_it_is_for_admins(house: House) -> None:
    async with await house.signed_in("ben") as ben:
        assert (await ben.get("/figures")).status == 403
        assert "/figures" not in await text(await ben.get("/"))


def test_a_drawing_says_the_most_and_stacks_what_a_day_has() -> None:
    plot = by_day("p", "Mails", ["1 Mar", "2 Mar"], [("a", "sent", [1, 3]), ("b", "failed", [0, 1])], write=lambda value: f"{value:.0f}")
    assert plot is not None
    assert plot.most == "4"
    assert plot.says == "1 Mar to 2 Mar; the most on 2 Mar: 4."
    assert [(bar.kind, bar.y, bar.height, bar.label) for bar in plot.bars] == [
        ("a", 75, 25, "1 Mar: 1 sent"), ("a", 25, 75, "2 Mar: 3 sent"), ("b", 0, 25, "2 Mar: 1 failed"),
    ]  # fmt: skip
    assert by_day("p", "Mails", ["1 Mar"], [("a", "", [0])], write=str) is None
