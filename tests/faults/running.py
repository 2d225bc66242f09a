"""The real gateway as a session of processes of its own, so that each of them can be found, killed and counted."""

import os
import signal
import subprocess
import sys
import urllib.error
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.processes import NICE
from tests.acceptance.conftest import ROOT, TOKENS, Tocsin, call, eventually

WRAPPERS = Path(__file__).parent / "wrappers"


@dataclass(frozen=True)
class Seen:
    """A process as the kernel lists it."""

    pid: int
    state: str
    parent: int
    session: int
    nice: int


def processes() -> Iterator[Seen]:
    """Every process of this machine."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            yield Seen(int(entry.name), fields[0], int(fields[1]), int(fields[3]), int(fields[16]))


@dataclass
class Gateway(Tocsin):
    """As in the acceptance tests; `log` holds all it ever said."""

    arguments: tuple[str, ...] = ()
    wrapper: str = ""
    """A script of `wrappers/` that changes something before it serves."""
    within: tuple[str, ...] = ()
    """A command that runs it somewhere else, as in a network of its own."""
    address: str = "127.0.0.1"
    sessions: list[int] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}"

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def _log(self) -> Path:
        return self.directory / f"serve-{self.port}.log"

    @property
    def database_url(self) -> str:
        return self.environment.get("TOCSIN_DATABASE_URL", f"sqlite:///{self.directory / 'data' / 'tocsin.db'}")

    def launch(self) -> "subprocess.Popen[Any]":
        """Starts it and does not wait."""
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}, **TOKENS,
            "TOCSIN_LISTEN": f"{self.address}:{self.port}", "TOCSIN_MAIL_FROM": "Tocsin <tocsin@acme.test>",
            "TOCSIN_SMTP_URL": f"smtp://127.0.0.1:{self.smtp_port}", **self.environment, "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        program = [str(WRAPPERS / self.wrapper)] if self.wrapper else ["-m", "gateway"]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.within, sys.executable, *program, "serve", *self.arguments],
                cwd=self.directory,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )  # type: ignore[assignment]
        assert self.process
        self.sessions.append(self.process.pid)
        return self.process

    def start(self) -> None:
        process = self.launch()
        eventually(lambda: process.poll() is not None or self.is_healthy(), 30)
        assert process.poll() is None, self.log[-3000:]

    def is_healthy(self) -> bool:
        try:
            return call(f"{self.url}/healthz").status == 200
        except (OSError, urllib.error.URLError):
            return False

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process
        self.process.send_signal(number)
        return self.process.wait(15)

    def children(self, role: str | None = None) -> list[int]:
        """The processes under the supervisor; of one role, `web` or `work`, where both are there. A worker is nicer."""
        assert self.process
        own = os.getpriority(os.PRIO_PROCESS, self.process.pid)
        nice = {"web": own, "work": min(own + NICE, 19)}.get(role or "")
        return sorted(
            one.pid
            for one in processes()
            if one.parent == self.process.pid and one.state != "Z" and (nice is None or one.nice == nice)
        )  # fmt: skip

    def asleep(self) -> int:
        """The process that fell asleep where `wrappers/sleepy.py` was told to, once it did."""
        note = self.directory / "asleep"
        pid = int(eventually(lambda: note.exists() and note.read_text(encoding="utf-8"), 20))
        eventually(lambda: any(one.pid == pid and one.state == "T" for one in processes()))
        return pid

    def left(self) -> list[int]:
        """Processes of any of its sessions that still live. What init has yet to bury is dead."""
        return [one.pid for one in processes() if one.session in self.sessions and not (one.state == "Z" and one.parent == 1)]

    def kill_all(self) -> None:
        """Every process at once, as when the machine loses its power."""
        assert self.process
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def end(self) -> None:
        """Whatever state it is in."""
        for pid in self.left():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if self.process:
            self.process.wait()
