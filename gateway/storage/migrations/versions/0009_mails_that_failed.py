"""an index of the few mails that failed: admins look for them among millions that did not"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0009"
down_revision: Final = "0007"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    failed = sa.text("status = 'failed'")
    op.create_index("ix_deliveries_failed", "deliveries", ["id"], unique=False, sqlite_where=failed, postgresql_where=failed)
