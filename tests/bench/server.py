"""The servers under load: the real `python -m gateway serve`, and the empty handler."""

import contextlib
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench import configuration
from tests.bench.engines import Engine
from tests.bench.processes import cpu_seconds, free_port, stop, until


class NotServed(Exception):
    """The gateway did not start, or says it does not do what was asked of it; the message holds its own words."""


@dataclass(frozen=True, slots=True)
class Server:
    """Something that listens."""

    pid: int
    port: int
    database_pid: int = 0

    def cpu(self) -> tuple[float, float]:
        """Processor seconds used so far by the server's processes and by those of its database."""
        return cpu_seconds(self.pid), cpu_seconds(self.database_pid) if self.database_pid else 0.0

    def get(self, path: str, token: str = "") -> str:
        """The body of an answer."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers), timeout=30) as response:
            return str(response.read().decode())


@dataclass(frozen=True, slots=True)
class Installation:
    """A configured gateway over a migrated, empty database; nothing runs yet."""

    directory: Path
    engine: Engine
    database_url: str

    @contextlib.contextmanager
    def serving(self) -> Iterator[Server]:
        """The gateway once it is ready."""
        with self.starting() as (server, process):
            until(lambda: process.poll() is not None or _ready(server), 30, "the start of the gateway")
            if process.poll() is not None:
                raise NotServed(self.log())
            yield server

    @contextlib.contextmanager
    def starting(self) -> Iterator[tuple[Server, subprocess.Popen[bytes]]]:
        """The gateway right after its start."""
        port = free_port()
        with (self.directory / "serve.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "gateway", "serve"], cwd=self.directory, stdout=log, stderr=log, start_new_session=True,
                env=configuration.variables(self.directory, self.database_url, port),
            )  # fmt: skip
        try:
            yield Server(process.pid, port, self.engine.pid), process
        finally:
            stop(process)

    def log(self) -> str:
        """What it said last."""
        return (self.directory / "serve.log").read_text(encoding="utf-8")[-2000:]


@contextlib.contextmanager
def installation(directory: Path, engine: Engine, scheme: str, *, mail: bool) -> Iterator[Installation]:
    """A new installation in a folder of its own."""
    directory = directory / f"{engine.name}-{time.monotonic_ns()}"
    directory.mkdir()
    (directory / "tocsin.toml").write_text(configuration.document(scheme, mail=mail), encoding="utf-8")
    with engine.database(directory) as url:
        environment: dict[str, Any] = configuration.variables(directory, url, 0)
        applied = configuration.command(directory, environment, "apply")
        if applied.returncode:
            raise NotServed(applied.stderr)
        yield Installation(directory, engine, url)


@contextlib.contextmanager
def empty() -> Iterator[Server]:
    """The empty handler."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.empty", str(port)], cwd=configuration.ROOT, start_new_session=True)
    try:
        until(lambda: _listens(port), 15, "the start of the empty handler")
        yield Server(process.pid, port)
    finally:
        stop(process)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _ready(server: Server) -> bool:
    try:
        server.get("/readyz")
    except OSError:
        return False
    return True
