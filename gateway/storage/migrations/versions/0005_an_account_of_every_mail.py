"""an account of every mail: attempts, what is urgent leaves first, addresses that take no mail, mails folded into one"""

from typing import Final

import sqlalchemy as sa
from alembic import op

from gateway.storage.types import Id, Time

revision: Final = "0005"
down_revision: Final = "0004"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    refused = "when a mail server said that the address takes no mail; no more is sent until an admin clears it"
    op.add_column("users", sa.Column("refused_at", Time(), nullable=True, comment=refused))
    op.add_column("users", sa.Column("refused_why", sa.Text(), nullable=True, comment="in its words"))
    urgent = sa.Column("urgent", sa.Boolean(), server_default=sa.text("false"), nullable=False, comment="leaves before what is not")
    folded = "mails that would have been too many, told in this one"
    op.add_column("deliveries", urgent)
    op.add_column("deliveries", sa.Column("folded", sa.Integer(), server_default=sa.text("0"), nullable=False, comment=folded))
    waiting = sa.text("status = 'waiting' AND urgent")
    op.create_index(
        "ix_deliveries_urgent", "deliveries", ["due_at", "id"], unique=False, sqlite_where=waiting, postgresql_where=waiting
    )
    untouched = sa.text("status = 'waiting' AND attempts = 0 AND lease IS NULL AND due_at <= created_at")
    op.create_index("ix_deliveries_untouched", "deliveries", ["id"], unique=False, sqlite_where=untouched, postgresql_where=untouched)
    op.create_index(op.f("ix_deliveries_user_id_finished_at"), "deliveries", ["user_id", "finished_at"], unique=False)
    op.create_table(
        "delivery_attempts",
        sa.Column("delivery_id", Id, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", Time(), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False, comment="sent, kept, retry, failed or cancelled"),
        sa.Column("answer", sa.Text(), nullable=False, comment="what the server said"),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name=op.f("fk_delivery_attempts_delivery_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("delivery_id", "number", name=op.f("pk_delivery_attempts")),
    )
