"""The one way in for events: requests that arrive together share a commit, and each is answered after it is durable."""

import asyncio
from collections.abc import Callable
from typing import Final

from gateway.storage import arrivals
from gateway.storage.arrivals import Arrival, Receipt
from gateway.storage.database import Database, StorageUnavailable

__all__ = ["Arrival", "Journal", "JournalUnavailable", "Receipt"]

PATIENCE: Final = 2.0
"""Seconds until a request is told that storage is in trouble."""
MOST_WAITING: Final = 2000
"""Requests that may wait for a commit; more than that are told to come back."""
MOST_BYTES: Final = 64 * 1024 * 1024
"""The same for the bytes of their bodies."""
LARGEST_BATCH: Final = 256


class JournalUnavailable(Exception):
    """The event may or may not have been stored: the sender must not be told that it was."""


class Journal:
    """Group-commit append. While one commit runs, the next batch gathers."""

    def __init__(self, database: Database, on_append: Callable[[], None]) -> None:
        """`on_append` is called after each commit that stored something new."""
        self._database = database
        self._on_append = on_append
        self._bytes = 0
        self._waiting: list[tuple[Arrival, asyncio.Future[Receipt]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def append(self, arrival: Arrival) -> Receipt:
        """The receipt of an arrival, durable. Raises `JournalUnavailable` within two seconds where that cannot be had."""
        if len(self._waiting) >= MOST_WAITING or (self._waiting and self._bytes + len(arrival.body) > MOST_BYTES):
            raise JournalUnavailable("too many requests wait for storage")
        receipt: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._waiting.append((arrival, receipt))
        self._bytes += len(arrival.body)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        done, _ = await asyncio.wait([receipt], timeout=PATIENCE)
        if not done:
            raise JournalUnavailable("storage did not answer in time")
        return receipt.result()

    async def drained(self) -> None:
        """Returns once nothing waits any more."""
        while self._writer is not None and not self._writer.done():
            await asyncio.wait([self._writer])

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:LARGEST_BATCH], self._waiting[LARGEST_BATCH:]
            self._bytes -= sum(len(arrival.body) for arrival, _ in batch)
            try:
                receipts = await self._database.append(arrivals.append, [arrival for arrival, _ in batch])
            except StorageUnavailable as error:
                for _, receipt in batch:
                    _refuse(receipt, error)
            except Exception:  # one row the database will not take must not fail its neighbours
                await self._one_by_one(batch)
            else:
                for (_, receipt), answer in zip(batch, receipts, strict=True):
                    if not receipt.done():
                        receipt.set_result(answer)
                if any(not one.duplicate for one in receipts):
                    self._on_append()

    async def _one_by_one(self, batch: list[tuple[Arrival, asyncio.Future[Receipt]]]) -> None:
        for arrival, receipt in batch:
            try:
                (answer,) = await self._database.append(arrivals.append, [arrival])
            except Exception as error:
                _refuse(receipt, error)
            else:
                receipt.set_result(answer)
        self._on_append()


def _refuse(receipt: asyncio.Future[Receipt], error: Exception) -> None:
    receipt.set_exception(JournalUnavailable(str(error)))
    receipt.exception()  # the request may have given up waiting: then nobody else looks at it
