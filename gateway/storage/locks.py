"""One process at a time."""

import fcntl
import os
import zlib
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, text, update

from gateway.storage.tables import checks, deliveries, follow_ups, processing, readings, reconciliations, sign_in_requests


def take_back_leases(connection: Connection, now: datetime) -> None:
    """Ends every lease. Only for the one `serve` of a SQLite file, when it starts: whoever held them is dead."""
    for table in (processing, follow_ups, readings, deliveries):
        connection.execute(update(table).where(table.c.status == "waiting", table.c.lease.is_not(None)).values(lease=None, due_at=now))
    for other in (reconciliations, sign_in_requests, checks):
        connection.execute(update(other).where(other.c.lease.is_not(None)).values(lease=None, due_at=now))


def one_at_a_time(connection: Connection, name: str) -> None:
    """Waits until no other transaction holds `name`, and holds it until this one ends. On SQLite every writer is alone anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": zlib.crc32(name.encode())})


class ServeLockedError(Exception):
    """Another `serve` has this database file; the message names it."""


class ServeLock:
    """Held by the one `serve` of a SQLite file; the operating system lets go of it when the process ends, however it ends."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + ".serve")
        self._descriptor = -1

    def __enter__(self) -> Self:
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._descriptor, 200).decode("utf-8", "replace").strip() or "another process"
            os.close(self._descriptor)
            raise ServeLockedError(
                f"{self._path.with_suffix('')} is served already, by {holder}. Stop that one first, or use PostgreSQL."
            ) from None
        return self

    @classmethod
    def address(cls, database: Path) -> str | None:
        """Where the `serve` that holds this file listens; None where none does."""
        path = database.with_name(database.name + ".serve")
        try:
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return None
        except BlockingIOError:
            return next((word for word in path.read_text(encoding="utf-8").split() if word.startswith("http")), None)
        except OSError:
            return None

    def name(self, holder: str) -> None:
        """Writes down who holds it, for whoever finds it taken."""
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, holder.encode(), 0)

    def close(self) -> None:
        """Lets go of it in this process; a process that was forked from it holds it as well until then."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
