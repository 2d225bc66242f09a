"""How many may be connected, and how long one may take, on the event loop of asyncio and on the one that serves."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import uvloop
from aiohttp import web

from gateway import listener
from gateway.listener import Listener

Run = Callable[[Coroutine[Any, Any, None]], None]
REQUEST = b"GET / HTTP/1.1\r\nHost: acme.test\r\n\r\n"


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    return request.param


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "MOST_CONNECTIONS", 4)
    monkeypatch.setattr(listener, "MOST_OF_AN_ADDRESS", 2)


@asynccontextmanager
async def listening(
    is_proxy: Callable[[str], bool] = lambda _: False, handler: Callable[[web.Request], Awaitable[web.Response]] | None = None
) -> AsyncIterator[tuple[Listener, int]]:
    """A listener and its port."""

    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_route("*", "/", handler or hello)
    bound = socket.create_server(("127.0.0.1", 0))
    one = Listener(app, is_proxy=is_proxy, stop_within=1.0)
    await one.start(bound)
    try:
        yield one, bound.getsockname()[1]
    finally:
        await one.stop()


class Client:
    """A connection from an address of the loopback."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, port: int, last: int = 1) -> "Client":
        """From 127.0.0.`last`."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, local_addr=(f"127.0.0.{last}", 0)))

    async def status(self, raw: bytes = REQUEST) -> int | None:
        """The status of the answer to these bytes; None where the connection is closed without one."""
        try:
            self.writer.write(raw)
            head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 10)
            await asyncio.wait_for(self.reader.readexactly(5 if b" 200 " in head else 0), 10)
        except (ConnectionError, asyncio.IncompleteReadError):
            return None
        return int(head.split()[1])

    async def is_closed(self) -> bool:
        """Whether the other side has closed it; waits for that."""
        try:
            return await asyncio.wait_for(self.reader.read(), 10) == b""
        except ConnectionError:
            return True

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


async def until(look: Callable[[], bool]) -> None:
    """Returns once it is so."""
    async with asyncio.timeout(10):
        while not look():  # noqa: ASYNC110 - what is looked at belongs to the other side
            await asyncio.sleep(0.005)


@pytest.mark.req("R19")
def test_one_connection_too_many_of_an_address_is_told_to_come_back(run: Run) -> None:
    async def scenario() -> None:
        async with listening() as (_, port):
            held = [await Client.connect(port) for _ in range(2)]
            assert [await one.status() for one in held] == [200, 200]
            refused = await Client.connect(port)
            head = await asyncio.wait_for(refused.reader.read(), 10)  # told without having asked, and closed
            assert head.startswith(b"HTTP/1.1 503 ")
            assert b"\r\nRetry-After: 2\r\n" in head
            other = await Client.connect(port, last=2)
            assert await other.status() == 200, "others are let in"
            assert [await one.status() for one in held] == [200, 200], "who was in stays in"

    run(scenario())


@pytest.mark.req("R19")
def test_all_addresses_together_have_a_limit_too_and_proxies_only_that(run: Run) -> None:
    async def scenario() -> None:
        async with listening(is_proxy=lambda address: address == "127.0.0.1") as (_, port):
            held = [await Client.connect(port) for _ in range(4)]
            assert [await one.status() for one in held] == [200] * 4
            for last in (1, 2):
                assert await (await Client.connect(port, last=last)).status() == 503
            await held[0].close()
            assert await _admitted(port, last=2)

    run(scenario())


async def _admitted(port: int, last: int = 1) -> Client:
    """A connection that is let in, which it is as soon as the server has noticed that another has ended."""
    async with asyncio.timeout(10):
        while await (client := await Client.connect(port, last)).status() != 200:
            await client.close()
            await asyncio.sleep(0.005)
    return client


@pytest.mark.parametrize("how", ["close", "reset", "half", "unasked"])
def test_whoever_leaves_makes_room_however_they_leave(run: Run, how: str) -> None:
    async def scenario() -> None:
        async with listening() as (one, port):
            for _ in range(6):
                clients = [await Client.connect(port) for _ in range(2)]
                for client in clients:
                    if how != "unasked":
                        assert await client.status() == 200
                    if how == "reset":
                        client.writer.transport.abort()
                    if how == "half":
                        client.writer.write_eof()
                    await client.close()
                await until(lambda: not one._connected)
            for _ in range(5):  # refused ones were never counted, so they take nothing away when they leave
                held = [await Client.connect(port) for _ in range(2)]
                assert [await client.status() for client in held] == [200, 200]
                refused = [await Client.connect(port) for _ in range(3)]
                assert [await client.status() for client in refused] == [503] * 3
                for client in refused:
                    await client.close()
                assert one._connected == {"127.0.0.1": 2}
                for client in held:
                    await client.close()
                await until(lambda: not one._connected)

    run(scenario())


@pytest.mark.req("R19")
@pytest.mark.parametrize("said", [b"", REQUEST[:-1], b"GET / HTTP/1.1\r\n", b"\r\n"])
def test_who_does_not_say_what_it_wants_is_closed(run: Run, said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "HEAD_WITHIN", 0.1)

    async def scenario() -> None:
        async with listening() as (one, port):
            client = await Client.connect(port)
            client.writer.write(said)
            assert await client.is_closed()
            await until(lambda: not one._connected)

    run(scenario())


@pytest.mark.parametrize(
    "parts", [[REQUEST], [REQUEST[:-2], REQUEST[-2:]], [bytes([byte]) for byte in REQUEST]], ids=["whole", "two", "bytes"]
)
def test_who_said_what_it_wants_may_stay(run: Run, parts: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "HEAD_WITHIN", 0.3)

    async def scenario() -> None:
        async with listening() as (_, port):
            client = await Client.connect(port)
            for part in parts[:-1]:
                client.writer.write(part)
                await client.writer.drain()
                await asyncio.sleep(0)
            assert await client.status(parts[-1]) == 200
            await asyncio.sleep(0.5)  # longer than a head may take
            assert await client.status() == 200, "kept alive"

    run(scenario())


def test_a_body_that_takes_longer_than_a_head_may_is_no_reason_to_close(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "HEAD_WITHIN", 0.1)

    async def echo(request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    async def scenario() -> None:
        async with listening(handler=echo) as (_, port):
            client = await Client.connect(port)
            client.writer.write(b"POST / HTTP/1.1\r\nHost: acme.test\r\nContent-Length: 5\r\n\r\nhel")
            await asyncio.sleep(0.3)
            assert await client.status(b"lo") == 200

    run(scenario())


def test_stopping_lets_a_request_under_way_end_and_takes_no_more(run: Run) -> None:
    async def scenario() -> None:
        entered, leave = asyncio.Event(), asyncio.Event()

        async def slow(_: web.Request) -> web.Response:
            entered.set()
            await leave.wait()
            return web.Response(text="hello")

        async with listening(handler=slow) as (one, port):
            client = await Client.connect(port)
            answer = asyncio.create_task(client.status())
            await entered.wait()
            stopping = asyncio.create_task(one.stop())
            await asyncio.sleep(0.05)
            with pytest.raises(ConnectionError):
                await Client.connect(port)
            leave.set()
            assert await answer == 200
            await stopping

    run(scenario())


@pytest.mark.req("R19")
def test_where_all_are_taken_the_longest_silent_makes_room_and_nobody_who_spoke_does(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "MOST_OF_AN_ADDRESS", 100)

    async def scenario() -> None:
        async with listening() as (one, port):
            spoke = await Client.connect(port)
            assert await spoke.status() == 200
            silent = [await Client.connect(port) for _ in range(3)]
            await until(lambda: one._connected.total() == 4)
            newcomers = []
            for longest in silent:
                newcomers.append(await Client.connect(port))
                assert await newcomers[-1].status() == 200
                assert await longest.is_closed()
                assert one._connected.total() == 4
            assert await spoke.status() == 200
            assert await (await Client.connect(port)).status() == 503, "all have spoken"

    run(scenario())


def test_an_ipv6_network_is_one_address() -> None:
    class Transport(asyncio.Transport):
        def __init__(self, host: str) -> None:
            super().__init__({"peername": (host, 40000, 0, 0)})
            self.is_closed = False

        def write(self, data: bytes) -> None:
            assert data.startswith(b"HTTP/1.1 503 ")

        def close(self) -> None:
            self.is_closed = True

        abort = close

    async def scenario() -> None:
        async with listening() as (one, _):
            made = []
            for host in ("2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1"):
                made.append(Transport(host))
                listener._Guard(one).connection_made(made[-1])
            assert [transport.is_closed for transport in made] == [False, False, True, False]
            assert one._connected == {"2001:db8::/64": 2, "2001:db8:0:1::/64": 1}

    asyncio.run(scenario())
