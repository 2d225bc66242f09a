"""sources that were deleted: their name is free, and a row stays as long as anything names it"""

from typing import Final

import sqlalchemy as sa
from alembic import op

from gateway.storage.types import Time

revision: Final = "0018"
down_revision: Final = "0017"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.add_column("sources", sa.Column("deleted_at", Time(), nullable=True, comment="then it is disabled, and bears another slug"))
