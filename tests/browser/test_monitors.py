"""Monitors in a real browser: by keyboard, on a phone, in light and dark, without a fault that axe could find."""

import re

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import visitor
from tests.browser.test_accessible import found
from tests.web.house import House
from tests.web.test_monitors import look, ran

pytestmark = pytest.mark.browser


@pytest.mark.req("R68", "R90")
async def test_a_pipeline_is_watched_runs_late_and_is_paused(house: House, browser: Browser) -> None:
    await house.database.write(ran, house, "orders", 15)
    ana = await visitor(house, browser)
    page = ana.page
    await ana.goes("/monitors")
    await page.get_by_role("button", name=re.compile("Watch it.*orders")).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("orders")
    await page.get_by_role("link", name="Monitors").last.click()
    await page.get_by_text("Watch a pipeline").click()
    await page.get_by_label("Pipeline, by the name").fill("loads")
    await page.get_by_label("or every").fill("1h")
    await page.get_by_label("Grace").fill("0s")
    await page.keyboard.press("Enter")
    await expect(page.locator(".said")).to_contain_text("Watched from now on")
    await look(house)
    for minutes in (61, 1):
        house.clock.advance(minutes=minutes)
        await look(house)
    await page.reload()
    await expect(page.locator("dl.facts")).to_contain_text("Late")
    await expect(page.get_by_role("link", name="loads is late")).to_be_visible()
    await page.get_by_role("button", name="8 hours").click()
    await expect(page.locator("dl.facts")).to_contain_text("Paused")
    assert ana.complaints == []


@pytest.mark.req("R68")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_axe_finds_nothing_about_monitors(house: House, browser: Browser, scheme: str, width: int) -> None:
    ana = await visitor(house, browser, color_scheme=scheme, viewport={"width": width, "height": 900}, reduced_motion="reduce")
    await ana.goes("/monitors")
    assert await found(ana.page) == [], "nothing is watched"
    for pipeline in ("orders", "stock"):
        await house.database.write(ran, house, pipeline, 15)
    await ana.goes("/monitors")
    assert await found(ana.page) == [], "offered"
    await ana.page.get_by_role("button", name=re.compile("Watch it.*orders")).click()
    await look(house)
    for days in (1, 1, 1):
        house.clock.advance(days=days, minutes=2)
        await look(house)
    await ana.page.locator("summary").click()
    for path in (None, "/monitors"):
        if path:
            await ana.goes(path)
        assert await found(ana.page) == [], path or "one"
    wide = await ana.page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0
