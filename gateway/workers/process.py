"""The worker that turns events into notifications."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from gateway.engine import process
from gateway.engine.process import Read
from gateway.metrics import BATCH_SECONDS, PROCESSED, QUEUE_AGE
from gateway.storage import processing
from gateway.storage.database import Database, StorageUnavailable
from gateway.storage.processing import Outcome
from gateway.workers.loop import Worker
from mappers.contract import SourceKind

BATCH: Final = 32
LEASE: Final = timedelta(seconds=60)
QUARANTINE_AFTER: Final = 3
"""Attempts; an event that fails alone this often, or takes its worker with it, is put aside with its reason."""
_log = logging.getLogger("tocsin.process")


class ProcessWorker(Worker):
    """Claims events, maps them, and records what they mean in one transaction."""

    name = "process"

    def __init__(
        self, database: Database, kinds: Mapping[str, SourceKind], clock: Callable[[], datetime], on_deliveries: Callable[[], None]
    ) -> None:
        """`on_deliveries` is called after each batch, which may have queued mail."""
        super().__init__(clock)
        self._database, self._kinds, self._on_deliveries = database, kinds, on_deliveries

    async def step(self) -> int:
        """One batch."""
        lease = secrets.token_hex(12)
        batch = await self._database.write(processing.claim, now=self.clock(), lease=lease, lease_for=LEASE, limit=BATCH)
        if not batch:
            return 0
        with BATCH_SECONDS.time():
            worn = [event for event in batch if event.attempts > QUARANTINE_AFTER]
            fresh = [event for event in batch if event.attempts <= QUARANTINE_AFTER]
            for event in worn:
                await self._quarantine(event.id, event.kind, "its processing was cut off again and again", lease)
            try:
                reads = await asyncio.to_thread(process.map_events, self._database, fresh, self._kinds)
                await self._commit(reads, lease)
            except StorageUnavailable:  # a deadlock, a lock held too long: not the events' fault, and no reason to wait for the lease
                ids = [event.id for event in fresh]
                await self._database.write(processing.put_back, ids, lease=lease, due_at=self.clock(), tried=False)
                raise
        QUEUE_AGE.set(max((self.clock() - batch[0].received_at).total_seconds(), 0.0))
        self._on_deliveries()
        return len(batch)

    async def next_due(self) -> datetime | None:
        """When the next event, or the lease of one, is due."""
        return await self._database.read(processing.next_due)

    async def _commit(self, reads: Sequence[Read], lease: str) -> None:
        try:
            await self._database.write(process.commit, reads, lease=lease, now=self.clock())
        except StorageUnavailable:
            raise
        except Exception as error:
            if len(reads) > 1:  # one of them is poison: each alone, so that it holds up nobody
                for one in reads:
                    await self._commit([one], lease)
            elif reads:
                _log.exception("event %s cannot be recorded", reads[0].event.id)
                await self._put_aside(reads[0], f"recording failed: {type(error).__name__}: {error}"[:500], lease)
        else:
            for one in reads:
                PROCESSED.labels(one.event.kind, process.outcome(one).status).inc()

    async def _put_aside(self, one: Read, reason: str, lease: str) -> None:
        if one.event.attempts >= QUARANTINE_AFTER:
            await self._quarantine(one.event.id, one.event.kind, reason, lease)
        else:
            due_at = self.clock() + timedelta(seconds=2.0**one.event.attempts)
            await self._database.write(processing.put_back, [one.event.id], lease=lease, due_at=due_at)

    async def _quarantine(self, event_id: int, kind: str, reason: str, lease: str) -> None:
        PROCESSED.labels(kind, "quarantined").inc()
        await self._database.write(processing.finish, [Outcome(event_id, "quarantined", reason)], lease=lease, now=self.clock())
