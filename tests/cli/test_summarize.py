"""`tocsin summarize FILE`, alone with a log."""

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import main

LOG = 'Traceback (most recent call last):\n  File "x.py", line 3\npsycopg.errors.UndefinedTable: relation "raw.orders" does not exist\n'


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CliRunner:
    monkeypatch.chdir(tmp_path)
    for name in ("AUTO_GENERATE_LLM_FAILURE_SUMMARIES", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "run.log").write_text(LOG, encoding="utf-8")
    return CliRunner()


@pytest.mark.req("R84", "R87")
def test_a_log_is_read_by_rules_where_no_model_is_configured(run: CliRunner) -> None:
    told = run.invoke(main, ["summarize", "run.log"])
    assert told.exit_code == 0, told.output
    assert "Relation raw.orders does not exist" in told.output
    assert "by rules" in told.output
    assert '3| psycopg.errors.UndefinedTable: relation "raw.orders" does not exist' in told.output
    said = json.loads(run.invoke(main, ["summarize", "-", "--json"], input=LOG).stdout)
    assert (said["summary"]["kind"], said["summary"]["origin"], said["why_not"]) == ("missing_relation", "rules", "no_model")


@pytest.mark.req("R84")
@pytest.mark.parametrize("on", ["true", "1", "YES"])
def test_a_model_that_is_switched_on_wants_a_key_or_a_server(run: CliRunner, monkeypatch: pytest.MonkeyPatch, on: str) -> None:
    monkeypatch.setenv("AUTO_GENERATE_LLM_FAILURE_SUMMARIES", on)
    told = run.invoke(main, ["summarize", "run.log"])
    assert told.exit_code == 1
    assert "set OPENAI_API_KEY, or OPENAI_BASE_URL" in told.output


@pytest.mark.req("R88")
def test_a_server_that_is_not_there_leaves_it_to_the_rules(run: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTO_GENERATE_LLM_FAILURE_SUMMARIES", "true")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    told = run.invoke(main, ["summarize", "run.log"])
    assert told.exit_code == 0, told.output
    assert "by rules" in told.output
    assert "unreachable" in told.output


@pytest.mark.req("R86")
def test_secrets_are_not_shown(run: CliRunner) -> None:
    told = run.invoke(main, ["summarize", "-"], input=f"{LOG}postgresql://etl:hunter2hunter2@db/raw: relation is gone\n")
    assert "hunter2" not in told.output


@pytest.mark.parametrize("title", ["", "orders failed"])
def test_an_empty_log_says_what_to_give_instead(run: CliRunner, title: str) -> None:
    told = run.invoke(main, ["summarize", "-", "--title", title], input="")
    assert told.exit_code == 1
    assert "Give it the log of the run that failed" in told.output
    said = run.invoke(main, ["summarize", "-", "--title", title, "--json"], input="")
    assert json.loads(said.stdout) == {"summary": None, "why_not": "nothing_to_read"}


def test_an_archive_is_named_and_not_read(run: CliRunner) -> None:
    Path("run.log.gz").write_bytes(gzip.compress(LOG.encode()))
    told = run.invoke(main, ["summarize", "run.log.gz"])
    assert told.exit_code == 1
    assert "this is a gzip archive: unpack it first" in told.output


def test_what_is_no_text_says_so(run: CliRunner) -> None:
    Path("run.bin").write_bytes(bytes(range(128, 256)) * 40)
    told = run.invoke(main, ["summarize", "run.bin"])
    assert told.exit_code == 1
    assert "Save the log as UTF-8 text" in told.output


def test_either_spelling_will_do(run: CliRunner) -> None:
    assert run.invoke(main, ["summarise", "run.log"]).output == run.invoke(main, ["summarize", "run.log"]).output


def test_a_log_with_nulls_and_half_characters_is_read(run: CliRunner) -> None:
    Path("run.log").write_bytes(b"\x00\x00start \xed\xa0\x80\n\x00" + LOG.encode() + b"\x00" * 5_000)
    told = run.invoke(main, ["summarize", "run.log"])
    assert told.exit_code == 0, told.output
    assert "Relation raw.orders does not exist" in told.output
