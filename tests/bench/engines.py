"""The databases measured: SQLite as it is embedded, and a PostgreSQL of our own that writes as durably as a real one."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.bench.processes import free_port

DURABLE: Final = "-c fsync=on -c synchronous_commit=on -c full_page_writes=on"


@dataclass(frozen=True, slots=True)
class Engine:
    """A kind of database; `server` is the address of PostgreSQL, empty for SQLite."""

    name: str
    server: str = ""
    pid: int = 0
    """The process of the server, 0 where the database lives in the gateway's own."""

    @contextlib.contextmanager
    def database(self, directory: Path) -> Iterator[str]:
        """The URL of an empty database, which is removed afterwards."""
        if not self.server:
            yield f"sqlite:///{directory / 'data' / 'tocsin.db'}"
            shutil.rmtree(directory / "data", ignore_errors=True)
            return
        name = f"bench_{directory.name.replace('-', '_')}"
        self._run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', f'CREATE DATABASE "{name}"', "CHECKPOINT")
        try:
            yield f"{self.server}/{name}"
        finally:
            self._run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _run(self, *statements: str) -> None:
        import psycopg

        with psycopg.connect(f"{self.server}/postgres", autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)


@contextlib.contextmanager
def postgresql(directory: Path) -> Iterator[Engine]:
    """A server with fsync and synchronous commits, on a free port of the loopback."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = str(binaries[-1]) if binaries else shutil.which("initdb")
    if initdb is None:
        raise FileNotFoundError("PostgreSQL is not installed; measure with --engine sqlite")
    home, port = directory / "postgresql", free_port()
    home.mkdir()
    directory.chmod(0o755)
    as_user: dict[str, Any] = {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(home, "postgres")
        as_user = {"user": "postgres"}
    data, tools = home / "data", Path(initdb).parent

    def run(*command: str | Path) -> None:
        subprocess.run(command, cwd=home, stdout=subprocess.DEVNULL, check=True, timeout=60, **as_user)

    run(initdb, "-D", data, "-A", "trust", "-U", "tocsin", "-E", "UTF8")
    options = f"-p {port} -k {home} -c listen_addresses=127.0.0.1 {DURABLE} -c max_connections=100"
    run(tools / "pg_ctl", "-D", data, "-o", options, "-l", home / "log", "-w", "start")
    try:
        pid = int((data / "postmaster.pid").read_text(encoding="utf-8").split()[0])
        yield Engine("postgresql", f"postgresql://tocsin@127.0.0.1:{port}", pid)
    finally:
        run(tools / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")


@contextlib.contextmanager
def engines(directory: Path, only: str | None) -> Iterator[list[Engine]]:
    """The engines to measure; `only` names one of them."""
    with contextlib.ExitStack() as stack:
        found = [Engine("sqlite")] if only in (None, "sqlite") else []
        if only in (None, "postgresql"):
            found.append(stack.enter_context(postgresql(directory)))
        yield found
