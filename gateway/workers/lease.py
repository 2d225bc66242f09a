"""Holding on to work: a lease runs out when its worker no longer says that it lives, and only then."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final, Protocol

from gateway.storage.database import Database, StorageUnavailable, Transaction

LEASE: Final = timedelta(seconds=60)
"""How long work is held without a word from its worker."""
BEATS: Final = 3
"""How often in this time a worker says that it lives."""
_log = logging.getLogger("tocsin.workers")

Time = Callable[[Transaction], datetime]
"""The time that leases are measured by: the database's own, where several machines share it."""


class Extend(Protocol):
    """Holds what is held under a lease until a later time; False where nothing is, any more."""

    def __call__(self, transaction: Transaction, /, *, lease: str, until: datetime) -> bool: ...


def new_lease() -> str:
    """A token that nobody else has."""
    return secrets.token_hex(12)


@asynccontextmanager
async def held(database: Database, extend: Extend, lease: str, time: Time) -> AsyncIterator[None]:
    """Keeps what was claimed under `lease` while the block runs, however long that takes."""
    beating = asyncio.create_task(_beat(database, extend, lease, time))
    try:
        yield
    finally:
        beating.cancel()


async def _beat(database: Database, extend: Extend, lease: str, time: Time) -> None:
    def again(transaction: Transaction) -> bool:
        return extend(transaction, lease=lease, until=time(transaction) + LEASE)

    while True:
        await asyncio.sleep(LEASE.total_seconds() / BEATS)
        try:
            if not await database.write(again):
                return
        except StorageUnavailable as error:
            _log.warning("a lease could not be kept up: %s", error)
        except Exception:  # the next beat may succeed; without any, the work is done twice
            _log.exception("a lease could not be kept up")
