"""what webhooks only point at: follow-ups, and how far senders were asked for runs whose webhooks never came"""

from typing import Final

import sqlalchemy as sa
from alembic import op

from gateway.storage.types import Document, Id, Time

revision: Final = "0004"
down_revision: Final = "0003"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.create_table(
        "follow_ups",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("source_id", Id, nullable=False),
        sa.Column("event_id", Id, nullable=False, comment="whose mapper asked"),
        sa.Column("identity", sa.String(length=64), nullable=False, comment="what is asked of which source: once"),
        sa.Column("kind", sa.String(length=80), nullable=False, comment="which mapper reads the document"),
        sa.Column("operation", sa.String(length=80), nullable=False),
        sa.Column("ids", Document, nullable=False),
        sa.Column("conversations", Document, nullable=False, comment="identities of those whose mail waits for it"),
        sa.Column("status", sa.String(length=20), nullable=False, comment="waiting, done or failed"),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("due_at", Time(), nullable=False),
        sa.Column("until", Time(), nullable=False, comment="of no use after this"),
        sa.Column("lease", sa.String(length=40), nullable=True),
        sa.Column("asked_at", Time(), nullable=False),
        sa.Column("ended_at", Time(), nullable=True),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name=op.f("fk_follow_ups_source_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_follow_ups")),
        sa.UniqueConstraint("identity", name=op.f("uq_follow_ups_identity")),
        comment="documents that mappers ask for; what is fetched enters by the journal",
    )
    op.create_index(op.f("ix_follow_ups_event_id"), "follow_ups", ["event_id"], unique=False)
    waiting = sa.text("status = 'waiting'")
    op.create_index(
        "ix_follow_ups_waiting", "follow_ups", ["due_at", "id"], unique=False, sqlite_where=waiting, postgresql_where=waiting
    )
    op.create_table(
        "reconciliations",
        sa.Column("source_id", Id, nullable=False),
        sa.Column("upto", Time(), nullable=False, comment="of every run that ended until then it is known how"),
        sa.Column("due_at", Time(), nullable=False),
        sa.Column("lease", sa.String(length=40), nullable=True),
        sa.Column("trouble", sa.Text(), nullable=True, comment="why the sender could not be asked last time"),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="how often in a row"),
        sa.Column("asked_at", Time(), nullable=True),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name=op.f("fk_reconciliations_source_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("source_id", name=op.f("pk_reconciliations")),
        comment="how far a sender was asked for runs whose webhooks never came",
    )
    op.create_index(op.f("ix_reconciliations_due_at"), "reconciliations", ["due_at"], unique=False)
    op.create_index(op.f("ix_runs_run"), "runs", ["run"], unique=False)
