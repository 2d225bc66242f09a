"""`tocsin map`: what a payload would become, as a source of tocsin.toml would read it, without a server."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main

FIXTURES = Path(__file__).parents[1] / "fixtures"
CONFIGURATION = """
[[team]]
slug = "acme"

[[source]]
team = "acme"
slug = "kuma"
kind = "uptime_kuma"
environment = "prod"
auth = { bearer = ["env:A_VARIABLE_THAT_IS_NOT_SET"] }
settings = { ui_url = "env:KUMA_ADDRESS" }

[[source]]
team = "acme"
slug = "misspelt"
kind = "uptime_kuma"
auth = { bearer = ["env:A_VARIABLE_THAT_IS_NOT_SET"] }
settings = { ui_uri = "https://kuma.acme.test" }
"""


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TOCSIN_CONFIG", raising=False)
    (tmp_path / "tocsin.toml").write_text(CONFIGURATION, encoding="utf-8")
    (tmp_path / "down").write_text(json.loads((FIXTURES / "uptime_kuma/json-down.request.json").read_text())["body"])
    return tmp_path


def map_it(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["map", *arguments])


def draft(*arguments: str) -> dict[str, Any]:
    result = map_it(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.output)["drafts"][0])


def test_a_source_reads_with_its_own_settings_and_no_secret_need_be_at_hand(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUMA_ADDRESS", "https://kuma.acme.test")
    assert draft("uptime_kuma", "down", "--source", "acme/kuma")["links"]["Open monitor"].startswith("https://kuma.acme.test/")
    assert "Open monitor" not in draft("uptime_kuma", "down").get("links", {})


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["uptime_kuma", "down", "--source", "acme/misspelt"], "settings.ui_uri: there is no such key; is it ui_url?"),
        (["prefect", "down", "--source", "acme/kuma"], "acme/kuma is a source of kind uptime_kuma, not prefect"),
        (["uptime_kuma", "down", "--source", "acme/other"], "there is no [[source]] acme/other in tocsin.toml; there are: acme/kuma,"),
        (["nagios", "down"], "there is no kind 'nagios'; there are"),
    ],
)
def test_what_cannot_be_read_is_said(written: Path, arguments: list[str], advice: str) -> None:
    result = map_it(*arguments)
    assert result.exit_code == 1
    assert advice in result.output


def test_a_mapper_that_the_file_allows_and_nobody_installed_is_named(written: Path) -> None:
    (written / "tocsin.toml").write_text('mappers = ["nothing"]', encoding="utf-8")
    result = map_it("uptime_kuma", "down")
    assert (result.exit_code, "no installed package offers it" in result.output) == (1, True)
