"""monitors that are watched: how far each is, who looked when, and what nobody wants to be asked again"""

from typing import Final

import sqlalchemy as sa
from alembic import op

from gateway.storage.types import Id, Time

revision: Final = "0012"
down_revision: Final = "0011"
branch_labels: Final = None
depends_on: Final = None

_COLUMNS: Final = (
    sa.Column("environment", sa.String(length=80), server_default="", nullable=False, comment="empty: the source's own"),
    sa.Column("max_duration_seconds", sa.Integer(), nullable=True),
    sa.Column("managed", sa.Boolean(), server_default=sa.text("true"), nullable=False, comment="owned by tocsin.toml"),
    sa.Column("paused_at", Time(), nullable=True),
    sa.Column("paused_until", Time(), nullable=True, comment="NULL while paused: for good"),
    sa.Column("expected_at", Time(), nullable=True, comment="the run it waits for; NULL: to be reckoned, see domain.expectation"),
    sa.Column("awaited_from", Time(), nullable=True, comment="from when on a run is that one"),
    sa.Column("due_at", Time(), nullable=True, comment="when to look; NULL: when a run comes"),
    sa.Column(
        "lateness", sa.String(length=10), server_default="none", nullable=False, comment="none, late or missing: what people were told"
    ),
    sa.Column("held_since", Time(), nullable=True),
    sa.Column("overrun", sa.String(length=200), nullable=True, comment="the run that people were told does not end"),
    sa.Column("overrun_from", Time(), nullable=True, comment="when it started"),
)
_INDEXES: Final = (
    ("ix_monitors_due", ["due_at", "id"], "due_at IS NOT NULL AND disabled_at IS NULL"),
    ("ix_monitors_begun", ["id"], "expected_at IS NULL AND paused_at IS NULL AND disabled_at IS NULL"),
    ("ix_monitors_late", ["id"], "lateness <> 'none'"),
    ("ix_monitors_overrun", ["id"], "overrun IS NOT NULL"),
    ("ix_monitors_limited", ["id"], "max_duration_seconds IS NOT NULL AND paused_at IS NULL AND disabled_at IS NULL"),
)


def upgrade() -> None:
    for column in _COLUMNS:
        op.add_column("monitors", column)
    if op.get_bind().dialect.name == "postgresql":
        op.drop_table_comment("monitors", existing_comment="owned by tocsin.toml")
    for name, columns, where in _INDEXES:
        op.create_index(name, "monitors", columns, unique=False, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
    unended = sa.text("ended_at IS NULL AND started_at IS NOT NULL")
    op.create_index(
        "ix_runs_unended", "runs", ["pipeline_id", "started_at"], unique=False, sqlite_where=unended, postgresql_where=unended
    )
    op.create_table(
        "beats",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("at", Time(), nullable=False, comment="when it looked last"),
        sa.Column("gap_from", Time(), nullable=True, comment="the last time nobody looked for long"),
        sa.Column("gap_until", Time(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_beats")),
        comment="loops that must know how long nobody looked",
    )
    op.create_table(
        "unwanted_suggestions",
        sa.Column("pipeline_id", Id, nullable=False),
        sa.Column("at", Time(), nullable=False),
        sa.ForeignKeyConstraint(
            ["pipeline_id"], ["pipelines.id"], name=op.f("fk_unwanted_suggestions_pipeline_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pipeline_id", name=op.f("pk_unwanted_suggestions")),
        comment="pipelines that nobody wants to be asked about again",
    )
