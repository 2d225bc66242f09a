"""sessions change their id now and then, and sign-in links are asked for by mail"""

from typing import Final

import sqlalchemy as sa
from alembic import op

from gateway.storage.types import Id, Time

revision: Final = "0010"
down_revision: Final = "0009"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.add_column(
        "credentials", sa.Column("previous", sa.LargeBinary(length=32), nullable=True, comment="of a session: the digest of its id before")
    )
    op.add_column(
        "credentials",
        sa.Column("previous_until", Time(), nullable=True, comment="until when that is good still; NULL: until the new id is used"),
    )
    op.add_column("credentials", sa.Column("renewed_at", Time(), nullable=True, comment="when a session got its id; NULL: when it began"))
    replaced = sa.text("previous IS NOT NULL")
    op.create_index(
        "uq_credentials_previous", "credentials", ["previous"], unique=True, sqlite_where=replaced, postgresql_where=replaced
    )
    op.create_table(
        "sign_in_requests",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False, comment="as it was typed, by whoever it was"),
        sa.Column("target", sa.Text(), nullable=False, comment="the page that was wanted"),
        sa.Column("salt", sa.String(length=40), nullable=False, comment="what the link is made from, with the key of the installation"),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("due_at", Time(), nullable=False),
        sa.Column("lease", sa.String(length=40), nullable=True),
        sa.Column("asked_at", Time(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_requests")),
        comment="sign-in links that are still to be mailed; gone once they are, or cannot be any more",
    )
    op.create_index(op.f("ix_sign_in_requests_due_at"), "sign_in_requests", ["due_at"], unique=False)
