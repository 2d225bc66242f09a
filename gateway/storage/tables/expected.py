"""What is expected to happen, and who looks. Times are UTC."""

from typing import Final

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, text

from gateway.storage.tables.base import key, metadata, partial, ref
from gateway.storage.types import Time

monitors: Final = Table(
    "monitors", metadata, key(),
    ref("source_id", "sources"),
    Column("pipeline", String(200), nullable=False),
    Column("environment", String(80), nullable=False, server_default="", comment="empty: the source's own"),
    Column("cron", String(200), comment="either this or interval_seconds"),
    Column("interval_seconds", Integer),
    Column("timezone", String(80), nullable=False),
    Column("grace_seconds", Integer, nullable=False),
    Column("max_duration_seconds", Integer),
    Column("managed", Boolean, nullable=False, server_default=text("true"), comment="owned by tocsin.toml"),
    Column("disabled_at", Time),
    Column("paused_at", Time),
    Column("paused_until", Time, comment="NULL while paused: for good"),
    Column("expected_at", Time, comment="the run it waits for; NULL: to be reckoned, see domain.expectation"),
    Column("awaited_from", Time, comment="from when on a run is that one"),
    Column("due_at", Time, comment="when to look; NULL: when a run comes"),
    Column("lateness", String(10), nullable=False, server_default="none", comment="none, late or missing: what people were told"),
    Column("held_since", Time),
    Column("overrun", String(200), comment="the run that people were told does not end"),
    Column("overrun_from", Time, comment="when it started"),
    Index(None, "source_id", "pipeline", unique=True),
    partial("ix_monitors_due", "due_at", "id", where="due_at IS NOT NULL AND disabled_at IS NULL"),
    partial("ix_monitors_begun", "id", where="expected_at IS NULL AND paused_at IS NULL AND disabled_at IS NULL"),
    partial("ix_monitors_late", "id", where="lateness <> 'none'"),
    partial("ix_monitors_overrun", "id", where="overrun IS NOT NULL"),
    partial("ix_monitors_limited", "id", where="max_duration_seconds IS NOT NULL AND paused_at IS NULL AND disabled_at IS NULL"),
)  # fmt: skip

beats: Final = Table(
    "beats", metadata,
    Column("name", String(40), primary_key=True),
    Column("at", Time, nullable=False, comment="when it looked last"),
    Column("gap_from", Time, comment="the last time nobody looked for long"),
    Column("gap_until", Time),
    comment="loops that must know how long nobody looked",
)  # fmt: skip

unwanted: Final = Table(
    "unwanted_suggestions", metadata,
    ref("pipeline_id", "pipelines", primary_key=True),
    Column("at", Time, nullable=False),
    comment="pipelines that nobody wants to be asked about again",
)  # fmt: skip
