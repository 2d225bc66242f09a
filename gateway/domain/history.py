"""How a pipeline has been doing: what its latest runs say to somebody who reads about the last of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

_FAILED: Final = "failed"
_SUCCEEDED: Final = "succeeded"


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How one run, or one attempt at it, ended."""

    run: str
    phase: str
    started_at: datetime | None
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class History:
    """A pipeline's latest runs in short."""

    last_success: datetime | None = None
    """None: none among the runs that were looked at."""
    failed_in_a_row: int = 0
    """Runs, not attempts, that failed since then; what was cancelled does not count either way."""
    usual: timedelta | None = None
    """How long it takes when it succeeds: the median."""
    last: timedelta | None = None
    """How long the latest run took."""


def history(ends: Sequence[RunEnd]) -> History:
    """The history that these ends, newest first, tell."""
    success = next((place for place, one in enumerate(ends) if one.phase == _SUCCEEDED), len(ends))
    took = sorted(length for one in ends if one.phase == _SUCCEEDED and (length := _length(one)) is not None)
    return History(
        last_success=ends[success].ended_at if success < len(ends) else None,
        failed_in_a_row=len({one.run for one in ends[:success] if one.phase == _FAILED}),
        usual=took[len(took) // 2] if took else None,
        last=_length(ends[0]) if ends else None,
    )


def _length(one: RunEnd) -> timedelta | None:
    return one.ended_at - one.started_at if one.started_at is not None and one.ended_at >= one.started_at else None
