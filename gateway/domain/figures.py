"""What figures are reckoned with: days on the reader's clock, and shares."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

LONGEST: Final = timedelta(days=400)
_STEP: Final = timedelta(days=1)
_EPOCH: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which a zone keeps one distance to UTC."""

    until: datetime
    offset: timedelta


def stretches(since: datetime, until: datetime, zone: tzinfo) -> list[Stretch]:
    """The distances to UTC that a zone has from `since` to `until`, in order; a day number is then `(time + offset) // day`."""
    found: list[Stretch] = []
    at = since
    while at < until:
        ahead = min(at + _STEP, until)
        if _offset(ahead, zone) != _offset(at, zone):
            change = _change(at, ahead, zone)
            found.append(Stretch(change, _offset(at, zone)))
        at = ahead
    return [*found, Stretch(until, _offset(until, zone))]


def _change(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """The second in which the distance changes."""
    while after - before > timedelta(seconds=1):
        middle = before + ((after - before) // 2)
        if _offset(middle, zone) == _offset(before, zone):
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


def _offset(at: datetime, zone: tzinfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def day_of(number: int) -> date:
    """The day with this number, counted from 1970."""
    return _EPOCH + number * _STEP


def days(since: datetime, until: datetime, zone: tzinfo) -> list[date]:
    """Every day of the zone that has a part in this time."""
    first = since.astimezone(zone).date()
    last = (until - timedelta(microseconds=1)).astimezone(zone).date()
    return [first + number * _STEP for number in range((last - first).days + 1)]


def begins(day: date, zone: tzinfo) -> datetime:
    """When a day begins there."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def share(part: int, whole: int) -> float | None:
    """A share from 0 to 1; None of nothing."""
    return round(part / whole, 4) if whole else None


def nearest_rank(values: Sequence[float], percent: int) -> float | None:
    """The smallest of these that so many per cent do not exceed; None of nothing."""
    ordered = sorted(values)
    return next((one for n, one in enumerate(ordered, 1) if n * 100 >= len(ordered) * percent), None)
