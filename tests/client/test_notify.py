"""`tocsin notify`: what it sends, what it prints, how it ends."""

import json
import socket
import sys
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.client import words
from tests.client.conftest import TOKEN
from tests.client.fake import FakeGateway, answer, problem

module = sys.modules["gateway.cli.notify"]  # as an attribute of the package it is the command


@pytest.fixture
def notify(fake: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("TOCSIN_URL", fake.url)
    monkeypatch.setenv("TOCSIN_TOKEN", TOKEN)
    monkeypatch.delenv("TOCSIN_TEAM", raising=False)

    def run(*arguments: str, text: str | None = None, **environment: str) -> Result:
        return CliRunner().invoke(main, ["notify", *arguments], input=text, env=environment)

    return run


def test_a_title_alone_is_enough(fake: FakeGateway, notify: Any) -> None:
    result = notify("Backup failed")
    assert (result.exit_code, result.output) == (0, "told as 1: first\n")
    assert fake.heard[0].body == {"title": "Backup failed", "message": "", "level": "info"}


def test_every_field_can_be_said(fake: FakeGateway, notify: Any) -> None:
    result = notify(
        "Disk full", "-m", "-", "-l", "error", "--team", "acme", "--category", "incident", "--slug", "disk-full", "-d", "host=db1",
        "--member", "sda", "--state", "firing", "-u", "ana@acme.test", "--permission", "ops", "--owner", "data", "--tag", "db",
        "--link", "Open=https://hosts.example/?a=b", "--fact", "Used=99 %", "--urgent", "--pipeline", "nightly", "--run", "r1",
        "--environment", "prod", "--source-app", "shop", "--source-model", "Host", "--source-id", "1", "--deduplicate", "once",
        "--expires", "2026-03-03T09:00", "--at", "2026-03-02T09:00+01:00", "--key", "k1", "--json", text="df says\n",
    )  # fmt: skip
    assert (result.exit_code, json.loads(result.output)) == (0, {"id": 1, "reason": "first"})
    assert fake.heard[0].headers["Idempotency-Key"] == "k1"
    assert fake.heard[0].body == {
        "title": "Disk full", "message": "df says\n", "level": "error", "team": "acme", "category": "incident", "slug": "disk-full",
        "event_data": {"host": "db1"}, "member": "sda", "state": "firing", "users": ["ana@acme.test"], "permissions": ["ops"],
        "owners": ["data"], "tags": ["db"], "links": {"Open": "https://hosts.example/?a=b"}, "facts": {"Used": "99 %"}, "urgent": True,
        "pipeline": "nightly", "run": "r1", "environment": "prod", "source_app": "shop", "source_model": "Host", "source_id": "1",
        "deduplicate": "once", "expires_at": "2026-03-03T09:00:00+00:00", "scheduled_time": "2026-03-02T08:00:00+00:00",
    }  # fmt: skip


def test_resolved_says_that_it_is_over(fake: FakeGateway, notify: Any) -> None:
    fake.answers.append(answer(200, {"id": None, "skipped": "nothing-open"}))
    result = notify("Backup failed", "--resolved")
    assert (result.exit_code, result.output) == (0, "skipped: nothing-open\n")
    assert fake.heard[0].body == {"title": "Backup failed", "message": "", "level": "success", "state": "resolved"}
    assert notify("Backup failed", "--resolved", "--quiet").output == ""


def test_a_refusal_ends_with_1_and_says_why(fake: FakeGateway, notify: Any) -> None:
    fake.answers.append(problem(422, "There is no team 'acne'."))
    result = notify("x", "--team", "acne")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "There is no team 'acne'." in result.stderr
    assert TOKEN not in result.output


def test_what_cannot_be_now_ends_with_75(fake: FakeGateway, notify: Any) -> None:
    fake.answers.append(problem(503, "Later.", Retry_After="3600"))
    assert notify("x").exit_code == 75
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        result = notify("x", "--url", f"http://127.0.0.1:{closed.getsockname()[1]}", "--timeout", "0.1")
    assert result.exit_code == 75
    assert "no answer from" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["x"], {"TOCSIN_URL": ""}, "TOCSIN_URL"),
        (["x"], {"TOCSIN_TOKEN": ""}, "TOCSIN_TOKEN"),
        (["x", "-d", "host"], {}, "NAME=VALUE"),
        (["x", "--at", "soon"], {}, "is no time"),
        (["x", "--resolved", "--state", "firing"], {}, "different things"),
        (["x", "--level", "bad"], {}, "bad"),
    ],
)
def test_a_wrong_command_ends_with_2_and_sends_nothing(
    fake: FakeGateway, notify: Any, arguments: list[str], environment: dict[str, str], said: str
) -> None:
    result = notify(*arguments, **environment)
    assert result.exit_code == 2
    assert said in result.stderr
    assert fake.heard == []


def test_a_span_is_from_now_on(fake: FakeGateway, notify: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "utc_now", lambda: datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    notify("x", "--at", "2h")
    assert fake.heard[0].body["scheduled_time"] == "2026-03-02T11:00:00+00:00"


def test_the_words_of_the_command_are_those_of_the_client() -> None:
    assert get_args(words.Category) == module.CATEGORIES
    assert get_args(words.Level) == module.LEVELS
    assert get_args(words.State) == module.STATES
    assert get_args(words.Deduplicate) == module.DEDUPLICATE
