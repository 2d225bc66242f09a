"""What came of attempts to send, written down together: while one write runs, the next gathers."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

from gateway.storage import deliveries
from gateway.storage.database import Database, StorageUnavailable
from gateway.storage.deliveries import Result

_INSIST: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds between tries, well within a lease: a mail that left and is not recorded as sent leaves twice."""
_log = logging.getLogger("tocsin.deliver")


class Results:
    """Group commit for results."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[tuple[Result, asyncio.Future[bool]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def put(self, result: Result) -> bool:
        """Once it is durable; False where somebody else answers for the delivery by now. Raises `StorageUnavailable`."""
        recorded: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((result, recorded))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        return await recorded

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                held = await self._insist([result for result, _ in batch])
            except Exception as error:
                for _, recorded in batch:
                    if not recorded.done():
                        recorded.set_exception(error)
                continue
            for result, recorded in batch:
                if not recorded.done():
                    recorded.set_result(held.get(result.id, False))

    async def _insist(self, results: list[Result]) -> Mapping[int, bool]:
        for pause in (*_INSIST, None):
            try:
                held = await self._database.write(deliveries.record, results)
            except StorageUnavailable:
                if pause is None:
                    raise
                await asyncio.sleep(pause)
            else:
                return dict.fromkeys(held, True)
        raise AssertionError("unreachable")
