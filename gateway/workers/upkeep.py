"""The worker that removes what is too old: a way through everything each hour, a little at a time."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from gateway.storage.database import Database
from gateway.storage.journal_retention import DEFAULT_DAYS
from gateway.storage.retention import Sweep
from gateway.workers.cadence import Cadence
from gateway.workers.loop import Worker

EVERY: Final = timedelta(hours=1)
FIRST_AFTER: Final = timedelta(minutes=1)
PAUSE: Final = 0.05
"""Seconds between two batches, which others have the database to themselves."""


class UpkeepWorker(Worker):
    """Removes what retention lets go of."""

    name = "upkeep"

    def __init__(self, database: Database, clock: Callable[[], datetime], event_days: int = DEFAULT_DAYS) -> None:
        """`event_days`: how long what arrived is kept."""
        super().__init__(clock)
        self._database, self._event_days = database, event_days
        self._cadence = Cadence(EVERY, clock() + FIRST_AFTER)
        self._sweep: Sweep | None = None

    async def step(self) -> int:
        """One batch, of a few hundred rows; gives 0 where no sweep is due."""
        now = self.clock()
        if self._sweep is None:
            if not self._cadence.comes_round(now):
                return 0
            self._sweep = Sweep(now=now, event_days=self._event_days)
        picked = await self._database.read(self._sweep.pick)
        if picked is None:
            self._sweep = None
            return 0
        if picked.keys:
            run = self._database.append if picked.is_in_journal else self._database.write
            await run(self._sweep.remove, picked)
            await asyncio.sleep(PAUSE)
        return 1

    async def next_due(self) -> datetime:
        """When the next sweep begins."""
        return self._cadence.next_at
