"""What is expected to happen. Times are UTC."""

from typing import Final

from sqlalchemy import Column, Index, Integer, String, Table

from gateway.storage.tables.base import key, metadata, ref
from gateway.storage.types import Time

monitors: Final = Table(
    "monitors", metadata, key(),
    ref("source_id", "sources"),
    Column("pipeline", String(200), nullable=False),
    Column("cron", String(200), comment="either this or interval_seconds"),
    Column("interval_seconds", Integer),
    Column("timezone", String(80), nullable=False),
    Column("grace_seconds", Integer, nullable=False),
    Column("disabled_at", Time),
    Index(None, "source_id", "pipeline", unique=True),
    comment="owned by tocsin.toml",
)  # fmt: skip
