"""What is changed by a command is written down as well, in the same transaction."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from gateway.cli import main
from gateway.storage import audit, tables
from gateway.storage.database import Database
from gateway.storage.migrate import migrate
from tests.builders import House
from tests.conftest import NOW, Clock


def test_a_source_that_a_command_disables_and_events_that_one_replays_are_written_down(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOCSIN_DATABASE_URL", f"sqlite:///{tmp_path / 'tocsin.db'}")
    monkeypatch.chdir(tmp_path)
    database = Database(f"sqlite:///{tmp_path / 'tocsin.db'}")
    migrate(database)
    house = House(database, clock)
    event_id = house.say(unmapped="what is this")
    for arguments in (
        ["events", "replay", "--status", "unmapped", "--yes"],
        ["disable-source", "acme/etl"],
        ["disable-source", "acme/etl"],
    ):
        CliRunner().invoke(main, arguments)
    with database.reading() as transaction:
        found = transaction.execute(select(tables.audit.c.actor, tables.audit.c.action, tables.audit.c.target)).all()
    database.close()
    assert [tuple(one) for one in found] == [
        ("the command line", "events.replayed", f"event {event_id}"),
        ("the command line", "source.disabled", "acme/etl"),
    ]


def test_a_change_that_did_not_happen_is_not_written_down(database: Database, clock: Clock) -> None:
    house = House(database, clock)

    def change_in_vain() -> None:
        with database.writing() as transaction:
            audit.note(transaction, by="somebody", team_id=house.team_id, action="x", target="y", now=NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        change_in_vain()
    assert house.rows(tables.audit) == []


def test_who_changed_something_is_told_in_words_when_they_are_gone(database: Database, clock: Clock) -> None:
    house = House(database, clock)
    ana = house.user("ana")
    with database.writing() as transaction:
        assert audit.who(transaction, ana) == "Ana <ana@acme.test>"
        assert audit.who(transaction, 999) == "user 999"
