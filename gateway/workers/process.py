"""The worker that turns events into notifications."""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway import tracing
from gateway.engine import process
from gateway.engine.process import Read
from gateway.metrics import BATCH_SECONDS, EVENT_SECONDS, PROCESSED, QUEUE_AGE
from gateway.storage import processing
from gateway.storage.database import Database, StorageUnavailable, Transaction
from gateway.storage.processing import Event, Outcome
from gateway.workers.lease import LEASE, Time, held, new_lease
from gateway.workers.loop import Worker
from mappers.contract import SourceKind

BATCH: Final = 256
"""Events that are recorded in one transaction. Only a backlog makes batches this large: then it is worked off the faster."""
MAP_WITHIN: Final = 60.0
"""Seconds for mapping a batch. A mapper that takes longer is not coming back, and a thread cannot be stopped: the process is."""
QUARANTINE_AFTER: Final = 3
"""Attempts; an event that fails alone this often, or takes its worker with it, is put aside with its reason."""
_log = logging.getLogger("tocsin.process")


@dataclass(frozen=True)
class Batch:
    """Events in this worker's hands, mapped."""

    lease: str
    claimed: Sequence[Event]
    reads: Sequence[Read]
    keeping: AsyncExitStack
    """Closed when they are no longer to be held."""


class ProcessWorker(Worker):
    """Claims events, maps them, and records what they mean in one transaction.

    With a backlog, the next batch is mapped while one is recorded; they are recorded in the order they were claimed.
    """

    name = "process"

    def __init__(
        self,
        database: Database,
        kinds: Mapping[str, SourceKind],
        clock: Callable[[], datetime],
        on_deliveries: Callable[[], None],
        time: Time | None = None,
        on_stuck: Callable[[], None] = lambda: os._exit(75),
    ) -> None:
        """`on_deliveries` is called after each batch, which may have queued mail. `time` measures leases; default: `clock`.

        `on_stuck` ends the process: whoever starts it again takes the events one by one, and puts aside the one that it was.
        """
        super().__init__(clock)
        self._database, self._kinds, self._on_deliveries = database, kinds, on_deliveries
        self._time: Time = time or (lambda _: clock())
        self._on_stuck = on_stuck
        self._ahead: asyncio.Task[Batch] | None = None
        self._owed: list[Batch] = []
        """Could not be recorded and not be put back either, for storage was in trouble."""

    async def step(self) -> int:
        """One batch."""
        await self._settle_debts()
        ahead, self._ahead = self._ahead, None
        batch = await (ahead or self._prepare(()))
        if not batch.claimed:
            return 0
        if len(batch.claimed) == BATCH and not self.stopping:
            self._ahead = asyncio.create_task(self._prepare(batch.reads))
        async with batch.keeping:
            with BATCH_SECONDS.time():
                try:
                    await self._commit(batch.reads, batch.lease)
                except StorageUnavailable:  # a deadlock, a lock held too long: not the events' fault, and no reason to wait for the lease
                    await self._put_back(batch)
                    await self._put_back_ahead()  # or what came later would be recorded first
                    raise
        QUEUE_AGE.set(max((self.clock() - batch.claimed[0].received_at).total_seconds(), 0.0))
        self._on_deliveries()
        return len(batch.claimed)

    async def next_due(self) -> datetime | None:
        """When the next event, or the lease of one, is due."""
        return await self._database.read(processing.next_due)

    async def finish(self) -> None:
        """Gives back what was mapped ahead."""
        await self._settle_debts()
        await self._put_back_ahead()

    async def _put_back_ahead(self) -> None:
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            batch = await ahead
            async with batch.keeping:
                await self._put_back(batch)

    async def _prepare(self, before: Sequence[Read]) -> Batch:
        """Claims and maps a batch. `before` is the one that is being recorded: it may hold documents that this one wants."""
        lease = new_lease()

        def claim(transaction: Transaction) -> list[Event]:
            return processing.claim(transaction, now=self._time(transaction), lease=lease, lease_for=LEASE, limit=BATCH)

        claimed = await self._database.write(claim)
        keeping = AsyncExitStack()
        if not claimed:
            return Batch(lease, claimed, (), keeping)
        await keeping.enter_async_context(held(self._database, processing.extend, lease, self._time))
        try:
            reads = await self._map(claimed, before, lease)
        except Exception as error:
            async with keeping:
                if not isinstance(error, TimeoutError):
                    await self._put_back(Batch(lease, claimed, (), keeping))
            raise
        return Batch(lease, claimed, reads, keeping)

    async def _map(self, claimed: Sequence[Event], before: Sequence[Read], lease: str) -> Sequence[Read]:
        for event in claimed:
            if event.attempts > QUARANTINE_AFTER:
                await self._quarantine(event.id, event.kind, "its processing was cut off again and again", lease)
        fresh = [event for event in claimed if event.attempts <= QUARANTINE_AFTER]
        try:
            return await asyncio.wait_for(asyncio.to_thread(process.map_events, self._database, fresh, self._kinds, before), MAP_WITHIN)
        except TimeoutError:
            _log.critical("a mapper does not come to an end with one of the events %s", [event.id for event in fresh])
            self._on_stuck()
            raise

    async def _settle_debts(self) -> None:
        while self._owed:
            await self._database.write(_give_back, self._owed[-1], self.clock())
            self._owed.pop()

    async def _put_back(self, batch: Batch) -> None:
        """At once, or as soon as storage is out of trouble: nothing waits for its lease to end while its worker lives."""
        self._owed.append(batch)
        with suppress(StorageUnavailable):
            await self._settle_debts()

    async def _commit(self, reads: Sequence[Read], lease: str) -> None:
        since = time.time_ns()
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
            self._count(reads, since)

    def _count(self, reads: Sequence[Read], since: int) -> None:
        """These are recorded, in a transaction that began at `since`."""
        now = self.clock()
        for one in reads:
            outcome = process.outcome(one).status
            PROCESSED.labels(one.event.kind, outcome).inc()
            if tracing.is_on():
                parents = tracing.of_headers(one.event.headers)
                tracing.note("record", parents=parents, since=since, until=time.time_ns(), event_id=one.event.id, outcome=outcome)
            if one.event.attempts == 1:
                EVENT_SECONDS.observe(max((now - one.event.received_at).total_seconds(), 0.0))
            if _log.isEnabledFor(logging.INFO):
                _log.info("event processed", extra={"event_id": one.event.id, "kind": one.event.kind, "outcome": outcome})

    async def _put_aside(self, one: Read, reason: str, lease: str) -> None:
        if one.event.attempts >= QUARANTINE_AFTER:
            await self._quarantine(one.event.id, one.event.kind, reason, lease)
        else:
            pause = timedelta(seconds=2.0**one.event.attempts)

            def again(transaction: Transaction) -> None:
                processing.put_back(transaction, [one.event.id], lease=lease, due_at=self._time(transaction) + pause)

            await self._database.write(again)

    async def _quarantine(self, event_id: int, kind: str, reason: str, lease: str) -> None:
        PROCESSED.labels(kind, "quarantined").inc()
        await self._database.write(processing.finish, [Outcome(event_id, "quarantined", reason)], lease=lease, now=self.clock())


def _give_back(transaction: Transaction, batch: Batch, now: datetime) -> None:
    processing.put_back(transaction, [event.id for event in batch.claimed], lease=batch.lease, due_at=now, tried=False)
