"""What every sender's mapper makes of hostile requests, in a real browser: nothing of it runs."""

import pytest
from playwright.async_api import Browser

from tests.browser.conftest import visitor
from tests.mappers.test_contract import KINDS
from tests.web.hostile import poisoned
from tests.web.house import House

pytestmark = pytest.mark.browser


async def test_nothing_a_sender_says_is_run(house: House, browser: Browser) -> None:
    for kind in sorted(KINDS):
        await house.happens(poisoned(kind)[0].model_copy(update={"urgent": True, "event_data": {"kind": kind}}))
    ana = await visitor(house, browser)
    page = ana.page
    addresses = await page.locator(".item-title").evaluate_all("links => links.map(link => link.pathname)")
    assert len(addresses) == len(KINDS)
    for path in ("/", "/?tab=urgent", "/preferences", *addresses):
        await ana.goes(path)
        await page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        assert await page.evaluate("[window.hit, document.querySelectorAll('img[src=x], main script').length]") == [None, 0], path
    assert ana.complaints == []
