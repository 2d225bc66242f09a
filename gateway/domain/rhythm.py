"""When mail may leave: a person's quiet hours and digest, in their own zone.

People with the same rhythm are answered alike, so the times are computed once for each rhythm and not for each person.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Final, Self
from zoneinfo import ZoneInfo

DAILY_AT: Final = time(8)
"""Local time of a daily digest."""
_SEPARATOR: Final = "|"
_MINUTE: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)
_MOST_MINUTES: Final = 3 * 24 * 60
"""Longer than any quiet hours last, also where a whole day is lived twice."""


class Digest(StrEnum):
    """How often mail that is not urgent leaves."""

    IMMEDIATE = "immediate"
    HOURLY = "hourly"
    DAILY = "daily"


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Quiet hours and digest of a person. Hours are local; `quiet_from` after `quiet_until` spans midnight."""

    zone: str = "UTC"
    quiet_from: time | None = None
    """None, as `quiet_until` then is: no quiet hours."""
    quiet_until: time | None = None
    digest: Digest = Digest.IMMEDIATE

    @property
    def key(self) -> str | None:
        """This rhythm in one word, the same for equal rhythms; None where mail may always leave at once."""
        hours = f"{self.quiet_from:%H:%M}-{self.quiet_until:%H:%M}" if self.quiet_from is not None else ""
        return _SEPARATOR.join((self.zone, hours, self.digest)) if hours or self.digest is not Digest.IMMEDIATE else None

    @classmethod
    def of(cls, key: str) -> Self:
        """The rhythm that has this key."""
        zone, hours, digest = key.split(_SEPARATOR)
        begin, _, end = hours.partition("-")
        return cls(zone, time.fromisoformat(begin) if begin else None, time.fromisoformat(end) if end else None, Digest(digest))

    def free_at(self, now: datetime, held_until: datetime | None = None) -> datetime:
        """The first moment, `now` or later, at which mail that is not urgent may leave; in UTC. `held_until`: not before then."""
        collected = {Digest.IMMEDIATE: _at_once, Digest.HOURLY: _next_hour, Digest.DAILY: _next_morning}[self.digest](now, self._zone)
        return self.after_quiet(max(collected, held_until or collected))

    def after_quiet(self, moment: datetime) -> datetime:
        """`moment`, or the end of the quiet hours it falls in."""
        if self.quiet_until is None or not self._is_quiet(moment):
            return moment
        left = _since_midnight(self.quiet_until) - _since_midnight(moment.astimezone(self._zone).time())
        end = moment + left % _DAY
        if _offset(end, self._zone) == _offset(moment, self._zone):
            return end
        minute = moment.replace(second=0, microsecond=0)  # clocks are set meanwhile, which happens twice a year
        return next(later for count in range(1, _MOST_MINUTES) if not self._is_quiet(later := minute + count * _MINUTE))

    def _is_quiet(self, moment: datetime) -> bool:
        if self.quiet_from is None or self.quiet_until is None:
            return False
        local = moment.astimezone(self._zone).time()
        if self.quiet_from > self.quiet_until:
            return local >= self.quiet_from or local < self.quiet_until
        return self.quiet_from <= local < self.quiet_until

    @property
    def _zone(self) -> tzinfo:
        try:
            return ZoneInfo(self.zone)
        except (LookupError, ValueError, OSError):  # it was known when it was chosen; one person's zone must not hold up a team
            return UTC


def _at_once(now: datetime, _: tzinfo) -> datetime:
    return now


def _next_hour(now: datetime, zone: tzinfo) -> datetime:
    local = now.astimezone(zone)
    past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    return now - past + timedelta(hours=1)


def _next_morning(now: datetime, zone: tzinfo) -> datetime:
    local = now.astimezone(zone)
    return _wall(local if local.time() < DAILY_AT else local + timedelta(days=1), DAILY_AT, zone, now)


def _wall(day: datetime, at: time, zone: tzinfo, after: datetime) -> datetime:
    """This local time of this day in UTC: where clocks are set back and it comes twice, the first after `after`.

    Where clocks are set forward over it, it is as much later. https://peps.python.org/pep-0495/
    """
    twice = (datetime.combine(day.date(), at, zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    return next((moment for moment in twice if moment > after), after)


def _since_midnight(local: time) -> timedelta:
    return timedelta(hours=local.hour, minutes=local.minute, seconds=local.second, microseconds=local.microsecond)


def _offset(moment: datetime, zone: tzinfo) -> timedelta | None:
    return moment.astimezone(zone).utcoffset()
