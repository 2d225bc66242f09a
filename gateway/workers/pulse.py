"""The worker that says, for all workers of its process, that they live."""

import os
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from gateway.storage import working
from gateway.storage.database import Database
from gateway.storage.working import Process
from gateway.workers.cadence import Cadence
from gateway.workers.loop import Worker

EVERY: Final = timedelta(seconds=10)


class PulseWorker(Worker):
    """Writes down, every ten seconds, when each worker of this process last ended a step. It lives on where one of them hangs."""

    name = "pulse"

    def __init__(self, database: Database, clock: Callable[[], datetime], *, version: str, key_mark: str, others: Sequence[Worker]) -> None:
        super().__init__(clock)
        self._database, self._others = database, others
        self._process = Process(secrets.token_hex(12), socket.gethostname(), os.getpid(), version, key_mark, clock())
        self._cadence = Cadence(EVERY, clock())

    async def step(self) -> int:
        """A sign of life, where one is due."""
        now = self.clock()
        if not self._cadence.comes_round(now):
            return 0
        idle = {worker.name: time.monotonic() - worker.last_step for worker in self._others}
        await self._database.write(working.live, self._process, idle=idle, now=now)
        return 0

    async def next_due(self) -> datetime:
        """When the next one is due."""
        return self._cadence.next_at

    async def finish(self) -> None:
        """Nobody is to wait for it."""
        await self._database.write(working.end, self._process.id)
