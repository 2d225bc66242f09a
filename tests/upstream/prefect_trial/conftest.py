"""The trial's servers, one set for all of it, and what is told of it at the end."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance import smtp_server
from tests.acceptance.conftest import Mailbox, Tocsin, eventually, free_port
from tests.upstream.prefect_trial.relay import Relay, relaying
from tests.upstream.prefect_trial.server import IDLE, POOL, SLOW, Prefect, end

CONFIGURATION = """
[[team]]
slug = "acme"

[[user]]
email = "ana@acme.test"
token = "env:ANA_TOKEN"
teams = {{ acme = {{ role = "admin" }} }}

[[source]]
team = "acme"
slug = "prefect-prod"
kind = "prefect"
environment = "prod"
auth = {{ bearer = ["env:HOOK"] }}
settings = {{ api_url = "{api}", late_hold = "20s", infrastructure_hold = "20s" }}
"""
told: list[str] = []


@dataclass
class Trial:
    """A Prefect server that is connected to a gateway."""

    prefect: Prefect
    tocsin: Tocsin
    relay: Relay
    mails: Mailbox
    planned: str = ""
    """The run of `stock`, on the pool where nobody works."""

    def connect(self, *arguments: str) -> str:
        """What `tocsin connect prefect` said."""
        done = self.tocsin.run("connect", "prefect", "--api-url", self.prefect.api, "--public-url", self.relay.url, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def stands(self) -> dict[str, list[Any]]:
        """All automations and blocks at Prefect."""
        blocks = self.prefect.ask("POST", "block_documents/filter", {"include_secrets": True})
        return {"automations": self.prefect.ask("POST", "automations/filter", {}), "blocks": blocks}

    def threads(self, pipeline: str) -> list[dict[str, Any]]:
        """What the inbox has of a pipeline; a work pool is one too."""
        items = self.tocsin.api("/api/notifications/filtered?limit=100").body["items"]
        return [one for one in items if one["pipeline"] == pipeline]

    def summary(self, thread: dict[str, Any], kind: str) -> dict[str, Any] | None:
        """What was read of it, once it is of this kind."""
        found = self.tocsin.api(f"/api/notifications/{thread['id']}").body["summary"]
        return found if found and found["kind"] == kind else None

    def thread(self, pipeline: str, **wanted: Any) -> dict[str, Any]:
        """The only thread of a pipeline once it is like that, all that arrived is judged, and its mail is out."""

        def look() -> dict[str, Any] | None:
            found = self.threads(pipeline)
            assert len(found) <= 1, found
            return found[0] if found and wanted.items() <= found[0].items() else None

        eventually(look, SLOW)
        self.settle()
        found = look()
        assert found, self.threads(pipeline)
        return found

    def mails_about(self, pipeline: str) -> list[EmailMessage]:
        """Ana's mails of a pipeline, in order."""
        return [mail for mail in self.mails.all("ana@acme.test") if f" {pipeline}: " in str(mail["Subject"])]

    def settle(self) -> None:
        """Waits until all that arrived is processed and all that is due is sent."""
        eventually(self.tocsin.settled, SLOW)

    def found(self) -> list[tuple[str, str]]:
        """Path and body of the runs that were looked for, because their webhook did not come."""
        items: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None:
            page = self.tocsin.api(f"/api/events?limit=100{f'&cursor={cursor}' if cursor else ''}").body
            items += [one for one in page["items"] if one["method"] == "FETCH"]
            cursor = page["next"]
        events = [self.tocsin.api(f"/api/events/{one['id']}").body for one in items]
        return [(one["path"], one["body"]) for one in events]

    def told_of(self, run: str, state: str) -> None:
        """Waits until Prefect called about this state of the run, and its call is judged."""
        eventually(lambda: self.relay.of(state, run), SLOW)
        self.settle()

    def tell(self, what: str, *threads: dict[str, Any], mails: int) -> None:
        """For the table at the end."""
        for one in threads:
            made = f"{one['category']}, {one['level']}{', urgent' if one['urgent'] else ''}, {one['status']}: {one['title']!r}"
            told.append(
                f"{what:<34} {made}; {one['occurrences']} occurrence{'s' * (one['occurrences'] != 1)}, {mails} mail{'s' * (mails != 1)}"
            )
        if not threads:
            told.append(f"{what:<34} nothing, {mails} mails")


@pytest.fixture(scope="session")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prefect]:
    """A new Prefect server."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what was started is ended then too
    server = Prefect(tmp_path_factory.mktemp("prefect"), free_port())
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def trial(prefect: Prefect, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """Prefect, a gateway and a mail server; nothing is connected yet."""
    home, mail = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("mail")
    (home / "tocsin.toml").write_text(CONFIGURATION.format(api=prefect.api), encoding="utf-8")
    port = free_port()
    server = subprocess.Popen([sys.executable, str(Path(smtp_server.__file__)), str(mail), str(port)], stdout=subprocess.PIPE)
    # what a person who works with Prefect has in the environment is not meant here
    tocsin = Tocsin(home, free_port(), port, environment={"PREFECT_API_KEY": "", "PREFECT_API_AUTH_STRING": ""})
    try:
        assert server.stdout
        assert server.stdout.readline().strip() == b"ready"
        tocsin.start()
        with relaying(tocsin.url) as relay:
            yield Trial(prefect, tocsin, relay, Mailbox(mail))
    finally:
        if tocsin.process:
            end(tocsin.process)  # type: ignore[arg-type]
        end(server)


@pytest.fixture(scope="session")
def connected(trial: Trial) -> Trial:
    """The same, with the webhook and the automations at Prefect, and a deployment of each flow."""
    trial.connect()
    trial.prefect.python("deploy.py", POOL, IDLE)
    trial.planned = trial.prefect.plan_run("stock", datetime.now(UTC) + timedelta(seconds=3))
    return trial


@pytest.fixture(scope="session")
def working(connected: Trial) -> Trial:
    """The same, with a worker of the pool."""
    connected.prefect.work(POOL)
    return connected


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if told:
        terminalreporter.write_sep("-", "what Tocsin made of it")
        for line in told:
            terminalreporter.write_line(line)
