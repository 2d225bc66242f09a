"""What arrives, and what became of it. Times are UTC."""

from typing import Final

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, String, Table, Text, text

from gateway.storage.tables.base import key, metadata, partial, ref
from gateway.storage.types import Document, Id, Time

sources: Final = Table(
    "sources", metadata, key(),
    ref("team_id", "teams"),
    Column("slug", String(80), nullable=False),
    Column("kind", String(80), nullable=False),
    Column("environment", String(80), nullable=False, server_default=""),
    Column("auth", Document, nullable=False, comment="proofs: digests of static credentials, encrypted signing secrets"),
    Column("settings", Document, nullable=False),
    Column("managed", Boolean, nullable=False, server_default=text("false"), comment="owned by tocsin.toml"),
    Column("created_at", Time, nullable=False),
    Column("disabled_at", Time),
    Column("deleted_at", Time, comment="then it is disabled, and bears another slug"),
    Index(None, "team_id", "slug", unique=True),
)  # fmt: skip

events: Final = Table(
    "events", metadata, key(),
    Column("source_id", Id, nullable=False),
    Column("request_key", String(300)),
    Column("method", String(10), nullable=False),
    Column("path", Text, nullable=False),
    Column("query", Text, nullable=False),
    Column("headers", Document, nullable=False, comment="[[name, value], ...], credentials stripped"),
    Column("body", LargeBinary, nullable=False),
    Column("received_at", Time, nullable=False),
    Column("conflicting", Boolean, nullable=False, server_default=text("false"), comment="a known request key with other bytes"),
    Index(None, "source_id", "id"),
    sqlite_autoincrement=True,  # its ids are told to others and must never come again
)  # fmt: skip

request_keys: Final = Table(
    "request_keys", metadata,
    Column("source_id", Id, primary_key=True),
    Column("request_key", String(300), primary_key=True),
    Column("body_digest", LargeBinary(32), nullable=False),
    Column("event_id", Id, nullable=False),
    Column("received_at", Time, nullable=False),
    Index(None, "received_at").ddl_if(dialect="postgresql"),  # on SQLite its rows lie in this order by themselves
    comment="outlives the events it names",
)  # fmt: skip

processing: Final = Table(
    "processing", metadata,
    Column("event_id", Id, primary_key=True, autoincrement=False),
    Column("status", String(20), nullable=False, comment="waiting, mapped, ignored, unmapped or quarantined"),
    Column("reason", Text),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("due_at", Time, nullable=False),
    Column("lease", String(40)),
    Column("processed_at", Time),
    partial("ix_processing_waiting", "due_at", "event_id", where="status = 'waiting'"),
    partial(
        "ix_processing_put_aside", "status", "event_id", where="status = 'ignored' OR status = 'unmapped' OR status = 'quarantined'"
    ),
    comment="apart from events, which never change",
)  # fmt: skip

rejections: Final = Table(
    "rejections", metadata, key(),
    Column("source_id", Id, nullable=False),
    Column("reason", String(60), nullable=False),
    Column("remote", String(64), nullable=False),
    Column("headers", Document, nullable=False, comment="redacted"),
    Column("body_size", Integer),
    Column("rejected_at", Time, nullable=False),
    Index(None, "source_id", "id"),
)  # fmt: skip

JOURNAL: Final = (events, request_keys, rejections)
"""What the door writes. On SQLite they are in a file of their own, so that no other writer holds up an answer;
nothing refers to them by a foreign key, which could not cross files."""

documents: Final = Table(
    "documents", metadata,
    ref("source_id", "sources", primary_key=True),
    Column("name", String(300), primary_key=True),
    Column("event_id", Id, nullable=False),
    Index(None, "event_id"),
    comment="the latest event that holds a document a mapper may want back",
)  # fmt: skip

follow_ups: Final = Table(
    "follow_ups", metadata, key(),
    ref("source_id", "sources"),
    Column("event_id", Id, nullable=False, comment="whose mapper asked"),
    Column("identity", String(64), nullable=False, unique=True, comment="what is asked of which source: once"),
    Column("kind", String(80), nullable=False, comment="which mapper reads the document"),
    Column("operation", String(80), nullable=False),
    Column("ids", Document, nullable=False),
    Column("conversations", Document, nullable=False, comment="identities of those whose mail waits for it"),
    Column("status", String(20), nullable=False, comment="waiting, done or failed"),
    Column("reason", Text),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("due_at", Time, nullable=False),
    Column("until", Time, nullable=False, comment="of no use after this"),
    Column("lease", String(40)),
    Column("asked_at", Time, nullable=False),
    Column("ended_at", Time),
    Index(None, "event_id"),
    Index(None, "source_id", "asked_at"),
    partial("ix_follow_ups_waiting", "due_at", "id", where="status = 'waiting'"),
    comment="documents that mappers ask for; what is fetched enters by the journal",
)  # fmt: skip

reconciliations: Final = Table(
    "reconciliations", metadata,
    ref("source_id", "sources", primary_key=True),
    Column("upto", Time, nullable=False, comment="of every run that ended until then it is known how"),
    Column("due_at", Time, nullable=False),
    Column("lease", String(40)),
    Column("trouble", Text, comment="why the sender could not be asked last time"),
    Column("failures", Integer, nullable=False, server_default=text("0"), comment="how often in a row"),
    Column("asked_at", Time),
    Index(None, "due_at"),
    comment="how far a sender was asked for runs whose webhooks never came",
)  # fmt: skip

notices: Final = Table(
    "notices", metadata, key(),
    ref("source_id", "sources"),
    Column("request_key", String(300), nullable=False),
    Column("watcher", String(40), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("noticed_at", Time, nullable=False),
    Index(None, "source_id", "request_key", unique=True),
    comment="what our own watchers noticed, on its way to the journal; gone once it is there",
)  # fmt: skip

pipelines: Final = Table(
    "pipelines", metadata, key(),
    ref("source_id", "sources"),
    Column("environment", String(80), nullable=False),
    Column("name", String(200), nullable=False),
    Index(None, "source_id", "environment", "name", unique=True),
)  # fmt: skip

runs: Final = Table(
    "runs", metadata, key(),
    ref("pipeline_id", "pipelines"),
    Column("run", String(200), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("phase", String(20), nullable=False),
    Column("state", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("phase_at", Time, nullable=False),
    Column("expected_at", Time),
    Column("started_at", Time),
    Column("ended_at", Time),
    Index(None, "pipeline_id", "run", "attempt", unique=True),
    Index(None, "pipeline_id", "phase_at"),
    partial("ix_runs_unended", "pipeline_id", "started_at", where="ended_at IS NULL AND started_at IS NOT NULL"),
    Index(None, "run"),
)  # fmt: skip
