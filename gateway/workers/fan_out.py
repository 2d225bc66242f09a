"""The worker that tells large teams, a range of their people at a time."""

from collections.abc import Callable
from datetime import datetime

from gateway.engine import tell
from gateway.metrics import FAN_OUT_AGE
from gateway.storage import fan_outs
from gateway.storage.database import Database
from gateway.workers.loop import Worker


class FanOutWorker(Worker):
    """Goes through the people of large teams. Killed anywhere, it goes on behind the last range that was committed."""

    name = "fan_out"

    def __init__(self, database: Database, clock: Callable[[], datetime], on_deliveries: Callable[[], None]) -> None:
        """`on_deliveries` is called after each range, which may have queued mail."""
        super().__init__(clock)
        self._database, self._on_deliveries = database, on_deliveries

    async def step(self) -> int:
        """One range."""
        told = await self._database.write(tell.fan_out, self.clock())
        if told:
            self._on_deliveries()
            _, since = await self._database.read(fan_outs.waiting)
            FAN_OUT_AGE.set((self.clock() - since).total_seconds() if since else 0.0)
        return int(told)

    async def next_due(self) -> datetime | None:
        """Whenever something large was recorded; a wake-up says so."""
        return None
