"""One-time links, sessions, and who may change anything."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.api.sign_in import COOKIE, SESSION
from gateway.storage import credentials
from gateway.web.pages import Pages
from mappers.contract.signature import digest
from tests.web.house import OURS, SIGN_IN_LINK, House, draft, opened, text, words


async def test_a_link_signs_in_once_and_only_by_its_button(house: House) -> None:
    client, link = house.visitor(), await house.link("ana")
    for _ in range(3):  # scanners and previews
        assert "Sign in" in await text(await client.get(link))
    answer = await client.post(link, headers=OURS, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    cookie = answer.cookies[COOKIE]
    assert cookie["httponly"]
    assert (cookie["samesite"], cookie["path"], cookie["secure"]) == ("Lax", "/", "")
    assert "Inbox" in await text(await client.get("/"))
    again = house.visitor()
    assert "tocsin sign-in-link" in await text(await again.post(link, headers=OURS), 410)
    await text(await again.get("/"), 401)


async def test_only_the_digest_of_a_session_is_stored(house: House) -> None:
    client = house.visitor()
    answer = await client.post(await house.link("ana"), headers=OURS, allow_redirects=False)
    session = answer.cookies[COOKIE].value
    assert len(session) >= 43
    found = await house.database.read(credentials.identify, digest=digest(session), kind="session", now=house.clock())
    assert found
    assert found.email == "ana@acme.test"
    raw = b"".join(path.read_bytes() for path in Path(house.database.file or "").parent.iterdir())
    assert session.encode() not in raw


async def test_an_old_link_and_an_unknown_one_say_how_to_get_another(house: House) -> None:
    client, link = house.visitor(), await house.link("ana")
    house.clock.now += SIGN_IN_LINK
    for path in (link, "/sign-in/unknown", "/sign-in/" + "x" * 5000):
        assert "tocsin sign-in-link" in await text(await client.post(path, headers=OURS), 410)


async def test_another_site_cannot_sign_anybody_in(house: House) -> None:
    link = await house.link("olga")
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}):
        await text(await house.visitor().post(link, headers=headers), 403)
    answer = await house.visitor().post(link, headers={"Origin": house.base}, allow_redirects=False)
    assert answer.status == 303


async def test_the_cookie_is_for_https_alone_where_the_gateway_is(tmp_path: Path) -> None:
    async with opened(tmp_path, public_url="https://tocsin.acme.test") as house:
        answer = await house.visitor().post(await house.link("ana"), headers={"Origin": "https://tocsin.acme.test"}, allow_redirects=False)
        assert answer.cookies[COOKIE]["secure"]


async def test_signing_out_ends_the_session_and_not_only_the_cookie(house: House) -> None:
    client = house.visitor()
    session = (await client.post(await house.link("ana"), headers=OURS, allow_redirects=False)).cookies[COOKIE].value
    answer = await client.post("/sign-out", headers=OURS, allow_redirects=False)
    assert answer.status == 303
    await text(await house.visitor().get("/", cookies={COOKIE: session}), 401)


async def test_signing_in_again_ends_the_session_before(house: House) -> None:
    client = house.visitor()
    first = (await client.post(await house.link("ana"), headers=OURS, allow_redirects=False)).cookies[COOKIE].value
    await client.post(await house.link("ana"), headers=OURS, allow_redirects=False)
    await text(await client.get("/"))
    await text(await house.visitor().get("/", cookies={COOKIE: first}), 401)


async def test_a_session_ends_by_itself(house: House) -> None:
    client = await house.signed_in("ana")
    house.clock.now += SESSION - timedelta(seconds=1)
    await text(await client.get("/"))
    house.clock.now += timedelta(seconds=1)
    await text(await client.get("/"), 401)


async def test_nobody_sees_a_page_without_signing_in(house: House) -> None:
    client = house.visitor()
    for path in (
        "/",
        "/urgent-bar",
        "/notifications/1",
        "/mail",
        "/mail/1",
        "/mail/1/html",
        "/sources",
        "/events",
        "/events/1",
        "/preferences",
        "/no",
    ):
        page = await text(await client.get(path), 401)
        assert "tocsin sign-in-link" in page
    for path in ("/notifications", "/notifications/read-all", "/events/1/replay", "/preferences", "/sign-out"):
        assert "Nothing was changed" in words(await text(await client.post(path, headers=OURS), 401))


async def test_every_change_by_another_site_is_refused(house: House) -> None:
    await house.happens(draft())
    client = await house.signed_in("ana")
    posts = [path for method, path, _ in _routes() if method == "POST"]
    assert len(posts) >= 5
    for path in posts:
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "null"}, {}):
            answer = await client.post(re.sub(r"\{\w+\}", "1", path), data={"do": "archive", "id": "1"}, headers=headers)
            assert "own pages" in await text(answer, 403)
    assert "orders failed" in await text(await client.get("/"))


def _routes() -> list[tuple[str, str, object]]:
    from gateway.web.pages import _ROUTES

    return list(_ROUTES)


def test_pages_are_made_without_loading_templates() -> None:
    """Starting the door must not wait for jinja2."""
    import subprocess
    import sys

    code = "import sys, gateway.web.pages; sys.exit('jinja2' in sys.modules or 'email.parser' in sys.modules and 2)"
    assert Pages
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode in (0, 2)  # aiohttp may load email itself


@pytest.mark.parametrize("who", ["nobody"])
async def test_somebody_without_a_team_gets_pages_that_say_so(house: House, who: str) -> None:
    client = await house.signed_in(who)
    assert "Nothing has rung yet" in await text(await client.get("/"))
    assert "You are in no team" in await text(await client.get("/preferences"))
    await text(await client.get("/sources"), 403)
