"""What a mapper answers: drafts, run signals, follow-ups, or why there is nothing to tell."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from mappers.contract.draft import Draft
from mappers.contract.frozen import Frozen, Utc, line


class Phase(StrEnum):
    """Where a run is. `failed` covers crashed and timed out; the sender's own word goes in `RunSignal.state`."""

    SCHEDULED = "scheduled"
    LATE = "late"
    RUNNING = "running"
    RETRYING = "retrying"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class RunSignal(Frozen):
    """One step in the life of a run. Feeds monitors, durations, "last success", "3rd failure in a row"."""

    pipeline: Annotated[str, line(200)]
    run: Annotated[str, line(200)]
    phase: Phase
    at: Utc | None = None
    """None: the time received."""
    attempt: int | None = None
    state: Annotated[str, line(80)] = ""
    """The sender's own name for it (`Crashed`)."""
    name: Annotated[str, line(200)] = ""
    """The run's name, where it has one (`prompt-frogmouth`)."""
    url: Annotated[str, line(2000)] = ""
    started_at: Utc | None = None
    """When the run began, where this very message says so."""
    expected_at: Utc | None = None
    environment: Annotated[str | None, line(80)] = None


class FollowUp(Frozen):
    """A document the mapper needs and cannot fetch: what to ask whose API for, never a URL."""

    kind: str
    """The source kind the fetched document enters as."""
    operation: str
    ids: dict[str, str]
    within: timedelta | None = None
    """After this long the document is of no use any more. None: a day."""


class Mapped(Frozen):
    """The whole meaning of one event. `ignored` says why there are no drafts, where that is on purpose."""

    drafts: tuple[Draft, ...] = ()
    signals: tuple[RunSignal, ...] = ()
    follow_ups: tuple[FollowUp, ...] = ()
    ignored: str | None = None


class Unmapped(Exception):
    """Raised by a mapper: "I do not understand this". The event is kept, shown with this reason, replayable."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
