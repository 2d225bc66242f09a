"""WCAG 2.2 AA as far as a machine can tell: axe finds nothing, on any page, in any state, in light and dark."""

from typing import Any, Final

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page

from mappers.contract import Category, Level, State
from tests.browser.conftest import visitor
from tests.web.house import House, draft, over

pytestmark = pytest.mark.browser
RULES: Final = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
PAGES: Final = (
    "/", "/?tab=unread&q=orders&category=incident", "/?tab=urgent", "/?tab=snoozed", "/?tab=archived", "/?tab=muted", "/notifications/1",
    "/notifications/2", "/notifications/3", "/mail", "/mail/1", "/sources", "/events", "/sources/1", "/members", "/figures", "/preferences",
    "/nowhere",
)  # fmt: skip


async def found(page: Page) -> list[str]:
    """What axe finds fault with, each with where."""
    results: Any = await Axe().run(page, options=RULES)
    return [f"{one['id']}: {[node['html'][:200] for node in one['nodes']]}" for one in results.response["violations"]]


async def happenings(house: House) -> None:
    """Something of everything that a page can show."""
    tests = {
        "category": Category.DBT_TEST_FAILURE,
        "pipeline": "build",
        "run": "r1",
        "excerpt": "a log\nof two lines",
        "impact": ["a", "b"],
    }
    await house.happens(draft("orders", facts={"rows": "7"}, tags=["finance"], **tests | {"pipeline": "orders"}))
    await house.happens(draft("late", category=Category.LATE_RUN, level=Level.WARNING), draft("note", level=Level.INFO, state=State.NOTE))
    await house.happens(*(draft(f"test-{number}", **tests) for number in range(5)))
    house.clock.advance(minutes=42)
    await house.happens(over("late", category=Category.LATE_RUN))
    await house.sends()


@pytest.mark.req("R68")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
async def test_axe_finds_nothing(house: House, browser: Browser, scheme: str, width: int) -> None:
    await happenings(house)
    ana = await visitor(house, browser, color_scheme=scheme, viewport={"width": width, "height": 900}, reduced_motion="reduce")
    for path in PAGES:
        await ana.goes(path)
        assert await found(ana.page) == [], path
    await ana.goes("/")
    page = ana.page
    for state, enter in {
        "selected": page.locator(".pick input").first.check,
        "unfolded": page.locator(".fold summary").click,
        "filtering": page.locator(".menu summary").click,
        "helped": lambda: page.keyboard.press("?"),
    }.items():
        await enter()
        assert await found(page) == [], state
    await page.keyboard.press("Escape")
    await page.locator(".item-title").first.focus()
    await page.keyboard.press("s")
    assert await found(page) == [], "snoozing"


async def test_axe_finds_nothing_where_nobody_is_signed_in(house: House, browser: Browser) -> None:
    page = await browser.new_page()
    for path in ("/", await house.link("ana"), "/sign-in/used"):
        await page.goto(house.base + path)
        assert await found(page) == [], path


async def test_axe_finds_what_is_wrong(house: House, browser: Browser) -> None:
    """Else none of these tests would say anything."""
    ana = await visitor(house, browser)
    await ana.page.evaluate("() => document.querySelector('#q').labels[0].remove()")
    await ana.page.evaluate("() => document.querySelector('#q').removeAttribute('placeholder')")
    assert [one.partition(":")[0] for one in await found(ana.page)] == ["label"]
