"""What changes, changes on open pages: at once, in every tab, after the gateway was away, and in other people's pages."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, BrowserContext, Page, expect

from gateway.live import hub as hubs
from gateway.storage import credentials
from mappers.contract import Category
from mappers.contract.signature import digest
from tests.acceptance.conftest import free_port
from tests.browser.conftest import Visitor, visitor
from tests.conftest import Clock
from tests.web.house import House, draft, opened, over

pytestmark = pytest.mark.browser
LIVE = "Live"


async def is_live(page: Page) -> None:
    await expect(page.locator(".as-of")).to_have_text(LIVE, timeout=15_000)


@pytest.mark.req("R67")
async def test_a_change_shows_at_once_in_every_tab_of_everybody_it_concerns(house: House, browser: Browser) -> None:
    ana, ben, olga = await visitor(house, browser), await visitor(house, browser, "ben"), await visitor(house, browser, "olga")
    for one in (ana, ben, olga):
        await is_live(one.page)
    await house.happens(draft("orders"))
    began = time.monotonic()
    for one in (ana, ben):
        await expect(one.page.locator(".bar-row")).to_have_count(1)
        await expect(one.page).to_have_title("(1) Inbox · Tocsin")
    print(f"shown after {time.monotonic() - began:.2f} s")  # a figure to look at, no promise of this machine's
    await ben.page.locator(".bar-row").get_by_role("button", name="Acknowledge").click()
    await expect(ana.page.locator(".bar-row")).to_contain_text("Acknowledged by Ben")
    await house.happens(over("orders"))
    for one in (ana, ben):
        await expect(one.page.get_by_text("All clear")).to_be_visible()
    await expect(olga.page).to_have_title("Inbox · Tocsin")
    assert ana.complaints == ben.complaints == olga.complaints == []


@pytest.mark.req("R67")
async def test_the_tabs_of_a_browser_share_one_stream_and_any_of_them_carries_it_on(house: House, browser: Browser) -> None:
    ana = await visitor(house, browser)
    await is_live(ana.page)
    others = [await ana.page.context.new_page() for _ in range(3)]
    for page in others:
        await page.goto(house.base)
        await is_live(page)
    assert streams(house) == 1
    await house.happens(draft("orders"))
    for page in (ana.page, *others):
        await expect(page.locator(".bar-row")).to_have_count(1)
    await ana.page.close()  # it listened for all of them
    async with asyncio.timeout(10):
        while streams(house) != 1:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await house.happens(draft("customers"))
    for page in others:
        await expect(page.locator(".bar-row")).to_have_count(2)


def streams(house: House) -> int:
    return sum(map(len, house.hub._watchers.values()))


@pytest.mark.req("R67")
async def test_nothing_is_missed_while_the_gateway_is_away(house: House, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    ana = await visitor(house, browser)
    await is_live(ana.page)
    port = house.server.port
    await house.server.close()
    await expect(ana.page.get_by_text("Not updating since")).to_be_visible(timeout=25_000)
    await expect(ana.page.get_by_text("All clear")).to_be_hidden()
    await house.happens(draft("orders"))
    await house.serves_again(port)
    await expect(ana.page.locator(".bar-row")).to_have_count(1, timeout=25_000)
    await expect(ana.page.get_by_text("Not updating since")).to_be_hidden()
    await is_live(ana.page)
    await house.happens(draft("customers"))
    await expect(ana.page.locator(".bar-row")).to_have_count(2)


@pytest.mark.req("R67")
async def test_a_gateway_that_does_not_know_says_so(
    tmp_path: Path, clock: Clock, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hubs, "BEAT_EVERY", 0.2)
    async with opened(tmp_path, clock) as house:
        ana = await visitor(house, browser)
        await is_live(ana.page)
        monkeypatch.setattr(hubs.watching, "answers", lambda _: (_ for _ in ()).throw(hubs.StorageUnavailable))
        await expect(ana.page.get_by_text("Not updating since")).to_be_visible()
        monkeypatch.undo()
        await expect(ana.page.get_by_text("All clear")).to_be_visible()


async def test_the_bar_does_what_its_buttons_say_without_leaving_the_page(house: House, browser: Browser) -> None:
    await house.happens(draft("orders"))
    await house.happens(draft("customers", category=Category.INCIDENT))
    ana = await visitor(house, browser)
    page = ana.page
    await is_live(page)
    await page.evaluate("window.here = true")
    row = page.locator(".bar-row", has_text="orders")
    await row.locator("summary", has_text="Snooze").click()
    await row.get_by_role("button", name="For 8 hours").click()
    await expect(page.locator(".bar-row")).to_have_count(1)
    await expect(page.locator("[data-bar-said]")).to_contain_text("Snoozed")
    await page.locator("[data-bar-said]").get_by_role("button", name="Undo").click()
    await expect(page.locator(".bar-row")).to_have_count(2)
    await page.locator(".bar-row").first.get_by_role("button", name="Dismiss").click()
    await expect(page.locator(".bar-row")).to_have_count(1)
    await page.route("**/api/notifications/**", lambda route: route.abort())
    await page.locator(".bar-row").get_by_role("button", name="Acknowledge").click()
    await expect(page.locator("[data-bar-said]")).to_contain_text("That did not work. Nothing is lost; try again.")
    await expect(page.locator(".bar-row").get_by_role("button", name="Acknowledge")).to_be_enabled()
    assert await page.evaluate("window.here"), "no page was loaded"


# ---- in a page of another origin ----------------------------------------------------------------------------

STRICT = (
    "default-src 'none'; script-src {gateway}; connect-src 'self' {gateway}; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; trusted-types tocsin-bar"
)
PORTAL = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Portal</title>
<h1>Orders portal</h1>
<script type="module" src="{gateway}/static/embed.js"></script>
<tocsin-bar token-url="/tocsin-token"></tocsin-bar>
<p>Everything else of the portal</p></html>"""
TOKEN = "the-portal's-token-for-ana"


class Portal:
    """Another application, whose pages show the bar."""

    def __init__(self) -> None:
        self.gateway, self.signed_in = "", True
        app = web.Application()
        app.router.add_get("/", self.page)
        app.router.add_get("/tocsin-token", self.token)
        self.server = TestServer(app)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    async def page(self, _: web.Request) -> web.Response:
        policy = {"Content-Security-Policy": STRICT.format(gateway=self.gateway)}
        return web.Response(text=PORTAL.format(gateway=self.gateway), content_type="text/html", headers=policy)

    async def token(self, _: web.Request) -> web.Response:
        return web.json_response({"token": TOKEN}) if self.signed_in else web.Response(status=401)


@asynccontextmanager
async def portal_of(directory: Path, clock: Clock) -> AsyncIterator[tuple[House, Portal]]:
    """A gateway that may be embedded by a portal, and the portal."""
    portal = Portal()
    await portal.server.start_server()
    port = free_port()
    portal.gateway = f"http://localhost:{port}"  # another site altogether
    async with opened(directory, clock, portal.gateway, port, embed_origins=(portal.origin,)) as house:
        await house.database.write(
            credentials.put, user_id=house.users["ana"], kind="token", digest=digest(TOKEN), name="portal", now=clock(), expires_at=None,
            scopes=("read", "write"),
        )  # fmt: skip
        try:
            yield house, portal
        finally:
            await portal.server.close()


async def portal_page(portal: Portal, browser: Browser, **context: Any) -> Visitor:
    opened_context: BrowserContext = await browser.new_context(**context)
    found = Visitor(portal, await opened_context.new_page())  # type: ignore[arg-type]
    await found.page.goto(portal.origin)
    return found


@pytest.mark.req("R70")
async def test_the_bar_stands_in_a_page_of_another_origin_with_a_strict_policy(tmp_path: Path, clock: Clock, browser: Browser) -> None:
    async with portal_of(tmp_path, clock) as (house, portal):
        asked: list[str] = []
        found = await portal_page(portal, browser)
        page = found.page
        page.on("request", lambda request: asked.append(request.url))
        await page.reload()
        bar = page.locator("tocsin-bar")
        await expect(bar).to_contain_text("All clear")
        await expect(bar.locator(".as-of")).to_have_text(LIVE)
        await house.happens(draft("orders", title="<img src=x onerror=alert(1)>"))
        await expect(bar.locator(".bar-row")).to_contain_text("orders")
        await bar.get_by_role("button", name="Acknowledge").click()
        await expect(bar.locator(".bar-row")).to_contain_text("Acknowledged by Ana")
        await expect(bar.locator("[data-bar-said]")).to_contain_text("everybody sees that you are on it")
        async with page.expect_popup() as opens:
            await bar.get_by_role("link", name="orders", exact=True).click()
        assert (await opens.value).url.startswith(f"{portal.gateway}/notifications/1")
        clock.advance(minutes=42)
        await house.happens(over("orders"))
        await expect(bar).to_contain_text("orders resolved after 42 min")
        look = await bar.evaluate("one => getComputedStyle(one.shadowRoot.querySelector('.bar-line')).display")
        assert look == "flex", "it wears its own style"
        assert await page.evaluate("getComputedStyle(document.querySelector('p')).margin") != "0px", "and the page keeps its own"
        assert not any(TOKEN in address for address in asked), "a token never stands in an address"
        assert any("/api/stream?ticket=" in address for address in asked)
        assert found.complaints == []


@pytest.mark.req("R70")
async def test_an_embedded_bar_never_says_all_clear_where_it_does_not_know(tmp_path: Path, clock: Clock, browser: Browser) -> None:
    async with portal_of(tmp_path, clock) as (house, portal):
        portal.signed_in = False
        found = await portal_page(portal, browser)
        bar = found.page.locator("tocsin-bar")
        await expect(bar).to_contain_text("Not signed in to Tocsin: what is urgent is not known.")
        await expect(bar.get_by_text("All clear")).to_have_count(0)
        portal.signed_in = True
        await bar.get_by_role("button", name="Retry").click()
        await expect(bar).to_contain_text("All clear")
        await house.server.close()
        await expect(bar.get_by_text("Not updating since")).to_be_visible(timeout=25_000)
        await expect(bar.get_by_text("All clear")).to_be_hidden()


@pytest.mark.req("R70")
async def test_a_page_that_was_not_named_shows_nothing(tmp_path: Path, clock: Clock, browser: Browser) -> None:
    async with portal_of(tmp_path, clock) as (_, portal):
        stranger = Portal()
        await stranger.server.start_server()
        stranger.gateway = portal.gateway
        found = await portal_page(stranger, browser)
        await expect(found.page.locator("tocsin-bar")).to_contain_text("Cannot be reached: what is urgent is not known.")
        assert any("CORS" in complaint for complaint in found.complaints)
        await stranger.server.close()


# ---- on the desktop -----------------------------------------------------------------------------------------

PRETEND = """
window.told = [];
window.Notification = class extends EventTarget {
  static permission = "granted";
  static requestPermission() { return Promise.resolve("granted"); }
  constructor(title, options) { super(); window.told.push({ title, ...options }); }
  close() {}
};
document.hasFocus = () => false;
"""


@pytest.mark.req("R69")
async def test_what_is_new_and_urgent_is_told_on_the_desktop_where_somebody_asked_for_it(house: House, browser: Browser) -> None:
    ana = await visitor(house, browser)
    await ana.page.add_init_script(PRETEND)
    for wanted in (False, True):
        if wanted:
            answer = await ana.page.request.put(
                f"{house.base}/api/notifications/preferences", data=json.dumps({"desktop": True}),
                headers={"Content-Type": "application/json", "Origin": house.base, "Sec-Fetch-Site": "same-origin"},
            )  # fmt: skip
            assert answer.ok
        await ana.page.reload()
        await is_live(ana.page)
        await house.happens(draft(f"orders-{wanted}"), draft("quiet", category=Category.LATE_RUN, urgent=False))
        await expect(ana.page.locator(".bar-row", has_text=f"orders-{wanted}")).to_have_count(1)
        told = await ana.page.evaluate("window.told")
        assert [one["title"] for one in told] == (["Error: orders-True"] if wanted else [])
    assert "orders-True stopped" in told[0]["body"]
    await house.happens(*(draft(f"job-{number}") for number in range(5)))
    await expect(ana.page.locator(".bar-head")).to_contain_text("7 urgent")
    assert [one["title"] for one in await ana.page.evaluate("window.told")][1:] == ["5 new and urgent"], "a storm is one"


@pytest.mark.req("R69")
async def test_notifications_of_the_desktop_are_turned_on_tried_and_turned_off(house: House, browser: Browser) -> None:
    ana = await visitor(house, browser)
    page = ana.page
    await page.add_init_script(PRETEND.replace('"granted"', '"default"', 1))
    await ana.goes("/preferences")
    state = page.locator("[data-desktop-state]")
    await expect(state).to_have_text("Off.")
    await page.evaluate("Notification.requestPermission = async () => (Notification.permission = 'denied')")
    await page.get_by_role("button", name="Turn on").click()
    await expect(state).to_contain_text("This browser blocks notifications")
    await page.evaluate("Notification.permission = 'default'")
    await ana.goes("/preferences")
    await page.evaluate("Notification.requestPermission = async () => (Notification.permission = 'granted')")
    await page.get_by_role("button", name="Turn on").click()
    await expect(state).to_have_text("On.")
    await page.get_by_role("button", name="Show one now").click()
    assert [one["title"] for one in await page.evaluate("window.told")] == ["Error: nightly-orders"]
    await page.reload()
    await expect(state).to_have_text("You turned them on elsewhere; this browser was not asked yet.")
    await page.get_by_role("button", name="Turn off").click()
    await expect(state).to_have_text("Off.")
    assert ana.complaints == []
