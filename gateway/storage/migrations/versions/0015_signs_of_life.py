"""signs of life: what each working process says of itself"""

from typing import Final

import sqlalchemy as sa
from alembic import op

from gateway.storage.types import Document, Time

revision: Final = "0015"
down_revision: Final = "0013"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.create_table(
        "working_processes",
        sa.Column("id", sa.String(24), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(40), nullable=False),
        sa.Column("key_mark", sa.String(16), nullable=False, comment="by which it is seen whether all have the same key"),
        sa.Column("started_at", Time(), nullable=False),
        sa.Column("seen_at", Time(), nullable=False, comment="by the database's clock, where it has one"),
        sa.Column("steps", Document, nullable=False, comment="worker → seconds since its last step ended, when this was written"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_working_processes")),
        comment="signs of life; gone when the process ends as it should, or a day after the last",
    )
