"""`tocsin.toml` and the environment: what is right is applied, idempotently; what is wrong is named with its place."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from gateway.config.document import ConfigurationError, read_configuration
from gateway.config.environment import EnvironmentFault, read_environment
from gateway.engine.mapping import kinds
from gateway.provision.apply import apply
from gateway.provision.first_start import set_up
from gateway.storage import audit, people, sources, tables
from gateway.storage.database import Database
from gateway.vault import Vault, VaultError
from tests.conftest import NOW

VAULT = Vault("0123456789abcdef0123456789abcdef")
GIVEN = {"ANA_TOKEN": "ana-token-0123456789", "PREFECT_HOOK_TOKEN": "hook-token", "PREFECT_API_KEY": "prefect-api-key"}
DESIGN = """
[[team]]
slug = "acme"
name = "Acme data"

[[user]]
email = "ana@acme.test"
name = "Ana"
token = "env:ANA_TOKEN"
teams = { acme = { role = "admin", permissions = ["pipelines.view"] } }
owns = ["data-platform", "@ana"]

[[source]]
team = "acme"
slug = "prefect-prod"
kind = "prefect"
environment = "prod"
auth = { bearer = ["env:PREFECT_HOOK_TOKEN"] }
settings = { late_hold = "5m", api_url = "http://prefect:4200/api", api_key = "env:PREFECT_API_KEY" }

[[subscription]]
team = "acme"
user = "ana@acme.test"
category = "late_run"
email = false
in_app = { min_level = "warning" }

[[monitor]]
team = "acme"
source = "prefect-prod"
pipeline = "nightly-orders"
cron = "0 2 * * *"
timezone = "Europe/Berlin"
grace = "20m"
"""


def put(directory: Path, text: str) -> Path:
    path = directory / "tocsin.toml"
    path.write_text(text, encoding="utf-8")
    return path


def everything(database: Database) -> dict[str, list[dict[str, Any]]]:
    with database.reading() as transaction:
        return {
            table.name: sorted((dict(row._mapping) for row in transaction.execute(select(table))), key=repr)
            for table in tables.metadata.sorted_tables
        }


def test_the_configuration_of_the_design_is_applied_and_applying_it_again_changes_nothing(database: Database, tmp_path: Path) -> None:
    configuration = read_configuration(put(tmp_path, DESIGN), GIVEN)
    with database.writing() as transaction:
        apply(transaction, configuration, kinds(()), VAULT, NOW)
    first = everything(database)
    assert [row["slug"] for row in first["teams"]] == ["acme"]
    assert {row["permission"] for row in first["membership_permissions"]} == {"pipelines.view", "role:admin", "role:member", "role:viewer"}
    assert {row["owner"] for row in first["user_owns"]} == {"data-platform", "@ana"}
    (late,) = first["subscriptions"]
    assert (late["in_app"], late["in_app_weight"], late["email"], late["chosen"]) == (True, 2, False, False)
    assert first["monitors"][0]["grace_seconds"] == 1200
    with database.writing() as transaction:
        apply(transaction, configuration, kinds(()), VAULT, NOW)
    second = everything(database)
    for one in (first, second):
        for source in one["sources"]:
            source["settings"].pop("api_key")  # sealed anew each time
    assert second == first


@pytest.mark.req("R98")
def test_no_credential_is_stored_in_clear(database: Database, tmp_path: Path) -> None:
    with database.writing() as transaction:
        apply(transaction, read_configuration(put(tmp_path, DESIGN), GIVEN), kinds(()), VAULT, NOW)
    kept = repr(everything(database))
    for secret in GIVEN.values():
        assert secret not in kept


def test_what_a_person_chose_is_never_overwritten_and_what_is_unlisted_is_disabled(database: Database, tmp_path: Path) -> None:
    configuration = read_configuration(put(tmp_path, DESIGN), GIVEN)
    with database.writing() as transaction:
        apply(transaction, configuration, kinds(()), VAULT, NOW)
        transaction.execute(tables.subscriptions.update().values(chosen=True, email=True))
        bare = configuration.model_copy(update={"source": (), "monitor": ()})
        applied = apply(transaction, bare, kinds(()), VAULT, NOW)
    assert applied.disabled == ("prefect-prod",)
    after = everything(database)
    assert after["subscriptions"][0]["email"] is True
    assert after["sources"][0]["disabled_at"] == NOW
    assert after["monitors"][0]["disabled_at"] == NOW


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('name = "Ana"', 'nam = "Ana"'), "[[user]] 1 (ana@acme.test): nam: there is no such key"),
        (("env:ANA_TOKEN", "env:NOBODY"), "[[user]] 1 (ana@acme.test): token: the environment variable NOBODY is not set"),
        (("env:ANA_TOKEN", "short"), "[[user]] 1 (ana@acme.test): token"),
        (('role = "admin"', 'role = "boss"'), "teams.acme.role"),
        (("{ acme = {", "{ nowhere = {"), "[[user]] (ana@acme.test): teams: there is no [[team]] 'nowhere'"),
        (('category = "late_run"', 'category = "lateness"'), "[[subscription]] 1 (acme/ana@acme.test/lateness): category"),
        (('cron = "0 2 * * *"', 'cron = "0 99 * * *"'), "[[monitor]] 1 (acme/nightly-orders): cron: '0 99 * * *' is no cron expression"),
        (('cron = "0 2 * * *"', ""), "[[monitor]] 1 (acme/nightly-orders): needs either cron or interval"),
        (("Europe/Berlin", "Europe/Nowhere"), "is no IANA time zone"),
        (('source = "prefect-prod"', 'source = "other"'), "there is no [[source]] acme/other"),
        (('bearer = ["env:PREFECT_HOOK_TOKEN"]', ""), "auth: names no credential"),
        (('user = "ana@acme.test"', 'user = "bob@acme.test"'), "there is no [[user]] with this email"),
    ],
)
def test_a_fault_names_its_place(tmp_path: Path, change: tuple[str, str], told: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        read_configuration(put(tmp_path, DESIGN.replace(*change)), GIVEN)
    assert told in str(raised.value)


@pytest.mark.parametrize("table", ["team", "user", "source", "subscription", "monitor"])
def test_what_is_named_twice_is_an_error(tmp_path: Path, table: str) -> None:
    start = DESIGN.index(f"[[{table}]]")
    end = DESIGN.find("[[", start + 3)
    again = DESIGN[start : end if end > 0 else None]
    with pytest.raises(ConfigurationError, match=rf"\[\[{table}\]\] 2: .* is used twice, first in \[\[{table}\]\] 1"):
        read_configuration(put(tmp_path, DESIGN + again), GIVEN)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('kind = "prefect"', 'kind = "nagios"'), "[[source]] 1 (acme/prefect-prod): kind: there is no 'nagios'; there are airbyte, "),
        (('kind = "prefect"', 'kind = "tocsin"'), "kind: 'tocsin' is what Tocsin says itself; every team has it without being asked"),
        (("bearer = [", "dbt = ["), "auth: Prefect cannot use dbt; it can use bearer"),
        (("late_hold", "late_hole"), "settings.late_hole"),
        (
            ("http://prefect:4200/api", "http://169.254.169.254/api"),
            "settings.api_url: 169.254.169.254 is not connected to: it is link-local",
        ),
        (("http://prefect:4200/api", "prefect:4200/api"), "settings.api_url: must begin with http:// or https:// and name a host"),
    ],
)
def test_a_source_its_kind_cannot_be_is_an_error_and_nothing_changes(
    database: Database, tmp_path: Path, change: tuple[str, str], told: str
) -> None:
    configuration = read_configuration(put(tmp_path, DESIGN.replace(*change)), GIVEN)
    with pytest.raises(ConfigurationError) as raised, database.writing() as transaction:
        apply(transaction, configuration, kinds(()), VAULT, NOW)
    assert told in str(raised.value)
    assert everything(database)["teams"] == []


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [("TOCSIN_LISTEN", "8080", "TOCSIN_LISTEN"), ("TOCSIN_TRUSTED_PROXIES", "10.0.0.0/99", "TOCSIN_TRUSTED_PROXIES")],
)
def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(EnvironmentFault, match=told):
        read_environment()


def test_a_short_key_is_refused_and_a_foreign_key_opens_nothing() -> None:
    with pytest.raises(VaultError, match="32 characters"):
        Vault("short")
    assert VAULT.open(VAULT.seal(b"x")) == b"x"
    assert Vault("another key of at least 32 letters").open(VAULT.seal(b"x")) is None


def test_a_source_keeps_its_kind(database: Database, tmp_path: Path) -> None:
    first = read_configuration(put(tmp_path, DESIGN), GIVEN)
    other = DESIGN.replace('kind = "prefect"', 'kind = "alertmanager"').replace("settings = {", "# settings = {")
    with database.writing() as transaction:
        apply(transaction, first, kinds(()), VAULT, NOW)
    with (
        pytest.raises(ConfigurationError, match="this source is prefect; give alertmanager another slug"),
        database.writing() as transaction,
    ):
        apply(transaction, read_configuration(put(tmp_path, other), GIVEN), kinds(()), VAULT, NOW)


def test_sources_that_never_were_in_the_file_stay_and_are_named(database: Database, tmp_path: Path) -> None:
    with database.writing() as transaction:
        set_up(transaction, kinds(()), VAULT, NOW)
        applied = apply(transaction, read_configuration(put(tmp_path, DESIGN), GIVEN), kinds(()), VAULT, NOW)
        assert "home/prefect" in applied.others
        assert sources.disable(transaction, team="home", slug="prefect", now=NOW)
        assert sources.find(transaction, "home", "prefect") is None
        assert not sources.disable(transaction, team="home", slug="prefect", now=NOW)


def test_a_source_made_elsewhere_is_adopted_when_the_file_names_it_and_let_go_when_it_does_not(database: Database, tmp_path: Path) -> None:
    configuration = read_configuration(put(tmp_path, DESIGN), GIVEN)
    with database.writing() as transaction:
        team_id = people.put_team(transaction, slug="acme", name="Acme", base_url=None, now=NOW)
        made = {
            slug: sources.put(
                transaction, team_id=team_id, slug=slug, kind="prefect", environment="dev", auth=[], settings={}, managed=False, now=NOW
            )
            for slug in ("prefect-prod", "prefect-dev")
        }
        applied = apply(transaction, configuration, kinds(()), VAULT, NOW)
        assert applied.adopted == ("acme/prefect-prod",)
        assert applied.others == ("acme/prefect-dev",)
        assert apply(transaction, configuration, kinds(()), VAULT, NOW).adopted == ()
        mine = sources.one(transaction, team_ids=[team_id], source_id=made["prefect-prod"])
        theirs = sources.one(transaction, team_ids=[team_id], source_id=made["prefect-dev"])
        assert mine is not None
        assert theirs is not None
        assert (mine.owned, mine.environment, len(mine.auth)) == (True, "prod", 1)
        assert (theirs.owned, theirs.environment, theirs.disabled_at) == (False, "dev", None)
        apply(transaction, configuration.model_copy(update={"source": (), "monitor": ()}), kinds(()), VAULT, NOW)
        let_go = sources.one(transaction, team_ids=[team_id], source_id=mine.id)
        assert let_go is not None
        assert (let_go.owned, let_go.disabled_at) == (False, NOW)
        changes = audit.page(transaction, team_ids=[team_id], before=None, limit=10, wanted=audit.Filter(action="source"))
    assert [(one["action"], one["target"]) for one in changes] == [
        ("source.disabled", "prefect-prod"),
        ("source.adopted", "acme/prefect-prod"),
    ]


def test_somebody_who_is_not_named_any_more_leaves_the_team(database: Database, tmp_path: Path) -> None:
    with_bob = DESIGN + '\n[[user]]\nemail = "bob@acme.test"\nteams = { acme = {} }\n'
    for text, members in ((with_bob, 2), (DESIGN, 1)):
        with database.writing() as transaction:
            apply(transaction, read_configuration(put(tmp_path, text), GIVEN), kinds(()), VAULT, NOW)
        assert len(everything(database)["memberships"]) == members


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", ""])
def test_a_database_that_is_neither_engine_is_refused_in_words(url: str) -> None:
    with pytest.raises(ValueError, match="must be sqlite:///path or postgresql://"):
        Database(url)
