"""Telling other processes that share a PostgreSQL database: NOTIFY when there is work or people see something new, LISTEN to hear of it.

A notice may be lost; whoever listens looks by itself from time to time as well.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

import psycopg

from gateway.storage.changes import NOTHING, Changes

_WORK: Final = "tocsin_work"
_SEEN: Final = "tocsin_seen"
_APART: Final = 0.005
"""Seconds between notices: what comes in between is told by the next one."""
_AGAIN_AFTER: Final = 2.0
_log = logging.getLogger("tocsin.storage")


class Notifier:
    """Tells every listening worker that there is work, and every live page what changed, without making anybody wait for it."""

    def __init__(self, address: Mapping[str, Any]) -> None:
        """`address` is what psycopg connects by: see `Database.address`."""
        self._address = address
        self._awake = asyncio.Event()
        self._rung = False
        self._changes = NOTHING

    def ring(self) -> None:
        """There is work."""
        self._rung = True
        self._awake.set()

    def tell(self, changes: Changes) -> None:
        """People see this anew."""
        self._changes |= changes
        self._awake.set()

    async def run(self) -> None:
        """Sends notices until cancelled."""
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(**self._address, autocommit=True, prepare_threshold=None) as connection:
                    while True:
                        await self._awake.wait()
                        self._awake.clear()
                        await self._send(connection)
                        await asyncio.sleep(_APART)
            except psycopg.Error as error:
                _log.warning("workers elsewhere are not woken and look by themselves: %s", error)
                await asyncio.sleep(_AGAIN_AFTER)

    async def _send(self, connection: "psycopg.AsyncConnection[Any]") -> None:
        """Both kinds in one go. What comes meanwhile is told by the next."""
        changes, self._changes, rung, self._rung = self._changes, NOTHING, self._rung, False
        try:
            async with connection.transaction():
                await connection.execute("SET LOCAL synchronous_commit = off")  # a notice is no data: no need of the disk
                if rung:
                    await connection.execute(f"NOTIFY {_WORK}")
                if changes:
                    await connection.execute("SELECT pg_notify(%s, %s)", (_SEEN, changes.written()))
        except psycopg.Error:
            self._changes |= changes
            self._rung = self._rung or rung
            self._awake.set()
            raise


async def listen(address: Mapping[str, Any], on_notice: Callable[[], None]) -> None:
    """Calls `on_notice` for each notice of work, and after each (re)connect, until cancelled. Needs a connection of its own: no
    pooler in transaction mode passes notices on."""
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(**address, autocommit=True) as connection:
                await connection.execute(f"LISTEN {_WORK}")
                on_notice()
                async for _ in connection.notifies():
                    on_notice()
        except psycopg.Error as error:
            _log.warning("notices of work are not heard; workers look by themselves: %s", error)
            await asyncio.sleep(_AGAIN_AFTER)


async def watch(address: Mapping[str, Any], on_changes: Callable[[Changes], None], on_hearing: Callable[[bool], None]) -> None:
    """Calls `on_changes` with what people see anew, until cancelled, and `on_hearing` whenever it begins or ceases to hear of that."""
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(**address, autocommit=True) as connection:
                await connection.execute(f"LISTEN {_SEEN}")
                on_hearing(True)
                async for notice in connection.notifies():
                    on_changes(Changes.read(notice.payload))
        except psycopg.Error as error:
            _log.warning("what changed elsewhere is not heard of; pages look by themselves: %s", error)
        finally:
            on_hearing(False)
        await asyncio.sleep(_AGAIN_AFTER)
