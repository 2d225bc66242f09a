"""`tocsin doctor` as somebody runs it who wonders why no mail comes."""

import json
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import main
from tests.channels.email.mail_server import Handler, free_port, serving

pytestmark = pytest.mark.req("R96")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOCSIN_DATABASE_URL", f"sqlite:///{tmp_path / 'tocsin.db'}")
    for name in ("TOCSIN_SMTP_URL", "TOCSIN_PUBLIC_URL", "TOCSIN_MAIL_FROM"):
        monkeypatch.delenv(name, raising=False)
    runner = CliRunner()
    assert runner.invoke(main, ["migrate"]).exit_code == 0
    return runner


def test_a_test_mail_is_sent_and_the_servers_answer_shown(run: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = Handler()
    with serving(handler) as server:
        monkeypatch.setenv("TOCSIN_SMTP_URL", f"smtp://127.0.0.1:{server.port}")
        monkeypatch.setenv("TOCSIN_MAIL_FROM", "Tocsin <alerts@acme.test>")
        told = run.invoke(main, ["doctor", "--send-test-mail", "ana@acme.test"])
    assert told.exit_code == 0, told.output
    assert "test mail: ana@acme.test: 250 OK, queued as 4711" in told.output
    ((_, to, raw),) = handler.accepted
    assert to == "ana@acme.test"
    assert b"Tocsin can send you mail" in raw


def test_a_refusal_is_shown_with_what_to_do(run: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Handler(rcpt="550 5.1.1 no such user")) as server:
        monkeypatch.setenv("TOCSIN_SMTP_URL", f"smtp://127.0.0.1:{server.port}")
        told = run.invoke(main, ["doctor", "--send-test-mail", "bad@acme.test", "--json"])
    assert told.exit_code == 1
    bad = [one for one in json.loads(told.stdout) if one["state"] == "bad"]
    assert [(one["what"], one["found"]) for one in bad] == [("test mail", "550 5.1.1 no such user")]
    assert bad[0]["mend"]


def test_a_server_that_is_not_there_and_a_url_that_is_none(run: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_SMTP_URL", f"smtp://127.0.0.1:{free_port()}")
    told = run.invoke(main, ["doctor"])
    assert told.exit_code == 1
    assert "Nothing answers there" in told.output
    monkeypatch.setenv("TOCSIN_SMTP_URL", "smtp:/secret-password@x")
    told = run.invoke(main, ["doctor"])
    assert told.exit_code == 1
    assert "TOCSIN_SMTP_URL" in told.output
    assert "secret-password" not in told.output


def test_an_address_that_is_none(run: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Handler()) as server:
        monkeypatch.setenv("TOCSIN_SMTP_URL", f"smtp://127.0.0.1:{server.port}")
        told = run.invoke(main, ["doctor", "--send-test-mail", "nobody"])
    assert told.exit_code != 0
    assert "not a mail address" in told.output


def test_without_a_mail_server_it_says_where_mail_is(run: CliRunner) -> None:
    told = run.invoke(main, ["doctor"])
    assert told.exit_code == 0
    assert "readable in the page" in told.output
    assert run.invoke(main, ["doctor", "--send-test-mail", "ana@acme.test"]).exit_code == 1


def findings(run: CliRunner) -> dict[str, dict[str, str]]:
    return {one["what"]: one for one in json.loads(run.invoke(main, ["doctor", "--json"]).stdout)}


def test_looking_changes_nothing_and_says_what_is_still_to_be_migrated(run: CliRunner, tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "tocsin.db")
    connection.execute("UPDATE alembic_version SET version_num = '0007'")
    connection.commit()
    assert findings(run)["schema"]["state"] == "bad"
    assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0007",)
    connection.close()


def test_a_journal_that_is_missing_is_found_and_none_is_made(run: CliRunner, tmp_path: Path) -> None:
    assert findings(run)["journal"]["state"] == "good"
    (tmp_path / "tocsin.journal.db").unlink()
    assert findings(run)["journal"]["state"] == "bad"
    assert not (tmp_path / "tocsin.journal.db").exists()


def test_a_journal_of_an_older_copy_is_found(run: CliRunner, tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "tocsin.db")
    connection.execute("INSERT INTO processing (event_id, status, due_at) VALUES (9, 'mapped', 0)")
    connection.commit()
    connection.close()
    assert "event 9 was processed" in findings(run)["journal"]["found"]


def test_names_that_are_missing_and_sources_without_a_secret_are_named(
    run: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tocsin.toml").write_text(
        '[[team]]\nslug = "acme"\n[[source]]\nteam = "acme"\nslug = "etl"\nkind = "github_actions"\nauth = { github = ["env:HOOK"] }\n'
    )
    monkeypatch.delenv("HOOK", raising=False)
    assert "HOOK is not set" in findings(run)["tocsin.toml"]["found"]
    monkeypatch.setenv("HOOK", "a-secret-of-a-hook")
    assert run.invoke(main, ["apply"]).exit_code == 0
    assert {findings(run)[what]["state"] for what in ("tocsin.toml", "secrets", "secret key")} == {"good"}
    (tmp_path / "secret.key").write_text("another key of thirty-two characters\n")
    found = findings(run)
    assert found["secret key"]["state"] == "bad"
    assert "acme/etl" in found["secrets"]["found"]


async def test_the_public_address_is_asked_whether_it_leads_here() -> None:
    from aiohttp import web
    from aiohttp.test_utils import TestServer

    from gateway.app import add_operating_routes
    from gateway.cli.examining import _asked
    from gateway.storage.database import Database
    from gateway.vault import Vault

    ours, other = Vault("a key of at least thirty-two letters"), Vault("another of at least thirty-two letters")
    app = web.Application()
    add_operating_routes(app.router, Database("sqlite:///nowhere/tocsin.db"), vault=ours)
    async with TestServer(app) as server:
        url = str(server.make_url("")).rstrip("/")
        trouble, is_ours, difference = await _asked(url, ours)
        assert (trouble, is_ours) == (None, True)
        assert difference is not None
        assert abs(difference.total_seconds()) < 5
        assert (await _asked(url, other))[:2] == (None, False)
    assert (await _asked(url, ours))[0]
    assert (await _asked("https://nowhere.acme.test", ours))[0]
