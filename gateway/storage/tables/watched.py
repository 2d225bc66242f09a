"""What the gateway looks at by itself: databases, services, and how it is doing. Times are UTC."""

from typing import Final

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, SmallInteger, String, Table, Text, text

from gateway.storage.tables.base import key, metadata, partial, ref
from gateway.storage.types import Document, Time

checks: Final = Table(
    "checks", metadata, key(),
    ref("team_id", "teams"),
    Column("kind", String(20), nullable=False, comment="database or probe"),
    Column("slug", String(80), nullable=False),
    Column("environment", String(80), nullable=False),
    Column("owners", Document, nullable=False),
    Column("address", Text, nullable=False, comment="as it is shown, without credentials"),
    Column("sealed", Text, nullable=False, comment="the address and the headers, encrypted"),
    Column("settings", Document, nullable=False),
    Column("identity", String(64), nullable=False, comment="what is looked at: where it changes, what was seen is of something else"),
    Column("cron", String(200), comment="where there is none, every so many seconds"),
    Column("interval_seconds", Integer, nullable=False),
    Column("timezone", String(80), nullable=False),
    Column("tries", SmallInteger, nullable=False, comment="failures in a row until it is down"),
    Column("disabled_at", Time),
    Column("due_at", Time, nullable=False),
    Column("lease", String(40)),
    Column("checked_at", Time),
    Column("is_down", Boolean, comment="NULL: not known yet"),
    Column("failures", Integer, nullable=False, server_default=text("0"), comment="in a row"),
    Column("since", Time, comment="of the first of these failures"),
    Column("trouble", Text, comment="why the last look failed"),
    Column("seen", Document, nullable=False, comment="what else the last looks came to"),
    Index(None, "team_id", "kind", "slug", unique=True),
    partial("ix_checks_due", "due_at", "id", where="disabled_at IS NULL"),
    comment="what is looked at now and then; owned by tocsin.toml",
)  # fmt: skip

snapshots: Final = Table(
    "snapshots", metadata,
    ref("check_id", "checks", primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("packed", LargeBinary, nullable=False),
    Column("taken_at", Time, nullable=False),
    comment="the tables of a database as its people know them: changes are told against it",
)  # fmt: skip

pauses: Final = Table(
    "pauses", metadata,
    ref("source_id", "sources", primary_key=True),
    Column("pauses", Document, nullable=False, comment="see domain.pauses"),
    comment="how often a sender is usually heard of",
)  # fmt: skip

troubles: Final = Table(
    "troubles", metadata,
    ref("team_id", "teams", primary_key=True),
    Column("name", String(200), primary_key=True, comment="what is in trouble: mail, processing, source/7/silent"),
    Column("level", String(20), nullable=False),
    Column("since", Time, nullable=False),
    Column("clear_since", Time, comment="since when it looks well again"),
    Column("details", Document, nullable=False, comment="as it was told"),
    comment="what is wrong with the gateway itself and was told to admins",
)  # fmt: skip
