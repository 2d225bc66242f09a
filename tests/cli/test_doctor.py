"""`tocsin doctor` as somebody runs it who wonders why no mail comes."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import main

sys.path.insert(0, str(Path(__file__).parent.parent / "channels" / "email"))
from mail_server import Handler, free_port, serving

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
    assert "secret" not in told.output


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
