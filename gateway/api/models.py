"""What goes over the wire. Times are RFC 3339 in UTC."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, Field, TypeAdapter, ValidationError

from gateway.api.operation import Model
from mappers.contract import Category, Level

Limit = Annotated[int, Field(ge=1, le=100)]
FOR_EVER: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""No time that is given may be later."""


_ANY_TIME: Final = TypeAdapter(datetime)


def _as_written(value: object) -> datetime:
    """A bare number or day is a time to pydantic, and never what was meant."""
    if isinstance(value, datetime):
        return value
    try:
        if isinstance(value, str) and "T" in value.upper():
            return _ANY_TIME.validate_python(value)
    except ValidationError:
        pass
    raise ValueError("must be a time as in 2026-11-22T07:30:00Z")


def _in_utc(value: datetime) -> datetime:
    try:
        moment = (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise ValueError("must be a time of the years 1 to 9998") from None
    if moment > FOR_EVER:
        raise ValueError("must be a time of the years 1 to 9998")
    return moment


Time = Annotated[datetime, BeforeValidator(_as_written)]
"""RFC 3339, with or without a zone."""
ZonedTime = Annotated[AwareDatetime, BeforeValidator(_as_written)]
"""RFC 3339 with a zone."""
Moment = Annotated[Time, AfterValidator(_in_utc)]
"""RFC 3339; without a zone it is UTC."""


class MemberCounts(BaseModel):
    """How many members of a thread fail now, and how many failed at any time in this episode."""

    firing: int
    total: int


class Item(BaseModel):
    """One notification as it stands in my inbox."""

    id: int
    team: str
    slug: str
    category: Category
    level: Level
    urgent: bool
    status: str = Field(examples=["open", "resolved"])
    title: str
    message: str
    source: str
    pipeline: str | None
    run: str | None
    """The run that was last heard of."""
    conversation_id: int | None
    """The same for all threads of one pipeline while any of them is open."""
    environment: str
    links: dict[str, str]
    tags: list[str]
    members: MemberCounts
    occurrences: int
    reason: str
    """Why it is in my inbox in this state: the judge's last word to me."""
    first_at: datetime | None
    opened_at: datetime | None
    resolved_at: datetime | None
    last_at: datetime
    read_at: datetime | None
    archived_at: datetime | None
    dismissed_at: datetime | None
    snoozed: bool
    snoozed_until: datetime | None
    """Null while it is snoozed until it is resolved."""
    muted: bool
    muted_until: datetime | None
    """Null while it is muted until it is resolved; the year 9999 is for ever."""
    flapping: bool
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    source_app: str | None
    source_model: str | None
    source_id: str | None
    expires_at: datetime | None


class Page(BaseModel):
    """A page of my inbox."""

    items: list[Item]
    next: str | None


class Member(BaseModel):
    """One member of a thread."""

    key: str
    label: str
    firing: bool
    level: Level
    since: datetime
    message: str
    facts: dict[str, str]
    links: dict[str, str]
    owners: list[str]
    impact: list[str]


class Happening(BaseModel):
    """One occurrence of a thread."""

    occurred_at: datetime
    recorded_at: datetime
    state: str
    reason: str
    run: str | None
    attempt: int | None
    episode: int
    title: str
    message: str
    members: int
    event_id: int | None


class DeliveryToMe(BaseModel):
    """One message about this notification to me."""

    id: int
    channel: str
    kind: str
    status: str
    reason: str
    cancelled: bool
    attempts: int
    created_at: datetime
    finished_at: datetime | None
    last_answer: str | None
    why: str
    """Why it was sent to me, in a sentence."""


class Evidence(BaseModel):
    """A quote of the log, and its line; line 0 is the sender's message."""

    line: int
    quote: str


class FailureSummary(BaseModel):
    """What went wrong, in short. Plain text; every quote stands in the log."""

    headline: str
    cause: str | None
    """Null where no line of the log shows one."""
    kind: str
    """What sort of thing, as in `missing_relation`."""
    evidence: list[Evidence]
    next_steps: list[str]
    confidence: str
    """`low`, `medium` or `high`."""
    missing: str | None
    """What one would have to know to be surer."""
    origin: str
    """`rules`, or `model`: then a machine wrote it."""
    model: str | None
    """Which one."""
    useful: bool | None
    """What I said of it."""


class RunHistory(BaseModel):
    """How the pipeline has been doing, as far as its runs are known."""

    last_success: datetime | None
    failed_in_a_row: int
    usual_seconds: float | None
    """How long it takes when it succeeds."""
    last_seconds: float | None
    """How long the latest run took."""


class Detail(Item):
    """One notification whole."""

    facts: dict[str, str]
    impact: list[str]
    excerpt: str
    episode: int
    summary: FailureSummary | None
    """What went wrong in this episode; null where nothing could be read, or not yet."""
    history: RunHistory | None
    """Null where the sender tells of no runs."""
    why: str
    """Why I got this, in a sentence."""
    member_list: list[Member]
    timeline: list[Happening]
    deliveries: list[DeliveryToMe]


class Conversation(BaseModel):
    """One row of the urgent bar: every open urgent thread of one pipeline."""

    id: int
    subject: str
    team: str
    source: str
    pipeline: str | None
    environment: str
    level: Level
    category: Category
    title: str
    message: str
    links: dict[str, str]
    since: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    items: list[Item]


class BarCounts(BaseModel):
    """How many rows the bar has, and how many of them nobody is on yet."""

    total: int
    unacknowledged: int


class BarSource(BaseModel):
    """How many rows of the bar are of one source."""

    team: str
    source: str
    total: int
    unacknowledged: int


class UrgentBar(BaseModel):
    """Conversations with an open urgent thread that I have not put aside; worst, then oldest."""

    items: list[Conversation]
    next: None = None
    more: bool
    """Whether there are rows beside these, which are the worst; `counts` has them all."""
    counts: BarCounts
    sources: list[BarSource]
    """In a storm, of more than ten rows: the sources with the most of them."""
    just_resolved: list[Item]
    """What was on the bar and recovered within the last five minutes, the latest three."""


class UnreadCount(BaseModel):
    """Unread entries of the default list."""

    total: int
    by_category: dict[Category, int]


class Counts(BaseModel):
    """How many entries each part of my inbox has, within what was asked; each equal to its list."""

    all: int
    """The default list."""
    unread: int
    urgent: int
    """Those that are open, unless another status was asked for."""
    snoozed: int
    archived: int
    muted: int


class CategoryInfo(BaseModel):
    """One of the six categories."""

    value: Category
    label: str
    description: str


class Categories(BaseModel):
    """The closed set of categories."""

    items: list[CategoryInfo]
    next: None = None


class TeamQuery(Model):
    """All my teams, or one."""

    team: str | None = None


class ListQuery(TeamQuery):
    """A page of a list."""

    limit: Limit = 50
    cursor: str | None = None


class Criteria(TeamQuery):
    """What is asked of a notification, wherever it stands in my inbox."""

    category: list[Category] = []
    level: list[Level] = []
    status: Annotated[str, Field(pattern="^(all|open|resolved)$")] = "all"
    source: str | None = None
    pipeline: str | None = None
    owner: str | None = None
    tag: str | None = None
    since: Time | None = None
    until: Time | None = None
    q: Annotated[str | None, Field(max_length=200)] = None


class FilterQuery(Criteria, ListQuery):
    """Which entries of my inbox: those of the default list, or those that are muted, archived or snoozed."""

    urgent_only: bool = False
    read_status: Annotated[str, Field(pattern="^(all|read|unread)$")] = "all"
    muted: bool = False
    archived: bool = False
    snoozed: bool = False


class Vote(Model):
    """Whether a summary was of use."""

    useful: bool


class Marked(BaseModel):
    """The entries that are mine and were set."""

    ids: list[int]


class AllRead(Marked):
    """The entries that were unread and are read now."""

    read_at: datetime
    """With it `unread-all` takes this back."""


class ReadAt(Model):
    """A moment at which something was marked as read."""

    read_at: Moment


class Rows(BaseModel):
    """A page of rows for admins."""

    items: list[dict[str, Any]]
    next: str | None = None


class Done(BaseModel):
    """It is done."""

    done: bool = True
