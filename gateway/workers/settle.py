"""The worker that acts when time passes: holds that are over, threads nobody speaks of any more, old watermarks."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from gateway.engine import record
from gateway.storage import people, threads
from gateway.storage.database import Database, Transaction
from gateway.workers.loop import Worker

BATCH: Final = 100
WATERMARKS_KEPT: Final = timedelta(days=3)
_SWEEP_EVERY: Final = timedelta(hours=1)
_SWEEP: Final = 1000


class SettleWorker(Worker):
    """Shows what outlived its hold and closes what fell silent."""

    name = "settle"

    def __init__(self, database: Database, clock: Callable[[], datetime], on_deliveries: Callable[[], None]) -> None:
        """`on_deliveries` is called when mail may have been queued."""
        super().__init__(clock)
        self._database, self._on_deliveries = database, on_deliveries
        self._next_sweep = clock()

    async def step(self) -> int:
        """Everything that is due now, up to a hundred threads of each."""
        now = self.clock()
        settled = await self._database.write(_settle, now) if (due := await self._database.read(threads.next_due)) and due <= now else 0
        if settled:
            self._on_deliveries()
        if now >= self._next_sweep:
            swept = await self._database.write(threads.forget_watermarks, now=now, older_than=WATERMARKS_KEPT, limit=_SWEEP)
            if swept < _SWEEP:
                self._next_sweep = now + _SWEEP_EVERY
            return settled + swept
        return settled

    async def next_due(self) -> datetime | None:
        """When the next hold is over or the next silence ends."""
        return await self._database.read(threads.next_due)


def _settle(transaction: Transaction, now: datetime) -> int:
    slugs = {team_id: slug for slug, team_id in people.team_ids(transaction).items()}
    return record.release_due(transaction, slugs, now=now, limit=BATCH) + record.close_silent(transaction, slugs, now=now, limit=BATCH)
