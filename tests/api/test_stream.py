"""The live stream as a browser has it: who may watch, what comes, and when it ends."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient

from gateway.api import stream
from gateway.app import Web
from gateway.config.environment import Environment
from gateway.live import hub as hubs
from gateway.provision.first_start import sign_in_link
from gateway.storage import credentials
from gateway.storage.database import Database, StorageUnavailable
from gateway.vault import Vault
from tests.api.conftest import PUBLIC, Asker
from tests.builders import KINDS, House, failure
from tests.conftest import Clock

PORTAL = "https://portal.acme.test"
STREAM = "/api/stream"


@pytest.fixture
async def client(
    database: Database,
    clock: Clock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    aiohttp_client: Callable[..., Awaitable[TestClient[Any, Any]]],
) -> TestClient[Any, Any]:
    """A gateway that may be embedded by one other origin, and whose hub hears of each commit."""
    monkeypatch.setattr(hubs, "BEAT_EVERY", 0.2)
    environment = Environment(public_url=PUBLIC, config=tmp_path / "none.toml", embed_origins=(PORTAL,))
    front, loop = Web(environment, database, KINDS, Vault("k" * 32), clock), asyncio.get_running_loop()
    monkeypatch.setattr(database, "on_change", lambda changes: loop.call_soon_threadsafe(front.hub.changed, changes))
    return await aiohttp_client(front.app)


class Watching:
    """A stream as its events."""

    def __init__(self, answer: ClientResponse) -> None:
        self.answer = answer

    async def next(self, kind: str | None = None) -> tuple[str, dict[str, Any]]:
        """The next event, or the next of this kind."""
        async with asyncio.timeout(10):
            while True:
                event, data = "", ""
                while (line := (await self.answer.content.readuntil(b"\n")).decode().rstrip("\n")) or not event:
                    name, _, value = line.partition(": ")
                    event, data = (value, data) if name == "event" else (event, value if name == "data" else data)
                if kind in (None, event):
                    return event, json.loads(data)

    async def ends(self) -> bool:
        async with asyncio.timeout(10):
            while await self.answer.content.readany():
                pass
        return True


@asynccontextmanager
async def watching(client: TestClient[Any, Any], path: str = STREAM, **headers: str) -> AsyncIterator[Watching]:
    async with client.get(path, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        assert answer.headers["Content-Type"] == "text/event-stream"
        yield Watching(answer)


def bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {name}-token"}


@pytest.mark.req("R67")
async def test_it_begins_with_a_resync_and_tells_of_each_change(client: TestClient[Any, Any], house: House, ana: Asker) -> None:
    async with watching(client, **bearer("ana")) as stream:
        assert await stream.next() == ("resync", {})
        house.say(failure())
        counts = {"total": 1, "by_category": {"job_failure": 1}}
        assert await stream.next("changed") == ("changed", {"ids": [1], "counts": counts})
        assert await ana.put("/api/notifications/v1", {"ids": [1], "read": True}) == {"ids": [1]}
        assert (await stream.next("changed"))[1] == {"ids": [], "counts": {"total": 0, "by_category": {}}}
        assert await stream.next("beat") == ("beat", {"ok": True})


async def test_nobody_watches_who_is_not_signed_in(client: TestClient[Any, Any], house: House) -> None:
    for path, headers in ((STREAM, {}), (STREAM, bearer("nobody")), (f"{STREAM}?ticket=made-up", {}), (f"{STREAM}?ticket=é", {})):
        answer = await client.get(path, headers=headers)
        assert (answer.status, answer.content_type) == (401, "application/problem+json")


@pytest.mark.req("R70")
async def test_a_ticket_opens_the_stream_for_a_minute_and_nothing_else(
    client: TestClient[Any, Any], house: House, ana: Asker, clock: Clock
) -> None:
    made = await ana.post("/api/stream/tickets")
    assert made["expires_at"] == (clock() + timedelta(seconds=60)).strftime("%Y-%m-%dT%H:%M:%SZ")
    path = f"{STREAM}?ticket={made['ticket']}"
    async with watching(client, path) as stream:
        assert (await stream.next())[0] == "resync"
    for elsewhere in ("/api/notifications/v1", "/"):
        answer = await client.get(f"{elsewhere}?ticket={made['ticket']}", headers={"Authorization": f"Bearer {made['ticket']}"})
        assert answer.status == 401
    clock.advance(seconds=61)
    assert (await client.get(path)).status == 401
    assert (await client.get(path[:-2])).status == 401


@pytest.mark.req("R36")
async def test_a_stream_ends_soon_after_its_credential(
    client: TestClient[Any, Any], house: House, ana: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "CHECK_EVERY", 0.1)
    made = await ana.post("/api/tokens", {"name": "a while", "scopes": ["read"]}, status=201)
    ticket = await client.post("/api/stream/tickets", headers={"Authorization": f"Bearer {made['token']}"})
    assert ticket.status == 200, "who may read may watch"
    async with (
        watching(client, Authorization=f"Bearer {made['token']}") as by_token,
        watching(client, f"{STREAM}?ticket={(await ticket.json())['ticket']}") as by_ticket,
    ):
        await by_token.next("beat")
        await by_ticket.next("beat")
        await ana.delete(f"/api/tokens/{made['id']}")
        assert await by_token.ends()
        assert await by_ticket.ends()


async def test_a_stream_ends_without_a_word_while_nobody_can_say_whether_its_credential_is_good(
    client: TestClient[Any, Any], house: House, ana: Asker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(stream, "CHECK_EVERY", 0.1)
    made = await ana.post("/api/stream/tickets")

    def gone(*_: object, **__: object) -> bool:
        raise StorageUnavailable

    async with watching(client, f"{STREAM}?ticket={made['ticket']}") as by_ticket:
        await by_ticket.next("beat")
        monkeypatch.setattr(credentials, "holds", gone)
        assert await by_ticket.ends()
    assert not [one for one in caplog.records if one.levelname == "ERROR"]


async def test_a_browser_watches_by_its_cookie_until_it_signs_out(
    client: TestClient[Any, Any], house: House, database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "CHECK_EVERY", 0.1)
    link = await database.write(sign_in_link, house.user("ana"), "", clock())
    ours = {"Sec-Fetch-Site": "same-origin"}
    answer = await client.post(link, headers=ours, allow_redirects=False)
    cookie = {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}  # the test's own client sends no Secure cookie over HTTP
    async with watching(client, **cookie) as stream_:
        await stream_.next("beat")
        await client.post("/sign-out", headers=ours | cookie, allow_redirects=False)
        assert await stream_.ends()


async def test_too_many_are_told_when_to_come_back(
    client: TestClient[Any, Any], house: House, ana: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hubs, "MOST_OF_A_PERSON", 1)
    async with watching(client, **bearer("ana")):
        answer = await client.get(STREAM, headers=bearer("ana"))
        assert (answer.status, answer.headers["Retry-After"]) == (429, "30")


@pytest.mark.req("R70")
async def test_only_pages_of_named_origins_may_read_the_api(client: TestClient[Any, Any], house: House, ana: Asker) -> None:
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    answer = await client.options("/api/notifications/1/acknowledge", headers={"Origin": PORTAL, **asks})
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == PORTAL
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    read = await client.get("/api/notifications/v1", headers={"Origin": PORTAL, **bearer("ana")})
    assert (read.headers["Access-Control-Allow-Origin"], read.headers["Vary"]) == (PORTAL, "Origin")
    assert "Access-Control-Allow-Credentials" not in read.headers, "never by our cookie"
    async with watching(client, Origin=PORTAL, **bearer("ana")) as stream_:
        assert stream_.answer.headers["Access-Control-Allow-Origin"] == PORTAL
    for origin in ("https://evil.test", "null", f"{PORTAL}.evil.test", "http://portal.acme.test", PUBLIC):
        foreign = await client.options("/api/notifications/v1", headers={"Origin": origin, **asks})
        assert "Access-Control-Allow-Origin" not in foreign.headers, origin
        assert "Access-Control-Allow-Origin" not in (await client.get("/api/notifications/v1", headers={"Origin": origin})).headers
    page = await client.get("/", headers={"Origin": PORTAL})
    assert "Access-Control-Allow-Origin" not in page.headers, "the API alone"


@pytest.mark.parametrize("wrong", ["portal.acme.test", "https://portal.acme.test/path", "*", "https://PORTAL.test", "https://a.test b"])
def test_an_origin_that_is_none_is_refused_at_the_start(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway.config.environment import EnvironmentFault, read_environment

    monkeypatch.setenv("TOCSIN_EMBED_ORIGINS", f"https://fine.test, {wrong}")
    with pytest.raises(EnvironmentFault, match=r"TOCSIN_EMBED_ORIGINS: .*must be an origin"):
        read_environment()
