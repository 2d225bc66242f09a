"""How long until a person can use their inbox of 10,000 entries, opened in Chromium with nothing cached."""

import asyncio
import shutil
import time
from datetime import UTC, datetime
from typing import Final

from playwright.async_api import Browser, StorageState, async_playwright

from tests.bench import configuration, crowd
from tests.bench.bench import Bench
from tests.bench.engines import Engine
from tests.bench.figures import Figure, median
from tests.bench.parts.reading import filled
from tests.bench.server import Installation, Server

VIEWS: Final = 15
"""Each by another person, in a browser context of its own."""
_ARGUMENTS: Final = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
_HAS_ENTRY: Final = "document.activeElement.closest('[data-item]') !== null"
_PAINTED: Final = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime / 1000"


def measure(bench: Bench) -> list[Figure]:
    """From asking for the page to its first paint, and to its answer to a key."""
    if shutil.which("chromium") is None:
        raise RuntimeError("Chromium is not installed (Debian: apt-get install chromium)")
    return [figure for engine in bench.engines for figure in _measure(bench, engine)]


def _measure(bench: Bench, engine: Engine) -> list[Figure]:
    with bench.installed(engine) as installation:
        filled(installation, datetime.now(UTC))
        with installation.serving() as server:
            views = asyncio.run(_view_all(installation, server))
    name = f"first view {engine.name}"
    return [
        median(f"{name}: painted", [painted for painted, _ in views], "s"),
        median(f"{name}: answers to a key", [usable for _, usable in views], "s"),
    ]


async def _view_all(installation: Installation, server: Server) -> list[tuple[float, float]]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_ARGUMENTS)
        views = [await _view(browser, installation, server, len(crowd.UNCOMMON) + 1 + number) for number in range(VIEWS + 1)]
        await browser.close()
    return views[1:]  # what the browser itself takes to get going is not the page's


async def _view(browser: Browser, installation: Installation, server: Server, person: int) -> tuple[float, float]:
    """Seconds until it is painted, and until `j` has chosen the first entry."""
    page = await (await browser.new_context(storage_state=await _signed_in(browser, installation, server, person))).new_page()
    began = time.perf_counter()
    await page.goto(f"http://127.0.0.1:{server.port}/", wait_until="load")
    await page.keyboard.press("j")
    await page.wait_for_function(_HAS_ENTRY)
    usable = time.perf_counter() - began
    painted = await page.wait_for_function(_PAINTED)  # it is noted a little after it was done
    seconds = float(await painted.json_value())
    await page.context.close()
    return seconds, usable


async def _signed_in(browser: Browser, installation: Installation, server: Server, person: int) -> StorageState:
    """The cookies of this person: signing in shows the page too, and so is done in another context, with a cache of its own."""
    base = f"http://127.0.0.1:{server.port}"
    variables = configuration.variables(installation.directory, installation.database_url, server.port)
    said = await asyncio.to_thread(configuration.command, installation.directory, variables, "sign-in-link", f"person-{person}@acme.test")
    page = await (await browser.new_context()).new_page()
    await page.goto(f"{base}/sign-in/{said.stdout.split('/sign-in/')[1].split()[0]}")
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url(f"{base}/")
    cookies = await page.context.storage_state()
    await page.context.close()
    return cookies
