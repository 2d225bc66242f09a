"""Threads, what happened on them, and each person's view. Times are UTC."""

from typing import Final

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, SmallInteger, String, Table, Text, text

from gateway.storage.tables.base import key, metadata, partial, ref
from gateway.storage.types import Document, Id, Time

conversations: Final = Table(
    "conversations", metadata, key(),
    ref("team_id", "teams"),
    Column("identity", String(64), nullable=False),
    Column("subject", Text, nullable=False),
    Column("opened_at", Time, nullable=False),
    Column("closed_at", Time),
    partial("uq_conversations_open", "identity", unique=True, where="closed_at IS NULL"),
)  # fmt: skip

notifications: Final = Table(
    "notifications", metadata, key(),
    Column("identity", String(64), nullable=False, unique=True),
    ref("team_id", "teams"),
    ref("source_id", "sources", nullable=True),
    ref("conversation_id", "conversations", nullable=True),
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
    Column("swings", Document, comment="how often it opened and closed of late, see domain.flapping"),
    Column("flapping", Boolean, nullable=False, server_default=text("false")),
    Column("remind_at", Time, comment="when those who hear by mail are reminded next"),
    Column("told_at", Time, comment="when everyone was last alerted or reminded"),
    Column("reminded", Integer, nullable=False, server_default=text("0"), comment="reminders since the last alert"),
    Column("addressed", Boolean, nullable=False, server_default=text("false"), comment="to its recipients alone, not to the whole team"),
    Column("acknowledged_at", Time),
    ref("acknowledged_by", "users", nullable=True),
    Index(None, "conversation_id"),
    Index(None, "pipeline"),
    Index("ix_notifications_facets", "id", "status", "level", "urgent", "source_id", "pipeline"),
    partial("ix_notifications_due", "due_at", where="due_at IS NOT NULL"),
    partial("ix_notifications_silence", "silence_at", where="silence_at IS NOT NULL"),
    partial("ix_notifications_remind", "remind_at", where="remind_at IS NOT NULL"),
    partial("ix_notifications_expires", "expires_at", "id", where="expires_at IS NOT NULL"),
    partial("ix_notifications_resolved", "resolved_at", "id", where="status = 'resolved'"),
    partial("ix_notifications_named", "team_id", "source_app", "source_model", "source_ref", where="source_app IS NOT NULL"),
    partial("ix_notifications_open", "team_id", "urgent", "id", "conversation_id", "weight", "opened_at", "acknowledged_at",
            where="status = 'open'"),
    sqlite_autoincrement=True,  # its ids are told to others and must never come again
)  # fmt: skip

notification_permissions: Final = Table(
    "notification_permissions", metadata,
    ref("notification_id", "notifications", primary_key=True),
    Column("permission", String(200), primary_key=True),
    Index(None, "permission"),
)  # fmt: skip

notification_owners: Final = Table(
    "notification_owners", metadata,
    ref("notification_id", "notifications", primary_key=True),
    Column("owner", String(200), primary_key=True),
    Column("is_tag", Boolean, primary_key=True, comment="a tag of the sender's; counts for scope like an owner"),
    Index(None, "owner", "is_tag", "notification_id"),
)  # fmt: skip

recipients: Final = Table(
    "recipients", metadata,
    ref("notification_id", "notifications", primary_key=True),
    ref("user_id", "users", primary_key=True),
    Index(None, "user_id"),
    comment="to whom an addressed notification goes",
)  # fmt: skip

scheduled: Final = Table(
    "scheduled", metadata,
    ref("notification_id", "notifications", primary_key=True),
    Column("due_at", Time, nullable=False),
    Column("request", Document, nullable=False),
    ref("created_by", "users"),
    Index(None, "due_at"),
    comment="notifications to be made later; until then their rows hold nothing but an id",
)  # fmt: skip

readings: Final = Table(
    "readings", metadata,
    ref("notification_id", "notifications", primary_key=True),
    Column("episode", Integer, nullable=False),
    Column("run", String(200)),
    Column("logs", Document, comment="where more of the log is: an operation of the sender's API"),
    Column("status", String(20), nullable=False, comment="waiting or done"),
    Column("summary", Document, comment="as it can be told now; by the rules while a model is asked"),
    Column("why_not", String(40), comment="why no model says it, or nothing is said at all"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("due_at", Time, nullable=False),
    Column("lease", String(40)),
    Column("asked_at", Time, nullable=False),
    Column("ended_at", Time),
    partial("ix_readings_waiting", "due_at", "notification_id", where="status = 'waiting'"),
    comment="what went wrong, in short, with evidence; of a thread's latest run",
)  # fmt: skip

answers: Final = Table(
    "answers", metadata, key(),
    ref("team_id", "teams"),
    Column("key", String(64), nullable=False, comment="model, prompt and what was shown to it, without numbers, ids and times"),
    Column("model", Text, nullable=False),
    Column("status", String(20), nullable=False, comment="asked, answered or failed"),
    Column("summary", Document),
    Column("why_not", String(40)),
    Column("tokens_in", Integer, nullable=False, server_default=text("0")),
    Column("tokens_out", Integer, nullable=False, server_default=text("0")),
    Column("asked_at", Time, nullable=False),
    Column("until", Time, nullable=False, comment="asked: nobody else asks until then; failed: nor is it asked again"),
    Index(None, "team_id", "key", unique=True),
    Index(None, "team_id", "asked_at"),
    comment="what a model said of a failure; the same failure again costs nothing",
)  # fmt: skip

votes: Final = Table(
    "votes", metadata,
    ref("notification_id", "notifications", primary_key=True),
    ref("user_id", "users", primary_key=True),
    Column("useful", Boolean, nullable=False),
    Column("origin", String(10), nullable=False, comment="model or rules"),
    Column("at", Time, nullable=False),
    Index(None, "user_id"),
    comment="whether a summary was of use",
)  # fmt: skip

idempotency_keys: Final = Table(
    "idempotency_keys", metadata,
    ref("user_id", "users", primary_key=True),
    Column("key", String(300), primary_key=True),
    Column("digest", LargeBinary(32), nullable=False, comment="of the request"),
    Column("status", SmallInteger, nullable=False),
    Column("answer", Document, nullable=False),
    Column("created_at", Time, nullable=False),
    Index(None, "created_at"),
)  # fmt: skip

members: Final = Table(
    "members", metadata,
    ref("notification_id", "notifications", primary_key=True),
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
    "occurrences", metadata, key(),
    ref("notification_id", "notifications"),
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
    Column("final", Boolean, nullable=False, server_default=text("false"), comment="said by a person, or by time; ends flapping too"),
    Index(None, "notification_id", "key", unique=True),
    partial("ix_occurrences_watermarks", "recorded_at", where="reason = 'nothing-open'"),
)  # fmt: skip

episodes: Final = Table(
    "episodes", metadata, key(),
    Column("notification_id", Id, nullable=False),
    Column("team_id", Id, nullable=False),
    Column("source_id", Id),
    Column("category", String(40), nullable=False),
    Column("environment", String(80), nullable=False),
    Column("pipeline", String(200)),
    Column("opened_at", Time, nullable=False),
    Column("resolved_at", Time),
    Column("ended_by", String(10), comment="sender, hand or silence"),
    Column("acknowledged_at", Time, comment="when somebody first was on it; what was taken back never was"),
    Column("happenings", Integer, nullable=False, comment="how often it was said to fail"),
    Column("alerts", Integer, nullable=False, comment="how often all were told of it, its recovery and reminders included"),
    Column("flapped", Boolean, nullable=False),
    Index(None, "notification_id", "opened_at", unique=True),
    Index(None, "team_id", "opened_at"),
    comment="what figures are made of; refers to nothing, and outlives the threads it tells of",
)  # fmt: skip

_ASIDE: Final = ("muted_until", "muted_episode", "snoozed_until", "snoozed_episode")

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
    Column("snoozed_episode", Integer, comment="snoozed while this episode is open"),
    Column("muted_until", Time),
    Column("muted_episode", Integer, comment="muted until this episode is over"),
    partial("ix_inbox_entries_list", "user_id", "last_at", "notification_id", "team_id", "category", "listed", "read_at", *_ASIDE,
            where="archived_at IS NULL"),
    partial("ix_inbox_entries_archived", "user_id", "last_at", "notification_id", where="archived_at IS NOT NULL"),
    partial("ix_inbox_entries_unread", "user_id", "category", "notification_id", "team_id", "listed", *_ASIDE,
            where="read_at IS NULL AND archived_at IS NULL"),
    partial("ix_inbox_entries_put_aside", "user_id", "notification_id", where="muted_episode IS NOT NULL OR snoozed_episode IS NOT NULL"),
    Index(None, "notification_id", "user_id"),
    comment="one user's view of a notification; without foreign keys, which make fan-out several times slower",
)  # fmt: skip
