"""what arrived goes by age: request keys by when they came, and room that is used again soon"""

from typing import Final

from alembic import op

revision: Final = "0017"
down_revision: Final = "0016"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    if op.get_context().dialect.name != "postgresql":  # on SQLite keys lie in this order, and freed pages are used again
        return
    # A third of a second for each million keys, for which the door waits. Whoever has very many makes it before, CONCURRENTLY.
    op.create_index("ix_request_keys_received_at", "request_keys", ["received_at"], if_not_exists=True)
    for table in ("events", "request_keys", "processing"):
        op.execute(f"ALTER TABLE {table} SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05)")
