"""The migrations make exactly the schema that the code declares, on both engines."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, insert, inspect, select, text

from gateway.storage import arrivals
from gateway.storage.database import Database, StorageUnavailable
from gateway.storage.migrate import alembic_config, migrate, revision
from gateway.storage.migrations import HEAD
from gateway.storage.tables import JOURNAL, metadata, processing
from tests.conftest import NOW

BY_POSTGRESQL_ALONE = "ix_request_keys_received_at"


def differences(engine: Engine, tables: Collection[str]) -> list[Any]:
    """How the schema of a database differs from these declared tables."""
    with engine.connect() as connection:
        named = {"compare_type": True, "include_name": lambda name, kind, _: kind != "table" or name in tables}
        passed_over = {BY_POSTGRESQL_ALONE} if engine.dialect.name == "sqlite" else set()
        declared = {"include_object": lambda one, name, kind, *_: name not in passed_over and (kind != "table" or name in tables)}
        return list(compare_metadata(MigrationContext.configure(connection, opts=named | declared), metadata))


def test_the_migrated_schema_is_the_declared_one(database: Database) -> None:
    in_journal = {table.name for table in JOURNAL}
    elsewhere = metadata.tables.keys() - in_journal
    assert differences(database.engine, elsewhere if database.is_sqlite else metadata.tables.keys()) == []
    assert differences(database.journal, in_journal) == []
    for engine, expected in ((database.engine, elsewhere), (database.journal, in_journal)):
        found = set(inspect(engine).get_table_names()) - {"alembic_version"}
        assert found == (expected if database.is_sqlite else metadata.tables.keys())
    with database.reading() as connection:
        assert revision(connection) == HEAD


def test_events_of_an_older_version_move_to_the_journal_and_their_ids_go_on(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'tocsin.db'}")
    from alembic import command

    with database.appending() as connection:
        metadata.create_all(connection, tables=JOURNAL)
    with database.migrating() as connection:
        command.upgrade(alembic_config(connection), "0001")
        connection.execute(text("INSERT INTO main.teams (id, slug, name, created_at) VALUES (1, 'acme', 'Acme', 0)"))
        connection.execute(
            text(
                "INSERT INTO main.sources (id, team_id, slug, kind, auth, settings, created_at) "
                "VALUES (1, 1, 'etl', 'prefect', '[]', '{}', 0)"
            )
        )
        for number in (3, 8):
            connection.execute(
                text(
                    "INSERT INTO main.events (id, source_id, method, path, query, headers, body, received_at) "
                    "VALUES (:id, 1, 'POST', '', '', '[]', x'01', 0)"
                ),
                {"id": number},
            )
            connection.execute(
                text("INSERT INTO main.processing (event_id, status, attempts, due_at) VALUES (:id, 'mapped', 1, 0)"), {"id": number}
            )
        connection.execute(text("DELETE FROM main.events WHERE id = 8"))
    assert migrate(database)
    with database.reading() as connection:
        assert connection.scalars(text("SELECT id FROM events")).all() == [3]
        assert connection.scalars(text("SELECT event_id FROM processing")).all() == [3]
    with database.appending() as connection:
        (receipt,) = arrivals.append(connection, [arrival()])
    assert receipt.event_id == 9, "an id that was told to others never comes again"
    database.close()


def test_a_lost_journal_begins_after_the_last_event_that_was_known(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    database = Database(f"sqlite:///{tmp_path / 'tocsin.db'}")
    migrate(database)
    with database.writing() as connection:
        for event_id, status in ((40, "waiting"), (41, "mapped")):
            connection.execute(insert(processing).values(event_id=event_id, status=status, due_at=NOW))
    database.close()
    for path in tmp_path.glob("tocsin.journal.db*"):
        path.unlink()
    database = Database(f"sqlite:///{tmp_path / 'tocsin.db'}")
    assert migrate(database) is False
    with database.appending() as connection:
        (receipt,) = arrivals.append(connection, [arrival()])
    assert receipt.event_id == 42
    assert "tocsin.journal.db was lost" in caplog.text
    with database.reading() as connection:
        assert connection.scalars(select(processing.c.status).order_by(processing.c.event_id)).all() == ["quarantined", "mapped"]
    database.close()


def test_an_older_copy_of_the_journal_gives_out_no_id_again(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'tocsin.db'}")
    migrate(database)
    with database.appending() as connection:
        arrivals.append(connection, [arrival(), arrival()])
    with database.writing() as connection:
        connection.execute(insert(processing).values(event_id=5, status="mapped", due_at=NOW))
    migrate(database)
    with database.appending() as connection:
        (receipt,) = arrivals.append(connection, [arrival()])
    assert receipt.event_id == 6
    database.close()


def test_a_journal_without_its_database_is_not_taken_for_ones_own(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'tocsin.db'}")
    migrate(database)
    with database.appending() as connection:
        arrivals.append(connection, [arrival()])
    database.close()
    for path in tmp_path.glob("tocsin.db*"):
        path.unlink()
    with pytest.raises(StorageUnavailable, match=r"tocsin\.journal\.db belongs to a database that is not there"):
        migrate(Database(f"sqlite:///{tmp_path / 'tocsin.db'}"))
    assert not (tmp_path / "tocsin.db").exists(), "nothing that looks like the missing file is left behind"


def arrival() -> arrivals.Arrival:
    return arrivals.Arrival(
        source_id=1, request_key=None, body_digest=b"", method="POST", path="", query="", headers=[], body=b"{}", received_at=NOW
    )


def test_migrating_again_does_nothing(database: Database) -> None:
    assert migrate(database) is False


def test_head_is_the_newest_revision() -> None:
    versions = sorted((Path(__file__).parent.parent / "gateway/storage/migrations/versions").glob("[0-9]*.py"))
    assert versions[-1].name.startswith(HEAD)
