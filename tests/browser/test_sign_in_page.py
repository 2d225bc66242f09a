"""Signing in as people do it: asking for a link, reading the mail, seeing where they are signed in, and leaving."""

import re
from collections.abc import AsyncIterator, Iterator
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import Visitor
from tests.channels.email.mail_server import Handler, serving
from tests.conftest import Clock
from tests.web.house import House, draft, opened
from tests.web.openid_provider import CLIENT_ID, CLIENT_SECRET, FakeProvider, provider
from tests.web.test_asking_for_a_link import mails

pytestmark = pytest.mark.browser
CHECKS = (Path(__file__).parent / "checks.js").read_text(encoding="utf-8")
LOOKS = ("light", 1200), ("light", 360), ("dark", 1200), ("dark", 360)


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture
def smtp_url(handler: Handler) -> Iterator[str]:
    with serving(handler) as server:
        yield f"smtp://127.0.0.1:{server.port}"


@pytest.fixture
async def fake(clock: Clock) -> AsyncIterator[FakeProvider]:
    async with provider(clock) as fake:
        yield fake


@pytest.fixture
async def house(tmp_path: Path, clock: Clock, smtp_url: str, fake: FakeProvider) -> AsyncIterator[House]:
    login = {"oidc_issuer": fake.issuer, "oidc_client_id": CLIENT_ID, "oidc_client_secret": CLIENT_SECRET, "oidc_name": "Acme login"}
    async with opened(tmp_path, clock, smtp_url=smtp_url, mail_from="alerts@acme.test", **login) as house:
        yield house


@pytest.mark.parametrize(("theme", "width"), LOOKS)
async def test_a_link_by_mail_without_any_script(house: House, browser: Browser, handler: Handler, theme: str, width: int) -> None:
    await house.happens(draft())
    context = await browser.new_context(
        color_scheme=theme, viewport={"width": width, "height": 800}, java_script_enabled=False  # type: ignore[arg-type]
    )  # fmt: skip
    ana = Visitor(house, await context.new_page())
    await ana.goes("/notifications/1")
    await ana.page.get_by_label("Your mail address").fill("ana@acme.test")
    await ana.page.keyboard.press("Enter")
    await expect(ana.page.get_by_role("heading", level=1)).to_have_text("Look into your mail")
    await mails(house)
    mail = message_from_bytes(handler.accepted[0][2], policy=policy.default).get_body(("plain",)).get_content()
    link = re.search(r"http://127\.0\.0\.1:8080(/sign-in/\S+)", mail)
    assert link
    await ana.goes(link[1])
    await expect(ana.page.get_by_text("signs this browser in as ana@acme.test, once")).to_be_visible()
    await ana.page.get_by_role("button", name="Sign in").click()
    await expect(ana.page.get_by_role("heading", level=1)).to_have_text("orders failed")
    await ana.page.get_by_role("link", name="Ana", exact=True).click()
    await expect(ana.page.get_by_role("listitem")).to_contain_text("Chrome on Linux this browser")
    await ana.page.get_by_role("button", name="Sign out everywhere").click()
    await expect(ana.page.get_by_role("heading", level=1)).to_have_text("Sign in")
    await ana.goes(link[1])
    await expect(ana.page.get_by_role("heading", level=1)).to_have_text("This link does not work any more")


@pytest.mark.parametrize(("theme", "width"), LOOKS)
async def test_every_page_of_it_is_fit_for_all(house: House, browser: Browser, theme: str, width: int) -> None:
    context = await browser.new_context(color_scheme=theme, viewport={"width": width, "height": 800})  # type: ignore[arg-type]
    ana = Visitor(house, await context.new_page())
    for path in ("/sign-in", "/sign-in?next=/mail", await house.link("ana"), "/sessions"):
        if path == "/sessions":
            await ana.sign_in("ana")
        await ana.goes(path)
        found = await ana.page.evaluate(CHECKS)
        assert (found["h1"], found["main"], found["lang"], found["unnamed"], found["doubled"]) == (1, 1, "en", [], []), path
        assert await ana.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    assert ana.complaints == []


async def test_to_the_provider_and_back(house: House, browser: Browser, fake: FakeProvider) -> None:
    context = await browser.new_context()
    ana = Visitor(house, await context.new_page())
    await ana.goes("/mail")
    async with ana.page.expect_request(re.compile("/authorize")) as asked:
        await ana.page.get_by_role("link", name="Sign in with Acme login").click()
    assert (await asked.value).headers.get("referer", "").startswith(f"{house.base}/mail") is False, "the provider is told no page"
    await ana.goes(await fake.visit((await asked.value).url))  # the public address is not where the house listens
    await ana.page.wait_for_url(f"{house.base}/mail")
    await expect(ana.page.get_by_role("heading", level=1)).to_have_text("Mail")
    assert fake.asked.count("/token") == 1
