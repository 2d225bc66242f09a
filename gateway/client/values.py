"""What calls give back: small frozen values. A field that this version does not know is left out."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final, Self


@dataclass(frozen=True, slots=True)
class Created:
    """A notification that was told, or waits to be."""

    id: int
    """Of the thread: what repeats has the same one."""
    reason: str
    """What the judge said: `first`, `repeat`, `grew`, `resolved`…; `scheduled` where it waits."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """Nothing was told: nobody needed it."""

    reason: str
    """`unread`, `once`, `switched-off`, `unsubscribed`, `nobody`, `nothing-open`, `same-occurrence`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One entry of an inbox."""

    id: int
    team: str
    slug: str
    category: str
    level: str
    urgent: bool
    status: str
    """`open` or `resolved`."""
    title: str
    message: str
    source: str
    pipeline: str | None = None
    environment: str = ""
    links: Mapping[str, str]
    occurrences: int = 0
    reason: str = ""
    source_app: str | None = None
    source_model: str | None = None
    source_id: str | None = None
    first_at: datetime | None = None
    opened_at: datetime | None = None
    resolved_at: datetime | None = None
    last_at: datetime
    read_at: datetime | None = None
    archived_at: datetime | None = None
    dismissed_at: datetime | None = None
    snoozed_until: datetime | None = None
    muted_until: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    expires_at: datetime | None = None

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Self:
        """From the API's JSON."""
        return cls(**_known(cls, found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """One row of the urgent bar: every open urgent notification of one pipeline."""

    id: int
    subject: str
    team: str
    source: str
    pipeline: str | None = None
    environment: str = ""
    level: str
    category: str
    title: str
    message: str
    links: Mapping[str, str]
    since: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    items: tuple[Notification, ...]

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Self:
        """From the API's JSON."""
        return cls(**{**_known(cls, found), "items": tuple(Notification.read(one) for one in found["items"])})


@dataclass(frozen=True, slots=True)
class Page:
    """A page of notifications, newest first."""

    items: tuple[Notification, ...]
    next: str | None
    """The cursor of the page after it; None: this is the last."""


@dataclass(frozen=True, slots=True)
class UnreadCount:
    """How many entries of an inbox are unread."""

    total: int
    by_category: Mapping[str, int]


_MOMENTS: Final = ("_at", "_until")


def _known(cls: type[Notification | Conversation], found: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(cls)} & found.keys()
    return {name: _moment(found[name]) if name == "since" or name.endswith(_MOMENTS) else found[name] for name in names}


def _moment(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def outcome(found: Mapping[str, Any]) -> Created | Skipped:
    """What creating answered."""
    if found["id"] is None:
        return Skipped(found["skipped"])
    return Created(found["id"], found["reason"])


def created(found: Mapping[str, Any]) -> Created | None:
    """What was created; None where it was skipped."""
    told = outcome(found)
    return told if isinstance(told, Created) else None


def page(found: Mapping[str, Any]) -> Page:
    """A page of a list."""
    return Page(tuple(Notification.read(one) for one in found["items"]), found["next"])


def conversations(found: Mapping[str, Any]) -> tuple[Conversation, ...]:
    """The rows of the urgent bar."""
    return tuple(Conversation.read(one) for one in found["items"])


def counts(found: Mapping[str, Any]) -> UnreadCount:
    """Unread entries."""
    return UnreadCount(found["total"], dict(found["by_category"]))


def deleted(found: Mapping[str, Any]) -> int:
    """How many were deleted."""
    return int(found["deleted"])


def marked(found: Mapping[str, Any]) -> tuple[int, ...]:
    """Those that were mine and were set."""
    return tuple(found["ids"])


def done(found: Mapping[str, Any]) -> None:
    """It was done; anything else is not an answer of Tocsin's."""
    if found["done"] is not True:
        raise ValueError("not done")
