"""Every table, in the order in which a webhook meets them. Times are UTC."""

from typing import Any, Final

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, MetaData, SmallInteger, String, Table, Text, text

from gateway.storage.types import Document, Id, Time

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _key(**options: Any) -> Column[int]:
    return Column("id", Id, primary_key=True, autoincrement=True, **options)


def _ref(name: str, target: str, *, nullable: bool = False, primary_key: bool = False) -> Column[int]:
    return Column(name, Id, ForeignKey(f"{target}.id", ondelete="CASCADE"), nullable=nullable, primary_key=primary_key)


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


# ---- people -------------------------------------------------------------------------------------------------

teams: Final = Table(
    "teams", metadata, _key(),
    Column("slug", String(80), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("base_url", Text),
    Column("created_at", Time, nullable=False),
)  # fmt: skip

users: Final = Table(
    "users", metadata, _key(),
    Column("email", String(320), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("settings", Document, nullable=False, comment="what the person chose; defaults are absent"),
    Column("enabled", Boolean, nullable=False, server_default=text("true"), comment="the master switch"),
    Column("in_app_enabled", Boolean, nullable=False, server_default=text("true")),
    Column("email_enabled", Boolean, nullable=False, server_default=text("true")),
    Column("in_app_weight", SmallInteger, nullable=False, server_default=text("1")),
    Column("email_weight", SmallInteger, nullable=False, server_default=text("2")),
    Column("created_at", Time, nullable=False),
)  # fmt: skip

memberships: Final = Table(
    "memberships", metadata,
    _ref("team_id", "teams", primary_key=True),
    _ref("user_id", "users", primary_key=True),
    Column("role", String(20), nullable=False),
    Index(None, "user_id"),
)  # fmt: skip

membership_permissions: Final = Table(
    "membership_permissions", metadata,
    _ref("team_id", "teams", primary_key=True),
    _ref("user_id", "users", primary_key=True),
    Column("permission", String(200), primary_key=True),
)  # fmt: skip

user_owns: Final = Table(
    "user_owns", metadata,
    _ref("user_id", "users", primary_key=True),
    Column("owner", String(200), primary_key=True, comment="a word that counts as this person's in owners and tags"),
)  # fmt: skip

subscriptions: Final = Table(
    "subscriptions", metadata,
    _ref("user_id", "users", primary_key=True),
    _ref("team_id", "teams", primary_key=True),
    Column("category", String(40), primary_key=True),
    Column("in_app", Boolean, nullable=False),
    Column("email", Boolean, nullable=False),
    Column("in_app_weight", SmallInteger, comment="NULL: the person's own minimum for the channel"),
    Column("email_weight", SmallInteger),
    Column("scope", String(10), nullable=False, server_default="all"),
    Column("chosen", Boolean, nullable=False, comment="by the person; false: a default from the configuration"),
)  # fmt: skip

credentials: Final = Table(
    "credentials", metadata, _key(),
    _ref("user_id", "users"),
    Column("kind", String(20), nullable=False, comment="token, session or sign-in"),
    Column("digest", LargeBinary(32), nullable=False, unique=True, comment="SHA-256; the credential itself is never stored"),
    Column("name", Text, nullable=False),
    Column("managed", Boolean, nullable=False, server_default=text("false"), comment="owned by tocsin.toml"),
    Column("created_at", Time, nullable=False),
    Column("expires_at", Time),
    Column("last_used_at", Time),
    Index(None, "user_id"),
)  # fmt: skip

# ---- what arrives -------------------------------------------------------------------------------------------

sources: Final = Table(
    "sources", metadata, _key(),
    _ref("team_id", "teams"),
    Column("slug", String(80), nullable=False),
    Column("kind", String(80), nullable=False),
    Column("environment", String(80), nullable=False, server_default=""),
    Column("auth", Document, nullable=False, comment="proofs: digests of static credentials, encrypted signing secrets"),
    Column("settings", Document, nullable=False),
    Column("managed", Boolean, nullable=False, server_default=text("false"), comment="owned by tocsin.toml"),
    Column("created_at", Time, nullable=False),
    Column("disabled_at", Time),
    Index(None, "team_id", "slug", unique=True),
)  # fmt: skip

events: Final = Table(
    "events", metadata, _key(),
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
    _partial("ix_processing_waiting", "due_at", "event_id", where="status = 'waiting'"),
    _partial(
        "ix_processing_put_aside", "status", "event_id", where="status = 'ignored' OR status = 'unmapped' OR status = 'quarantined'"
    ),
    comment="apart from events, which never change",
)  # fmt: skip

rejections: Final = Table(
    "rejections", metadata, _key(),
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
    _ref("source_id", "sources", primary_key=True),
    Column("name", String(300), primary_key=True),
    Column("event_id", Id, nullable=False),
    Index(None, "event_id"),
    comment="the latest event that holds a document a mapper may want back",
)  # fmt: skip

pipelines: Final = Table(
    "pipelines", metadata, _key(),
    _ref("source_id", "sources"),
    Column("environment", String(80), nullable=False),
    Column("name", String(200), nullable=False),
    Index(None, "source_id", "environment", "name", unique=True),
)  # fmt: skip

runs: Final = Table(
    "runs", metadata, _key(),
    _ref("pipeline_id", "pipelines"),
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
)  # fmt: skip

# ---- what people see ----------------------------------------------------------------------------------------

conversations: Final = Table(
    "conversations", metadata, _key(),
    _ref("team_id", "teams"),
    Column("identity", String(64), nullable=False),
    Column("subject", Text, nullable=False),
    Column("opened_at", Time, nullable=False),
    Column("closed_at", Time),
    _partial("uq_conversations_open", "identity", unique=True, where="closed_at IS NULL"),
)  # fmt: skip

notifications: Final = Table(
    "notifications", metadata, _key(),
    Column("identity", String(64), nullable=False, unique=True),
    _ref("team_id", "teams"),
    _ref("source_id", "sources", nullable=True),
    _ref("conversation_id", "conversations", nullable=True),
    Column("environment", String(80), nullable=False, server_default=""),
    Column("slug", String(80), nullable=False, server_default=""),
    Column("event_data", Document),
    Column("category", String(40), nullable=False, server_default="system"),
    Column("status", String(20), nullable=False, server_default="unseen", comment="unseen, open or resolved"),
    Column("level", String(10), nullable=False, server_default="info"),
    Column("weight", SmallInteger, nullable=False, server_default=text("1")),
    Column("urgent", Boolean, nullable=False, server_default=text("false")),
    Column("urgent_stated", Boolean, comment="what the mapper or creator said; NULL: the rule decides"),
    Column("title", Text, nullable=False, server_default=""),
    Column("message", Text, nullable=False, server_default=""),
    Column("links", Document),
    Column("facts", Document),
    Column("tags", Document),
    Column("impact", Document),
    Column("pipeline", String(200)),
    Column("run", String(200)),
    Column("excerpt", Text, nullable=False, server_default=""),
    Column("source_app", String(200)),
    Column("source_model", String(200)),
    Column("source_ref", String(200)),
    Column("expires_at", Time),
    Column("silence_at", Time, comment="closes itself then unless there is news"),
    Column("episode", Integer, nullable=False, server_default=text("0")),
    Column("count", Integer, nullable=False, server_default=text("0")),
    Column("firing", Integer, nullable=False, server_default=text("0"), comment="members shown as failing"),
    Column("members_total", Integer, nullable=False, server_default=text("0"), comment="members that ever failed in this episode"),
    Column("first_at", Time),
    Column("opened_at", Time),
    Column("resolved_at", Time),
    Column("last_at", Time),
    Column("folded_at", Time, comment="with the next two: the order of the last occurrence folded in"),
    Column("folded_resolved", Boolean),
    Column("folded_key", Text),
    Column("due_at", Time, comment="when the next hold of a member is over"),
    Column("acknowledged_at", Time),
    _ref("acknowledged_by", "users", nullable=True),
    Index(None, "team_id", "last_at"),
    Index(None, "conversation_id"),
    _partial("ix_notifications_due", "due_at", where="due_at IS NOT NULL"),
    _partial("ix_notifications_silence", "silence_at", where="silence_at IS NOT NULL"),
    _partial("ix_notifications_urgent", "team_id", "conversation_id", where="urgent AND status = 'open'"),
    sqlite_autoincrement=True,  # its ids are told to others and must never come again
)  # fmt: skip

notification_permissions: Final = Table(
    "notification_permissions", metadata,
    _ref("notification_id", "notifications", primary_key=True),
    Column("permission", String(200), primary_key=True),
)  # fmt: skip

notification_owners: Final = Table(
    "notification_owners", metadata,
    _ref("notification_id", "notifications", primary_key=True),
    Column("owner", String(200), primary_key=True),
    Column("is_tag", Boolean, primary_key=True, comment="a tag of the sender's; counts for scope like an owner"),
)  # fmt: skip

members: Final = Table(
    "members", metadata,
    _ref("notification_id", "notifications", primary_key=True),
    Column("key", String(300), primary_key=True),
    Column("label", Text, nullable=False),
    Column("firing", Boolean, nullable=False),
    Column("level", String(10), nullable=False),
    Column("since", Time, nullable=False),
    Column("run", String(200)),
    Column("held_until", Time),
    Column("episode", Integer, nullable=False),
    Column("details", Document, nullable=False, comment="message, facts, links, owners, tags, impact, excerpt of the last failure"),
)  # fmt: skip

occurrences: Final = Table(
    "occurrences", metadata, _key(),
    _ref("notification_id", "notifications"),
    Column("key", Text, nullable=False),
    Column("event_id", Id, comment="may be gone by retention"),
    Column("state", String(10), nullable=False),
    Column("occurred_at", Time, nullable=False),
    Column("recorded_at", Time, nullable=False),
    Column("run", String(200)),
    Column("attempt", Integer),
    Column("reason", String(20), nullable=False),
    Column("episode", Integer, nullable=False),
    Column("title", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("members", Document, nullable=False, comment="key → level"),
    Column("held_until", Time),
    Column("spares_own_run", Boolean, nullable=False, server_default=text("false")),
    Index(None, "notification_id", "key", unique=True),
    _partial("ix_occurrences_watermarks", "recorded_at", where="reason = 'nothing-open'"),
)  # fmt: skip

inbox_entries: Final = Table(
    "inbox_entries", metadata,
    Column("user_id", Id, primary_key=True),
    Column("notification_id", Id, primary_key=True),
    Column("team_id", Id, nullable=False),
    Column("category", String(40), nullable=False),
    Column("episode", Integer, nullable=False, comment="the last one this person was told of"),
    Column("reason", String(20), nullable=False),
    Column("listed", Boolean, nullable=False, comment="false: known by mail only, in-app is off"),
    Column("first_at", Time, nullable=False),
    Column("last_at", Time, nullable=False),
    Column("read_at", Time),
    Column("archived_at", Time),
    Column("dismissed_at", Time),
    Column("snoozed_until", Time),
    Column("muted_until", Time),
    Index("ix_inbox_entries_list", "user_id", "last_at", "notification_id"),
    _partial("ix_inbox_entries_unread", "user_id", "category", where="read_at IS NULL"),
    Index(None, "notification_id"),
    comment="one user's view of a notification; without foreign keys, which make fan-out several times slower",
)  # fmt: skip

# ---- what is still to be sent -------------------------------------------------------------------------------

deliveries: Final = Table(
    "deliveries", metadata, _key(),
    _ref("user_id", "users"),
    _ref("team_id", "teams"),
    _ref("conversation_id", "conversations"),
    Column("channel", String(10), nullable=False),
    Column("kind", String(20), nullable=False, comment="failing or resolved"),
    Column("news", String(300), nullable=False, comment="what it tells of; the same news makes one delivery"),
    Column("status", String(20), nullable=False, comment="waiting, sent, kept, failed or cancelled"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("due_at", Time, nullable=False),
    Column("lease", String(40)),
    Column("message_id", Text),
    Column("mail", LargeBinary, comment="frozen before the first attempt"),
    Column("last_answer", Text),
    Column("created_at", Time, nullable=False),
    Column("finished_at", Time),
    Index(None, "user_id", "conversation_id", "channel", "news", unique=True),
    _partial("ix_deliveries_waiting", "due_at", "id", where="status = 'waiting'"),
    Index(None, "conversation_id"),
    sqlite_autoincrement=True,  # its ids are told to others and must never come again
)  # fmt: skip

delivery_items: Final = Table(
    "delivery_items", metadata,
    _ref("delivery_id", "deliveries", primary_key=True),
    _ref("notification_id", "notifications", primary_key=True),
    Column("episode", Integer, nullable=False),
    Column("reason", String(20), nullable=False),
    Column("cancelled", Boolean, nullable=False, server_default=text("false")),
    Index(None, "notification_id"),
)  # fmt: skip

# ---- what is expected ---------------------------------------------------------------------------------------

monitors: Final = Table(
    "monitors", metadata, _key(),
    _ref("source_id", "sources"),
    Column("pipeline", String(200), nullable=False),
    Column("cron", String(200), comment="either this or interval_seconds"),
    Column("interval_seconds", Integer),
    Column("timezone", String(80), nullable=False),
    Column("grace_seconds", Integer, nullable=False),
    Column("disabled_at", Time),
    Index(None, "source_id", "pipeline", unique=True),
    comment="owned by tocsin.toml",
)  # fmt: skip
