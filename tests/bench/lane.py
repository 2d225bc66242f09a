"""One kept-alive HTTP/1.1 connection, by hand: a request goes out as it is, an answer comes back as status and body."""

import asyncio
from collections.abc import Callable

Answered = Callable[["Lane", int, bytes], None]


class Lane(asyncio.Protocol):
    """Carries one request at a time. A connection that breaks answers its request with status 0."""

    def __init__(self, answered: Answered) -> None:
        self._answered = answered
        self._received = b""
        self._busy = False
        self._transport: asyncio.Transport | None = None

    @property
    def usable(self) -> bool:
        """Whether a request may be sent over it still."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, request: bytes) -> None:
        """Sends a whole request at once."""
        assert self._transport
        self._busy = True
        self._transport.write(request)

    def close(self) -> None:
        """Ends the connection."""
        if self._transport:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        self._received, self._busy = b"", False
        self._answered(self, int(head[9:12]), body)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        if self._busy:
            self._busy = False
            self._answered(self, 0, b"")


async def lane(port: int, answered: Answered) -> Lane:
    """A new connection to the loopback."""
    _, protocol = await asyncio.get_running_loop().create_connection(lambda: Lane(answered), "127.0.0.1", port)
    return protocol


def _length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0
