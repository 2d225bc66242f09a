"""The page with figures in a real browser: on a phone, in the dark, without scripts, by the keyboard, and to axe."""

import re

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import visitor
from tests.browser.test_accessible import found
from tests.web.figuring import fill
from tests.web.house import House

pytestmark = [pytest.mark.browser, pytest.mark.req("R68", "R94")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
async def test_it_fits_is_drawn_and_axe_finds_nothing(house: House, browser: Browser, scheme: str, width: int) -> None:
    await house.database.write(fill, house)
    ana = await visitor(house, browser, color_scheme=scheme, viewport={"width": width, "height": 800}, reduced_motion="reduce")
    page = ana.page
    await ana.goes("/figures")
    await page.get_by_text("Day by day").click()
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    heights = await page.locator(".plot rect").evaluate_all("bars => bars.map(bar => bar.getBoundingClientRect().height)")
    assert max(heights) > 50
    colours = await page.locator(".plot rect").evaluate_all("bars => [...new Set(bars.map(bar => getComputedStyle(bar).fill))]")
    assert len(colours) >= 4, "drawn in the colours of the page"
    assert "rgb(0, 0, 0)" not in colours
    assert await found(page) == []
    await ana.goes("/figures?category=dbt_test_failure")
    await expect(page.get_by_text("Nothing to count")).to_be_visible()
    assert await found(page) == []
    assert ana.complaints == []


async def test_it_works_without_scripts(house: House, browser: Browser) -> None:
    await house.database.write(fill, house)
    ana = await visitor(house, browser, java_script_enabled=False)
    page = ana.page
    await ana.goes("/figures")
    await page.get_by_role("link", name="7 days").click()
    await page.get_by_role("combobox", name="Category").select_option("incident")
    await page.get_by_role("button", name="Show").click()
    await expect(page.get_by_role("heading", name="Noisiest pipelines")).to_be_visible()
    assert "category=incident" in page.url
    async with page.expect_download() as download:
        await page.get_by_role("link", name=re.compile("Noisiest pipelines")).click()
    assert (await download.value).suggested_filename.startswith("figures-pipelines-")
