"""Working through an inbox: by keys, by boxes, with undo; what is folded, what is new, what a lost connection does."""

import pytest
from playwright.async_api import Browser, Page, Route, expect

from mappers.contract import Category, Level
from tests.browser.conftest import Visitor, visitor
from tests.web.house import House, draft

pytestmark = pytest.mark.browser


async def five(house: House, browser: Browser) -> Visitor:
    """An inbox of five, e on top."""
    for name in "abcde":
        house.clock.advance(seconds=1)
        await house.happens(draft(name, urgent=False))
    return await visitor(house, browser)


async def focused(page: Page) -> str:
    return await page.evaluate(
        "document.activeElement.closest('[data-item]')?.querySelector('bdi').textContent ?? document.activeElement.id"
    )


@pytest.mark.req("R68", "R66")
async def test_keys_are_enough_to_work_through_it(house: House, browser: Browser) -> None:
    ana = await five(house, browser)
    page = ana.page
    for key, expected in (("j", "e failed"), ("j", "d failed"), ("j", "c failed"), ("k", "d failed"), ("k", "e failed"), ("k", "e failed")):
        await page.keyboard.press(key)
        assert await focused(page) == expected
    await page.keyboard.press("j")
    await page.keyboard.press("e")
    await expect(page.locator(".said")).to_contain_text("Archived.")
    await expect(page.locator(".item-title bdi")).to_have_text(["e failed", "c failed", "b failed", "a failed"])
    assert await focused(page) == "c failed", "the next one, so that one can go on"
    await expect(page.locator("[data-count=archived]")).to_have_text("1")
    await page.keyboard.press("u")
    await expect(page.locator(".item.unread")).to_have_count(3)
    await expect(page.locator("[data-count=unread]")).to_have_text("3")
    await page.keyboard.press("u")
    await expect(page.locator(".item.unread")).to_have_count(4)
    await page.keyboard.press("x")
    await page.keyboard.press("j")
    await page.keyboard.press("x")
    await expect(page.get_by_role("button", name="Archive 2 selected")).to_be_visible()
    await page.keyboard.press("s")
    await expect(page.get_by_role("dialog", name="Snooze 2 selected")).to_be_visible()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.locator(".said")).to_contain_text("Snoozed: 2")
    await expect(page.locator(".item-title bdi")).to_have_text(["e failed", "a failed"])
    await page.locator(".said").get_by_role("button", name="Undo").focus()
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    await expect(page.locator(".item-title")).to_have_count(4)
    await page.keyboard.press("/")
    assert await focused(page) == "q"
    await page.keyboard.type("jexus?")
    await expect(page.locator("#q")).to_have_value("jexus?")
    await expect(page.locator(".item-title")).to_have_count(4)
    assert ana.complaints == []


@pytest.mark.req("R68")
async def test_a_notification_opens_and_is_dealt_with_by_keys(house: House, browser: Browser) -> None:
    ana = await five(house, browser)
    page = ana.page
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("e failed")
    await expect(page.get_by_role("button", name="Mark as unread")).to_be_visible()
    await page.keyboard.press("e")
    await expect(page.locator(".said")).to_contain_text("Archived.")
    await expect(page.locator(".item-title bdi").first).to_have_text("d failed")


@pytest.mark.req("R68")
async def test_single_keys_can_be_switched_off_and_on(house: House, browser: Browser) -> None:
    """https://www.w3.org/TR/WCAG22/#character-key-shortcuts"""
    ana = await five(house, browser)
    page = ana.page
    await page.keyboard.press("Control+j")
    assert await focused(page) == ""
    await page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    await expect(dialog.get_by_role("button", name="Close")).to_be_focused()
    await page.keyboard.press("j")
    await dialog.get_by_role("checkbox").uncheck()
    await expect(dialog.get_by_role("status")).to_have_text("Off. Preferences turn them on again.")
    await page.keyboard.press("Escape")
    for key in "jxeu/?":
        await page.keyboard.press(key)
    assert await focused(page) == ""
    await expect(dialog).to_be_hidden()
    await page.reload()
    await page.keyboard.press("j")
    assert await focused(page) == ""
    await page.get_by_role("button", name="Keys").click()
    await dialog.get_by_role("checkbox").check()
    await expect(dialog.get_by_role("status")).to_have_text("On.")
    await page.keyboard.press("Escape")
    await page.keyboard.press("j")
    assert await focused(page) == "e failed"


@pytest.mark.req("R66")
async def test_boxes_say_how_much_they_are_for(house: House, browser: Browser) -> None:
    ana = await five(house, browser)
    page = ana.page
    await expect(page.get_by_role("button", name="Archive")).to_be_hidden()
    boxes = page.locator(".pick input")
    await boxes.nth(1).click()
    await boxes.nth(3).click(modifiers=["Shift"])
    await expect(page.get_by_role("button", name="Archive 3 selected")).to_be_visible()
    assert await page.locator("[data-all] input").evaluate("one => one.indeterminate")
    await page.get_by_role("button", name="Mark read 3 selected").click()
    await expect(page.locator(".said")).to_contain_text("Marked as read: 3.")
    await expect(page.locator(".item.unread")).to_have_count(2)
    await page.locator("[data-all] input").check()
    await page.get_by_role("button", name="Archive 5 selected").click()
    await expect(page.get_by_role("heading", name="Nothing has rung yet")).to_be_visible()
    await expect(page.locator("[data-count=archived]")).to_have_text("5")
    assert ana.complaints == []


@pytest.mark.req("R66")
async def test_all_within_the_filter_is_read_and_taken_back(house: House, browser: Browser) -> None:
    ana = await five(house, browser)
    await house.happens(draft("late", category=Category.LATE_RUN, level=Level.WARNING))
    page = ana.page
    await ana.goes("/?category=job_failure")
    await page.get_by_role("button", name="Mark all 5 unread within this filter as read").click()
    await expect(page.locator(".said")).to_contain_text("Marked as read: 5.")
    await expect(page.locator("[data-unread-number]").first).to_have_text("1")
    await page.get_by_role("button", name="Undo").click()
    await expect(page.locator(".said")).to_contain_text("Unread again.")
    await expect(page.locator(".item.unread")).to_have_count(5)


@pytest.mark.req("R60")
async def test_what_belongs_to_one_run_is_folded(house: House, browser: Browser) -> None:
    for number in range(5):
        tests = {"category": Category.DBT_TEST_FAILURE, "pipeline": "build", "event_data": {"test": number}, "run": "r1"}
        await house.happens(draft(f"test-{number}", level=Level.ERROR if number else Level.WARNING, **tests))
    await house.happens(draft("other"))
    ana = await visitor(house, browser)
    page = ana.page
    await expect(page.locator(".item-title:visible bdi")).to_have_text(["other failed", "test-4 failed"])
    fold = page.locator(".fold summary")
    await expect(fold).to_contain_text("4 more of build")
    await expect(fold).to_contain_text("4 open")
    for _ in range(3):
        await page.keyboard.press("j")
    await expect(fold).to_be_focused()
    await page.keyboard.press("x")
    await expect(page.get_by_role("button", name="Archive 4 selected")).to_be_visible()
    await page.keyboard.press("Enter")
    await expect(page.locator(".item-title:visible")).to_have_count(6)
    await page.keyboard.press("j")
    assert await focused(page) == "test-3 failed"
    await page.keyboard.press("e")
    await expect(page.locator(".item-title")).to_have_count(2)
    await expect(page.locator(".fold")).to_have_count(0)


async def test_what_could_not_be_done_is_said_and_nothing_moves(house: House, browser: Browser) -> None:
    ana = await five(house, browser)
    page = ana.page

    async def gone(route: Route) -> None:
        await route.abort()

    await page.route("**/api/notifications/v1", gone)
    await page.keyboard.press("j")
    await page.keyboard.press("e")
    await expect(page.locator(".said")).to_have_text("Nothing was done: the gateway does not answer. Try again.")
    await expect(page.locator(".item-title")).to_have_count(5)
    await page.unroute("**/api/notifications/v1")
    await page.context.clear_cookies()
    await page.keyboard.press("e")
    await expect(page.locator(".said")).to_have_text("Nothing was done: you are signed out.")


async def test_what_is_snoozed_says_when_it_is_back(house: House, browser: Browser) -> None:
    ana = await five(house, browser)
    page = ana.page
    await page.locator(".pick input").first.check()
    await page.get_by_label("For how long to snooze or mute").select_option("1d")
    await page.get_by_role("button", name="Snooze 1 selected").click()
    await expect(page.locator(".item-title")).to_have_count(4)
    await page.get_by_role("link", name="Snoozed 1").click()
    await expect(page.locator(".item")).to_contain_text("Back 3 Mar, 09:00")
    await page.locator(".pick input").first.check()
    await page.get_by_role("button", name="Wake now 1 selected").click()
    await expect(page.get_by_role("heading", name="Nothing snoozed")).to_be_visible()
    assert ana.complaints == []
