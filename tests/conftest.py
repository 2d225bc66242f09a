"""What every test can ask for: a database on each engine, a clock, a team."""

import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import inspect

from gateway.storage.database import Database
from gateway.storage.migrate import migrate

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Clock:
    """A clock that only moves when told to."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> datetime:
        self.now += timedelta(**span)
        return self.now


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped:
        terminalreporter.write_sep("!", f"{len(skipped)} TESTS WERE SKIPPED: something they need is not installed", red=True)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("TOCSIN_TEST_NO_SKIPS") and reporter and reporter.stats.get("skipped") and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """A real PostgreSQL of our own, on a free port of the loopback; gives its URL without a database name."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = str(binaries[-1]) if binaries else shutil.which("initdb")
    if initdb is None:
        pytest.skip("PostgreSQL is not installed")
    directory = Path(tempfile.mkdtemp(prefix="tocsin-pg-"))
    as_user: dict[str, str] = {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(directory, "postgres")
        as_user = {"user": "postgres"}
    data, tools = directory / "data", Path(initdb).parent
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    quiet = {"cwd": directory, "stdout": subprocess.DEVNULL, **as_user}
    subprocess.run([initdb, "-D", data, "-A", "trust", "-U", "tocsin", "-E", "UTF8", "--no-sync"], check=True, **quiet)
    options = f"-p {port} -k {directory} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=100"
    subprocess.run([tools / "pg_ctl", "-D", data, "-o", options, "-l", directory / "log", "-w", "start"], check=True, **quiet)
    try:
        yield f"postgresql://tocsin@127.0.0.1:{port}"
    finally:
        subprocess.run([tools / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"], check=True, **quiet)
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database on each engine in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'tocsin.db'}"
    server = request.getfixturevalue("postgresql_server")
    return _created(server, f"t{abs(hash(str(tmp_path))):x}")


def _created(server: str, name: str) -> str:
    import psycopg

    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}"')
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"{server}/{name}"


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def migrated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A migrated database on each engine in turn, for many tests."""
    if request.param == "sqlite":
        opened = Database(f"sqlite:///{tmp_path_factory.mktemp('migrated') / 'tocsin.db'}")
    else:
        opened = Database(_created(request.getfixturevalue("postgresql_server"), "migrated"))
    migrate(opened)
    yield opened
    opened.close()


def _settle(database: Database) -> None:
    """Waits for what the test before has under way in the database's threads: it would end up in the next one."""
    for pool in (database._readers, database._writers, database._door_reader, database._door_writer):
        every_thread = threading.Barrier(pool._max_workers + 1)
        for _ in range(pool._max_workers):
            pool.submit(every_thread.wait)
        every_thread.wait(60)


@pytest.fixture
def database(migrated: Database) -> Database:
    """A migrated and empty database on each engine in turn. Emptying one costs a tenth of making another."""
    _settle(migrated)
    for engine in {migrated.engine, migrated.journal}:
        tables = [name for name in inspect(engine).get_table_names() if name != "alembic_version"]
        deletes = ";".join(f'DELETE FROM main."{name}"' if migrated.is_sqlite else f'DELETE FROM "{name}"' for name in tables)
        raw = engine.raw_connection()
        try:
            if migrated.is_sqlite:  # in one transaction; foreign keys are looked at when it ends
                raw.driver_connection.executescript(
                    f"BEGIN; PRAGMA defer_foreign_keys = ON; {deletes}; DELETE FROM main.sqlite_sequence; COMMIT"
                )
            else:
                raw.driver_connection.execute("SET LOCAL session_replication_role = replica")  # foreign keys are not looked at
                raw.driver_connection.execute(f"{deletes}; SELECT setval(oid, 1, false) FROM pg_class WHERE relkind = 'S'")
                raw.commit()
        finally:
            raw.close()
    return migrated
