"""`tocsin connect`: the exact steps, with the source's own address, and never a secret that is stored."""

import sys
import tomllib
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.cli.connecting import choose, instructions
from gateway.cli.written import Written
from gateway.config.document import Configuration
from gateway.engine.mapping import kinds
from gateway.provision.apply import check_sources
from mappers.contract import SourceKind
from mappers.contract.signature import Scheme

CONFIGURATION = """
[[team]]
slug = "acme"

[[team]]
slug = "other"

[[source]]
team = "acme"
slug = "pager"
kind = "alertmanager"
auth = { token = ["env:PAGER_TOKEN", "an-older-secret"] }

[[source]]
team = "acme"
slug = "kuma"
kind = "uptime_kuma"
auth = { header = { name = "X-Key", secrets = [{ secret = "a-secret-in-clear" }] } }

[[source]]
team = "other"
slug = "kuma"
kind = "uptime_kuma"
auth = { bearer = ["env:OTHER_TOKEN"] }
"""


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("TOCSIN_CONFIG", "TOCSIN_PUBLIC_URL", "TOCSIN_LISTEN"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "tocsin.toml").write_text(CONFIGURATION, encoding="utf-8")
    return tmp_path


def connect(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["connect", *arguments])


def said(*arguments: str) -> str:
    result = connect(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def block(output: str) -> str:
    """The lines of tocsin.toml that are shown."""
    shown = output.split("tocsin.toml:\n", 1)[1].splitlines()
    end = next(number for number, line in enumerate(shown) if line.strip() and not line.startswith("    "))
    return "\n".join(line[4:] for line in shown[:end])


def test_a_source_that_exists_keeps_its_address_and_its_secret_to_itself(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGER_TOKEN", "the-secret-itself")
    output = said("alertmanager", "--public-url", "https://tocsin.acme.test/")
    assert "https://tocsin.acme.test/webhooks/acme/pager/<the value of PAGER_TOKEN>" in output
    assert "[[source]]" not in output
    assert not any(secret in output for secret in ("the-secret-itself", "an-older-secret"))
    assert "a-secret-in-clear" not in said("uptime-kuma", "--team", "acme")


def test_a_new_source_gets_a_credential_of_its_own_and_a_block_that_works(written: Path) -> None:
    one, other = (said("gatus", "--team", "acme", "--source", "gatus-eu") for _ in range(2))
    assert one != other, "a credential that is shown twice is no secret"
    token = one.split("export GATUS_EU_TOKEN=")[1].split("\n")[0]
    assert len(token) >= 32
    document = tomllib.loads(CONFIGURATION + block(one).replace("env:GATUS_EU_TOKEN", token))
    check_sources(Configuration.model_validate(document), kinds(()))
    assert one.count(token) >= 2


@pytest.mark.parametrize("kind", sorted(kinds(())))
def test_without_a_file_the_block_of_each_kind_and_scheme_makes_a_team_too(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TOCSIN_CONFIG", raising=False)
    for scheme in kinds(())[kind].auth:
        target = choose(Written(None), kinds(())[kind], team=None, slug=None, base="https://tocsin.acme.test", scheme=scheme)
        output = instructions(kinds(())[kind], target, None)
        usable = {Scheme.BASIC: "user:password", Scheme.STANDARD_WEBHOOKS: "whsec_c2VjcmV0LW9mLTI0LWJ5dGVz"}.get(scheme, "long-enough")
        shown = tomllib.loads(block(output).replace(f"env:{target.variable or None}", usable))
        check_sources(Configuration.model_validate(shown), kinds(()))
        assert target.url in output


def test_a_credential_that_is_set_already_is_used_and_not_shown(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATUS_TOKEN", "set-already")
    output = said("gatus", "--team", "acme")
    assert "<the value of GATUS_TOKEN>" in output
    assert "set-already" not in output
    assert "export" not in output


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["nagios"], "there is no kind 'nagios'; there are "),
        (["uptime_kuma"], "there are several: say --team and --source, of acme/kuma, other/kuma"),
        (["gatus"], "say --team, one of acme, other"),
        (["gatus", "--team", "nobody"], "there is no [[team]] 'nobody'"),
        (["gatus", "--team", "acme", "--source", "pager"], "acme/pager is a source of kind alertmanager"),
        (["gatus", "--team", "acme", "--source", "../x"], "--source: small letters"),
        (["gatus", "--auth", "github"], "'github' is not one of"),
    ],
)
def test_what_cannot_be_said_is_asked_for(written: Path, arguments: list[str], advice: str) -> None:
    result = connect(*arguments)
    assert result.exit_code != 0
    assert advice in result.output.replace("\n", " ")


def test_a_broken_file_is_named(written: Path) -> None:
    (written / "tocsin.toml").write_text("[[source", encoding="utf-8")
    assert "tocsin.toml: cannot be read" in connect("gatus").output
    (written / "tocsin.toml").write_text('mappers = ["nothing"]', encoding="utf-8")
    assert "no installed package offers it" in connect("gatus").output


def test_a_kind_with_a_command_of_its_own_has_that(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    @click.option("--api-url", required=True)
    def own(api_url: str) -> None:
        click.echo(f"wired to {api_url}")

    module = ModuleType("gateway.cli.connect_uptime_kuma")
    module.COMMAND = own  # type: ignore[attr-defined]
    module.__spec__ = object()  # type: ignore[assignment]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert said("uptime-kuma", "--api-url", "http://kuma.test") == "wired to http://kuma.test\n"
    assert "--api-url" in said("uptime_kuma", "--help")
    assert "--source" in said("alertmanager", "--help")
    assert "Uptime Kuma → acme/kuma" in said("--by-hand", "uptime-kuma", "--team", "acme")


def test_the_steps_are_those_of_the_kind_with_address_and_credential_filled_in(written: Path) -> None:
    base = kinds(())["alertmanager"]
    fields = {name: getattr(base, name) for name in ("title", "auth", "event_types", "map", "example")}
    kind = SourceKind(kind="pager", steps=('Paste {"url": "{url}"}\nand {token}.', "Press Save."), **fields)
    target = choose(Written(None), kind, team=None, slug=None, base="https://t.test", scheme=None)
    output = instructions(kind, target, None)
    assert f'  1. Paste {{"url": "https://t.test/webhooks/home/pager"}}\n     and {target.token}.\n  2. Press Save.' in output


def test_each_kind_is_listed(written: Path) -> None:
    output = said("--help")
    assert all(name in output for name, kind in kinds(()).items() if not kind.is_own)
    assert "\n  tocsin" not in output


def test_whoever_begins_with_it_can_sign_in_and_reads_who_reaches_the_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("TOCSIN_CONFIG", "TOCSIN_PUBLIC_URL", "TOCSIN_LISTEN"):
        monkeypatch.delenv(name, raising=False)
    output = said("gatus")
    (admin,) = tomllib.loads(block(output))["user"]
    assert admin["teams"] == {"home": {"role": "admin"}}
    assert "of this machine alone" in output
    assert "of this machine alone" not in said("gatus", "--public-url", "https://tocsin.acme.test")


def test_what_the_sender_makes_is_not_made_up(written: Path) -> None:
    output = said("aws-sns", "--team", "acme")
    assert 'auth = { sns = ["arn:aws:sns:' in output
    assert "export" not in output
    assert "<the secret that dbt platform shows>" in said("--by-hand", "dbt-cloud", "--team", "acme")
