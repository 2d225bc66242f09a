"""Figures as they go over the wire. Times are RFC 3339 in UTC, spans are seconds, shares are from 0 to 1; null where nothing was."""

from datetime import date, datetime
from typing import Annotated, Final, Literal, get_args

from pydantic import BaseModel, Field

from gateway.api.models import Moment, TeamQuery
from gateway.config.schedule import Zone
from mappers.contract import Category


class FiguresQuery(TeamQuery):
    """Which figures, of the teams that I administer. The last 30 days where no time is given."""

    since: Moment | None = None
    until: Moment | None = None
    """Before this time; at most 400 days after `since`."""
    category: Category | None = None
    source: Annotated[str | None, Field(max_length=80)] = None
    """The slug of a source; `api` is what was created through the API."""
    environment: Annotated[str | None, Field(max_length=80)] = None
    timezone: Zone | None = None
    """In which days are days; my own where it is absent."""


Table = Literal[
    "categories", "sources", "environments", "teams", "pipelines", "days", "reach_by_category", "reach_by_source",
    "reach_by_environment", "channels", "mail_by_kind", "mail_by_day",
]  # fmt: skip
TABLES: Final[tuple[Table, ...]] = get_args(Table)


class TableQuery(FiguresQuery):
    """Which table of the figures."""

    table: Table


class Took(BaseModel):
    """How long it took, in seconds: of how many, on average, for half of them, for nine of ten."""

    count: int
    mean: float
    median: float
    p90: float


class Failures(BaseModel):
    """Episodes that began in the time, and how they went on. A note is none, nor is what recovered before its hold was over."""

    episodes: int
    alerts: int
    """How often all were told, whatever their number: that it failed or got worse, reminders, that it recovered. Repeats are not among
    them, for they go to those alone who had read it."""
    repeats: int
    """How often it was said again that the same fails."""
    flapping: int
    """Episodes that opened and closed again and again."""
    open: int
    """Not over yet."""
    acknowledged: int
    recovered: int
    """Those of which the sender said so."""
    closed_by_hand: int
    closed_by_silence: int
    time_to_acknowledge: Took | None
    """From the failure to the first acknowledgement that was not taken back."""
    time_to_recover: Took | None
    """From the failure to the recovery, where the sender said that it recovered."""
    time_to_close_by_hand: Took | None


class CategoryFailures(Failures):
    """Of one category."""

    category: str


class SourceFailures(Failures):
    """Of one source."""

    source: str


class EnvironmentFailures(Failures):
    """Of one environment; empty for what names none."""

    environment: str


class TeamFailures(Failures):
    """Of one team."""

    team: str


class PipelineFailures(Failures):
    """Of one pipeline; null for what names none."""

    source: str
    environment: str
    pipeline: str | None


class DayFailures(Failures):
    """Of those that began on one day."""

    day: date


class Reach(BaseModel):
    """What people who are members now were told, and what they did with it. Entries are counted by their last news."""

    entries: int
    """In the inbox: one for each person and thread."""
    read_within_day: int
    read_later: int
    unread: int
    archived_unread: int
    muted: int
    read_within_day_share: float | None
    mail_only: int
    """Threads that people know by mail alone, for their inbox is off for it."""
    mailed: int
    """Notifications in mails that were sent."""
    mail_kept: int
    """The same of mails that are kept here, without a mail server."""
    mail_failed: int
    mail_cancelled: int
    """It recovered before the mail left, or its reader is to have it no more."""
    summaries_useful: int
    summaries_useless: int


class CategoryReach(Reach):
    """Of one category."""

    category: str


class SourceReach(Reach):
    """Of one source."""

    source: str


class EnvironmentReach(Reach):
    """Of one environment."""

    environment: str


class Mails(BaseModel):
    """Mails whose fate was settled in the time."""

    sent: int
    kept: int
    failed: int
    cancelled: int
    folded: int
    """Too many at once, so that one mail told of all of them."""
    delivered_share: float | None
    """Of those that were to be handed over, the part that a mail server took."""


class KindMails(Mails):
    """Of one kind."""

    kind: str


class DayMails(Mails):
    """Of one day."""

    day: date


class Channel(BaseModel):
    """One way to people. `delivered` is what the inbox has, or a mail server took."""

    channel: Literal["in_app", "email"]
    delivered: int
    failed: int
    waiting: int
    delivered_share: float | None


class WholeSince(BaseModel):
    """From when on nothing is missing; null where nothing ever was. What is older was never written down, or may be removed by age."""

    failures: datetime | None
    inbox: datetime
    mail: datetime


class Figures(BaseModel):
    """Figures of the teams that I administer. No person is told from another."""

    since: datetime
    until: datetime
    timezone: str
    whole_since: WholeSince
    total: Failures
    categories: list[CategoryFailures]
    sources: list[SourceFailures]
    environments: list[EnvironmentFailures]
    teams: list[TeamFailures]
    pipelines: list[PipelineFailures]
    """The 20 of which people were told most often."""
    days: list[DayFailures]
    members: int
    """People of these teams."""
    entries_of_one_in: int
    """Entries of the inbox are counted for one member in so many; 1 in teams of up to 50. Mails are always counted for all."""
    reach: Reach
    reach_by_category: list[CategoryReach]
    reach_by_source: list[SourceReach]
    reach_by_environment: list[EnvironmentReach]
    channels: list[Channel]
    mail: Mails
    mail_by_kind: list[KindMails]
    mail_by_day: list[DayMails]
