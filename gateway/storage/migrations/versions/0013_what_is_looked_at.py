"""what is looked at: databases, services, and the gateway itself"""

from typing import Final

import sqlalchemy as sa
from alembic import op

from gateway.storage.types import Document, Id, Time

revision: Final = "0013"
down_revision: Final = "0012"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.create_table(
        "checks",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("team_id", Id, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False, comment="database or probe"),
        sa.Column("slug", sa.String(length=80), nullable=False),
        sa.Column("environment", sa.String(length=80), nullable=False),
        sa.Column("owners", Document, nullable=False),
        sa.Column("address", sa.Text(), nullable=False, comment="as it is shown, without credentials"),
        sa.Column("sealed", sa.Text(), nullable=False, comment="the address and the headers, encrypted"),
        sa.Column("settings", Document, nullable=False),
        sa.Column("identity", sa.String(length=64), nullable=False, comment="what is looked at: where it changes, what was seen is of something else"),
        sa.Column("cron", sa.String(length=200), nullable=True, comment="where there is none, every so many seconds"),
        sa.Column("interval_seconds", sa.Integer(), nullable=False),
        sa.Column("timezone", sa.String(length=80), nullable=False),
        sa.Column("tries", sa.SmallInteger(), nullable=False, comment="failures in a row until it is down"),
        sa.Column("disabled_at", Time(), nullable=True),
        sa.Column("due_at", Time(), nullable=False),
        sa.Column("lease", sa.String(length=40), nullable=True),
        sa.Column("checked_at", Time(), nullable=True),
        sa.Column("is_down", sa.Boolean(), nullable=True, comment="NULL: not known yet"),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="in a row"),
        sa.Column("since", Time(), nullable=True, comment="of the first of these failures"),
        sa.Column("trouble", sa.Text(), nullable=True, comment="why the last look failed"),
        sa.Column("seen", Document, nullable=False, comment="what else the last looks came to"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_checks_team_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checks")),
        comment="what is looked at now and then; owned by tocsin.toml",
    )
    op.create_index(op.f("ix_checks_team_id_kind_slug"), "checks", ["team_id", "kind", "slug"], unique=True)
    op.create_index(
        "ix_checks_due", "checks", ["due_at", "id"], unique=False,
        sqlite_where=sa.text("disabled_at IS NULL"), postgresql_where=sa.text("disabled_at IS NULL"),
    )
    op.create_table(
        "snapshots",
        sa.Column("check_id", Id, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.Column("taken_at", Time(), nullable=False),
        sa.ForeignKeyConstraint(["check_id"], ["checks.id"], name=op.f("fk_snapshots_check_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("check_id", name=op.f("pk_snapshots")),
        comment="the tables of a database as its people know them: changes are told against it",
    )
    op.create_table(
        "pauses",
        sa.Column("source_id", Id, nullable=False),
        sa.Column("pauses", Document, nullable=False, comment="see domain.pauses"),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name=op.f("fk_pauses_source_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("source_id", name=op.f("pk_pauses")),
        comment="how often a sender is usually heard of",
    )
    op.create_table(
        "troubles",
        sa.Column("team_id", Id, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False, comment="what is in trouble: mail, processing, source/7/silent"),
        sa.Column("level", sa.String(length=20), nullable=False),
        sa.Column("since", Time(), nullable=False),
        sa.Column("clear_since", Time(), nullable=True, comment="since when it looks well again"),
        sa.Column("details", Document, nullable=False, comment="as it was told"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_troubles_team_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("team_id", "name", name=op.f("pk_troubles")),
        comment="what is wrong with the gateway itself and was told to admins",
    )
