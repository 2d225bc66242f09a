"""A PostgreSQL server of our own that writes as durably as a real one and can be stopped, and a PgBouncer in front of it."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.acceptance.conftest import eventually, free_port
from tests.faults.running import processes

DURABLE = "-c fsync=on -c synchronous_commit=on -c full_page_writes=on"


def as_nobody_special() -> dict[str, Any]:
    """Neither PostgreSQL nor PgBouncer runs as root."""
    return {"user": "postgres"} if os.geteuid() == 0 else {}


@dataclass
class Postgresql:
    """One server on a free port of the loopback, or of another address."""

    home: Path
    tools: Path
    port: int
    address: str = "127.0.0.1"
    within: tuple[str, ...] = ()
    """A command that runs its tools somewhere else, and as somebody who may."""

    @classmethod
    def made(cls, home: Path) -> "Postgresql":
        """A new one in this directory; skips the test where PostgreSQL is not installed."""
        binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        initdb = str(binaries[-1]) if binaries else shutil.which("initdb")
        if initdb is None:
            pytest.skip("PostgreSQL is not installed")
        home.chmod(0o755)
        if os.geteuid() == 0:
            shutil.chown(home, "postgres")
        server = cls(home, Path(initdb).parent, free_port())
        server._run("initdb", "-D", home / "data", "-A", "trust", "-U", "tocsin", "-E", "UTF8", "--no-sync")
        return server

    @property
    def url(self) -> str:
        return f"postgresql://tocsin@{self.address}:{self.port}"

    def start(self) -> None:
        options = f"-p {self.port} -k {self.home} -c listen_addresses={self.address} -c max_connections=150 {DURABLE}"
        self._run("pg_ctl", "-D", self.home / "data", "-o", options, "-l", self.home / "log", "-w", "start")

    def stop(self, mode: str) -> None:
        """`immediate` is a crash, `fast` hangs up on everybody."""
        self._run("pg_ctl", "-D", self.home / "data", "-m", mode, "-w", "stop")

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """While the block runs the server answers nothing and closes nothing, as when its machine or the way there is lost."""
        postmaster = int((self.home / "data" / "postmaster.pid").read_text(encoding="utf-8").split()[0])
        stopped = [postmaster, *(one.pid for one in processes() if one.parent == postmaster)]
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)

    def database(self, name: str) -> str:
        """The URL of an empty database."""
        with psycopg.connect(f"{self.url}/postgres", autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            connection.execute(f'CREATE DATABASE "{name}"')
        return f"{self.url}/{name}"

    def _run(self, tool: str, *arguments: str | Path) -> None:
        command, user = [*self.within, self.tools / tool, *arguments], {} if self.within else as_nobody_special()
        subprocess.run(command, cwd=self.home, stdout=subprocess.DEVNULL, check=True, timeout=60, **user)


@contextlib.contextmanager
def pgbouncer(server: Postgresql, *, connections: int) -> Iterator[str]:
    """A pooler in transaction mode with so many connections to the server; gives its URL without a database name."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        pytest.skip("PgBouncer is not installed")
    port, directory = free_port(), Path(tempfile.mkdtemp(prefix="tocsin-faults-"))
    configured = directory / "pgbouncer.ini"
    configured.write_text(
        f"""
[databases]
* = host=127.0.0.1 port={server.port} user=tocsin
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 200
""",
        encoding="utf-8",
    )
    directory.chmod(0o755)
    with (directory / "pgbouncer.log").open("wb") as log:
        process = subprocess.Popen([program, configured], stdout=log, stderr=log, **as_nobody_special())
    try:
        eventually(lambda: _answers(f"postgresql://tocsin@127.0.0.1:{port}/postgres"))
        yield f"postgresql://tocsin@127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(directory)


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
