"""`tocsin delete-source`: a disabled source goes, and what is in the way is said."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.storage import sources, tables
from gateway.storage.database import Database
from gateway.storage.migrate import migrate
from tests.builders import House
from tests.conftest import Clock


@pytest.fixture
def house(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> House:
    database = Database(f"sqlite:///{tmp_path / 'tocsin.db'}")
    migrate(database)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOCSIN_DATABASE_URL", f"sqlite:///{tmp_path / 'tocsin.db'}")
    return House(database, clock)


def run(*command: str, said: str | None = None) -> Result:
    return CliRunner().invoke(main, list(command), input=said)


def test_it_asks_and_deletes(house: House) -> None:
    old = house.source("old")
    with house.database.writing() as transaction:
        sources.change(transaction, old, managed=False)
    first = run("delete-source", "acme/old", "--yes")
    assert (first.exit_code, "disable it first: tocsin disable-source acme/old" in first.stderr) == (1, True)
    assert run("disable-source", "acme/old").exit_code == 0
    assert run("delete-source", "acme/old", said="n\n").exit_code == 1
    done = run("delete-source", "acme/old", said="y\n")
    assert (done.exit_code, done.stdout) == (0, "acme/old is deleted.\n")
    assert "Its notifications stay readable" in done.stderr
    assert "there is no source acme/old" in run("delete-source", "acme/old", "--yes").stderr
    assert [row["action"] for row in house.rows(tables.audit)] == ["source.disabled", "source.deleted"]
    house.source("old")


def test_what_tocsin_toml_names_and_tocsin_itself_stay(house: House, clock: Clock) -> None:
    named = house.source("named")
    with house.database.writing() as transaction:
        sources.change(transaction, named, managed=True)
        sources.own(transaction, team_id=house.team_id, now=clock())
    assert "take it out of tocsin.toml" in run("delete-source", "acme/named", "--yes").stderr
    assert "is Tocsin itself" in run("delete-source", "acme/tocsin", "--yes").stderr
    assert run("delete-source", "acme/nothing", "--yes").exit_code == 1
