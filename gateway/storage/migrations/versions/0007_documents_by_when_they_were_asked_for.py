"""documents by when they were asked for: mail waits for those that are fetched and not recorded yet"""

from typing import Final

from alembic import op

revision: Final = "0007"
down_revision: Final = "0006"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.create_index(op.f("ix_follow_ups_source_id_asked_at"), "follow_ups", ["source_id", "asked_at"], unique=False)
