"""A real Prefect server and its workers, each a process, in an environment of their own; all state in one directory."""

import json
import os
import signal
import subprocess
import time
import urllib.error
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from tests.acceptance.conftest import ROOT, call, eventually

BINARIES: Final = ROOT / ".venv-prefect" / "bin"
HERE: Final = Path(__file__).parent
POOL: Final = "acme-pool"
IDLE: Final = "acme-idle"
"""The pool where nobody works at first."""
SLOW: Final = 120.0
"""Seconds: nothing here takes that long on any machine."""
FOREIGN: Final = ("PREFECT_", "TOCSIN_", "PYTHON", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
"""What of the caller's environment must not reach it."""
QUICK: Final = {
    # https://docs.prefect.io/v3/api-ref/settings-ref
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_UI_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS": "2",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_LOOP_SECONDS": "1",
    "PREFECT_SERVER_SERVICES_FOREMAN_LOOP_SECONDS": "2",
    "PREFECT_SERVER_SERVICES_FOREMAN_INACTIVITY_HEARTBEAT_MULTIPLE": "4",
    "PREFECT_WORKER_HEARTBEAT_SECONDS": "3",
    "PREFECT_WORKER_QUERY_SECONDS": "1",
    "PREFECT_LOGGING_COLORS": "false",
    "NO_COLOR": "1",
}


@dataclass
class Prefect:
    """A Prefect server."""

    directory: Path
    port: int
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    """The last one of each pool."""

    @property
    def api(self) -> str:
        """The address of its API."""
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(FOREIGN)}
        home = {"HOME": str(self.directory), "PREFECT_HOME": str(self.directory / "prefect"), "PREFECT_API_URL": self.api}
        return {**kept, **QUICK, **home}

    def start(self) -> None:
        """Returns when it answers."""
        process = self._run("server", "start", "--host", "127.0.0.1", "--port", str(self.port))
        try:
            eventually(lambda: process.poll() is not None or self._is_up(), SLOW)
            assert process.poll() is None
        except AssertionError:
            raise AssertionError(f"Prefect did not start:\n{self.log('server')}") from None

    def work(self, pool: str) -> None:
        """Starts a worker of that pool."""
        self.workers[pool] = self._run("worker", "start", "--pool", pool, "--type", "process")

    def python(self, script: str, *arguments: str) -> None:
        """Runs a script of this folder to its end."""
        command = [str(BINARIES / "python"), str(HERE / script), *arguments]
        done = subprocess.run(command, env=self.environment, cwd=self.directory, capture_output=True, text=True, timeout=SLOW, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """What its API answers. Asked again while its database is busy."""
        for left in reversed(range(10)):
            answer = call(
                f"{self.api}/{path}", method=method, body=None if body is None else json.dumps(body).encode(),
                headers={"Content-Type": "application/json"},
            )  # fmt: skip
            if answer.status < 500 or not left:
                break
            time.sleep(1)
        assert answer.status < 300, (method, path, answer.status, answer.body)
        return answer.body

    def start_run(self, flow: str, **parameters: Any) -> str:
        """A run of its deployment, at once; gives its id."""
        return self._create_run(flow, {"parameters": parameters})

    def plan_run(self, flow: str, at: datetime) -> str:
        """A run of its deployment, then; gives its id."""
        return self._create_run(flow, {"state": {"type": "SCHEDULED", "state_details": {"scheduled_time": at.isoformat()}}})

    def state(self, run: str) -> dict[str, Any]:
        """The state that a run is in."""
        return dict(self.ask("GET", f"flow_runs/{run}")["state"])

    def reaches(self, run: str, *names: str) -> dict[str, Any]:
        """Waits until the run is in one of these states."""
        return eventually(lambda: (found := self.state(run))["name"] in names and found, SLOW)

    def log(self, what: str) -> str:
        """The end of what the server or the workers printed."""
        return (self.directory / f"{what}.log").read_text(encoding="utf-8", errors="replace")[-4000:]

    def stop(self) -> list[int]:
        """Ends all that was started here; gives what was left of it after it had been asked to end, and had to be killed."""
        for process in reversed(self.processes):
            end(process)
        left = self._left()
        for number in left:
            os.kill(number, signal.SIGKILL)
        return left

    def _create_run(self, flow: str, wanted: dict[str, Any]) -> str:
        deployment = self.ask("GET", f"deployments/name/{flow}/nightly")
        return str(self.ask("POST", f"deployments/{deployment['id']}/create_flow_run", wanted)["id"])

    def _run(self, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.directory / f"{arguments[0]}.log").open("ab") as log:
            process = subprocess.Popen(
                [str(BINARIES / "prefect"), *arguments],
                env=self.environment,
                cwd=self.directory,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def _is_up(self) -> bool:
        try:
            return call(f"{self.api}/health").status == 200
        except (OSError, urllib.error.URLError):
            return False

    def _left(self) -> list[int]:
        """Processes with this PREFECT_HOME: a worker gives each run a session of its own."""
        mark = f"PREFECT_HOME={self.directory / 'prefect'}".encode()
        found = []
        for directory in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (directory / "environ").read_bytes().split(b"\0"):
                    found.append(int(directory.name))
            except OSError:
                continue
        return found


def end(process: subprocess.Popen[bytes], within: float = 15) -> None:
    """Asks a process to end, then makes it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(within)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
