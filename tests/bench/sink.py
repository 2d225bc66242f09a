"""A mail server that takes every mail and forgets it, as fast as asyncio can: `python -m tests.bench.sink PORT`."""

import asyncio
import sys

_ANSWERS = {
    b"EHLO": b"250-sink\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n", b"HELO": b"250 sink\r\n", b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n",
}  # fmt: skip
_END = b"\r\n.\r\n"


class Sink(asyncio.Protocol):
    """One connection. It looks at commands by their first word, and at mails for their end alone."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greets."""
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._kept, self._takes_mail = transport, b"", False
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        """Answers each command, and each mail once it is there."""
        self._kept += data
        while self._kept:
            end = _END if self._takes_mail else b"\r\n"
            place = self._kept.find(end)
            if place < 0:
                return
            said, self._kept = self._kept[:place], self._kept[place + len(end) :]
            word = b"" if self._takes_mail else said[:4].upper()
            self._transport.write(_ANSWERS.get(word, b"250 OK\r\n"))
            self._takes_mail = word == b"DATA"
            if word == b"QUIT":
                self._transport.close()


async def main(port: int) -> None:
    """Takes mail until it is killed."""
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
