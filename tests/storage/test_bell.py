"""Waking workers of other processes, through a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import psycopg
import pytest

from gateway.storage import bell
from gateway.storage.bell import Notifier, listen
from gateway.storage.database import connection_address


class Heard:
    """Counts what a listener hears."""

    def __init__(self) -> None:
        self.count = 0
        self._more = asyncio.Event()

    def __call__(self) -> None:
        self.count += 1
        self._more.set()

    async def more(self, than: int) -> int:
        """The count, once it is more than this."""
        async with asyncio.timeout(10):
            while self.count <= than:
                self._more.clear()
                await self._more.wait()
        return self.count


@pytest.fixture
def url(postgresql_server: str) -> str:
    return f"{postgresql_server}/postgres"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bell, "_AGAIN_AFTER", 0.05)


@asynccontextmanager
async def hearing(url: str, named: str = "hearing") -> AsyncIterator[Heard]:
    """A listener that listens already."""
    heard = Heard()
    task = asyncio.create_task(listen(connection_address(f"{url}?application_name={named}"), heard))
    assert await heard.more(0) == 1, "called once when it begins: what came before may have been missed"
    yield heard
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@asynccontextmanager
async def notifying(url: str) -> AsyncIterator[Notifier]:
    notifier = Notifier(connection_address(f"{url}?application_name=notifying"))
    task = asyncio.create_task(notifier.run())
    yield notifier
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def terminated(url: str, named: str) -> None:
    """Ends the connection of this name, as a restart of the server would."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection, asyncio.timeout(10):
        while True:
            ended = await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", (named,))
            if await ended.fetchall():
                return
            await asyncio.sleep(0.01)


@pytest.mark.req("R93")
async def test_a_ring_is_heard_by_every_listener(url: str) -> None:
    async with hearing(url) as first, hearing(url, "other") as second, notifying(url) as notifier:
        for _ in range(3):
            before = first.count, second.count
            notifier.ring()
            await first.more(before[0])
            await second.more(before[1])
            await asyncio.sleep(2 * bell._APART)


async def test_a_ring_from_before_the_connection_is_told_when_there_is_one(url: str) -> None:
    async with hearing(url) as heard:
        notifier = Notifier(connection_address(url))
        notifier.ring()
        task = asyncio.create_task(notifier.run())
        await heard.more(1)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_many_rings_at_once_are_few_notices(url: str) -> None:
    async with hearing(url) as heard, notifying(url) as notifier:
        for _ in range(500):
            notifier.ring()
        await heard.more(1)
        await asyncio.sleep(4 * bell._APART)
        assert heard.count <= 3
        before = heard.count
        notifier.ring()
        await heard.more(before)


@pytest.mark.req("R93")
async def test_a_listener_whose_connection_is_ended_listens_again_and_looks_by_itself(url: str, caplog: pytest.LogCaptureFixture) -> None:
    async with hearing(url) as heard, notifying(url) as notifier:
        for _ in range(3):
            before = heard.count
            await terminated(url, "hearing")
            assert await heard.more(before) == before + 1, "called without a ring: one may have been missed meanwhile"
            notifier.ring()
            await heard.more(before + 1)
    assert "notices of work are not heard" in caplog.text


@pytest.mark.req("R93")
async def test_a_notifier_whose_connection_is_ended_rings_again(url: str, caplog: pytest.LogCaptureFixture) -> None:
    async with hearing(url) as heard, notifying(url) as notifier:
        notifier.ring()
        before = await heard.more(1)
        for _ in range(3):
            await terminated(url, "notifying")
            async with asyncio.timeout(10):
                while heard.count == before:  # what is rung into a dead connection may be lost, not what is rung after it
                    notifier.ring()
                    await asyncio.sleep(0.05)
            before = heard.count
    assert "workers elsewhere are not woken" in caplog.text


async def test_a_server_that_is_not_there_is_asked_again(url: str, caplog: pytest.LogCaptureFixture) -> None:
    heard = Heard()
    nowhere = connection_address("postgresql+psycopg://tocsin:hunter%20two@127.0.0.1:1/none")
    tasks = [asyncio.create_task(one) for one in (listen(nowhere, heard), Notifier(nowhere).run())]
    async with asyncio.timeout(10):
        while caplog.text.count("are not woken") < 2 or caplog.text.count("are not heard") < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert heard.count == 0
    assert "hunter" not in caplog.text, "libpq quotes a URL that it cannot read"
    assert not any(task.done() for task in tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
