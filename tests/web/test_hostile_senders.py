"""Every sender is hostile: markup in whatever it says is text, in the inbox, on a notification's page, on the bar."""

from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from tests.mappers.test_contract import KINDS
from tests.web.hostile import poisoned, wrong
from tests.web.house import House, text

Client = TestClient[Any, Any]


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_what_a_sender_says_is_only_ever_text(house: House, ana: Client, kind: str) -> None:
    found = poisoned(kind)
    assert found
    await house.happens(*found)
    numbers = [item["id"] for item in (await (await ana.get("/api/notifications/v1")).json())["items"]]
    pages = {
        path: await text(await ana.get(path))
        for path in ("/", "/urgent-bar", "/urgent-bar?short", *(f"/notifications/{one}" for one in numbers))
    }
    assert any("window.hit" in page for page in pages.values()), "nothing was hostile"
    assert {path: wrong(page) for path, page in pages.items() if wrong(page)} == {}
