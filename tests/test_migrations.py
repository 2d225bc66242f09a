"""The migrations make exactly the schema that the code declares, on both engines."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from gateway.storage.database import Database
from gateway.storage.migrate import migrate, revision
from gateway.storage.migrations import HEAD
from gateway.storage.tables import metadata


def test_the_migrated_schema_is_the_declared_one(database: Database) -> None:
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert revision(connection) == HEAD


def test_migrating_again_does_nothing(database: Database) -> None:
    assert migrate(database) is False


def test_head_is_the_newest_revision() -> None:
    versions = sorted((Path(__file__).parent.parent / "gateway/storage/migrations/versions").glob("[0-9]*.py"))
    assert versions[-1].name.startswith(HEAD)
