"""Waking workers in other processes that share a PostgreSQL database: NOTIFY when there is work, LISTEN to hear of it.

A notice may be lost; whoever listens looks by itself from time to time as well.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

import psycopg

_CHANNEL: Final = "tocsin_work"
_APART: Final = 0.005
"""Seconds between notices: what comes in between is told by the next one."""
_AGAIN_AFTER: Final = 2.0
_log = logging.getLogger("tocsin.storage")


class Notifier:
    """Tells every listening worker that there is work, without making anybody wait for it."""

    def __init__(self, address: Mapping[str, Any]) -> None:
        """`address` is what psycopg connects by: see `Database.address`."""
        self._address = address
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """There is work."""
        self._rung.set()

    async def run(self) -> None:
        """Sends notices until cancelled."""
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(**self._address, autocommit=True, prepare_threshold=None) as connection:
                    while True:
                        await self._rung.wait()
                        self._rung.clear()
                        async with connection.transaction():
                            await connection.execute("SET LOCAL synchronous_commit = off")  # a notice is no data: no need of the disk
                            await connection.execute(f"NOTIFY {_CHANNEL}")
                        await asyncio.sleep(_APART)
            except psycopg.Error as error:
                _log.warning("workers elsewhere are not woken and look by themselves: %s", error)
                await asyncio.sleep(_AGAIN_AFTER)


async def listen(address: Mapping[str, Any], on_notice: Callable[[], None]) -> None:
    """Calls `on_notice` for each notice, and after each (re)connect, until cancelled. Needs a connection of its own: no
    pooler in transaction mode passes notices on."""
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(**address, autocommit=True) as connection:
                await connection.execute(f"LISTEN {_CHANNEL}")
                on_notice()
                async for _ in connection.notifies():
                    on_notice()
        except psycopg.Error as error:
            _log.warning("notices of work are not heard; workers look by themselves: %s", error)
            await asyncio.sleep(_AGAIN_AFTER)
