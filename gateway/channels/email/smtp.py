"""One mail server behind a few connections, opened as they are needed and kept open."""

import asyncio
from typing import TYPE_CHECKING, Final

from gateway.channels.email.address import Address
from gateway.channels.email.connection import Connection
from gateway.channels.email.failures import PermanentFailure, TemporaryFailure
from gateway.channels.email.smtp_url import SmtpUrl

if TYPE_CHECKING:
    import ssl

CONNECTIONS: Final = 4


class Smtp:
    """Sends up to four mails at a time; `send` may be called concurrently, and waits for its turn."""

    def __init__(
        self,
        url: SmtpUrl,
        *,
        connections: int = CONNECTIONS,
        command_seconds: float = 10.0,
        content_seconds: float = 60.0,
        idle_seconds: float = 30.0,
        tls_context: "ssl.SSLContext | None" = None,
    ) -> None:
        """See `Connection` for the times."""
        self.url = url
        self._connections = [
            Connection(
                url, command_seconds=command_seconds, content_seconds=content_seconds, idle_seconds=idle_seconds, tls_context=tls_context
            )
            for _ in range(connections)
        ]
        self._idle = list(self._connections)
        self._turns = asyncio.Semaphore(connections)

    async def send(self, sender: str, recipient: str, raw: bytes) -> str:
        """The server's answer once it has accepted `raw`. Raises a `SendFailure`."""
        try:
            origin = Address.parse(sender).spec
        except ValueError as error:
            raise TemporaryFailure(f"sender: {error}") from None
        try:
            target = Address.parse(recipient).spec
        except ValueError as error:
            raise PermanentFailure(f"recipient: {error}", no_such_address=True) from None
        async with self._turns:
            connection = self._idle.pop()  # the one used last: where little is sent, one is open and the others are not
            try:
                return await connection.send(origin, target, raw)
            finally:
                self._idle.append(connection)

    async def greet(self) -> str:
        """Connects, encrypts and signs in; gives the server's greeting. Raises `UnreachableFailure`."""
        return await self._connections[0].greet()

    async def close(self) -> None:
        """Ends the connections politely, within a second."""
        await asyncio.gather(*(connection.close() for connection in self._connections))
