"""Running it: the log under load, a backup while senders send, and another gateway that goes on from there."""

import json
import os
import re
import signal
import subprocess
import threading
import uuid
from pathlib import Path

import psycopg
import pytest

from tests.acceptance.conftest import ROOT, TOKENS, Tocsin, call, configuration, eventually, free_port
from tests.conftest import _created

pytestmark = pytest.mark.acceptance
REQUEST_ID = re.compile(r"[0-9a-f]{16}")


def another(body: str) -> str:
    """The same event with another id."""
    return body.replace("3f6b8885ba28", uuid.uuid4().hex[:12])


def lines(tocsin: Tocsin) -> list[dict[str, object]]:
    return [json.loads(line) for line in tocsin.output.splitlines() if line.startswith("{")]


@pytest.mark.req("R95", "R98")
def test_each_line_is_json_says_whose_it_is_and_no_secret(installation: Tocsin) -> None:
    installation.environment = {"TOCSIN_LOG_FORMAT": "json", "TOCSIN_LOG_LEVEL": "info"}
    installation.smtp_port = free_port()  # nobody listens there
    installation.start()
    taken = installation.send("prefect", "prefect/webhook-ui-flowrun-headers-failed")
    assert REQUEST_ID.fullmatch(taken.headers["X-Request-Id"])
    forged = {"Authorization": "Bearer no\u00ef", "X-Request-Id": "a-proxys-own", "X-Evil": "one"}
    refused = call(f"{installation.url}/webhooks/acme/prefect", method="POST", body=b"{}", headers=forged)
    assert refused.status == 401
    assert refused.body["request_id"] == refused.headers["X-Request-Id"] != "a-proxys-own"
    asked = installation.api("/api/notifications/nothing")
    assert asked.body["request_id"] == asked.headers["X-Request-Id"]
    call(f"{installation.url}/sign-in/a-sign-in-token-that-is-secret", headers={"User-Agent": "x"})
    eventually(lambda: installation.api("/api/events?status=waiting").body["items"] == [])
    eventually(installation.inbox)
    installation.stop()
    said = lines(installation)
    whole = "\n".join(line for line in installation.output.splitlines() if line.startswith("{"))
    by_id = {str(one.get("request_id")): one for one in said}
    assert by_id[taken.headers["X-Request-Id"]]["event_id"] == taken.body["id"]
    assert by_id[refused.body["request_id"]]["reason"] in ("credential-wrong", "credential-malformed")
    assert {one["outcome"] for one in said if one.get("event_id") == taken.body["id"] and "outcome" in one} == {"mapped"}
    for secret in (*TOKENS.values(), "a-sign-in-token", "a-proxys-own"):
        assert secret not in whole


@pytest.mark.req("R93")
def test_a_backup_under_load_goes_on_in_another_gateway(installation: Tocsin, tmp_path: Path) -> None:
    installation.start()
    answered: list[int] = []
    stop = threading.Event()

    def send() -> None:
        while not stop.is_set():
            answer = installation.send("prefect", "prefect/webhook-event-tojson-failed", another)
            if answer.status == 202:
                answered.append(answer.body["id"])

    senders = [threading.Thread(target=send) for _ in range(3)]
    for sender in senders:
        sender.start()
    try:
        eventually(lambda: len(answered) > 30)
        known = max(answered)
        made = installation.run("backup", "copies", "--with-key")
        again = installation.run("backup", "copies", "--keep", "1")
    finally:
        stop.set()
        for sender in senders:
            sender.join()
    assert made.returncode == 0, made.stderr
    assert again.returncode == 0, again.stderr
    assert "Removed copies" in again.stdout
    assert "secret.key" in again.stdout
    (copy,) = (installation.directory / "copies").iterdir()
    assert installation.run("restore", str(copy)).returncode == 1, "where one serves nothing is put back"

    other = Tocsin(tmp_path / "other", free_port())
    other.directory.mkdir()
    (other.directory / "tocsin.toml").write_text(configuration(), encoding="utf-8")
    put = other.run("restore", str(copy))
    assert put.returncode == 0, put.stderr
    assert "secret.key" in put.stdout
    (other.directory / "data" / "secret.key").write_bytes((installation.directory / "data" / "secret.key").read_bytes())
    other.start()
    try:
        eventually(lambda: other.api("/api/events?status=waiting").body["items"] == [])
        newest = other.api("/api/events?limit=1").body["items"][0]["id"]
        assert newest >= known, "what was answered before is there"
        assert other.api(f"/api/events/{known}").body["status"] in ("mapped", "ignored")
        assert other.inbox()
        after = other.send("prefect", "prefect/webhook-event-tojson-failed", another)
        assert after.status == 202
        assert after.body["id"] > newest, "ids go on where they were"
    finally:
        other.stop(signal.SIGTERM)


@pytest.mark.req("R93")
def test_the_page_says_how_a_postgresql_database_is_copied_and_put_back(
    postgresql_server: str, installation: Tocsin, tmp_path: Path
) -> None:
    """Its own commands, on a database in use."""
    address = _created(postgresql_server, "backed_up")
    installation.environment = {"TOCSIN_DATABASE_URL": address, "TOCSIN_SECRET_KEY": "a key of thirty-two characters or more"}
    installation.start()
    event_id = installation.send("prefect", "prefect/webhook-ui-flowrun-headers-failed").body["id"]
    eventually(installation.inbox)
    page = (ROOT / "docs" / "backup.md").read_text(encoding="utf-8")
    dump, restore = (block for block in re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL) if "pg_" in block)
    with psycopg.connect(f"{postgresql_server}/postgres", autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS tocsin_restored")
    tools = max(Path("/usr/lib/postgresql").glob("*/bin"))
    restored = f"{postgresql_server}/tocsin_restored"
    environment = {
        **os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "TOCSIN_DATABASE_URL": address,
        "MAINTENANCE_URL": f"{postgresql_server}/postgres", "RESTORED_URL": restored,
    }  # fmt: skip
    subprocess.run(["sh", "-ec", dump], cwd=tmp_path, env=environment, check=True)
    installation.stop()
    subprocess.run(["sh", "-ec", restore], cwd=tmp_path, env=environment, check=True)
    installation.environment["TOCSIN_DATABASE_URL"] = restored
    installation.start()
    assert installation.api(f"/api/events/{event_id}").body["status"] == "mapped"
    assert installation.send("prefect", "prefect/webhook-event-tojson-failed").body["id"] > event_id, "ids go on where they were"
