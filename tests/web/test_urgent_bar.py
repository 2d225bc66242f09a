"""The urgent bar: one row per conversation, and what its buttons do."""

import re
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from mappers.contract import Category, Level
from tests.web.house import OURS, House, draft, over, text, words

Client = TestClient[Any, Any]


async def bar(client: Client) -> str:
    return await text(await client.get("/urgent-bar"))


def rows(page: str) -> list[str]:
    return re.findall(r'<li class="bar-row.*?</li>', page, flags=re.DOTALL)


async def press(client: Client, row: str, deed: str) -> None:
    data = [("do", deed), *(("id", number) for number in re.findall(r'name="id" value="(\d+)"', row))]
    assert (await client.post("/notifications", data=data, headers=OURS, allow_redirects=False)).status == 303


@pytest.mark.req("R63")
async def test_one_row_per_conversation_worst_then_oldest(house: House, ana: Client) -> None:
    await house.happens(draft("late", urgent=True, level=Level.WARNING))
    house.clock.advance(minutes=40)
    await house.happens(draft("orders"))
    await house.happens(draft("orders", event_data={"name": "tests"}, category=Category.DBT_TEST_FAILURE, title="orders tests fail"))
    house.clock.advance(minutes=2)
    await house.happens(draft("customers"))
    house.clock.advance(minutes=1)
    page = await bar(ana)
    assert "3 urgent" in words(page)
    first, second, third = rows(page)
    assert words(first).startswith(
        "Error orders Job failure · acme/prod · 2 open orders stopped: the table is gone 3 min Open run Acknowledge "
        "Snooze For an hour For 8 hours For a day Until resolved Dismiss"
    )
    assert 'href="https://runs.acme.test/orders" rel="noopener noreferrer"' in first
    assert words(second).startswith("Error customers")
    assert words(third).startswith("Warning late")
    assert rows(await text(await ana.get("/")))[0] == first


async def test_three_rows_then_more(house: House, ana: Client) -> None:
    for number in range(40):
        house.clock.advance(seconds=1)
        await house.happens(draft(f"job-{number}"))
    page = await bar(ana)
    before, _, behind = page.partition('<details class="bar-more"')
    assert len(rows(before)) == 3
    assert "37 more" in words(behind)
    assert len(rows(behind)) == 27
    assert "All 40 urgent ones" in behind


@pytest.mark.req("R64")
async def test_acknowledging_is_for_everyone_and_dismissing_for_me(house: House, ana: Client, ben: Client) -> None:
    await house.happens(draft("orders"), draft("orders", event_data={"name": "b"}))
    await press(ana, rows(await bar(ana))[0], "acknowledge")
    row = rows(await bar(ben))[0]
    assert "Acknowledged by Ana , 09:00" in words(row)
    assert "quiet" in row
    assert 'class="bar acknowledged"' in await bar(ben)
    await press(ben, row, "unacknowledge")
    assert "Acknowledged by" not in words(await bar(ana))
    await press(ben, rows(await bar(ben))[0], "dismiss")
    assert "All clear." in await bar(ben)
    assert len(rows(await bar(ana))) == 1
    house.clock.advance(minutes=1)
    await house.happens(over("orders"))
    house.clock.advance(minutes=1)
    await house.happens(draft("orders"))
    assert len(rows(await bar(ben))) == 1, "a new episode comes back"


async def test_the_version_changes_with_what_is_shown_and_not_with_time(house: House, ana: Client) -> None:
    def version(page: str) -> str:
        return re.search(r'data-version="(\w+)"', page)[1]  # type: ignore[index]

    clear = version(await bar(ana))
    await house.happens(draft())
    active = version(await bar(ana))
    house.clock.advance(hours=1)
    assert version(await bar(ana)) == active != clear
    await press(ana, rows(await bar(ana))[0], "acknowledge")
    assert version(await bar(ana)) not in (active, clear)


async def test_other_pages_have_it_in_one_line(house: House, ana: Client) -> None:
    await house.happens(draft("orders"))
    await house.happens(draft("customers"))
    page = words(await text(await ana.get("/preferences")))
    assert "2 urgent : orders and 1 more" in page
    short = await text(await ana.get("/urgent-bar?short"))
    assert rows(short) == []


@pytest.mark.req("R54", "R63")
async def test_snoozing_takes_it_off_my_bar_until_then(house: House, ana: Client, ben: Client) -> None:
    await house.happens(draft("orders"))
    await press(ana, rows(await bar(ana))[0], "snooze.1h")
    assert "All clear." in await bar(ana)
    assert len(rows(await bar(ben))) == 1, "it is mine alone"
    house.clock.advance(hours=1, seconds=1)
    assert len(rows(await bar(ana))) == 1
    answer = await ana.post("/notifications", data={"do": "snooze.soon", "id": "1"}, headers=OURS)
    assert answer.status == 422


@pytest.mark.req("R46", "R63")
async def test_what_recovered_just_now_is_told_for_a_while(house: House, ana: Client, ben: Client) -> None:
    await house.happens(draft("orders"), draft("quiet", level=Level.WARNING))
    await press(ben, rows(await bar(ben))[0], "dismiss")
    house.clock.advance(minutes=42)
    await house.happens(over("orders"), over("quiet"))
    page = await bar(ana)
    assert "All clear." in page
    assert "orders resolved after 42 min" in words(page)
    assert "quiet" not in words(page), "it was not urgent"
    assert "resolved after" not in words(await bar(ben)), "he had put it away"
    before = re.search(r'data-version="(\w+)"', page)
    house.clock.advance(minutes=5, seconds=1)
    page = await bar(ana)
    assert "resolved after" not in words(page)
    assert re.search(r'data-version="(\w+)"', page) != before


@pytest.mark.req("R63")
async def test_a_storm_is_told_by_source(house: House, ana: Client) -> None:
    for number in range(10):
        await house.happens(draft(f"job-{number}"))
    assert "By source" not in await bar(ana)
    await house.happens(draft("job-10"))
    page = await bar(ana)
    assert "prefect-prod 11" in words(page)
    assert 'href="/?tab=urgent&amp;team=acme&amp;source=prefect-prod"' in page
    listed = await text(await ana.get("/?tab=urgent&team=acme&source=prefect-prod"))
    assert all(f"job-{number} failed" in listed for number in range(11))
    for row in rows(page):
        await press(ana, row, "acknowledge")
    assert "prefect-prod 11 , acknowledged" in words(await bar(ana))
