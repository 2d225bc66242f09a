"""A draft: what a mapper makes of an event, before it has a team, an id or a reader."""

import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Final, Self
from urllib.parse import urlsplit

from pydantic import Field

from mappers.contract.frozen import Frozen, Tidy, Utc, line, long_text
from mappers.contract.text import clean, clip, is_plain, one_line


class Category(StrEnum):
    """What a notification is about: a closed set, the same names everywhere."""

    INCIDENT = "incident"
    SCHEMA_CHANGE = "schema_change"
    JOB_FAILURE = "job_failure"
    LATE_RUN = "late_run"
    DBT_TEST_FAILURE = "dbt_test_failure"
    SYSTEM = "system"


class Level(StrEnum):
    """How bad it is. `info` and `success` weigh the same; `danger` is read as `error`."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"

    @property
    def weight(self) -> int:
        """1 for info and success, 2 for warning, 3 for error: what "at least this level" compares."""
        return _WEIGHTS[self]

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        return cls("error") if value == "danger" else None


LONGEST_LABEL: Final = 60
LONGEST_MESSAGE: Final = 8_000
_UNSAFE: Final = re.compile(r'["<>\\`\x00-\x20\ud800-\udfff]')
_USUAL_LINK: Final = re.compile(r"https?://[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?(?:[/?#]|\Z)")
_USER: Final = re.compile(r"\A(https?://)[^/?#]*@")
"""A name and a password before the host, as monitored addresses have them: no reader needs them, and mail would carry them away."""
_WEIGHTS: Final = {Level.INFO: 1, Level.SUCCESS: 1, Level.WARNING: 2, Level.ERROR: 3}


class State(StrEnum):
    """`firing` opens or keeps a thread open, `resolved` closes what fired, `note` is closed at once."""

    FIRING = "firing"
    RESOLVED = "resolved"
    NOTE = "note"


def safe_link(target: str) -> bool:
    """Whether `target` is an absolute http/https URL with a host, or a path (`/x`, never `//host`)."""
    if not target or len(target) > 2000 or _UNSAFE.search(target):
        return False
    if _USUAL_LINK.match(target):
        return True
    if target.startswith("/"):
        return not target.startswith("//")
    try:
        parts = urlsplit(target)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def _links(value: object) -> object:
    """Only what a button may safely point at: http, https, or a path on the team's own base URL; without anybody's password."""
    if not (isinstance(value, dict) and all(isinstance(label, str) and isinstance(target, str) for label, target in value.items())):
        return value
    bare = {label: _USER.sub(r"\1", target) for label, target in value.items()}
    return {one_line(label, LONGEST_LABEL): target for label, target in bare.items() if safe_link(target)}


def _are_links(value: Any) -> bool:
    return type(value) is dict and all(
        _is_label(label) and type(target) is str and safe_link(target) and not _USER.match(target) for label, target in value.items()
    )


def _identity(value: object) -> object:
    if not isinstance(value, dict):
        return value
    return {key: one_line(item, 300) if isinstance(item, str) else item for key, item in value.items()}


def _is_identity(value: Any) -> bool:
    return type(value) is dict and all(
        type(key) is str
        and key.isascii()
        and ((type(item) is str and len(item) <= 300 and is_plain(item)) or item is None or type(item) in (int, bool))
        for key, item in value.items()
    )


def _texts(value: object) -> object:
    if not isinstance(value, dict):
        return value
    return {one_line(str(label), LONGEST_LABEL): clip(clean(str(text)), 500) for label, text in value.items() if text not in (None, "")}


def _are_texts(value: Any) -> bool:
    return type(value) is dict and all(
        _is_label(label) and type(text) is str and 0 < len(text) <= 500 and text.isascii() and text.isprintable()
        for label, text in value.items()
    )


def _is_label(value: Any) -> bool:
    return type(value) is str and len(value) <= LONGEST_LABEL and is_plain(value)


def _words(value: object) -> object:
    if not isinstance(value, list | tuple | set | frozenset):
        return value
    return tuple(dict.fromkeys(word for word in (one_line(str(item), 200) for item in value) if word))


def _are_words(value: Any) -> bool:
    if not value:
        return type(value) is tuple
    return (
        type(value) is tuple
        and len(set(value)) == len(value)
        and all(type(one) is str and 0 < len(one) <= 200 and is_plain(one) for one in value)
    )


Words = Annotated[tuple[str, ...], Tidy(_words, _are_words)]
Scalar = str | int | bool | None


class Member(Frozen):
    """What exactly is failing inside a thread: a dbt node, one alert of a group."""

    key: Annotated[str, line(300)]
    """Identity inside the thread; never a run id or a time."""
    label: Annotated[str, line(200)]
    """What people call it."""


class LogPointer(Frozen):
    """Where more log text can be had: an operation of the sender's client and its ids, never a URL."""

    kind: str
    operation: str
    ids: dict[str, str]


class Draft(Frozen):
    """A categorized notification without team, id or reader.

    Texts are cleaned and cut to their limits here, unsafe links are dropped, so a mapper need not.
    With a `member`, `title` speaks for the whole thread and is the same for all its members, while `message`,
    `level`, `facts`, `links`, `owners` and `excerpt` speak for this member.
    """

    slug: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)]
    """`feature-event-type`, as in `prefect-flow-run-failed`. Part of the thread's identity."""
    event_data: Annotated[dict[str, Scalar], Tidy(_identity, _is_identity)]
    """The minimal identity of the thread: never run ids, attempts, times or text."""
    category: Category
    level: Level
    title: Annotated[str, Field(min_length=1), line(200)]
    state: State = State.FIRING
    member: Member | None = None
    pipeline: Annotated[str | None, line(200)] = None
    """What the sender runs, by the name people use; threads of one pipeline share a conversation."""
    run: Annotated[str | None, line(200)] = None
    """The sender's id of this execution."""
    attempt: int | None = None
    occurrence: Annotated[str | None, line(200)] = None
    """What makes two reports the same happening where no run does (an alert's start). Default: run + attempt, else the time."""
    occurred_at: Utc | None = None
    """None, or later than received: the time received is used."""
    urgent: bool | None = None
    """None: the team's rule decides."""
    message: Annotated[str, long_text(LONGEST_MESSAGE)] = ""
    links: Annotated[dict[str, str], Tidy(_links, _are_links)] = {}
    """label → URL, shown as buttons in this order."""
    facts: Annotated[dict[str, str], Tidy(_texts, _are_texts)] = {}
    """label → text. Empty values are dropped."""
    owners: Words = ()
    tags: Words = ()
    permissions: Words = ()
    environment: Annotated[str | None, line(80)] = None
    """Only where the body says so; otherwise the source's own. Part of the thread's identity."""
    source_app: Annotated[str | None, line(200)] = None
    source_model: Annotated[str | None, line(200)] = None
    source_id: Annotated[str | None, line(200)] = None
    expires_at: Utc | None = None
    hold: timedelta | None = None
    """Alert only if it is still so after this long."""
    spares_own_run: bool = False
    """A recovery that says nothing about what the same run reported as failing."""
    closes_itself: bool = False
    """Nothing the sender says can ever resolve this (its identity is one run): the silence rule closes it."""
    impact: Words = ()
    """What was skipped or lies downstream: a list, never notifications of their own."""
    excerpt: Annotated[str, long_text(20000)] = ""
    """Log or error text for the summary."""
    logs: LogPointer | None = None
