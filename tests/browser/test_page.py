"""The page in a real browser: what people do, what attackers try, what breaks."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from mappers.contract import Category, Level
from tests.browser.conftest import visitor
from tests.web.house import House, draft, over

pytestmark = pytest.mark.browser
PAGES = ("/", "/notifications/1", "/mail", "/mail/1", "/sources", "/events", "/watched", "/preferences", "/?tab=archived", "/nowhere")
EVIL = "\"'><script>window.hit=1</script><img src=x onerror=window.hit=2><svg onload=window.hit=3>"
LONG = "x" * 180


async def later(page: Page, seconds: int = 11) -> None:
    """Lets the script's timers pass."""
    await page.clock.run_for(seconds * 1000)


@pytest.mark.req("R68")
async def test_from_the_bar_to_the_end_of_an_incident(house: House, browser: Browser) -> None:
    await house.happens(
        draft("orders"), draft("orders", event_data={"name": "2"}, title="orders tests fail", category=Category.DBT_TEST_FAILURE)
    )
    ana = await visitor(house, browser)
    ben = await visitor(house, browser, "ben")
    page, row = ana.page, ana.page.locator(".bar-row")
    await expect(row).to_have_count(1)
    await expect(row).to_contain_text("2 open")
    await expect(row.get_by_role("link", name="Open run")).to_be_visible()
    await row.get_by_role("button", name="Acknowledge").click()
    await expect(page.locator("[data-bar-said]")).to_contain_text("everybody sees that you are on it")
    await expect(ben.page.locator(".bar-row")).to_contain_text("Acknowledged by Ana")
    await ben.page.locator(".bar-row").get_by_role("button", name="Dismiss").click()
    await expect(ben.page.locator(".bar")).to_contain_text("All clear")
    await ben.page.get_by_role("button", name="Undo").click()
    await expect(ben.page.locator(".bar-row")).to_have_count(1)
    await page.locator(".item-title", has_text="orders failed").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("orders failed")
    await expect(page.get_by_role("button", name="Mark as unread")).to_be_visible()  # it was marked by looking
    house.clock.advance(minutes=42)
    await house.happens(over("orders"), over("orders", event_data={"name": "2"}, category=Category.DBT_TEST_FAILURE))
    await page.reload()
    await expect(page.locator(".one-state")).to_contain_text("Resolved after 42 min")
    await page.get_by_role("button", name="Archive").click()
    await expect(page.locator(".bar")).to_contain_text("All clear")
    await expect(page.locator(".bar-over")).to_contain_text("orders resolved after 42 min")
    await expect(page.locator(".item-title")).to_have_text(["Unread: orders tests fail"])
    assert ana.complaints == ben.complaints == []


@pytest.mark.req("R68")
async def test_an_open_page_stays_fresh_without_moving_what_is_read(house: House, browser: Browser) -> None:
    await house.happens(draft("orders"))
    ana = await visitor(house, browser)
    page = ana.page
    await expect(page.locator(".as-of")).to_have_text("Live")
    await page.locator(".bar-row").get_by_role("button", name="Dismiss").focus()
    house.clock.advance(minutes=5)
    await house.happens(draft("customers", category=Category.INCIDENT), draft("quiet", level=Level.WARNING))
    await expect(page.locator(".bar-row")).to_have_count(2)
    await expect(page.locator(".bar-row").first).to_contain_text("5 min")
    await expect(page.locator(".bar-row").first.get_by_role("button", name="Dismiss")).to_be_focused()
    await expect(page.locator("[data-announce]")).to_have_text("New and urgent. Error: customers")
    await expect(page.locator(".news")).to_have_text("2 new · show")
    await expect(page).to_have_title("(3) Inbox · Tocsin")
    await expect(page.locator(".item-title")).to_have_text(["Unread: orders failed"])
    await page.get_by_role("link", name="2 new · show").click()
    await expect(page.locator(".item-title")).to_have_count(3)
    await expect(page.locator(".news")).to_be_hidden()
    assert ana.complaints == []


@pytest.mark.req("R68")
async def test_a_page_that_does_not_know_never_says_all_clear(house: House, browser: Browser) -> None:
    ana = await visitor(house, browser)
    page = ana.page
    await page.clock.install()
    await page.reload()
    await expect(page.locator(".bar")).to_contain_text("All clear")
    await page.route("**/urgent-bar*", lambda route: route.abort())
    await later(page, 70)
    await expect(page.get_by_text("Not updating since")).to_be_visible()
    await expect(page.get_by_text("All clear")).to_be_hidden()
    await page.unroute("**/urgent-bar*")
    await page.get_by_role("link", name="Retry").click()
    await expect(page.get_by_text("All clear")).to_be_visible()
    await expect(page.get_by_text("Not updating since")).to_be_hidden()
    await page.context.clear_cookies()
    await later(page, 70)
    await expect(page.get_by_text("You are signed out.")).to_be_visible()
    await page.get_by_role("link", name="Retry").click()
    await expect(page.get_by_text("tocsin sign-in-link")).to_be_visible()


async def test_nothing_a_payload_says_is_run(house: House, browser: Browser) -> None:
    fields = {
        "title": EVIL,
        "pipeline": EVIL,
        "message": f"{EVIL}\n{EVIL}",
        "facts": {EVIL: EVIL},
        "impact": [EVIL],
        "excerpt": f"{EVIL} log",
        "tags": [EVIL],
    }
    await house.happens(
        draft("evil", **fields, run=EVIL, owners=[EVIL], member={"key": EVIL, "label": EVIL}, links={EVIL: "https://runs.acme.test/'"})
    )
    await house.sends()
    ana = await visitor(house, browser)
    for path in (*PAGES[:-1], "/mail/1/html"):
        await ana.goes(path)
        await ana.page.wait_for_timeout(100)
        assert await ana.page.evaluate("window.hit") is None, path
        assert await ana.page.locator("img[src='x']").count() == 0, path
        for frame in ana.page.frames[1:]:
            assert await frame.locator("script, img[src='x']").count() == 0
    assert ana.complaints == []
    await ana.goes("/notifications/1")
    await ana.page.evaluate(
        "() => { const one = document.createElement('script'); one.textContent = 'window.hit = 5'; document.body.append(one) }"
    )
    assert await ana.page.evaluate("window.hit") is None, "the policy stops what would get in"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_phone_never_scrolls_sideways(house: House, browser: Browser, scheme: str) -> None:
    for number in range(5):
        await house.happens(
            draft(
                f"{LONG}{number}",
                message=LONG * 3,
                facts={LONG[:60]: LONG},
                impact=[LONG],
                links={LONG[:60]: f"https://runs.acme.test/{LONG}"},
            )
        )
    await house.sends()
    ana = await visitor(house, browser, viewport={"width": 390, "height": 844}, color_scheme=scheme)
    for path in PAGES:
        await ana.goes(path)
        wide = await ana.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, path
    await ana.goes("/")
    await ana.page.locator(".menu summary").click()
    box = await ana.page.locator(".menu-body").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    for name in ("Acknowledge", "Dismiss"):
        box = await ana.page.locator(".bar-row").first.get_by_role("button", name=name).bounding_box()
        assert box
        assert box["height"] >= 24, "https://www.w3.org/TR/WCAG22/#target-size-minimum"


@pytest.mark.req("R68")
@pytest.mark.parametrize("path", ["/", "/?tab=muted", "/members", "/events?status=quarantined", "/preferences"])
async def test_on_a_small_phone_rows_of_links_stay_one_line_and_the_open_one_is_in_view(house: House, browser: Browser, path: str) -> None:
    await house.happens(draft("orders"))
    ana = await visitor(house, browser, viewport={"width": 360, "height": 740})
    await ana.goes(path)
    await ana.page.wait_for_load_state("networkidle")
    for row in await ana.page.locator(".top nav, .tabs").all():
        tops = await row.locator("a").evaluate_all("links => new Set(links.map(one => Math.round(one.getBoundingClientRect().top))).size")
        assert tops == 1
        box = await row.locator("[aria-current]").bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
        assert box["height"] >= 24, "https://www.w3.org/TR/WCAG22/#target-size-minimum"
    last = ana.page.locator(".top nav a").last
    await last.focus()
    box = await last.bounding_box()
    assert box
    assert box["x"] + box["width"] <= 360, "a keyboard reaches every one"


async def test_everything_works_without_scripts(house: House, browser: Browser) -> None:
    await house.happens(draft("orders"))
    await house.happens(draft("customers", category=Category.LATE_RUN, level=Level.WARNING))
    ana = await visitor(house, browser, java_script_enabled=False)
    page = ana.page
    await page.locator(".bar-row").get_by_role("button", name="Acknowledge").click()
    await expect(page.locator(".bar-row")).to_contain_text("Acknowledged by Ana")
    await page.locator(".menu summary").click()
    await page.get_by_role("checkbox", name="Late run").check()
    await page.get_by_role("button", name="Show").click()
    await expect(page.locator(".item-title")).to_have_text(["Unread: customers failed"])
    await page.locator(".item-title").click()
    await page.get_by_role("button", name="Mark as read").click()
    await expect(page.get_by_role("button", name="Mark as unread")).to_be_visible()
    await page.get_by_role("link", name="Inbox", exact=True).first.click()
    await page.locator(".pick input").first.check()
    await page.get_by_role("button", name="Archive").click()
    await expect(page.locator(".said")).to_contain_text("Archived.")
    await page.get_by_role("link", name="Preferences").click()
    await page.get_by_role("checkbox", name="System by mail").uncheck()
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".said")).to_contain_text("Saved.")
    await expect(page.get_by_role("checkbox", name="System by mail")).not_to_be_checked()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_text("tocsin sign-in-link")).to_be_visible()


async def test_the_keyboard_is_enough(house: House, browser: Browser) -> None:
    await house.happens(draft("orders"))
    ana = await visitor(house, browser)
    page = ana.page
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("main")).to_be_focused()
    await page.locator(".bar-topic").focus()
    for name in ("Open run", "Acknowledge", "Snooze", "Dismiss"):
        await page.keyboard.press("Tab")
        focused = page.locator(":focus")
        await expect(focused).to_have_text(name)
        outline = await focused.evaluate("one => getComputedStyle(one).outlineWidth")
        assert outline == "2px"
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="For 8 hours")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="For 8 hours")).to_be_hidden()
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator(".bar-row")).to_contain_text("Acknowledged by Ana")
    await expect(page.locator(".bar-row").get_by_role("button", name="Take back")).to_be_visible()
    await page.locator(".menu summary").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".menu-body")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator(".menu-body")).to_be_hidden()
    await expect(page.locator(".menu summary")).to_be_focused()
    await page.locator(".item-title").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("orders failed")


async def test_every_page_is_well_made(house: House, browser: Browser) -> None:
    """What can be checked without a tool for it: one h1, landmarks, names of controls, unique ids, no complaint in the console."""
    await house.happens(draft("orders"))
    await house.sends()
    ana = await visitor(house, browser)
    for path in PAGES:
        await ana.goes(path)
        page = ana.page
        found = await page.evaluate(CHECKS)
        assert found == {"h1": 1, "main": 1, "lang": "en", "unnamed": [], "doubled": []}, path
        assert re.search(r"\S · Tocsin$", await page.title()), path
    assert [text for text in ana.complaints if "404" not in text] == []


CHECKS = (Path(__file__).parent / "checks.js").read_text(encoding="utf-8")
