"""One message to one person: everything a channel needs to say it, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from gateway.domain.history import History
from mappers.contract import Category, Level

IN_FULL: Final = 3
"""Parts of a digest that are shown as other mails show them; a line is enough for the others."""


class Kind(StrEnum):
    """What a message is about; it decides the first word a reader sees."""

    FAILING = "failing"
    REMINDER = "reminder"
    RESOLVED = "resolved"
    DIGEST = "digest"
    """What was collected during quiet hours, do-not-disturb, or for an hour or a day."""


@dataclass(frozen=True, slots=True)
class MemberLine:
    """One failing member of a thread."""

    label: str
    level: Level
    message: str = ""
    is_new: bool = False
    """Of a thread that grew: it is what was not failing before."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What went wrong, in short."""

    headline: str
    cause: str
    """Empty where no line of the log shows one."""
    evidence: tuple[str, ...]
    """Quotes of the log."""
    next_steps: tuple[str, ...]
    model: str
    """Which model wrote it; empty: it was read by rules."""


@dataclass(frozen=True, slots=True)
class Part:
    """One notification inside a message, as it stands now."""

    notification_id: int
    title: str
    category: Category
    level: Level
    urgent: bool
    is_open: bool
    reason: str
    """The judge's reason, as in `first`, `escalated`, `resolved`."""
    environment: str = ""
    message: str = ""
    excerpt: str = ""
    told_by: str = ""
    """Which of several members `message` and `excerpt` are of."""
    opened_at: datetime | None = None
    resolved_at: datetime | None = None
    occurrences: int = 1
    """Happenings in this episode."""
    of_runs: bool = False
    """Whether each of them is a run's."""
    firing: int = 1
    """Members failing now."""
    members_total: int = 1
    """Members that failed at any time in this episode."""
    members: tuple[MemberLine, ...] = ()
    """The failing members, worst first, where the thread has several; may be fewer than `firing`."""
    links: Mapping[str, str] = field(default_factory=dict)
    """label → absolute URL."""
    facts: Mapping[str, str] = field(default_factory=dict)
    owners: tuple[str, ...] = ()
    impact: tuple[str, ...] = ()
    summary: Summary | None = None
    is_closed: bool = False
    """A person or time ended it: no sender said that it recovered."""
    recovery: str = ""
    """What the sender said when it recovered; empty where it said nothing, or where it spoke of a member only."""
    history: History = field(default_factory=History)
    """How its pipeline has been doing."""


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery to one person."""

    delivery_id: int
    kind: Kind
    to_address: str
    to_name: str
    zone: str
    """IANA time zone of the reader."""
    team: str
    """Slug of the team."""
    environment: str
    subject: str
    """Of the conversation; never changes within it."""
    is_reply: bool
    """Whether the conversation has an earlier message to this person."""
    conversation: str
    """Opaque and stable: the root of the thread in a mail client is made from it."""
    public_url: str
    """Base URL of the page, without a trailing slash."""
    parts: tuple[Part, ...] = ()
    """Worst first; at least one."""
    written_at: datetime | None = None
    """The moment the message was composed."""
    folded: int = 0
    """Mails that would have been too many, told in this one."""
    unsubscribe: str = ""
    """The address where its reader ends mail like it without signing in; empty: there is none."""
