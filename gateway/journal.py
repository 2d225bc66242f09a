"""The one way in for events: requests that arrive together share a commit, and each is answered after it is durable."""

import asyncio
from collections.abc import Callable, Sequence
from contextvars import Context
from typing import Final

from gateway.storage import arrivals
from gateway.storage.arrivals import Arrival, Receipt
from gateway.storage.database import Database, StorageUnavailable

__all__ = ["Arrival", "Journal", "JournalUnavailable", "Receipt"]

PATIENCE: Final = 1.8
"""Seconds until a request is told that storage is in trouble."""
MOST_WAITING: Final = 2000
"""Requests that may wait for a commit; more than that are told to come back."""
MOST_BYTES: Final = 64 * 1024 * 1024
"""The same for the bytes of their bodies."""
LARGEST_BATCH: Final = 256
_LOOK_EVERY: Final = 0.1


class JournalUnavailable(Exception):
    """The event may or may not have been stored: the sender must not be told that it was."""


class _Waiting:
    """A request that waits for its commit."""

    __slots__ = ("arrival", "receipt", "refused", "since")

    def __init__(self, arrival: Arrival, receipt: "asyncio.Future[Receipt]", since: float) -> None:
        self.arrival, self.receipt, self.since, self.refused = arrival, receipt, since, False

    def answer(self, receipt: Receipt) -> None:
        if not self.receipt.done():  # else it was told to come back, or its sender hung up
            self.receipt.set_result(receipt)

    def refuse(self, error: Exception) -> None:
        self.refused = True
        if not self.receipt.done():
            self.receipt.set_exception(JournalUnavailable(str(error)))


class Journal:
    """Group-commit append. While one commit runs, the next batch gathers."""

    def __init__(self, database: Database, on_append: Callable[[], None]) -> None:
        """`on_append` is called after each commit that stored something new."""
        self._database = database
        self._on_append = on_append
        self._waiting: list[_Waiting] = []
        self._under_way: list[_Waiting] = []
        self._bytes = 0
        self._writer: asyncio.Task[None] | None = None
        self._impatience: asyncio.TimerHandle | None = None

    async def append(self, arrival: Arrival) -> Receipt:
        """The receipt of an arrival, durable. Raises `JournalUnavailable` within two seconds where that cannot be had."""
        if len(self._waiting) >= MOST_WAITING or (self._waiting and self._bytes + len(arrival.body) > MOST_BYTES):
            raise JournalUnavailable("too many requests wait for storage")
        loop = asyncio.get_running_loop()
        one = _Waiting(arrival, loop.create_future(), loop.time())
        self._waiting.append(one)
        self._bytes += len(arrival.body)
        if self._writer is None or self._writer.done():
            self._writer = loop.create_task(self._write(), context=Context())  # it is about no one request
        if self._impatience is None:
            self._impatience = loop.call_later(_LOOK_EVERY, self._refuse_the_impatient)
        return await one.receipt

    async def drained(self) -> None:
        """Returns once nothing waits any more."""
        while self._writer is not None and not self._writer.done():
            await asyncio.wait([self._writer])

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:LARGEST_BATCH], self._waiting[LARGEST_BATCH:]
            self._bytes -= sum(len(one.arrival.body) for one in batch)
            self._under_way = batch = [one for one in batch if not one.refused]  # whoever was told to come back will
            try:
                await self._commit(batch)
            except StorageUnavailable as error:
                for one in batch:
                    one.refuse(error)
            except Exception:  # one row the database will not take must not fail its neighbours
                for one in batch:
                    try:
                        await self._commit([one])
                    except Exception as error:
                        one.refuse(error)
            self._under_way = []

    async def _commit(self, batch: Sequence[_Waiting]) -> None:
        if not batch:
            return
        receipts = await self._database.append(arrivals.append, [one.arrival for one in batch])
        for one, receipt in zip(batch, receipts, strict=True):
            one.answer(receipt)
        if any(not receipt.duplicate for receipt in receipts):
            asyncio.get_running_loop().call_soon(self._on_append)  # whatever comes of it, the batch is stored

    def _refuse_the_impatient(self) -> None:
        """One timer for all who wait. What is being written may be stored all the same."""
        loop = asyncio.get_running_loop()
        latest = loop.time() - PATIENCE
        for one in (*self._under_way, *self._waiting):
            if one.since <= latest:
                one.refuse(TimeoutError("storage did not answer in time"))
        waits = self._under_way or self._waiting
        self._impatience = loop.call_later(_LOOK_EVERY, self._refuse_the_impatient) if waits else None
