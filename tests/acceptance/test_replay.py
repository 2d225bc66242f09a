"""Replaying with the real process: a mended mapper makes up for what was missed, and nobody is alerted twice."""

import json
import re
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from tests.acceptance.conftest import TOKENS, Answer, Mailbox, Tocsin, call, eventually

pytestmark = pytest.mark.acceptance
GUIDE = Path(__file__).parent.parent.parent / "docs" / "write-a-mapper.md"
SOURCE = '\n[[source]]\nteam = "acme"\nslug = "backup"\nkind = "backup"\nauth = { bearer = ["env:HOOK"] }\n'
A_DAY_AND_AN_HOUR = 25 * 3600 * 1_000_000


def install(tocsin: Tocsin, *, mended: bool) -> None:
    """Installs the mapper of the guide as a third party's package; as long as it is not mended, it does not know the word `job`."""
    module = re.search(r"^```python\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert module
    code = module[1] if mended else module[1].replace('body.get("job")', 'body.get("task")')
    (tocsin.directory / "tocsin_backup.py").write_text(code, encoding="utf-8")
    package = tocsin.directory / "tocsin_backup-1.dist-info"
    package.mkdir(exist_ok=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: tocsin-backup\nVersion: 1\n", encoding="utf-8")
    (package / "entry_points.txt").write_text("[tocsin.mappers]\nbackup = tocsin_backup:SOURCE\n", encoding="utf-8")


@pytest.fixture
def backups(installation: Tocsin, mailbox: tuple[Mailbox, int]) -> Tocsin:
    """A configured directory with a source of a third party's kind; nothing runs yet."""
    installation.smtp_port = mailbox[1]
    configuration = installation.directory / "tocsin.toml"
    configuration.write_text('mappers = ["backup"]\n' + configuration.read_text(encoding="utf-8") + SOURCE, encoding="utf-8")
    install(installation, mended=True)
    return installation


def report(tocsin: Tocsin, job: str, run: int, *, ok: bool = False) -> Answer:
    """What the sender says at the end of a backup."""
    body = json.dumps({"job": job, "ok": ok, "run": str(run), "error": "disk full"}).encode()
    headers = {"Authorization": f"Bearer {TOKENS['HOOK']}", "Content-Type": "application/json"}
    return call(f"{tocsin.url}/webhooks/acme/backup", method="POST", body=body, headers=headers)


def processed(tocsin: Tocsin, status: str, number: int) -> Callable[[], bool]:
    def look() -> bool:
        counts = tocsin.api("/api/events/counts?source=backup").body["by_status"]
        return bool(counts[status] == number and not counts["waiting"])

    return look


def replayed(tocsin: Tocsin, *options: str) -> dict[str, Any]:
    """Runs the command; gives its result."""
    done = tocsin.run("events", "replay", *options, "--yes", "--json")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def mend(tocsin: Tocsin, between: Callable[[], None] = lambda: None) -> None:
    """Stops the gateway, mends the mapper and starts it again."""
    assert tocsin.stop() == 0
    between()
    install(tocsin, mended=True)
    tocsin.start()


@pytest.mark.req("R17", "R22", "R24")
def test_after_a_mapper_was_mended_a_replay_tells_what_was_missed_once(backups: Tocsin, mails: Mailbox) -> None:
    install(backups, mended=False)
    backups.start()
    assert report(backups, "nightly", 7).status == 202
    eventually(processed(backups, "unmapped", 1))
    assert (backups.inbox(), mails.all()) == ([], [])
    mend(backups)
    assert replayed(backups, "--status", "unmapped")["outcomes"] == {"mapped": 1}
    (entry,) = backups.inbox()
    assert (entry["title"], entry["status"], entry["occurrences"]) == ("Backup nightly failed", "open", 1)
    eventually(backups.settled)
    eventually(lambda: len(mails.all("ana@acme.test")) == len(mails.all("ben@acme.test")) == 1)
    assert backups.api("/api/notifications/v1", method="PUT", body={"ids": [entry["id"]], "read": True}).status == 200
    for options in (("--source", "backup"), ("1",), ("--since", "1h", "--status", "mapped")):
        assert replayed(backups, *options)["outcomes"] == {"mapped": 1}
    eventually(backups.settled)
    (again,) = backups.inbox()
    assert again["occurrences"] == 1
    assert again["read_at"], "what is known already makes nothing unread"
    assert len(mails.all()) == 2


@pytest.mark.req("R22")
def test_what_arrived_more_than_a_day_ago_reaches_the_record_and_no_mailbox(backups: Tocsin, mails: Mailbox) -> None:
    install(backups, mended=False)
    backups.start()
    report(backups, "nightly", 7)
    eventually(processed(backups, "unmapped", 1))

    def a_day_passes() -> None:
        with closing(sqlite3.connect(backups.directory / "data" / "tocsin.journal.db")) as journal, journal:
            journal.execute("UPDATE events SET received_at = received_at - ?", (A_DAY_AND_AN_HOUR,))

    mend(backups, a_day_passes)
    assert replayed(backups, "--until", "24h", "--source", "backup")["outcomes"] == {"mapped": 1}
    (entry,) = backups.inbox()
    assert (entry["status"], entry["occurrences"]) == ("open", 1)
    report(backups, "hourly", 1)
    eventually(lambda: mails.all("ana@acme.test"))
    eventually(backups.settled)
    assert ["hourly" in mail["Subject"] for mail in mails.all()] == [True, True], "today's is mailed, yesterday's is not"


@pytest.mark.req("R22")
def test_replaying_500_events_twice_changes_no_thread_and_sends_no_mail(backups: Tocsin, mails: Mailbox) -> None:
    backups.start()
    with ThreadPoolExecutor(4) as senders:
        answers = senders.map(lambda run: report(backups, f"job-{run % 10}", run, ok=run % 7 == 0).status, range(500))
    assert set(answers) == {202}
    eventually(processed(backups, "mapped", 500), 60)
    eventually(backups.settled, 30)

    def threads() -> list[dict[str, Any]]:
        entries = sorted(backups.inbox(), key=lambda entry: str(entry["id"]))
        return [{**entry, **backups.api(f"/api/notifications/{entry['id']}").body} for entry in entries]

    before, sent = threads(), len(mails.all())
    assert len(before) == 10
    for options in (("--source", "backup"), ("--status", "mapped")):
        assert replayed(backups, *options) == {
            "matching": 500, "queued": 500, "outcomes": {"mapped": 500}, "waiting": 0, "not_queued": 0,
        }  # fmt: skip
    eventually(backups.settled, 30)
    assert threads() == before
    assert len(mails.all()) == sent


def test_without_a_gateway_it_stays_queued_and_is_mapped_by_the_next_start(backups: Tocsin) -> None:
    install(backups, mended=False)
    backups.start()
    for run in range(3):
        report(backups, "nightly", run)
    eventually(processed(backups, "unmapped", 3))
    told = backups.run("events", "replay", "--status", "unmapped")
    assert (told.returncode, "Map 3 events again?" in told.stderr) == (1, True), "nobody said yes"
    assert backups.stop() == 0
    done = backups.run("events", "replay", "--status", "unmapped", "--yes")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "No gateway is running: 3 events are queued and will be mapped by the next `tocsin serve`.\n"
    again = backups.run("events", "replay", "--source", "backup", "--yes")
    assert "3 of those that match wait to be mapped already" in again.stderr
    install(backups, mended=True)
    backups.start()
    eventually(processed(backups, "mapped", 3))


def test_the_commands_say_what_to_do_on_any_terminal(backups: Tocsin, monkeypatch: pytest.MonkeyPatch) -> None:
    backups.start()
    monkeypatch.chdir(backups.directory)

    def run(*command: str, columns: int = 100) -> Result:
        return CliRunner(env={"COLUMNS": str(columns)}).invoke(main, ["events", *command])

    assert "tocsin demo" in run("list").stdout
    assert "Nothing was refused" in run("rejections").stdout
    assert run("list", "--json").stdout == ""
    report(backups, "nightly", 7)
    call(f"{backups.url}/webhooks/acme/backup", method="POST", body=b'{"task": 1}', headers={"Authorization": "Bearer wrong"})
    eventually(processed(backups, "mapped", 1))
    eventually(lambda: backups.api("/api/rejections").body["items"])
    for columns in (1, 20, 200):
        for command in (("list",), ("show", "1"), ("replay", "1"), ("rejections",)):
            done = run(*command, columns=columns)
            assert (done.exit_code, done.exception) == (0, None), done.output
            assert ("credential-wrong" if command == ("rejections",) else "mapped") in done.stdout
    (row,) = [json.loads(line) for line in run("list", "--status", "mapped", "--since", "1h", "--json").stdout.splitlines()]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", row["received_at"])
    assert json.loads(json.loads(run("show", "1", "--json").stdout)["body"])["job"] == "nightly"
    call(
        f"{backups.url}/webhooks/acme/backup?token=hunter2pass",
        method="POST",
        body=b'{"password": "hunter2pass",  "job": 1}',
        headers={"Authorization": f"Bearer {TOKENS['HOOK']}"},
    )
    eventually(lambda: len(run("list", "--json").stdout.splitlines()) == 2)
    for options in ((), ("--json",)):
        assert "[redacted: " in run("show", "2", *options).stdout
        assert "hunter2pass" not in run("show", "2", *options).stdout
    assert run("show", "2", "--raw").stdout == '{"password": "hunter2pass",  "job": 1}'
    assert json.loads(run("show", "2", "--raw", "--json").stdout)["query"] == "token=hunter2pass"
    shown = run("rejections").stdout
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ  acme/backup  Wrong credential \(credential-wrong\), from 127\.0\.0\.1", shown)
    assert "compare the secret" in shown
    assert "Bearer wrong" not in shown
    (rejection,) = [json.loads(line) for line in run("rejections", "--source", "backup", "--json").stdout.splitlines()]
    assert (rejection["reason"], rejection["title"]) == ("credential-wrong", "Wrong credential")
    assert "No event matches" in run("list", "--status", "quarantined").stdout
    assert "No event matches" in run("replay", "--status", "quarantined", "--yes").stdout


REFUSED = {
    ("replay",): "--status, --source",
    ("replay", "--team", "acme"): "--status, --source",
    ("replay", "1", "99"): "there is no such event",
    ("replay", "--source", "nothing", "--yes"): "there is no source 'nothing'; there are: alertmanager, backup",
    ("replay", "--status", "waiting"): "Invalid value for '--status'",
    ("list", "--team", "nobody"): "there is no team 'nobody'; there are: acme, other",
    ("list", "--since", "yesterday"): "write 2026-03-02T09:00",
    ("show", "99"): "there is no event 99",
}


def test_a_command_that_cannot_be_done_says_why(backups: Tocsin, monkeypatch: pytest.MonkeyPatch) -> None:
    assert backups.run("apply").returncode == 0
    monkeypatch.chdir(backups.directory)
    for command, words in REFUSED.items():
        done = CliRunner().invoke(main, ["events", *command])
        assert done.exit_code in (1, 2), command
        assert isinstance(done.exception, SystemExit), done.exception
        assert words in " ".join(done.stderr.split()), done.stderr
