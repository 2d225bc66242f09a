"""what our watchers notice: on its way to the journal"""

from typing import Final

import sqlalchemy as sa
from alembic import op

from gateway.storage.types import Id, Time

revision: Final = "0011"
down_revision: Final = "0010"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.create_table(
        "notices",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("source_id", Id, nullable=False),
        sa.Column("request_key", sa.String(length=300), nullable=False),
        sa.Column("watcher", sa.String(length=40), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("noticed_at", Time(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name=op.f("fk_notices_source_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        comment="what our own watchers noticed, on its way to the journal; gone once it is there",
    )
    op.create_index(op.f("ix_notices_source_id_request_key"), "notices", ["source_id", "request_key"], unique=True)
