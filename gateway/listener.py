"""Listening for HTTP: how many may be connected, and how long one may take to say what it wants.

aiohttp by itself takes any number of connections, waits for ever for the first line of a request, and decompresses bodies
before anybody could check what was signed.
"""

import asyncio
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Any, Final

from aiohttp import web

MOST_CONNECTIONS: Final = 1000
"""Connections at the same time; one more is told to come back and closed."""
MOST_OF_AN_ADDRESS: Final = 500
"""The same for each address, so that nobody alone takes all of them. A trusted proxy speaks for many and is not counted."""
IDLE_FOR: Final = 75.0
"""Seconds a connection may wait between requests, longer than the proxies in front of it do."""
HEAD_WITHIN: Final = 20.0
"""Seconds from connecting until the head of the first request has come."""
SERVER_OPTIONS: Final[dict[str, Any]] = {"auto_decompress": False, "keepalive_timeout": IDLE_FOR, "access_log": None}
"""What the web server is made with; tests make theirs with the same."""
_BACKLOG: Final = 1024
_FULL: Final = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


Handler = Callable[[Any], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Ahead:
    """A handler that is asked before all others, for the requests under a prefix."""

    prefix: str
    handle: Handler

    def before(self, others: Handler) -> Handler:
        """Both in one."""
        prefix, handle = self.prefix, self.handle

        async def either(request: web.Request) -> web.StreamResponse:
            return await (handle(request) if request.rel_url.raw_path.startswith(prefix) else others(request))

        return either


class Listener:
    """One web application on one address."""

    def __init__(self, app: web.Application, *, is_proxy: Callable[[str], bool], stop_within: float, ahead: "Ahead | None" = None) -> None:
        """`is_proxy` knows a trusted proxy by its address. `stop_within`: seconds that requests under way get at the end.

        `ahead` takes the requests under its prefix before the application's router and middlewares see them.
        """
        self._runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=stop_within, **SERVER_OPTIONS)
        self._is_proxy, self._ahead = is_proxy, ahead
        self._server: asyncio.Server | None = None
        self._connected: Counter[str] = Counter()
        self._silent: dict[_Guard, None] = {}
        """Connections that never said what they want, in the order they came."""

    async def start(self, bound: socket.socket) -> None:
        """Listens on a socket that is bound."""
        await self._runner.setup()
        if self._ahead:
            assert self._runner.server
            self._runner.server.request_handler = self._ahead.before(self._runner.server.request_handler)
        self._server = await asyncio.get_running_loop().create_server(lambda: _Guard(self), sock=bound, backlog=_BACKLOG)

    async def stop(self) -> None:
        """Takes no more connections, lets requests under way end, closes the others."""
        if self._server is not None:
            self._server.close()
        await self._runner.cleanup()

    def admit(self, address: str, peer: str) -> asyncio.Protocol | None:
        """Who speaks with a new connection from `peer`, which is counted under `address`; None where it is one too many."""
        if self._connected.total() >= MOST_CONNECTIONS and not self._give_up_a_silent_one():
            return None
        if self._connected[address] >= MOST_OF_AN_ADDRESS and not self._is_proxy(peer):
            return None
        assert self._runner.server is not None
        self._connected[address] += 1
        return self._runner.server()

    def _give_up_a_silent_one(self) -> bool:
        """Closes the connection that has been silent longest, for one that may have something to say."""
        longest = next(iter(self._silent), None)
        if longest is None:
            return False
        longest.give_up()
        return True

    def listens_to(self, guard: "_Guard", *, silent: bool) -> None:
        """Notes whether a connection has said what it wants."""
        if silent:
            self._silent[guard] = None
        else:
            self._silent.pop(guard, None)

    def leave(self, address: str) -> None:
        """A connection that was admitted has ended."""
        self._connected[address] -= 1
        if not self._connected[address]:
            del self._connected[address]


class _Guard(asyncio.Protocol):
    """Stands before aiohttp's own protocol, counts, and closes what says nothing."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._transport: asyncio.Transport | None = None
        self._within: asyncio.Protocol | None = None
        self._address = ""
        self._patience: asyncio.TimerHandle | None = None
        self._head = b""
        self._left = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        peer = transport.get_extra_info("peername")
        self._transport = transport
        self._address = counted_as(peer[0]) if isinstance(peer, tuple) else ""
        self._within = self._listener.admit(self._address, peer[0] if isinstance(peer, tuple) else "")
        if self._within is None:
            transport.write(_FULL)
            transport.close()
            return
        self._patience = asyncio.get_running_loop().call_later(HEAD_WITHIN, transport.abort)
        self._listener.listens_to(self, silent=True)
        self._within.connection_made(transport)

    def give_up(self) -> None:
        """Ends the connection; its place is free at once."""
        if self._transport is not None:
            self._transport.abort()
        self._leave()

    def data_received(self, data: bytes) -> None:
        if self._within is None:
            return
        if self._patience is not None:
            self._head = self._head[-3:] + data
            if b"\r\n\r\n" in self._head or b"\n\n" in self._head:
                self._patience.cancel()
                self._patience, self._head = None, b""
                self._listener.listens_to(self, silent=False)
        self._within.data_received(data)

    def eof_received(self) -> bool | None:
        return self._within.eof_received() if self._within else None

    def connection_lost(self, error: Exception | None) -> None:
        self._leave()
        if self._within is not None:
            self._within.connection_lost(error)

    def _leave(self) -> None:
        """Once: a connection that was given up is lost a moment later."""
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self._listener.listens_to(self, silent=False)
        if self._within is not None and not self._left:
            self._left = True
            self._listener.leave(self._address)

    def pause_writing(self) -> None:
        if self._within is not None:
            self._within.pause_writing()

    def resume_writing(self) -> None:
        if self._within is not None:
            self._within.resume_writing()


def counted_as(address: str) -> str:
    """What an address is counted under: an IPv6 host may change its lower half at will, so its /64 is counted."""
    if ":" not in address:
        return address
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    return f"{IPv6Address(int(parsed) >> 64 << 64)}/64" if isinstance(parsed, IPv6Address) else address
