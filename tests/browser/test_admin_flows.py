"""The pages of admins in a real browser: a source from its making to its end, and every page on a phone, well made, without complaints."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from gateway.intake import doorbook
from tests.browser.conftest import Visitor, visitor
from tests.web.house import House

pytestmark = pytest.mark.browser
CHECKS = (Path(__file__).parent / "checks.js").read_text(encoding="utf-8")
PAGES = (
    "/sources", "/sources/new", "/sources/new?kind=prefect", "/sources/1", "/sources/2", "/rejections", "/events/1", "/members",
    "/members/1", "/members/2", "/tokens", "/audit", "/mail?status=failed",
)  # fmt: skip


async def made(house: House, browser: Browser, **context: object) -> tuple[Visitor, str]:
    """An admin who has just added a source, and its credential."""
    ana = await visitor(house, browser, **context)
    await ana.goes("/sources")
    await ana.page.get_by_role("link", name="Add a source").click()
    await ana.page.get_by_label("Sender").select_option("uptime_kuma")
    await ana.page.get_by_role("button", name="Continue").click()
    await ana.page.get_by_role("button", name="Add it").click()
    await expect(ana.page.get_by_text("Shown this once.")).to_be_visible()
    credential = await ana.page.locator("dd code").nth(1).inner_text()
    assert credential not in ana.page.url
    return ana, credential


@pytest.mark.req("R21", "R68")
async def test_a_source_from_its_making_to_its_end(house: House, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doorbook, "FRESH_FOR", 0)
    monkeypatch.setattr(doorbook, "REMEMBERED_FOR", 0)
    ana, credential = await made(house, browser, permissions=["clipboard-read", "clipboard-write"])
    page = ana.page
    await page.get_by_role("button", name="Copy the credential").click()
    await expect(page.get_by_role("button", name="Copied the credential")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == credential
    await page.get_by_role("link", name="I have copied it").click()
    await expect(page.get_by_text("Nothing has arrived yet")).to_be_visible()
    await page.get_by_role("button", name="Send a test").click()
    await expect(page.get_by_text("Nobody is told")).to_be_visible()
    await expect(page.get_by_text('Warehouse "prod" API is down').first).to_be_visible()
    await house.maps()
    await ana.goes("/")
    await expect(page.locator(".bar")).to_contain_text("All clear")
    await ana.goes("/sources/2")
    await page.get_by_text("New secret").click()
    await page.get_by_label("Old ones of this kind end").select_option("now")
    await page.get_by_role("button", name="Make it").click()
    again = await page.locator("dd code").nth(1).inner_text()
    door = f"{house.base}/webhooks/acme/uptime-kuma"
    for secret, status in ((credential, 401), (again, 202)):
        answer = await page.context.request.post(door, data={"msg": "x"}, headers={"Authorization": f"Bearer {secret}"})
        assert answer.status == status
    await page.get_by_role("link", name="I have copied it").click()
    await page.get_by_text("Disable", exact=True).click()
    await page.get_by_role("button", name="Yes, disable it").click()
    await expect(page.get_by_text("It takes nothing.")).to_be_visible()
    answer = await page.context.request.post(door, data={"msg": "x"}, headers={"Authorization": f"Bearer {again}"})
    assert answer.status == 404
    assert ana.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_page_of_admins_fits_a_phone_and_is_well_made(house: House, browser: Browser, scheme: str) -> None:
    ana, credential = await made(house, browser, viewport={"width": 360, "height": 740}, color_scheme=scheme)
    page = ana.page
    for token in (credential, "wrong"):
        await page.context.request.post(
            f"{house.base}/webhooks/acme/uptime-kuma", data={"msg": "x" * 200}, headers={"Authorization": f"Bearer {token}"}
        )
    await page.context.request.post(
        f"{house.base}/tokens", form={"name": "x" * 90, "scope": "read"}, headers={"Sec-Fetch-Site": "same-origin"}
    )
    for path in PAGES:
        await ana.goes(path)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360, path
        found = await page.evaluate(CHECKS)
        assert (found["h1"], found["main"], found["unnamed"], found["doubled"]) == (1, 1, [], []), path
    assert ana.complaints == []


async def test_all_of_it_works_without_scripts(house: House, browser: Browser) -> None:
    ana, _ = await made(house, browser, java_script_enabled=False)
    page = ana.page
    await page.get_by_role("link", name="I have copied it").click()
    await page.get_by_role("button", name="Send a test").click()
    await expect(page).to_have_url(re.compile(r"/events/\d+$"))
    await ana.goes("/tokens")
    await page.get_by_label("Name").fill("ci")
    await page.get_by_role("button", name="Make it").click()
    await expect(page.locator("code.address")).to_contain_text("tocsin_")
    await page.get_by_role("link", name="I have copied it").click()
    await page.get_by_role("button", name=re.compile("^End ?: ci$")).click()
    await expect(page.get_by_text("No token yet")).to_be_visible()
