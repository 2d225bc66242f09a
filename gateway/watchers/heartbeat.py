"""The heartbeat to an outside monitor, as Healthchecks is one: it stops where the work does, so that somebody else's alarm rings."""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from gateway.domain.heartbeat import why_not
from gateway.metrics import HEARTBEATS
from gateway.storage import self_watch
from gateway.storage.database import Database
from gateway.upstream.web import Web
from gateway.workers.cadence import Cadence
from gateway.workers.loop import Worker

EVERY: Final = timedelta(minutes=1)
_WITHIN: Final = 10.0
_log = logging.getLogger("tocsin.watchers")


class Heartbeat(Worker):
    """Once a minute, while the other loops of this process come round and nothing waits for too long."""

    name = "heartbeat"

    def __init__(
        self, database: Database, url: str, workers: Sequence[Worker], clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """`workers`: those whose work it stands for."""
        super().__init__(clock)
        self._database, self._url, self._workers, self._monotonic = database, url, workers, monotonic
        self._web = Web()
        self._cadence = Cadence(EVERY, clock())
        self._trouble: str | None = None

    async def step(self) -> int:
        """One beat, or none."""
        now = self.clock()
        if not self._cadence.comes_round(now):
            return 0
        idle = {worker.name: timedelta(seconds=self._monotonic() - worker.last_step) for worker in self._workers}
        figures = await self._database.read(self_watch.figures, now)
        trouble = why_not(idle, figures.values())
        if trouble is None:
            trouble = await self._beat()
        HEARTBEATS.labels("withheld" if trouble else "sent").inc()
        if trouble != self._trouble:
            _log.warning("the heartbeat %s", f"stops: {trouble}" if trouble else "goes on")
        self._trouble = trouble
        return 0

    async def next_due(self) -> datetime:
        """When the next is due."""
        return self._cadence.next_at

    async def finish(self) -> None:
        """Ends the connection."""
        await self._web.close()

    async def _beat(self) -> str | None:
        try:
            answer = await self._web.ask("GET", self._url, at_most=1000, within=_WITHIN)
        except TimeoutError:
            return "the monitor does not answer"
        except OSError as error:
            return f"the monitor cannot be reached: {error}"
        return None if answer.status < 300 else f"the monitor answered {answer.status}"
