"""Looks for single flows in a person's inbox until they are there: webhook → visible."""

import asyncio
from typing import Final

from tests.bench.lane import Lane, lane

SHORTEST_PAUSE: Final = 0.004
LONGEST_PAUSE: Final = 0.05
PAUSE_SHARE: Final = 0.1
"""Of how long the oldest was looked for already: times are exact to that, and looking slows nobody down much."""
GIVEN_UP_AFTER: Final = 10.0
_YOUNG: Final = 0.2


class Watcher:
    """Polls `GET /api/notifications/v1` over one connection while something is expected."""

    def __init__(self, port: int, token: str) -> None:
        self._port, self._token = port, token
        self._expected: dict[str, float] = {}
        self._wanted, self._settled = asyncio.Event(), asyncio.Event()
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self.seconds: list[float] = []
        self.polls = 0
        self.failed_polls = 0
        self.never = 0
        """Flows given up; they count with the time they were looked for."""

    def expect(self, flow: str, due: float) -> None:
        """The event of this flow was to be sent at `due`."""
        self._expected[flow] = due
        self._wanted.set()
        self._settled.clear()

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        connection = await lane(self._port, self._answered)
        while True:
            await self._wanted.wait()
            oldest = loop.time() - min(self._expected.values())
            self._answer = loop.create_future()
            connection.send(self._request(20 if oldest < _YOUNG else 100))
            status, body = await self._answer
            self._look(status, body, loop.time())
            if not connection.usable:
                connection = await lane(self._port, self._answered)
            await asyncio.sleep(min(max(oldest * PAUSE_SHARE, SHORTEST_PAUSE), LONGEST_PAUSE))

    async def settled(self) -> None:
        """Returns once everything expected so far was seen or given up."""
        await self._settled.wait()

    def _look(self, status: int, body: bytes, now: float) -> None:
        self.polls += 1
        self.failed_polls += status != 200
        for flow, due in list(self._expected.items()):
            seen = status == 200 and f'"{flow}"'.encode() in body
            if seen or now - due > GIVEN_UP_AFTER:
                self.never += not seen
                self.seconds.append(now - due)
                del self._expected[flow]
        if not self._expected:
            self._wanted.clear()
            self._settled.set()

    def _answered(self, _: Lane, status: int, body: bytes) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_result((status, body))

    def _request(self, limit: int) -> bytes:
        lines = (
            f"GET /api/notifications/v1?limit={limit} HTTP/1.1", "Host: tocsin.test", f"Authorization: Bearer {self._token}",
            "Accept: application/json",
        )  # fmt: skip
        return ("\r\n".join(lines) + "\r\n\r\n").encode()
