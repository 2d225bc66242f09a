"""When a pipeline is to run: by cron, in the wall time of a zone, or so long after it last ran."""

import functools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim

from mappers.contract import duration

SLACK: Final = timedelta(minutes=1)
"""How far a sender's clock may be behind: a run that early is the one that was expected."""


@dataclass(frozen=True, slots=True)
class Timetable:
    """Either `cron`, five or six fields, or `interval`."""

    cron: str | None
    interval: timedelta | None
    zone: str = "UTC"

    def after(self, moment: datetime) -> datetime:
        """The first time later than `moment` at which it is to run, in UTC; of an interval that began then.

        A wall time that comes twice counts the first time, one that does not come counts when clocks were set; what names no
        hour or no minute goes by real time. https://manpages.debian.org/stable/cron/cron.8.en.html#NOTES
        """
        if self.interval is not None:
            return moment + self.interval
        assert self.cron is not None
        times = CronSim(self.cron, moment.astimezone(_zone(self.zone)))
        return next(at for at in (one.astimezone(UTC) for one in times) if at > moment)

    def after_run(self, moment: datetime) -> datetime:
        """When it is to run next after it ran at `moment`: that run may have been the next one, by a clock that is behind."""
        at = self.after(moment)
        return self.after(at) if self.cron is not None and at - self.slack(at) <= moment else at

    def slack(self, at: datetime) -> timedelta:
        """How much before `at` a run is that of `at`."""
        return min(SLACK, (self.after(at) - at) / 2) if self.cron is not None else timedelta()

    def __str__(self) -> str:
        """In words: `0 2 * * *`, `every 10 min`."""
        return self.cron or f"every {duration(self.interval or timedelta())}"


@functools.lru_cache(maxsize=256)
def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):  # it was known when it was chosen
        return UTC
