"""A constant load whose latency counts from the instant each request was *to be* sent, so that a stall is not hidden.

Runs as a process of its own: `python -m tests.bench.open_loop PORT DECK SIZE RATE [TOKEN SOLO_EVERY]` prints JSON.
"""

import asyncio
import gc
import json
import os
import selectors
import sys
from collections import Counter, deque
from pathlib import Path
from typing import Any, Final

from tests.bench.deck import Deck, solo_flow
from tests.bench.figures import percentiles
from tests.bench.knobs import CONNECTIONS
from tests.bench.lane import Lane, lane
from tests.bench.watcher import Watcher

PATIENCE: Final = 30.0
"""Seconds that the last answers are waited for."""


class OpenLoop:
    """Sends each request at its time, over whichever connection is free."""

    def __init__(self, requests: list[bytes], rate: int) -> None:
        self._requests, self._rate = requests, rate
        self._free: deque[Lane] = deque()
        self._late: deque[tuple[float, bytes]] = deque()
        self._due: dict[Lane, float] = {}
        self._all = asyncio.Event()
        self.latencies: list[float] = []
        self.lateness: list[float] = []
        """How long after its time a request went out although a connection was free: the client's own fault."""
        self.statuses: Counter[int] = Counter()

    async def run(self, port: int, watcher: Watcher | None, solo_every: int) -> None:
        """All requests, and their answers."""
        loop = asyncio.get_running_loop()
        self._free.extend([await lane(port, self._answered) for _ in range(CONNECTIONS)])
        start = loop.time() + 0.1
        for number, request in enumerate(self._requests):
            due = start + number / self._rate
            if (ahead := due - loop.time()) > 0:
                await asyncio.sleep(ahead)
            if watcher and number % solo_every == 0:
                watcher.expect(solo_flow(number), due)
            if self._free:
                self.lateness.append(loop.time() - due)
                self._send(self._free.popleft(), due, request)
            else:
                self._late.append((due, request))
        await asyncio.wait_for(self._all.wait(), PATIENCE)

    def _send(self, connection: Lane, due: float, request: bytes) -> None:
        self._due[connection] = due
        connection.send(request)

    def _answered(self, connection: Lane, status: int, _: bytes) -> None:
        self.latencies.append(asyncio.get_running_loop().time() - self._due.pop(connection))
        self.statuses[status] += 1
        if len(self.latencies) == len(self._requests):
            self._all.set()
        if not connection.usable:
            return
        if self._late:
            self._send(connection, *self._late.popleft())
        else:
            self._free.append(connection)


async def measure(port: int, requests: list[bytes], rate: int, token: str, solo_every: int, *, at_once: bool) -> dict[str, Any]:
    """What this load met with."""
    client, watcher = OpenLoop(requests, rate), Watcher(port, token) if token else None
    watching = asyncio.create_task(watcher.run()) if watcher else None
    try:
        await client.run(port, watcher, solo_every)
        if watcher:
            await asyncio.wait_for(watcher.settled(), PATIENCE)
    finally:
        if watching:
            watching.cancel()
    found: dict[str, Any] = {
        "requests": len(requests),
        "ack_ms": percentiles(client.latencies),
        "client_at_once": at_once,
        "client_lateness_ms": percentiles(client.lateness),
        "statuses": {str(status): count for status, count in sorted(client.statuses.items())},
    }
    if watcher:
        found["visible_ms"] = percentiles(watcher.seconds)
        found["polls"] = {
            "looks": watcher.polls,
            "failed": watcher.failed_polls,
            "looked_for": len(watcher.seconds),
            "never_seen": watcher.never,
        }
    return found


def _at_once() -> bool:
    """Lets this process run whenever it has something to do, as a sender on another machine would; False where it may not."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except OSError:
        return False
    return True


def main(port: str, path: str, size: str, rate: str, token: str = "", solo_every: str = "0") -> None:
    """Prints what was found."""
    requests = Deck(Path(path), int(size), 0).requests()
    gc.disable()  # a collection would be measured as the server's
    # epoll rounds a timer up to a whole millisecond, select does not
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        found = runner.run(measure(int(port), requests, int(rate), token, int(solo_every), at_once=_at_once()))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
