"""a journal of its own: on SQLite what the door writes moves to its own file; nothing refers to it by foreign key"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"
branch_labels: Final = None
depends_on: Final = None

_MOVED: Final = ("events", "request_keys", "rejections")


def upgrade() -> None:
    _move_the_journal()
    put_aside = sa.text("status = 'ignored' OR status = 'unmapped' OR status = 'quarantined'")
    op.create_index(
        "ix_processing_put_aside", "processing", ["status", "event_id"], sqlite_where=put_aside, postgresql_where=put_aside
    )


def _move_the_journal() -> None:
    if op.get_context().dialect.name == "postgresql":
        for table, name in (
            ("events", "fk_events_source_id"),
            ("rejections", "fk_rejections_source_id"),
            ("processing", "fk_processing_event_id"),
            ("documents", "fk_documents_event_id"),
        ):
            op.drop_constraint(name, table, type_="foreignkey")
        return
    for table in _MOVED:
        op.execute(f"INSERT OR IGNORE INTO journal.{table} SELECT * FROM main.{table}")
    op.execute("DELETE FROM journal.sqlite_sequence WHERE name = 'events'")  # its ids go on where they were
    op.execute("INSERT INTO journal.sqlite_sequence SELECT name, seq FROM main.sqlite_sequence WHERE name = 'events'")
    op.execute("COMMIT")  # two files do not commit as one: the copy is safe before the originals go
    op.execute("BEGIN IMMEDIATE")
    for table, name in (("processing", "fk_processing_event_id"), ("documents", "fk_documents_event_id")):
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(name, type_="foreignkey")
    for table in _MOVED:
        op.execute(f"DROP TABLE main.{table}")
