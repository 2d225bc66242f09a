"""What other applications import to tell Tocsin something, and to read what it told. Stands alone and is light."""

from gateway.client.awaiting import AsyncTocsin
from gateway.client.blocking import Tocsin
from gateway.client.errors import (
    Conflict,
    FieldError,
    Invalid,
    NotAllowed,
    NotFound,
    NotSignedIn,
    Refused,
    TocsinError,
    Unavailable,
    Unreachable,
    Unreadable,
)
from gateway.client.values import Conversation, Created, Notification, Page, UnreadCount

__all__ = [
    "AsyncTocsin",
    "Conflict",
    "Conversation",
    "Created",
    "FieldError",
    "Invalid",
    "NotAllowed",
    "NotFound",
    "NotSignedIn",
    "Notification",
    "Page",
    "Refused",
    "Tocsin",
    "TocsinError",
    "Unavailable",
    "Unreachable",
    "UnreadCount",
    "Unreadable",
]
