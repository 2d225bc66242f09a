"""sources that were deleted, whose row stays as long as anything names it; mails to people who were added to a team"""

from typing import Final

import sqlalchemy as sa
from alembic import op

from gateway.storage.types import Id, Time

revision: Final = "0018"
down_revision: Final = "0017"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.add_column("sources", sa.Column("deleted_at", Time(), nullable=True, comment="then it is disabled, and bears another slug"))
    op.add_column("sign_in_requests", sa.Column("team_id", Id, nullable=True, comment="of an invitation, which holds no link that signs in"))
    op.add_column("sign_in_requests", sa.Column("invited_by", sa.Text(), nullable=True, comment="in words"))
