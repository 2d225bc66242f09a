"""failure summaries: what went wrong in short, what a model said, and whether it was of use"""

from typing import Final

import sqlalchemy as sa
from alembic import op

from gateway.storage.types import Document, Id, Time

revision: Final = "0006"
down_revision: Final = "0005"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.create_table(
        "readings",
        sa.Column("notification_id", Id, nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("run", sa.String(length=200), nullable=True),
        sa.Column("logs", Document, nullable=True, comment="where more of the log is: an operation of the sender's API"),
        sa.Column("status", sa.String(length=20), nullable=False, comment="waiting or done"),
        sa.Column("summary", Document, nullable=True, comment="as it can be told now; by the rules while a model is asked"),
        sa.Column("why_not", sa.String(length=40), nullable=True, comment="why no model says it, or nothing is said at all"),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("due_at", Time(), nullable=False),
        sa.Column("lease", sa.String(length=40), nullable=True),
        sa.Column("asked_at", Time(), nullable=False),
        sa.Column("ended_at", Time(), nullable=True),
        sa.ForeignKeyConstraint(
            ["notification_id"], ["notifications.id"], name=op.f("fk_readings_notification_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("notification_id", name=op.f("pk_readings")),
        comment="what went wrong, in short, with evidence; of a thread's latest run",
    )
    waiting = sa.text("status = 'waiting'")
    op.create_index(
        "ix_readings_waiting", "readings", ["due_at", "notification_id"], unique=False, sqlite_where=waiting, postgresql_where=waiting
    )
    shown = "model, prompt and what was shown to it, without numbers, ids and times"
    op.create_table(
        "answers",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("team_id", Id, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False, comment=shown),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False, comment="asked, answered or failed"),
        sa.Column("summary", Document, nullable=True),
        sa.Column("why_not", sa.String(length=40), nullable=True),
        sa.Column("tokens_in", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("tokens_out", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("asked_at", Time(), nullable=False),
        sa.Column("until", Time(), nullable=False, comment="asked: nobody else asks until then; failed: nor is it asked again"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_answers_team_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answers")),
        comment="what a model said of a failure; the same failure again costs nothing",
    )
    op.create_index(op.f("ix_answers_team_id_asked_at"), "answers", ["team_id", "asked_at"], unique=False)
    op.create_index(op.f("ix_answers_team_id_key"), "answers", ["team_id", "key"], unique=True)
    op.create_table(
        "votes",
        sa.Column("notification_id", Id, nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("useful", sa.Boolean(), nullable=False),
        sa.Column("origin", sa.String(length=10), nullable=False, comment="model or rules"),
        sa.Column("at", Time(), nullable=False),
        sa.ForeignKeyConstraint(["notification_id"], ["notifications.id"], name=op.f("fk_votes_notification_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_votes_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("notification_id", "user_id", name=op.f("pk_votes")),
        comment="whether a summary was of use",
    )
    op.create_index(op.f("ix_votes_user_id"), "votes", ["user_id"], unique=False)
