"""The shape every worker shares: work while there is any, then sleep until woken or until something is due."""

import asyncio
import contextlib
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime
from typing import Final

from gateway.metrics import FAILED_STEPS
from gateway.storage.database import StorageUnavailable

POLL: Final = 1.0
"""Seconds after which a worker looks by itself, should a wake-up have been missed."""
_TROUBLE: Final = 2.0
_BREATH: Final = 0.05
"""Seconds between looks at what is due but in another process' hands."""
_log = logging.getLogger("tocsin.workers")


class Worker(ABC):
    """A loop around `step`. Never ends by itself; `stop` lets the step under way finish."""

    name: str

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self._wake = asyncio.Event()
        self.stopping = False
        self.last_step = time.monotonic()
        """When a step last ended, by a clock that never steps."""

    @abstractmethod
    async def step(self) -> int:
        """Does what is due, a bounded amount of it; gives how much that was."""

    @abstractmethod
    async def next_due(self) -> datetime | None:
        """When there will be something to do again; None: not before a wake-up."""

    async def finish(self) -> None:  # noqa: B027 - most have nothing to give back
        """Called once, after the last step."""

    def wake(self) -> None:
        """There may be work."""
        self._wake.set()

    def stop(self) -> None:
        """Lets the loop end after the step under way."""
        self.stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Works until stopped. Trouble of any kind is logged and waited out, never the end of the loop."""
        while not self.stopping:
            self._wake.clear()
            try:
                did = await self.step()
                self.last_step = time.monotonic()
                if did:
                    continue
                pause = self._pause(await self.next_due())
            except StorageUnavailable as error:
                FAILED_STEPS.labels(self.name).inc()
                _log.error("%s: storage is in trouble: %s", self.name, error)
                pause = _TROUBLE
            except Exception:
                FAILED_STEPS.labels(self.name).inc()
                _log.exception("%s: a step failed", self.name)
                pause = _TROUBLE
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause)
        try:
            await self.finish()
        except StorageUnavailable as error:
            _log.error("%s: storage is in trouble: %s", self.name, error)

    def _pause(self, due: datetime | None) -> float:
        return POLL if due is None else min(max((due - self.clock()).total_seconds(), _BREATH), POLL)
