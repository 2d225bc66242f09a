"""Monitors as they go over the wire."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, model_validator

from gateway.api.models import ZonedTime
from gateway.api.operation import Model
from gateway.config.schedule import Cron, Zone

Seconds = Annotated[int, Field(ge=5, le=366 * 86_400)]
Grace = Annotated[int, Field(ge=0, le=30 * 86_400)]
State = Literal["on-time", "late", "missing", "paused", "never-seen"]


class Monitor(BaseModel):
    """What is expected of a pipeline, and how it stands."""

    id: int
    team: str
    source: str
    pipeline: str
    environment: str
    cron: str | None
    interval_seconds: int | None
    timezone: str
    grace_seconds: int
    max_duration_seconds: int | None
    managed: bool
    """Whether tocsin.toml owns it."""
    state: State
    """`missing`: nothing came when it was due again either; `never-seen`: on time as far as is known, for no run ever was."""
    overrun: str | None
    """The run that does not end."""
    paused_until: datetime | None
    """Null while it is paused for good, or not at all."""
    last_run_at: datetime | None
    expected_at: datetime | None
    """The run it waits for. Null while it is paused, or was made a moment ago."""
    late_at: datetime | None
    """When that run is late."""


class Run(BaseModel):
    """One run of a pipeline, or one attempt at it."""

    run: str
    attempt: int
    name: str
    url: str
    phase: str
    state: str
    came_at: datetime
    ended_at: datetime | None


class Alarm(BaseModel):
    """What people were told of a pipeline's lateness."""

    notification_id: int
    occurred_at: datetime
    title: str
    message: str
    reason: str


class MonitorDetail(Monitor):
    """A monitor with what came and what was told, newest first."""

    runs: list[Run]
    alarms: list[Alarm]


class Monitors(BaseModel):
    """The monitors of my teams."""

    items: list[Monitor]
    next: None = None


class MonitorChange(Model):
    """What is to be expected from now on; what is absent stays."""

    cron: Cron | None = Field(default=None, examples=["0 2 * * *"])
    """Five fields, or six with seconds first; instead of an interval."""
    interval_seconds: Seconds | None = None
    """Instead of cron."""
    timezone: Zone | None = None
    grace_seconds: Grace | None = None
    max_duration_seconds: Seconds | None = None
    """How long a run may take, where its start and its end are told; null: as long as it wants."""

    @model_validator(mode="after")
    def _at_most_one_schedule(self) -> Self:
        if self.cron is not None and self.interval_seconds is not None:
            raise ValueError("take either cron or interval_seconds")
        return self


class MonitorRequest(MonitorChange):
    """A new monitor."""

    team: str | None = None
    source: Annotated[str, Field(examples=["checks"])]
    """The slug of a source."""
    pipeline: Annotated[str, Field(min_length=1, max_length=200, examples=["nightly-orders"])]
    environment: Annotated[str, Field(max_length=80)] = ""
    """Which one, where the source itself tells environments apart; absent: the source's own."""

    @model_validator(mode="after")
    def _one_schedule(self) -> Self:
        if self.cron is None and self.interval_seconds is None:
            raise ValueError("needs either cron or interval_seconds")
        return self


class Pause(Model):
    """For how long nothing is waited for."""

    until: ZonedTime | None = None
    """Null: for good."""
