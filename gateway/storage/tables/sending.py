"""What is still to be told and sent. Times are UTC."""

from typing import Final

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, String, Table, Text, text

from gateway.storage.tables.base import key, metadata, partial, ref
from gateway.storage.types import Id, Time

fan_outs: Final = Table(
    "fan_outs", metadata, key(),
    ref("team_id", "teams"),
    ref("notification_id", "notifications"),
    Column("episode", Integer, nullable=False),
    Column("alert", String(20), nullable=False),
    Column("reason", String(20), nullable=False),
    Column("news", String(300), nullable=False),
    Column("by_mail", Boolean, nullable=False),
    Column("after_user_id", Id, nullable=False, server_default=text("0"), comment="everyone up to this one was told"),
    Column("created_at", Time, nullable=False),
    Index(None, "notification_id", "id"),
    Index(None, "team_id", "news"),
    comment="a large team is told in ranges of its people; gone once all were told",
)  # fmt: skip

OPEN_DIGEST: Final = "kind = 'digest' AND status = 'waiting' AND attempts = 0"
"""A digest that still collects; a person has one of each team at most."""
UNTOUCHED: Final = "status = 'waiting' AND attempts = 0 AND lease IS NULL AND due_at <= created_at"
"""A mail that is to leave at once and that nobody took yet."""
URGENT: Final = "status = 'waiting' AND urgent"

deliveries: Final = Table(
    "deliveries", metadata, key(),
    ref("user_id", "users"),
    ref("team_id", "teams"),
    ref("conversation_id", "conversations"),
    Column("channel", String(10), nullable=False),
    Column("kind", String(20), nullable=False, comment="failing, reminder, resolved or digest"),
    Column("news", String(300), nullable=False, comment="what it tells of; the same news makes one delivery"),
    Column("urgent", Boolean, nullable=False, server_default=text("false"), comment="leaves before what is not"),
    Column("folded", Integer, nullable=False, server_default=text("0"), comment="mails that would have been too many, told in this one"),
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
    partial("ix_deliveries_waiting", "due_at", "id", where="status = 'waiting'"),
    partial("ix_deliveries_urgent", "due_at", "id", where=URGENT),
    partial("ix_deliveries_untouched", "id", where=UNTOUCHED),
    partial("ix_deliveries_failed", "id", where="status = 'failed'"),
    Index(None, "user_id", "finished_at"),
    partial(
        "uq_deliveries_digest", "user_id", "conversation_id", "channel", unique=True,
        where=OPEN_DIGEST,
    ),
    Index(None, "conversation_id", "user_id"),
    sqlite_autoincrement=True,  # its ids are told to others and must never come again
)  # fmt: skip

delivery_attempts: Final = Table(
    "delivery_attempts", metadata,
    ref("delivery_id", "deliveries", primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", Time, nullable=False),
    Column("outcome", String(20), nullable=False, comment="sent, kept, retry, failed or cancelled"),
    Column("answer", Text, nullable=False, comment="what the server said"),
)  # fmt: skip

delivery_items: Final = Table(
    "delivery_items", metadata,
    ref("delivery_id", "deliveries", primary_key=True),
    ref("notification_id", "notifications", primary_key=True),
    Column("episode", Integer, nullable=False),
    Column("reason", String(20), nullable=False),
    Column("cancelled", Boolean, nullable=False, server_default=text("false")),
    Column("user_id", Id, comment="of its delivery: a range of people is looked up by it"),
    Index(None, "notification_id", "user_id"),
)  # fmt: skip
