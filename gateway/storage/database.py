"""Running verbs: one transaction, one thread hop, the same on SQLite and PostgreSQL."""

import asyncio
import functools
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar
from urllib.parse import quote

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from gateway.storage import changes

P = ParamSpec("P")
T = TypeVar("T")

Transaction = Connection
"""What a verb gets, under the name that rooms above storage use."""

DriverTrouble = (sqlite3.OperationalError, psycopg.OperationalError)
"""What the drivers raise where SQLAlchemy does not stand between."""
READERS: Final = 4
BUSY_TIMEOUT_MS: Final = 5000
APPLICATION: Final = "tocsin"
"""The name that our sessions go by in PostgreSQL."""
IDLE_IN_TRANSACTION_MS: Final = 20_000
_ACCEPTED: Final = "must be sqlite:///path or postgresql://user:password@host/name"


class StorageUnavailable(Exception):
    """The database cannot be reached or cannot take more; what was asked did not happen."""


class Database:
    """One database and the threads that talk to it.

    On SQLite it is two files: the journal, which the door alone writes, and all the rest, which reads the journal. A writer
    of one never waits for a writer of the other, and each has one thread for writing in this process.
    """

    def __init__(self, url: str) -> None:
        """Opens lazily; raises ValueError for a URL that names neither a SQLite file nor PostgreSQL."""
        try:
            self.url = make_url(_with_driver(url))
        except ArgumentError:
            raise ValueError(_ACCEPTED) from None
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.url.get_backend_name() not in ("sqlite", "postgresql") or (self.is_sqlite and not self.file):
            raise ValueError(_ACCEPTED)
        if self.file and self.journal_file:
            self.engine, self.journal = _sqlite(self.file, attached=self.journal_file), _sqlite(self.journal_file)
        else:
            self.engine = self.journal = _postgresql(self.url.render_as_string(hide_password=False))
        self.on_change: Callable[[changes.Changes], None] = lambda _: None
        """Called after each commit that changed what people see, in the thread that committed."""
        self._kept: Connection | None = None
        self._readers = ThreadPoolExecutor(READERS, "tocsin-read")
        self._writers = ThreadPoolExecutor(1 if self.is_sqlite else READERS, "tocsin-write")
        self._door_reader = ThreadPoolExecutor(1, "tocsin-door-read")
        self._door_writer = ThreadPoolExecutor(1, "tocsin-door-write")

    @property
    def file(self) -> Path | None:
        """The SQLite file, None for PostgreSQL."""
        return Path(self.url.database) if self.is_sqlite and self.url.database not in (None, "", ":memory:") else None

    @property
    def journal_file(self) -> Path | None:
        """The SQLite file of what the door writes, beside the other: `tocsin.db` has `tocsin.journal.db`."""
        return self.file.with_name(f"{self.file.stem}.journal{self.file.suffix}") if self.file else None

    @property
    def address(self) -> dict[str, Any]:
        """What psycopg connects by, apart from SQLAlchemy."""
        return connection_address(self.url)

    def on_connections(self, taken: Callable[[], None], given_back: Callable[[], None]) -> None:
        """Calls these whenever a connection is taken into use, and when it is free again."""
        for engine in {self.engine, self.journal}:
            event.listen(engine, "checkout", lambda *_: taken())
            event.listen(engine, "checkin", lambda *_: given_back())

    async def read(self, verb: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The verb's answer from a read-only transaction. Raises `StorageUnavailable`."""
        return await self._run(self._readers, self.reading, lambda connection: verb(connection, *args, **kwargs))

    async def write(self, verb: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The verb's answer once its transaction is durable. Raises `StorageUnavailable`, and then nothing happened."""
        return await self._run(self._writers, self.writing, lambda connection: verb(connection, *args, **kwargs))

    async def rehearse(self, verb: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What the verb would answer, were it to write; nothing of what it writes stays. Raises `StorageUnavailable`."""
        return await self._run(self._writers, self._rehearsing, lambda connection: verb(connection, *args, **kwargs))

    async def look_up(self, verb: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Like `read`, in a thread that only the door uses: what pages read does not hold up a sender."""
        return await self._run(self._door_reader, self.reading, lambda connection: verb(connection, *args, **kwargs))

    async def append(self, verb: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Like `write`, for verbs that write the journal's tables, on a connection that is kept for them."""
        return await asyncio.get_running_loop().run_in_executor(
            self._door_writer, self._append, lambda connection: verb(connection, *args, **kwargs)
        )

    def _append(self, verb: Callable[[Connection], T]) -> T:
        """In the door's own thread. Where the kept connection broke while nobody used it, the verb is run again on a new one."""
        was_kept = self._kept is not None
        committing = False
        with _translated():
            self._kept = self._kept or self.journal.connect().execution_options(writes=True)
            try:
                with self._kept.begin():
                    answer = verb(self._kept)
                    committing = True
            except BaseException as error:
                self._kept.invalidate(error)
                self._kept.close()
                self._kept = None
                if self.is_sqlite or not was_kept or committing or not isinstance(error, (OperationalError, *DriverTrouble)):
                    raise
            else:
                return answer
        return self._append(verb)

    async def _run(
        self, pool: ThreadPoolExecutor, begin: Callable[[], AbstractContextManager[Connection]], verb: Callable[[Connection], T]
    ) -> T:
        def work() -> T:
            with begin() as connection:
                return verb(connection)

        return await asyncio.get_running_loop().run_in_executor(pool, work)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A read transaction in the calling thread."""
        with _translated(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A write transaction in the calling thread; commits at the end, durable on return. Reads the journal, does not write it."""
        with _translated(), self.engine.connect().execution_options(writes=True) as connection:
            changes.forget(connection)
            with connection.begin():
                yield connection
            changed = changes.noted(connection)
        if changed:
            self.on_change(changed)

    @contextmanager
    def _rehearsing(self) -> Iterator[Connection]:
        with _translated(), self.engine.connect().execution_options(writes=True) as connection:
            yield connection  # closed without a commit, it is rolled back

    @contextmanager
    def appending(self) -> Iterator[Connection]:
        """A write transaction on the journal's tables in the calling thread; on SQLite it sees no others."""
        with _translated(), self.journal.connect().execution_options(writes=True) as connection, connection.begin():
            yield connection

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """A write transaction on everything, both files included; for migrations alone."""
        if not (self.file and self.journal_file):
            with self.writing() as connection:
                yield connection
            return
        engine = _sqlite(self.file, attached=self.journal_file, mode="rw")
        try:
            with _translated(), engine.connect().execution_options(writes=True) as connection, connection.begin():
                yield connection
        finally:
            engine.dispose()

    def close(self) -> None:
        """Waits for running verbs, then closes every connection."""
        for pool in (self._readers, self._writers, self._door_reader, self._door_writer):
            pool.shutdown()
        if self._kept is not None:
            self._kept.close()
        self.engine.dispose()
        self.journal.dispose()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise StorageUnavailable(str(error.orig)) from error
    except DriverTrouble as error:
        raise StorageUnavailable(str(error)) from error
    except PoolTimeout as error:
        raise StorageUnavailable("every connection is busy") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise StorageUnavailable(str(error.orig)) from error
        raise


def connection_address(url: str | URL) -> dict[str, Any]:
    """A PostgreSQL URL as psycopg's own parameters: libpq quotes a URL that it cannot read, password and all. Raises ValueError."""
    try:
        parsed = make_url(_with_driver(url)) if isinstance(url, str) else url
    except ArgumentError:
        raise ValueError(_ACCEPTED) from None
    if parsed.get_backend_name() != "postgresql":
        raise ValueError("must be postgresql://user:password@host/name")
    return parsed.translate_connect_args(username="user", database="dbname") | dict(parsed.query)


def _with_driver(url: str) -> str:
    """`postgres://` and `postgresql://` mean psycopg 3 here."""
    scheme, separator, rest = url.partition("://")
    return f"postgresql+psycopg{separator}{rest}" if scheme in ("postgres", "postgresql") else url


def _sqlite(file: Path, *, attached: Path | None = None, mode: str = "ro") -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=f"file:{quote(str(file))}", query={"uri": "true"}),  # a URI, so that ATTACH takes one too
        poolclass=QueuePool,
        hide_parameters=True,  # bodies and digests have no business in errors, which are logged and shown
        pool_size=READERS + 2,
        max_overflow=4,
        connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000},
    )

    def prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # the driver's own implicit BEGIN would take the write lock late, and fail there
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-16000", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        if attached:  # read-only by default, so that a transaction here does not take the write lock there
            connection.execute("ATTACH DATABASE ? AS journal", (f"file:{quote(str(attached))}?mode={mode}",))

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")


def _postgresql(url: str) -> Engine:
    gone = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000}
    said = {"connect_timeout": 5, "application_name": APPLICATION, **gone}
    engine = create_engine(url, hide_parameters=True, pool_size=2 * READERS, max_overflow=2, pool_pre_ping=True, connect_args=said)
    event.listen(engine, "connect", _prepare_postgresql)
    return engine


def _prepare_postgresql(connection: "psycopg.Connection[Any]", _: object) -> None:
    """A worker that stops within a transaction loses it, and with it the rows that others wait for.

    A pooler in transaction mode gives each transaction another server, which knows nothing of statements prepared elsewhere
    and is not ours to set. It is known by the backend that it claims to be, which is none.
    https://www.psycopg.org/psycopg3/docs/advanced/prepare.html#pgbouncer
    """
    connection.autocommit = True
    backend = connection.execute("SELECT pg_backend_pid()").fetchone()
    if backend and backend[0] != connection.info.backend_pid:
        connection.prepare_threshold = None
    else:
        for setting in (
            f"idle_in_transaction_session_timeout = {IDLE_IN_TRANSACTION_MS}",
            "jit = off",
            "max_parallel_workers_per_gather = 0",
        ):
            connection.execute(f"SET {setting}")  # what we ask is answered sooner than it is compiled, or handed to other processes
    connection.autocommit = False


def insert_for(connection: Connection) -> Any:
    """The engine's own INSERT, which knows ON CONFLICT."""
    return insert_of(connection.dialect.name)


@functools.cache
def insert_of(dialect: str) -> Any:
    """The same by the engine's name, for statements that are made once and kept: making one costs ten times what running it does."""
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert
    from sqlalchemy.dialects import sqlite

    return sqlite.insert
