"""Tocsin as its users have it: the real process, a real mail server in another, requests as they were captured."""

import email
import email.policy
import hmac
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any, TypeVar

import pytest

T = TypeVar("T")
ROOT = Path(__file__).parent.parent.parent
FIXTURES = ROOT / "tests" / "fixtures"
TOKENS = {
    "ANA_TOKEN": "ana-token-0123456789",
    "BEN_TOKEN": "ben-token-0123456789",
    "OTHER_TOKEN": "other-token-0123456789",
    "HOOK": "hook-secret-0123456789",
}
CONFIGURATION = """
[[team]]
slug = "acme"
name = "Acme data"

[[team]]
slug = "other"

[[user]]
email = "ana@acme.test"
name = "Ana"
token = "env:ANA_TOKEN"
teams = { acme = { role = "admin" } }

[[user]]
email = "ben@acme.test"
token = "env:BEN_TOKEN"
teams = { acme = {} }

[[user]]
email = "olga@other.test"
token = "env:OTHER_TOKEN"
teams = { other = { role = "admin" } }

[[subscription]]
team = "acme"
user = "ben@acme.test"
category = "dbt_test_failure"
email = false
"""
SOURCES = {
    "prefect": "prefect",
    "prefect-staging": "prefect",
    "dbt-core": "dbt_core",
    "dbt-core-staging": "dbt_core",
    "healthchecks": "healthchecks_io",
    "kuma": "uptime_kuma",
    "alertmanager": "alertmanager",
    "dbt-cloud": "dbt_cloud",
}


SOURCE = """
[[source]]
team = "acme"
slug = "{slug}"
kind = "{kind}"
environment = "{environment}"
auth = {{ {scheme} = ["env:HOOK"] }}
"""


def configuration() -> str:
    """`tocsin.toml` with two teams, three people and a source of each kind."""
    sources = [
        SOURCE.format(
            slug=slug,
            kind=kind,
            environment="staging" if slug.endswith("staging") else "prod",
            scheme="dbt" if kind == "dbt_cloud" else "bearer",
        )
        for slug, kind in SOURCES.items()
    ]
    return CONFIGURATION + "".join(sources)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(look: Callable[[], T], within: float = 15) -> T:
    """The first true answer of `look`."""
    deadline = time.monotonic() + within
    while True:
        found = look()
        if found or time.monotonic() > deadline:
            assert found, "did not happen in time"
            return found
        time.sleep(0.05)


@dataclass
class Answer:
    status: int
    body: Any
    headers: Any


def call(url: str, *, method: str = "GET", body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
    request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            raw, status, got = response.read(), response.status, response.headers
    except urllib.error.HTTPError as error:
        raw, status, got = error.read(), error.code, error.headers
    return Answer(status, json.loads(raw) if raw[:1] in (b"{", b"[") else raw.decode(), got)


@dataclass
class Tocsin:
    """A running gateway with its mail server."""

    directory: Path
    port: int
    smtp_port: int | None = None
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None
    output: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}, **TOKENS, **self.environment,
            "TOCSIN_LISTEN": f"127.0.0.1:{self.port}", "TOCSIN_MAIL_FROM": "Tocsin <tocsin@acme.test>", "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        if self.smtp_port:
            environment["TOCSIN_SMTP_URL"] = f"smtp://127.0.0.1:{self.smtp_port}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gateway", "serve"],
            cwd=self.directory,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if "/mail" in line or (self.smtp_port and "The page:" in line):
                break
        self.output = "".join(lines)
        assert self.process.poll() is None, self.output

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process
        self.process.send_signal(number)
        code = self.process.wait(15)
        self.output += self.process.stdout.read() if self.process.stdout else ""
        return code

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another `tocsin` command on the same installation."""
        environment = {**os.environ, **TOKENS, **self.environment, "PYTHONPATH": str(ROOT), "TOCSIN_LISTEN": f"127.0.0.1:{self.port}"}
        return subprocess.run(
            [sys.executable, "-m", "gateway", *arguments],
            cwd=self.directory,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def send(self, source: str, fixture: str, change: Callable[[str], str] = lambda body: body) -> Answer:
        """Posts a captured request as its sender would: its own headers, and the source's credential."""
        document = json.loads((FIXTURES / f"{fixture}.request.json").read_text(encoding="utf-8"))
        body = change(document["body"]).encode()
        headers = {
            name: value
            for name, value in document["headers"]
            if name.lower() not in ("host", "content-length", "transfer-encoding", "connection")
        }
        if SOURCES[source] == "dbt_cloud":
            headers["Authorization"] = hmac.digest(TOKENS["HOOK"].encode(), body, "sha256").hex()
        else:
            headers["Authorization"] = f"Bearer {TOKENS['HOOK']}"
        query = f"?{document['query']}" if document.get("query") else ""
        address = f"{self.url}/webhooks/acme/{source}{document.get('path', '')}{query}"
        method = document.get("method", "POST")
        return call(address, method=method, body=body if method != "GET" else None, headers=headers)

    def api(self, path: str, *, who: str = "ANA_TOKEN", method: str = "GET", body: Any = None) -> Answer:
        headers = {"Authorization": f"Bearer {TOKENS[who]}", "Content-Type": "application/json"}
        return call(f"{self.url}{path}", method=method, body=json.dumps(body).encode() if body is not None else None, headers=headers)

    def inbox(self, who: str = "ANA_TOKEN") -> list[dict[str, Any]]:
        answer = self.api("/api/notifications/v1", who=who)
        assert answer.status == 200, answer.body
        return list(answer.body["items"])

    def settled(self) -> bool:
        """Whether everything that arrived is processed and everything queued is sent."""
        waiting = self.api("/api/events?status=waiting").body["items"]
        unsent = [one for one in self.api("/api/deliveries").body["items"] if one["status"] == "waiting" and not _collects(one)]
        return not waiting and not unsent


def _collects(delivery: dict[str, Any]) -> bool:
    """The one mail of a storm has its own time."""
    return bool(delivery["kind"] == "digest" and not delivery["attempts"])


class Mailbox:
    """What the mail server took."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def all(self, to: str | None = None) -> list[EmailMessage]:
        parsed = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in sorted(self.directory.glob("*.eml"))]
        return [mail for mail in parsed if to is None or mail["X-To"] == to]


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[tuple[Mailbox, int]]:
    """A mail server in a process of its own: (what it took, its port)."""
    directory = tmp_path / "mail"
    directory.mkdir()
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("smtp_server.py")), str(directory), str(port)], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout
    assert server.stdout.readline().strip() == "ready"
    yield Mailbox(directory), port
    server.terminate()
    server.wait(10)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Tocsin]:
    """A configured directory; nothing runs yet."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "tocsin.toml").write_text(configuration(), encoding="utf-8")
    tocsin = Tocsin(home, free_port())
    yield tocsin
    if tocsin.process and tocsin.process.poll() is None:
        tocsin.process.kill()
        tocsin.process.wait()


@pytest.fixture
def tocsin(installation: Tocsin, mailbox: tuple[Mailbox, int]) -> Tocsin:
    """A running gateway whose mail goes to the mailbox."""
    installation.smtp_port = mailbox[1]
    installation.start()
    return installation


@pytest.fixture
def mails(mailbox: tuple[Mailbox, int]) -> Mailbox:
    return mailbox[0]
