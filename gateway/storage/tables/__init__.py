"""Every table, in the order in which a webhook meets them."""

from gateway.storage.tables.arriving import (
    JOURNAL,
    documents,
    events,
    pipelines,
    processing,
    rejections,
    request_keys,
    runs,
    sources,
)
from gateway.storage.tables.base import metadata
from gateway.storage.tables.expected import (
    monitors,
)
from gateway.storage.tables.people import (
    audit,
    credentials,
    identities,
    issuers,
    membership_permissions,
    memberships,
    subscriptions,
    teams,
    user_owns,
    users,
)
from gateway.storage.tables.seen import (
    conversations,
    idempotency_keys,
    inbox_entries,
    members,
    notification_owners,
    notification_permissions,
    notifications,
    occurrences,
    recipients,
    scheduled,
)
from gateway.storage.tables.sending import (
    deliveries,
    delivery_items,
    fan_outs,
)

__all__ = [
    "JOURNAL",
    "audit",
    "conversations",
    "credentials",
    "deliveries",
    "delivery_items",
    "documents",
    "events",
    "fan_outs",
    "idempotency_keys",
    "identities",
    "inbox_entries",
    "issuers",
    "members",
    "membership_permissions",
    "memberships",
    "metadata",
    "monitors",
    "notification_owners",
    "notification_permissions",
    "notifications",
    "occurrences",
    "pipelines",
    "processing",
    "recipients",
    "rejections",
    "request_keys",
    "runs",
    "scheduled",
    "sources",
    "subscriptions",
    "teams",
    "user_owns",
    "users",
]
