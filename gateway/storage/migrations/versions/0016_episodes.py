"""episodes: when things failed, were acknowledged and recovered, kept longer than the threads that say so"""

from datetime import UTC, datetime
from typing import Final

import sqlalchemy as sa
from alembic import op

from gateway.storage.types import Id, Time

revision: Final = "0016"
down_revision: Final = "0015"
branch_labels: Final = None
depends_on: Final = None

_OPEN: Final = """
INSERT INTO episodes (notification_id, team_id, source_id, category, environment, pipeline, opened_at, acknowledged_at, happenings,
                      alerts, flapped)
SELECT id, team_id, source_id, category, environment, pipeline, opened_at, acknowledged_at, count, 1, flapping
FROM notifications WHERE status = 'open' AND opened_at IS NOT NULL
"""
"""What is open goes on; of what was over before, nobody wrote down when it was acknowledged."""


def upgrade() -> None:
    op.create_table(
        "episodes",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("notification_id", Id, nullable=False),
        sa.Column("team_id", Id, nullable=False),
        sa.Column("source_id", Id, nullable=True),
        sa.Column("category", sa.String(40), nullable=False),
        sa.Column("environment", sa.String(80), nullable=False),
        sa.Column("pipeline", sa.String(200), nullable=True),
        sa.Column("opened_at", Time(), nullable=False),
        sa.Column("resolved_at", Time(), nullable=True),
        sa.Column("ended_by", sa.String(10), nullable=True, comment="sender, hand or silence"),
        sa.Column("acknowledged_at", Time(), nullable=True, comment="when somebody first was on it; what was taken back never was"),
        sa.Column("happenings", sa.Integer(), nullable=False, comment="how often it was said to fail"),
        sa.Column(
            "alerts", sa.Integer(), nullable=False, comment="how often all were told of it, its recovery and reminders included"
        ),
        sa.Column("flapped", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_episodes")),
        comment="what figures are made of; refers to nothing, and outlives the threads it tells of",
    )
    op.create_index(op.f("ix_episodes_notification_id_opened_at"), "episodes", ["notification_id", "opened_at"], unique=True)
    op.create_index(op.f("ix_episodes_team_id_opened_at"), "episodes", ["team_id", "opened_at"], unique=False)
    op.execute(_OPEN)
    beats = sa.table("beats", sa.column("name", sa.String), sa.column("at", Time()))
    op.execute(beats.insert().values(name="episodes", at=datetime.now(UTC)))
