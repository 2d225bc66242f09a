"""When a pipeline usually runs: what its past says, told so that somebody can agree to it at a glance."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from mappers.contract import duration

LOOK_BACK: Final = timedelta(days=28)
MOST: Final = 700
"""Runs that are looked at: hourly ones of four weeks."""
_DAYS: Final = 14
_HOURS: Final = 48
_LEAST: Final = 5
"""Days, weekdays or weeks that are needed to speak of a habit; of hours and of runs twice as many."""
_MOSTLY: Final = 0.8
_NAMES: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Habit:
    """A timetable that the past fits, and how well it does."""

    cron: str | None
    interval: timedelta | None
    zone: str
    grace: timedelta
    seen: int
    """In how many of `of` it ran so."""
    of: int
    sentence: str
    """`ran at 02:00 on 14 of the last 14 days`."""


def learn(came: Sequence[datetime], zone: str, now: datetime) -> Habit | None:
    """The habit that these runs, in any order, show to somebody who lives in `zone`; None where they show none, or it was given up."""
    past = sorted(one for one in came if now - LOOK_BACK <= one <= now)[-MOST:]
    if len(past) < 3:
        return None
    return _daily(past, zone, now) or _weekly(past, zone, now) or _hourly(past, zone, now) or _steady(past, zone, now)


@dataclass(frozen=True, slots=True)
class _Beat:
    """Around which minute of a period runs gather."""

    center: int
    period: int
    tolerance: int

    @classmethod
    def of(cls, minutes: Sequence[int], period: int, tolerance: int) -> "_Beat":
        """The middle of the densest stretch."""
        counts = [0] * period
        for minute in minutes:
            counts[minute] += 1
        around = [sum(counts[(at + step) % period] for step in range(-tolerance, tolerance + 1)) for at in set(minutes)]
        best = max(around)
        densest = [at for at, count in zip(set(minutes), around, strict=True) if count == best]
        first = min(densest)
        offsets = sorted((at - first + period // 2) % period - period // 2 for at in densest)
        return cls((first + offsets[len(offsets) // 2]) % period, period, tolerance)

    def offset(self, minute: int) -> int:
        """How many minutes after the middle; before it: less than 0."""
        return (minute - self.center + self.period // 2) % self.period - self.period // 2

    def holds(self, minute: int) -> bool:
        return abs(self.offset(minute)) <= self.tolerance

    def start(self, offsets: Iterable[int]) -> tuple[int, timedelta]:
        """The minute from which on it is expected, and the grace that what was seen needs."""
        ordered = sorted(offsets)
        usual = ordered[len(ordered) // 10]
        begin = self.center + min(one for one in ordered if one >= usual - 5)  # one long before the others was by hand
        latest = self.center + ordered[min(len(ordered) * 95 // 100, len(ordered) - 1)]
        if latest - begin > 1 and begin % 5 <= 3:  # what jitters began at a rounder time
            begin -= begin % 5
        late = latest - begin
        return begin % self.period, timedelta(minutes=max(-(-(2 * late + 5) // 5) * 5, 10))


def _locals(past: Sequence[datetime], zone: str) -> list[datetime]:
    return [one.astimezone(ZoneInfo(zone)) for one in past]


def _daily(past: Sequence[datetime], zone: str, now: datetime) -> Habit | None:
    """Once a day, or once each weekday."""
    local, today = _locals(past, zone), now.astimezone(ZoneInfo(zone)).date()
    first = max(local[0].date(), today - timedelta(days=_DAYS))
    days = [first + timedelta(days=number) for number in range((today - first).days)]
    recent = [one for one in local if one.date() >= first]
    if len(days) < _LEAST or not 0 < len(recent) <= 2 * len(days) + 2:
        return None
    beat = _Beat.of([one.hour * 60 + one.minute for one in recent], 24 * 60, 30)
    hits = {day: offset for day, offset in (_day(one, beat) for one in recent if beat.holds(one.hour * 60 + one.minute)) if day in days}
    others = sum(not beat.holds(one.hour * 60 + one.minute) for one in recent)
    if not hits or others > len(days) / 2 or max(hits) < today - timedelta(days=3):
        return None
    minute, grace = beat.start(hits.values())
    at = f"{minute // 60:02}:{minute % 60:02}"
    working = [day for day in days if day.weekday() < 5]
    rests = len(days) - len(working) >= 2 and not any(day.weekday() >= 5 for day in hits)
    if rests and len(working) >= _LEAST and len(hits) >= _MOSTLY * len(working):
        said = f"ran at {at} on {len(hits)} of the last {len(working)} weekdays"
        return Habit(f"{minute % 60} {minute // 60} * * 1-5", None, zone, grace, len(hits), len(working), said)
    if len(hits) >= _MOSTLY * len(days) and max(hits) >= today - timedelta(days=2):
        said = f"ran at {at} on {len(hits)} of the last {len(days)} days"
        return Habit(f"{minute % 60} {minute // 60} * * *", None, zone, grace, len(hits), len(days), said)
    return None


def _day(local: datetime, beat: _Beat) -> tuple[date, int]:
    """The day a run is that of: a little before midnight may be the next one's."""
    offset = beat.offset(local.hour * 60 + local.minute)
    return (local.replace(tzinfo=None) - timedelta(minutes=offset)).date(), offset


def _weekly(past: Sequence[datetime], zone: str, now: datetime) -> Habit | None:
    """Once a week, on three of the last four at least."""
    local = _locals(past, zone)
    minutes = [one.weekday() * 1440 + one.hour * 60 + one.minute for one in local]
    beat = _Beat.of(minutes, 7 * 1440, 60)
    fitting = [(one, beat.offset(minute)) for one, minute in zip(local, minutes, strict=True) if beat.holds(minute)]
    weeks = {(one.replace(tzinfo=None) - timedelta(minutes=offset)).date() for one, offset in fitting}
    if len(weeks) < 3 or len(local) - len(fitting) > 1 or now - past[-1] > timedelta(days=8):
        return None
    minute, grace = beat.start(offset for _, offset in fitting)
    day, hour, of_hour = minute // 1440, minute % 1440 // 60, minute % 60
    of = max((max(weeks) - min(weeks)).days // 7 + 1, len(weeks))
    said = f"ran on {_NAMES[day]} at {hour:02}:{of_hour:02} in {len(weeks)} of the last {of} weeks"
    return Habit(f"{of_hour} {hour} * * {(day + 1) % 7}", None, zone, grace, len(weeks), of, said)


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0).astimezone(UTC)


def _hourly(past: Sequence[datetime], zone: str, now: datetime) -> Habit | None:
    """Once an hour, by real time: zones of half an hour have minutes of their own."""
    local = _locals([one for one in past if one >= now - timedelta(hours=_HOURS)], zone)
    if not local:
        return None
    hours = int((_hour(now.astimezone(local[0].tzinfo)) - _hour(local[0])) / timedelta(hours=1))
    beat = _Beat.of([one.minute for one in local], 60, 10)
    offsets = [(one, beat.offset(one.minute)) for one in local if beat.holds(one.minute)]
    hits = {_hour(one - timedelta(minutes=offset)): offset for one, offset in offsets}
    others = len(local) - len(offsets)
    stale = now - past[-1] > timedelta(hours=3)
    if hours < 2 * _LEAST or len(hits) < _MOSTLY * hours or others > hours / 2 or len(local) > 1.5 * hours + 2 or stale:
        return None
    minute, grace = beat.start(hits.values())
    said = f"ran at minute {minute} of {min(len(hits), hours)} of the last {hours} hours"
    return Habit(f"{minute} * * * *", None, zone, min(grace, timedelta(minutes=30)), min(len(hits), hours), hours, said)


def _steady(past: Sequence[datetime], zone: str, now: datetime) -> Habit | None:
    """Again and again after about as long."""
    gaps = sorted(later - one for one, later in itertools.pairwise(past))
    usual = gaps[len(gaps) // 2]
    alike = sum(0.75 * usual <= gap <= 1.33 * usual for gap in gaps)
    if len(gaps) < 2 * _LEAST or usual < timedelta(seconds=5) or alike < _MOSTLY * len(gaps) or now - past[-1] > 3 * usual:
        return None
    step = 5 if usual < timedelta(minutes=2) else 60 if usual < timedelta(hours=2) else 300
    interval = timedelta(seconds=max(round(usual.total_seconds() / step) * step, 5))
    slowest = gaps[len(gaps) * 95 // 100]
    grace = timedelta(seconds=max(round((2 * max(slowest - interval, interval / 4)).total_seconds() / step) * step, step))
    said = f"ran every {duration(interval)}, {alike} of the last {len(gaps)} times"
    return Habit(None, interval, zone, grace, alike, len(gaps), said)
