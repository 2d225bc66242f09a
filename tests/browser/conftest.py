"""A real Chromium, and a gateway for it to look at."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.conftest import Clock
from tests.web.house import House, opened

CHROMIUM = (
    os.environ.get("TOCSIN_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
expect.set_options(timeout=20_000)  # a busy machine is no failure
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture
async def house(tmp_path: Path, clock: Clock) -> AsyncIterator[House]:
    async with opened(tmp_path, clock) as house:
        yield house


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (or name it in TOCSIN_TEST_CHROMIUM)")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


class Visitor:
    """A person at a browser; everything its console complains of is kept."""

    def __init__(self, house: House, page: Page) -> None:
        self.house, self.page = house, page
        self.complaints: list[str] = []
        page.set_default_timeout(20_000)
        page.on("console", lambda message: self.complaints.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))

    async def sign_in(self, who: str) -> None:
        await self.page.goto(self.house.base + await self.house.link(who))
        await self.page.get_by_role("button", name="Sign in").click()
        await self.page.wait_for_url(f"{self.house.base}/")

    async def goes(self, path: str) -> None:
        await self.page.goto(self.house.base + path)


async def visitor(house: House, browser: Browser, who: str = "ana", **context: object) -> Visitor:
    """Somebody who has signed in."""
    opened_context = await browser.new_context(**context)  # type: ignore[arg-type]
    found = Visitor(house, await opened_context.new_page())
    await found.sign_in(who)
    return found
