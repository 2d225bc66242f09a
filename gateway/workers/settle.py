"""The worker that acts when time passes: holds that are over, threads nobody speaks of any more, old watermarks, silent sessions."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from gateway.engine import create, settle
from gateway.storage import processing, threads
from gateway.storage.database import IDLE_IN_TRANSACTION_MS, Database, StorageUnavailable, Transaction
from gateway.workers.loop import Worker

BATCH: Final = 100
WATERMARKS_KEPT: Final = timedelta(days=3)
_SWEEP_EVERY: Final = timedelta(hours=1)
_SWEEP: Final = 1000
LOOK_EVERY: Final = 5.0
"""Seconds between looks for sessions that fell silent."""
SILENT: Final = timedelta(milliseconds=IDLE_IN_TRANSACTION_MS)
_log = logging.getLogger("tocsin.workers")


class SettleWorker(Worker):
    """Shows what outlived its hold or stopped flapping, reminds of what is open, closes what fell silent."""

    name = "settle"

    def __init__(self, database: Database, clock: Callable[[], datetime], on_deliveries: Callable[[], None]) -> None:
        """`on_deliveries` is called when mail may have been queued."""
        super().__init__(clock)
        self._database, self._on_deliveries = database, on_deliveries
        self._next_sweep = clock()

    async def run(self) -> None:
        """As every worker. Beside its steps, which may have to wait for one of them, it hangs up on sessions that fell silent."""
        if self._database.is_sqlite:
            return await super().run()
        hanging_up = asyncio.create_task(self._hang_up())
        try:
            await super().run()
        finally:
            hanging_up.cancel()

    async def step(self) -> int:
        """Everything that is due now, up to a hundred threads of each."""
        now = self.clock()
        settled = await self._database.write(_settle, now) if (due := await self._database.read(settle.next_due)) and due <= now else 0
        if settled:
            self._on_deliveries()
        if now >= self._next_sweep:
            swept = await self._database.write(threads.forget_watermarks, now=now, older_than=WATERMARKS_KEPT, limit=_SWEEP)
            if swept < _SWEEP:
                self._next_sweep = now + _SWEEP_EVERY
            return settled + swept
        return settled

    async def next_due(self) -> datetime | None:
        """When time alone will change a thread."""
        return await self._database.read(settle.next_due)

    async def _hang_up(self) -> None:
        """PostgreSQL's own timeout ends a transaction that idles after a plain statement, but not one that stops within
        `executemany`, which counts as active until its Sync, or after it: psycopg adds a Flush, which disarms the timeout until
        the next statement. Before `transaction_timeout`, which came with version 17, nothing else ends it, and its rows stay locked.
        https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING
        """
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                for session in await self._database.read(processing.hang_up, silent=SILENT):
                    _log.warning("session %s of the database held what others wait for and said nothing more: it was ended", session)
            except StorageUnavailable:  # the steps complain of it
                continue
            except Exception:
                _log.exception("sessions that fell silent could not be ended")


def _settle(transaction: Transaction, now: datetime) -> int:
    return sum(
        act(transaction, now=now, limit=BATCH) for act in (create.release_scheduled, settle.release_due, settle.close_silent, settle.remind)
    )
