"""Snoozing and muting by the buttons of the page."""

from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from tests.web.house import OURS, House, draft, over, text, words

Client = TestClient[Any, Any]


async def do(person: Client, deed: str, **fields: str) -> str:
    """The page that follows a button of the notification's own page."""
    referer = {"Referer": "https://tocsin.example/notifications/1"}
    return words(await text(await person.post("/notifications", data={"id": "1", "do": deed, **fields}, headers=OURS | referer)))


@pytest.mark.req("R54")
async def test_a_snooze_leaves_the_page_and_can_be_undone(house: House, ana: Client) -> None:
    await house.happens(draft("orders"))
    page = await do(ana, "snooze", **{"for": "8h"})
    assert "Snoozed: it comes back to the top of your inbox." in page
    assert "orders failed" not in page
    page = words(await text(await ana.get("/notifications/1")))
    assert "Snoozed until 17:00 ." in page
    assert "Wake it now" in page
    assert "Unmute" not in page
    page = await do(ana, "unsnooze")
    assert "Back on top of your inbox." in page
    assert "Snoozed" not in page
    assert "Wake it now" not in page
    assert "orders failed" in words(await text(await ana.get("/")))


@pytest.mark.req("R54")
async def test_what_is_muted_has_a_tab_of_its_own(house: House, ana: Client) -> None:
    await house.happens(draft("orders"))
    assert "Nothing muted" in await text(await ana.get("/?tab=muted"))
    assert "All clear" in await do(ana, "mute", **{"for": "until-resolved"})
    assert "Muted until it is resolved." in words(await text(await ana.get("/notifications/1")))
    assert "Nothing has rung yet" in await text(await ana.get("/"))
    page = await text(await ana.get("/?tab=muted"))
    assert "orders failed" in page
    assert '<button name="do" value="unmute"' in page
    assert "Not muted any more." in await do(ana, "unmute")
    await do(ana, "mute", **{"for": "forever"})
    assert "Muted for ever." in words(await text(await ana.get("/notifications/1")))


async def test_a_period_is_needed_and_must_be_one_of_ours(house: House, ana: Client) -> None:
    await house.happens(draft("orders"))
    for fields in ({}, {"for": ""}, {"for": "2h"}):
        await text(await ana.post("/notifications", data={"id": "1", "do": "mute", **fields}, headers=OURS), 422)
    assert "until resolved" in await text(await ana.get("/notifications/1"))
    await house.happens(over("orders"))
    assert "until resolved" not in await text(await ana.get("/notifications/1"))
    await text(await ana.post("/notifications", data={"id": "1", "do": "mute", "for": "until-resolved"}, headers=OURS), 409)
    await text(await ana.post("/notifications", data={"id": "99", "do": "mute", "for": "8h"}, headers=OURS), 404)
