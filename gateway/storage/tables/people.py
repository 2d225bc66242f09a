"""Teams, people, and how they are known. Times are UTC."""

from typing import Final

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, SmallInteger, String, Table, Text, text

from gateway.storage.tables.base import key, metadata, partial, ref
from gateway.storage.types import Document, Id, Time

teams: Final = Table(
    "teams", metadata, key(),
    Column("slug", String(80), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("base_url", Text),
    Column("policy", Document, comment="what is urgent and when to remind, where it differs from the defaults"),
    Column("created_at", Time, nullable=False),
)  # fmt: skip

users: Final = Table(
    "users", metadata, key(),
    Column("email", String(320), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("settings", Document, nullable=False, comment="what the person chose; defaults are absent"),
    Column("enabled", Boolean, nullable=False, server_default=text("true"), comment="the master switch"),
    Column("in_app_enabled", Boolean, nullable=False, server_default=text("true")),
    Column("email_enabled", Boolean, nullable=False, server_default=text("true")),
    Column("in_app_weight", SmallInteger, nullable=False, server_default=text("1")),
    Column("email_weight", SmallInteger, nullable=False, server_default=text("2")),
    Column("mailable", Boolean, nullable=False, server_default=text("true"), comment="false: known by an issuer's word alone"),
    Column("refused_at", Time, comment="when a mail server said that the address takes no mail; no more is sent until an admin clears it"),
    Column("refused_why", Text, comment="in its words"),
    Column("rhythm", String(200), comment="quiet hours and digest, see domain.rhythm; NULL: mail leaves at any time"),
    Column("urgent_breaks_through", Boolean, nullable=False, server_default=text("true")),
    Column("do_not_disturb_until", Time, comment="in every team"),
    Column("retention_days", Integer, comment="NULL: the installation's own"),
    Column("created_at", Time, nullable=False),
    partial("ix_users_rhythm", "rhythm", where="rhythm IS NOT NULL"),
    partial("ix_users_do_not_disturb_until", "do_not_disturb_until", where="do_not_disturb_until IS NOT NULL"),
)  # fmt: skip

memberships: Final = Table(
    "memberships", metadata,
    ref("team_id", "teams", primary_key=True),
    ref("user_id", "users", primary_key=True),
    Column("role", String(20), nullable=False),
    Column("managed", Boolean, nullable=False, server_default=text("false"), comment="owned by tocsin.toml"),
    Column("do_not_disturb_until", Time),
    Index(None, "user_id"),
    partial("ix_memberships_do_not_disturb_until", "do_not_disturb_until", where="do_not_disturb_until IS NOT NULL"),
)  # fmt: skip

membership_permissions: Final = Table(
    "membership_permissions", metadata,
    ref("team_id", "teams", primary_key=True),
    ref("user_id", "users", primary_key=True),
    Column("permission", String(200), primary_key=True),
)  # fmt: skip

user_owns: Final = Table(
    "user_owns", metadata,
    ref("user_id", "users", primary_key=True),
    Column("owner", String(200), primary_key=True, comment="a word that counts as this person's in owners and tags"),
)  # fmt: skip

subscriptions: Final = Table(
    "subscriptions", metadata,
    ref("user_id", "users", primary_key=True),
    ref("team_id", "teams", primary_key=True),
    Column("category", String(40), primary_key=True),
    Column("in_app", Boolean, nullable=False),
    Column("email", Boolean, nullable=False),
    Column("in_app_weight", SmallInteger, comment="NULL: the person's own minimum for the channel"),
    Column("email_weight", SmallInteger),
    Column("scope", String(10), nullable=False, server_default="all"),
    Column("chosen", Boolean, nullable=False, comment="by the person; false: a default from the configuration"),
)  # fmt: skip

INGESTS: Final = "scopes LIKE '%ingest%'"
"""Few tokens of many are for the door, which looks for them all the time."""

credentials: Final = Table(
    "credentials", metadata, key(),
    ref("user_id", "users"),
    Column("kind", String(20), nullable=False, comment="token, session or sign-in"),
    Column("digest", LargeBinary(32), nullable=False, unique=True, comment="SHA-256; the credential itself is never stored"),
    Column("name", Text, nullable=False),
    Column("scopes", String(60), nullable=False, server_default="read write admin", comment="what a token may be used for"),
    Column("managed", Boolean, nullable=False, server_default=text("false"), comment="owned by tocsin.toml"),
    Column("created_at", Time, nullable=False),
    Column("expires_at", Time),
    Column("last_used_at", Time),
    Column("previous", LargeBinary(32), comment="of a session: the digest of its id before"),
    Column("previous_until", Time, comment="until when that is good still; NULL: until the new id is used"),
    Column("renewed_at", Time, comment="when a session got its id; NULL: when it began"),
    Index(None, "user_id"),
    partial("ix_credentials_ingest", "kind", "user_id", where=INGESTS),
    partial("uq_credentials_previous", "previous", unique=True, where="previous IS NOT NULL"),
)  # fmt: skip

sign_in_requests: Final = Table(
    "sign_in_requests", metadata, key(),
    Column("email", String(320), nullable=False, comment="as it was typed, by whoever it was"),
    Column("target", Text, nullable=False, comment="the page that was wanted"),
    Column("salt", String(40), nullable=False, comment="what the link is made from, with the key of the installation"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("due_at", Time, nullable=False),
    Column("lease", String(40)),
    Column("asked_at", Time, nullable=False),
    Column("team_id", Id, comment="of an invitation, which holds no link that signs in"),
    Column("invited_by", Text, comment="in words"),
    Index(None, "due_at"),
    comment="sign-in links that are still to be mailed; gone once they are, or cannot be any more",
)  # fmt: skip

issuers: Final = Table(
    "issuers", metadata, key(),
    ref("team_id", "teams"),
    Column("issuer", String(300), nullable=False, unique=True, comment="the `iss` of its tokens"),
    Column("audience", String(300), nullable=False),
    Column("algorithm", String(10), nullable=False, comment="HS256 or RS256; a token never chooses"),
    Column("secret", Text, comment="encrypted; of HS256"),
    Column("jwks", Text, comment="the address of its keys, or the keys themselves; of RS256"),
    Column("role", String(20), nullable=False),
    Column("permissions", Document, nullable=False),
    Column("disabled_at", Time),
    comment="applications whose word on who a user is we take; owned by tocsin.toml",
)  # fmt: skip

identities: Final = Table(
    "identities", metadata,
    ref("issuer_id", "issuers", primary_key=True),
    Column("subject", String(300), primary_key=True),
    ref("user_id", "users"),
    Index(None, "user_id"),
    comment="who an issuer means by a subject",
)  # fmt: skip

audit: Final = Table(
    "audit", metadata, key(),
    Column("team_id", Id),
    Column("actor_id", Id),
    Column("actor", Text, nullable=False, comment="who, in words: the person may be gone"),
    Column("action", String(60), nullable=False),
    Column("target", Text, nullable=False),
    Column("details", Document),
    Column("at", Time, nullable=False),
    Index(None, "team_id", "id"),
    comment="what admins changed; nothing refers to it, and it refers to nothing that may be deleted",
)  # fmt: skip
