"""What other sites can make a browser do that is signed in here: look, and change nothing. Every route is walked."""

import re
from typing import Any, Final

import pytest
from aiohttp.test_utils import TestClient

from gateway.storage import tables
from tests.web.house import OURS, House, draft

Client = TestClient[Any, Any]
ELSEWHERE: Final[tuple[dict[str, str], ...]] = (
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "same-site", "Origin": "https://blog.acme.test"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:8080"},
    {"Origin": "https://evil.example"},
    {"Origin": "https://blog.acme.test"},
    {"Origin": "http://127.0.0.1:8080.evil.example"},
    {"Origin": "null"},
    {"Referer": "http://127.0.0.1:8080/"},
    {},
)
"""How requests look that do not come from a page of ours, from new browsers and old ones."""
NOT_BY_COOKIE: Final = {
    "/sign-in": "whoever is not signed in",
    "/sign-in/{token}": "the link",
    "/unsubscribe/{token}": "the link, from mail programs too",
    "/webhooks": "the source's own credential",
}
"""What else is changed, and by what one may."""


def routes(house: House) -> list[tuple[str, str]]:
    """(method, path) of everything that is served."""
    found = set()
    for resource in house.server.app.router.resources():
        for route in resource:
            found.add((route.method, resource.canonical))
    return sorted(found)


def somewhere(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda name: {"slug": "acme", "tail": "nowhere", "name": "bell.svg"}.get(name[1], "1"), path)


def contents(house: House) -> dict[str, list[Any]]:
    """Everything that is stored, apart from when a session was last used."""
    with house.database.reading() as transaction:
        found = {table.name: [dict(row._mapping) for row in transaction.execute(table.select())] for table in tables.metadata.sorted_tables}
    return {name: [{key: value for key, value in row.items() if key != "last_used_at"} for row in rows] for name, rows in found.items()}


@pytest.fixture
async def filled(house: House, ana: Client) -> House:
    await house.happens(draft())
    await house.sends()
    return house


async def test_every_change_by_cookie_must_come_from_a_page_of_ours(filled: House, ana: Client) -> None:
    changing = [one for one in routes(filled) if one[0] not in ("GET", "HEAD", "OPTIONS") and not one[1].startswith("/webhooks")]
    before = contents(filled)
    walked = 0
    for method, path in changing:
        if path in NOT_BY_COOKIE:
            continue
        for headers in ELSEWHERE:
            body = {"json": {"read": True, "ids": [1]}} if path.startswith("/api/") else {"data": {"do": "archive", "id": "1"}}
            answer = await ana.request(method, somewhere(path), headers=headers, **body)
            assert answer.status == 403, (method, path, headers)
            assert "own pages" in await answer.text()
        walked += 1
    assert walked > 30
    assert contents(filled) == before
    answer = await ana.post("/notifications", data={"do": "archive", "id": "1"}, headers=OURS)
    assert answer.status == 200
    assert contents(filled) != before


async def test_looking_changes_nothing_wherever_it_is_asked_from(filled: House, ana: Client) -> None:
    before = contents(filled)
    looking = [path for method, path in routes(filled) if method == "GET"]
    assert len(looking) > 30
    for path in looking:
        for headers in (ELSEWHERE[0], OURS):
            for method in ("GET", "HEAD"):
                answer = await ana.request(method, somewhere(path), headers=headers, allow_redirects=False)
                assert answer.status < 500, path
                answer.close()  # the stream would go on
    assert contents(filled) == before


async def test_what_else_is_changed_is_allowed_by_something_that_no_other_site_has(filled: House, ana: Client) -> None:
    served = {path for method, path in routes(filled) if method not in ("GET", "HEAD", "OPTIONS")}
    for path in NOT_BY_COOKIE:
        assert any(one == path or one.startswith(f"{path}/") for one in served), path
    before = contents(filled)
    for headers in ELSEWHERE:
        answers = [await ana.post(path, headers=headers) for path in ("/sign-in", "/sign-in/1", "/unsubscribe/1")]
        assert [answer.status for answer in answers] == [403, 403, 404]
    assert contents(filled) == before


async def test_a_page_of_ours_is_known_by_an_old_browser_too(filled: House, ana: Client) -> None:
    for origin in (filled.base, "http://127.0.0.1:8080"):
        answer = await ana.post("/notifications", data={"do": "read", "id": "1"}, headers={"Origin": origin}, allow_redirects=False)
        assert answer.status == 303


async def test_nobody_is_signed_in_as_somebody_else_by_another_site(filled: House) -> None:
    """Login CSRF: a victim who works under an attacker's name tells them everything."""
    link = await filled.link("olga")
    for headers in ELSEWHERE:
        assert (await filled.visitor().post(link, headers=headers)).status == 403
    assert "as <bdi>olga@other.test</bdi>" in await (await filled.visitor().get(link)).text(), "whoever is led there sees as whom"


async def test_every_page_may_be_framed_stored_and_listened_in_on_by_nobody(filled: House, ana: Client) -> None:
    for path in ("/", "/notifications/1", "/sessions", "/sign-in", "/sign-in/x", "/nowhere", "/mail/1/html"):
        headers = (await ana.get(path, allow_redirects=False)).headers
        assert re.search(r"frame-ancestors '(none|self)'", headers["Content-Security-Policy"]), path
        assert ("unsafe-inline" in headers["Content-Security-Policy"]) == (path == "/mail/1/html"), "there in a sandbox that runs nothing"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "camera=()" in headers["Permissions-Policy"]
        assert headers["Referrer-Policy"] == "same-origin"
