"""Refused requests, remembered so that a wrong secret can be debugged, and bounded so that nobody fills the disk."""

import asyncio
import logging
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from gateway.storage import rejections
from gateway.storage.database import Database, StorageUnavailable

KEPT_PER_SOURCE: Final = 100
ONE_PER_SECONDS: Final = 1.0
_SHOWN: Final = frozenset({"content-type", "content-length", "content-encoding", "user-agent", "host", "accept"})
_log = logging.getLogger("tocsin.intake")


def storable(text: str) -> str:
    """Text any database takes: no NUL, no lone surrogate."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def redacted(headers: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Headers with only the harmless values left; of every other one just its length."""
    return [[name, storable(value[:200]) if name.lower() in _SHOWN else f"({len(value)} characters)"] for name, value in headers][:60]


class Rejections:
    """Writes a sample of refused requests: at most one a second for each source."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._last: dict[int, float] = {}
        self._writing: set[asyncio.Task[None]] = set()

    def note(
        self, source_id: int, reason: str, remote: str, headers: Iterable[tuple[str, str]], body_size: int | None, now: datetime
    ) -> None:
        """Remembers a refused request, or lets it pass where another was just remembered. Nobody waits for it."""
        moment = time.monotonic()
        if moment - self._last.get(source_id, -ONE_PER_SECONDS) < ONE_PER_SECONDS:
            return
        self._last[source_id] = moment
        writing = asyncio.create_task(
            self._write(
                source_id=source_id, reason=reason, remote=remote, headers=redacted(headers), body_size=body_size, now=now,
                keep=KEPT_PER_SOURCE,
            )
        )  # fmt: skip
        self._writing.add(writing)
        writing.add_done_callback(self._writing.discard)

    async def written(self) -> None:
        """Returns once everything noted is stored, or could not be."""
        while self._writing:
            await asyncio.wait(self._writing)

    async def _write(self, **rejection: Any) -> None:
        try:
            await self._database.append(rejections.note, **rejection)
        except StorageUnavailable:
            _log.warning("a rejection could not be stored", extra={"source_id": rejection["source_id"], "reason": rejection["reason"]})
