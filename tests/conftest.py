"""What every test can ask for: a database on each engine, a clock, a team."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

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
    quiet = {"cwd": directory, "stdout": subprocess.DEVNULL, "check": True, **as_user}
    subprocess.run([initdb, "-D", data, "-A", "trust", "-U", "tocsin", "-E", "UTF8", "--no-sync"], **quiet)
    options = f"-p {port} -k {directory} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=100"
    subprocess.run([tools / "pg_ctl", "-D", data, "-o", options, "-l", directory / "log", "-w", "start"], **quiet)
    try:
        yield f"postgresql://tocsin@127.0.0.1:{port}"
    finally:
        subprocess.run([tools / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"], **quiet)
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database on each engine in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'tocsin.db'}"
    server = request.getfixturevalue("postgresql_server")
    import psycopg

    name = f"t{abs(hash(str(tmp_path))):x}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}"')
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"{server}/{name}"


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("migrated") / "tocsin.db"
    opened = Database(f"sqlite:///{path}")
    migrate(opened)
    with opened.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    opened.close()
    return path


@pytest.fixture(scope="session")
def migrated_template(postgresql_server: str) -> str:
    """The name of a migrated PostgreSQL database to copy."""
    import psycopg

    with psycopg.connect(f"{postgresql_server}/postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE migrated")
    opened = Database(f"{postgresql_server}/migrated")
    migrate(opened)
    opened.close()
    return "migrated"


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A migrated database on each engine in turn: copied, which is faster than migrating each anew."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_file"), tmp_path / "tocsin.db")
        opened = Database(f"sqlite:///{tmp_path / 'tocsin.db'}")
    else:
        import psycopg

        server, template = request.getfixturevalue("postgresql_server"), request.getfixturevalue("migrated_template")
        name = f"c{abs(hash(str(tmp_path))):x}"
        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        opened = Database(f"{server}/{name}")
    yield opened
    opened.close()
