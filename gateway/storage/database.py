"""Running verbs: one transaction, one thread hop, the same on SQLite and PostgreSQL."""

import asyncio
import functools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from gateway.storage.executor import UrgentFirstExecutor

P = ParamSpec("P")
T = TypeVar("T")

Transaction = Connection
"""What a verb gets, under the name that rooms above storage use."""

READERS: Final = 4
BUSY_TIMEOUT_MS: Final = 5000


class StorageUnavailable(Exception):
    """The database cannot be reached or cannot take more; what was asked did not happen."""


class Database:
    """One database and the threads that talk to it. On SQLite all writes of the process share one thread."""

    def __init__(self, url: str) -> None:
        """Opens lazily; raises ValueError for a URL that names neither SQLite nor PostgreSQL."""
        try:
            self.url = make_url(_with_driver(url))
        except ArgumentError:
            raise ValueError("must be sqlite:///path or postgresql://user:password@host/name") from None
        if self.url.get_backend_name() not in ("sqlite", "postgresql"):
            raise ValueError("must be sqlite:///path or postgresql://user:password@host/name")
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = (
            _sqlite(self.url.render_as_string(hide_password=False))
            if self.is_sqlite
            else _postgresql(self.url.render_as_string(hide_password=False))
        )
        self._readers = UrgentFirstExecutor(READERS, "tocsin-read")
        self._writers = UrgentFirstExecutor(1 if self.is_sqlite else READERS, "tocsin-write")

    @property
    def file(self) -> Path | None:
        """The SQLite file, None for anything else."""
        return Path(self.url.database) if self.is_sqlite and self.url.database else None

    async def read(self, verb: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The verb's answer from a read-only transaction. Raises `StorageUnavailable`."""
        return await self._run(self._readers, self.reading, False, lambda connection: verb(connection, *args, **kwargs))

    async def read_first(self, verb: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Like `read`, before all that waits to be read; for what a sender is waiting for."""
        return await self._run(self._readers, self.reading, True, lambda connection: verb(connection, *args, **kwargs))

    async def write(self, verb: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The verb's answer once its transaction is durable. Raises `StorageUnavailable`, and then nothing happened."""
        return await self._run(self._writers, self.writing, False, lambda connection: verb(connection, *args, **kwargs))

    async def write_first(self, verb: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Like `write`, before all that waits to be written; for what somebody outside is waiting for."""
        return await self._run(self._writers, self.writing, True, lambda connection: verb(connection, *args, **kwargs))

    async def _run(
        self,
        pool: UrgentFirstExecutor,
        begin: Callable[[], AbstractContextManager[Connection]],
        urgent: bool,
        verb: Callable[[Connection], T],
    ) -> T:
        def work() -> T:
            with begin() as connection:
                return verb(connection)

        return await asyncio.wrap_future(pool.submit(work, urgent=urgent))

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A read transaction in the calling thread."""
        with _translated(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A write transaction in the calling thread; commits at the end, durable on return."""
        with _translated(), self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Waits for running verbs, then closes every connection."""
        self._readers.shutdown()
        self._writers.shutdown()
        self.engine.dispose()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise StorageUnavailable(str(error.orig)) from error
    except PoolTimeout as error:
        raise StorageUnavailable("every connection is busy") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise StorageUnavailable(str(error.orig)) from error
        raise


def _with_driver(url: str) -> str:
    """`postgres://` and `postgresql://` mean psycopg 3 here."""
    scheme, separator, rest = url.partition("://")
    return f"postgresql+psycopg{separator}{rest}" if scheme in ("postgres", "postgresql") else url


def _sqlite(url: str) -> Engine:
    engine = create_engine(
        url,
        poolclass=QueuePool,
        hide_parameters=True,  # bodies and digests have no business in errors, which are logged and shown
        pool_size=READERS + 2,
        max_overflow=4,
        connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # the driver's own implicit BEGIN would take the write lock late, and fail there
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-16000", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")


def _postgresql(url: str) -> Engine:
    return create_engine(
        url, hide_parameters=True, pool_size=2 * READERS, max_overflow=2, pool_pre_ping=True, connect_args={"connect_timeout": 5}
    )


def insert_for(connection: Connection) -> Any:
    """The engine's own INSERT, which knows ON CONFLICT."""
    return _insert(connection.dialect.name)


@functools.cache
def _insert(dialect: str) -> Any:
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert
    from sqlalchemy.dialects import sqlite

    return sqlite.insert
