"""Preferences as they are used: saved at once and said so, kept through a lost connection, tried on before they are made."""

from typing import Any

import pytest
from playwright.async_api import Browser, Route, expect

from mappers.contract import Category, Level
from tests.browser.conftest import visitor
from tests.web.house import House, draft

pytestmark = pytest.mark.browser


async def stored(house: House, who: str) -> dict[str, Any]:
    client = await house.signed_in(who)
    found: dict[str, Any] = await (await client.get("/api/notifications/preferences")).json()
    await client.session.close()
    return found


@pytest.mark.req("R51", "R52", "R56", "R57", "R58")
async def test_every_control_is_saved_at_once(house: House, browser: Browser) -> None:
    ana = await visitor(house, browser)
    page, line = ana.page, ana.page.locator("[data-saved]")
    await ana.goes("/preferences")
    await expect(line).to_have_text("Each change is saved at once.")
    await expect(page.get_by_role("button", name="Save", exact=True)).to_be_hidden()
    await page.get_by_role("checkbox", name="System by mail").uncheck()
    await expect(line).to_have_text("Saved.")
    await page.locator("select[name='late_run.in_app.min_level']").select_option("error")
    await page.locator("input[name='incident.owned']").check()
    await page.locator("select[name='email.min_level']").select_option("error")
    await page.locator("select[name='email.digest']").select_option("daily")
    await page.locator("input[name=quiet_hours]").check()
    await page.locator("input[name='quiet_hours.from']").fill("21:30")
    await page.locator("input[name=retention_days]").fill("14")
    await page.locator("select[name=timezone]").select_option("Europe/Berlin")
    await page.locator("input[name=urgent_breaks_through]").uncheck()
    await page.locator("input[name=shortcuts]").uncheck()
    await expect(line).to_have_text("Saved.")
    await page.wait_for_function("localStorage.length === 0")
    found = await stored(house, "ana")
    assert not found["categories"]["system"]["email"]
    assert found["categories"]["system"]["in_app"]
    assert found["categories"]["late_run"]["in_app_min_level"] == "error"
    assert found["categories"]["incident"]["scope"] == "owned"
    assert found["email"] == {"enabled": True, "min_level": "error", "digest": "daily"}
    assert found["quiet_hours"] == {"from": "21:30", "until": "07:00"}
    assert (found["retention_days"], found["timezone"]) == (14, "Europe/Berlin")
    assert (found["urgent_breaks_through"], found["shortcuts"]) == (False, False)
    await page.reload()
    await expect(page.get_by_role("checkbox", name="System by mail")).not_to_be_checked()
    await page.locator("input[name='quiet_hours.from']").fill("07:00")
    await expect(line).to_contain_text("Not saved: ")
    await expect(line).to_contain_text("must differ")
    assert [text for text in ana.complaints if "422" not in text] == []


@pytest.mark.req("R51")
async def test_a_change_survives_a_lost_connection_and_a_reload(house: House, browser: Browser) -> None:
    ana = await visitor(house, browser)
    page, line = ana.page, ana.page.locator("[data-saved]")
    await ana.goes("/preferences")
    gone = True

    async def lost(route: Route) -> None:
        await (route.abort() if gone else route.continue_())

    await page.route("**/api/notifications/preferences*", lost)
    await page.get_by_role("checkbox", name="System by mail").uncheck()
    await expect(line).to_have_text("Not saved yet: the gateway does not answer. Trying again.")
    await page.get_by_role("checkbox", name="System in-app").uncheck()
    await page.reload()
    await expect(page.get_by_role("checkbox", name="System by mail")).not_to_be_checked()
    await expect(line).to_contain_text("Not saved yet")
    assert (await stored(house, "ana"))["categories"]["system"]["email"]
    gone = False
    await page.evaluate("dispatchEvent(new Event('online'))")
    await expect(line).to_have_text("Saved.")
    system = (await stored(house, "ana"))["categories"]["system"]
    assert (system["in_app"], system["email"]) == (False, False)


async def test_what_one_person_left_unsaved_is_not_saved_for_another(house: House, browser: Browser) -> None:
    ana = await visitor(house, browser)
    await ana.goes("/preferences")
    await ana.page.context.clear_cookies()
    await ana.page.get_by_role("checkbox", name="System by mail").uncheck()
    await expect(ana.page.locator("[data-saved]")).to_have_text("Not saved yet: you are signed out. It is saved when you are back here.")
    await ana.sign_in("ben")
    await ana.goes("/preferences")
    await expect(ana.page.get_by_role("checkbox", name="System by mail")).to_be_checked()
    await ana.page.context.clear_cookies()
    await ana.sign_in("ana")
    await ana.goes("/preferences")
    await expect(ana.page.locator("[data-saved]")).to_have_text("Saved.")
    assert not (await stored(house, "ana"))["categories"]["system"]["email"]
    assert (await stored(house, "ben"))["categories"]["system"]["email"]


async def test_last_week_is_shown_as_it_would_have_been(house: House, browser: Browser) -> None:
    await house.happens(draft("orders"))
    await house.happens(draft("late", category=Category.LATE_RUN, level=Level.WARNING))
    ana = await visitor(house, browser)
    page, shown = ana.page, ana.page.locator("[data-preview-place]")
    await ana.goes("/preferences")
    await page.get_by_role("button", name="What would I have received last week?").click()
    await expect(shown).to_contain_text("2 in your inbox, 1 of them urgent, and 2 mails")
    await page.get_by_role("checkbox", name="Late run by mail").uncheck()
    await expect(shown).to_contain_text("2 in your inbox, 1 of them urgent, and 1 mail")
    await page.get_by_role("checkbox", name="Notify me").uncheck()
    await expect(shown).to_contain_text("0 in your inbox, and 0 mails")
    assert ana.complaints == []


async def test_all_of_it_works_without_scripts(house: House, browser: Browser) -> None:
    await house.happens(draft("orders"))
    ana = await visitor(house, browser, java_script_enabled=False)
    page = ana.page
    await ana.goes("/preferences")
    await page.get_by_role("checkbox", name="Job failure by mail").uncheck()
    await page.get_by_role("button", name="What would I have received last week?").click()
    await expect(page.locator("main")).to_contain_text("1 in your inbox, 1 of them urgent, and 0 mails")
    await expect(page.locator("main")).to_contain_text("Nothing is saved yet.")
    await expect(page.get_by_role("checkbox", name="Job failure by mail")).not_to_be_checked()
    assert (await stored(house, "ana"))["categories"]["job_failure"]["email"]
    await page.get_by_role("button", name="Save", exact=True).click()
    assert not (await stored(house, "ana"))["categories"]["job_failure"]["email"]
    await ana.goes("/notifications/1")
    await page.get_by_role("button", name="Mute").click()
    await ana.goes("/preferences")
    await page.get_by_role("button", name="Unmute orders failed").click()
    await expect(page.locator(".said")).to_contain_text("Not muted any more.")
    await expect(page.locator(".muted")).to_contain_text("None.")
