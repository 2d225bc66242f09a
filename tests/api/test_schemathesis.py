"""Schemathesis against a running gateway: no 5xx, and no answer that the served OpenAPI document does not know."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.app import OPERATIONS
from gateway.storage import credentials, monitors, readings, refused_addresses, runs, sources
from gateway.storage.database import Database
from gateway.storage.monitors import Wanted
from gateway.storage.runs import Signal
from mappers.contract.signature import digest
from tests.acceptance.conftest import ROOT, Tocsin, free_port
from tests.builders import House, failure, recovery

pytestmark = pytest.mark.acceptance

WHO = {
    "ana": 'teams = { acme = { role = "admin", permissions = ["pipelines.view"] } }\nowns = ["@ana"]',
    "ben": "teams = { acme = {} }",
    "vera": 'teams = { acme = { role = "viewer" } }',
    "robin": 'teams = { acme = { role = "admin" } }\nscopes = ["read"]',
}
TOKENS = {f"{name.upper()}_TOKEN": f"{name}-token-0123456789" for name in WHO}
CY = '[[user]]\nemail = "cy@acme.test"\nteams = { acme = {} }\n'
"""Their tokens are ended again and again; the membership is the file's and stays."""
SOURCE = '[[source]]\nteam = "acme"\nslug = "checks"\nkind = "healthchecks_io"\nauth = { bearer = ["env:HOOK"] }\n'


PROBES = "".join(
    f'[[probe]]\nteam = "acme"\nslug = "probe-{number}"\nurl = "http://127.0.0.1:9/"\ninterval = "1d"\n' for number in range(6)
)
"""Nothing listens there; it takes three days until that is told."""
SUMMARY = {
    "headline": "The table is gone", "cause": "It was dropped", "kind": "missing_relation", "evidence": [{"line": 1, "quote": "a log"}],
    "next_steps": [], "confidence": "high", "missing": None, "origin": "rules", "model": None,
}  # fmt: skip


def configuration() -> str:
    people = (f'[[user]]\nemail = "{name}@acme.test"\ntoken = "env:{name.upper()}_TOKEN"\n{rest}\n' for name, rest in WHO.items())
    return '[[team]]\nslug = "acme"\n' + "".join(people) + CY + SOURCE + PROBES


def watch(database: Database) -> None:
    """Monitors, and pipelines that nobody watches though they run by habit, of the source that the file names."""
    nights = [datetime.now(UTC).replace(hour=2, minute=0) - timedelta(days=number) for number in range(16)]
    with database.writing() as transaction:
        source = sources.find(transaction, "acme", "checks")
        assert source is not None
        for number in range(9):
            habit = [
                Signal(source.id, "", f"habit-{number}", at.isoformat(), 0, "succeeded", "", "", "", at, None, at, at) for at in nights
            ]
            runs.put(transaction, habit)
            monitors.create(transaction, Wanted(source.id, f"watched-{number}", "", "0 2 * * *", None, "UTC", 600, None))


def fill(database: Database) -> None:
    """Threads open and over, events of each kind, and people besides those who ask."""
    house = House(database, lambda: datetime.now(UTC))
    secret = {"digest": digest("a-secret-of-many").hex(), "expires_at": None}
    with database.writing() as transaction:
        for number in range(8):
            sources.put(
                transaction, team_id=house.team_id, slug=f"made-{number}", kind="generic", environment="",
                auth=[{"scheme": "bearer", "secrets": [secret]}], settings={}, managed=False, now=datetime.now(UTC),
            )  # fmt: skip
    cy = house.user("cy")
    for name in ("dan", "eve", "fay"):
        house.user(name)
    with database.writing() as transaction:
        for number in range(10):
            credentials.put(
                transaction, user_id=cy, kind="token", digest=digest(f"cy-{number}"), name="ci", now=datetime.now(UTC), expires_at=None
            )  # fmt: skip
    house.user("zoe", team_id=house.team("other"), role="admin")
    with database.writing() as transaction:
        for number in range(10):
            credentials.put(
                transaction, user_id=1, kind="session", digest=digest(f"browser-{number}"), name="Firefox on Linux", now=datetime.now(UTC),
                expires_at=datetime.now(UTC) + timedelta(days=1),
            )  # fmt: skip
    now = datetime.now(UTC).isoformat()
    for member in ("one", "two"):
        house.say(
            failure(member, occurred_at=now, urgent=True, excerpt="a log", links={"Open": "/runs/1"}, facts={"rows": "7"}, run=member)
        )
    weekly = {"event_data": {"job": "weekly"}, "pipeline": "weekly", "occurred_at": now}
    house.say(failure(owners=["@ana"], tags=["finance"], permissions=["pipelines.view"], **weekly))
    house.say(recovery(**weekly))
    house.say(failure(event_data={"job": "monthly"}, state="note", level="info", occurred_at=now))
    with database.writing() as transaction:
        for one in readings.claim(transaction, now=datetime.now(UTC), lease="x", lease_for=timedelta(minutes=1), limit=10):
            readings.write(transaction, one.notification_id, lease="x", summary=SUMMARY, why_not=None, ended_at=datetime.now(UTC))
        for user_id in range(1, 20):
            refused_addresses.refuse(transaction, user_id=user_id, why="550 5.1.1 no such user", now=datetime.now(UTC))
    watch(database)
    house.say(unmapped="no idea")
    house.send(failure("three"))
    house.deliver()
    with database.writing() as transaction:
        for number in range(6):
            credentials.put(
                transaction, user_id=1, kind="token", digest=digest(f"ana-{number}"), name="mine", now=datetime.now(UTC), expires_at=None
            )  # fmt: skip


@pytest.fixture
def gateway(tmp_path: Path, database_url: str) -> Iterator[Tocsin]:
    """A running gateway on each engine, with something in it."""
    (tmp_path / "tocsin.toml").write_text(configuration(), encoding="utf-8")
    key = {"TOCSIN_DATABASE_URL": database_url, "TOCSIN_SECRET_KEY": "k" * 32}
    tocsin = Tocsin(tmp_path, free_port(), environment={**TOKENS, **key})
    applied = tocsin.run("apply", "tocsin.toml")
    assert applied.returncode == 0, applied.stderr
    database = Database(database_url)
    fill(database)
    database.close()
    tocsin.start()
    try:
        yield tocsin
    finally:
        if tocsin.process and tocsin.process.poll() is None:
            tocsin.process.kill()
            tocsin.process.wait()


def answered(tocsin: Tocsin, who: str | None, *options: str) -> set[tuple[str, int]]:
    """Lets Schemathesis ask; gives which operation was answered with which status. Fails where it found anything."""
    place = tocsin.directory / "answered.json"
    header = ["--header", f"Authorization: Bearer {TOKENS[f'{who.upper()}_TOKEN']}"] if who else []
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", "tests/api/schemathesis.toml", "run", *header, *options]
    run = subprocess.run(
        [*command, f"{tocsin.url}/api/openapi.json"], cwd=ROOT, env={**os.environ, "ANSWERED": str(place), "NO_COLOR": "1"},
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr[-5_000:]
    return {(operation, status) for operation, status, _ in json.loads(place.read_text())}


def stopped_without_a_word(tocsin: Tocsin) -> None:
    """Ends the gateway. Fails where it was not well, or had noted a failure of its own."""
    assert tocsin.stop() == 0
    assert "Traceback" not in tocsin.output, tocsin.output


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_admin_gets_what_the_document_says_at_every_edge_of_it(gateway: Tocsin) -> None:
    found = answered(gateway, "ana", "--phases", "coverage")
    assert {status for _, status in found} >= {200, 201, 404, 405, 409, 422}
    stopped_without_a_word(gateway)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_an_admin_gets_what_the_document_says_and_every_operation_succeeds(gateway: Tocsin) -> None:
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    for number in range(6):
        gateway.api("/api/notifications/", method="POST", body={"title": f"later {number}", "scheduled_time": later})
    before_all_are_ended = ("--include-path", "/api/sessions/{id}", "--phases", "fuzzing", "--max-examples", "20")
    found = answered(gateway, "ana", *before_all_are_ended)
    found |= answered(gateway, "ana", "--phases", "examples,fuzzing,stateful", "--max-examples", "20")
    succeeded = {operation for operation, status in found if status < 300}
    assert succeeded == {f"{operation.method} {operation.path}" for operation in OPERATIONS}
    stopped_without_a_word(gateway)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_others_get_what_the_document_says(gateway: Tocsin) -> None:
    for who, statuses in (("ben", {200, 201, 403}), ("vera", {200, 403}), ("robin", {200, 403}), (None, {401})):
        found = answered(gateway, who, "--phases", "fuzzing", "--max-examples", "2")
        assert {status for _, status in found} >= statuses, who
    stopped_without_a_word(gateway)
