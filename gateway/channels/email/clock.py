"""Times and spans as a reader sees them, in their own zone."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final, Self
from zoneinfo import ZoneInfo

from mappers.contract import duration

_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# fixed, because strftime follows the locale of the process
_MONTHS: Final = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")


@dataclass(frozen=True, slots=True)
class Clock:
    """A reader's zone, and the moment the mail was written (None: unknown)."""

    zone: tzinfo
    name: str
    now: datetime | None

    @classmethod
    def of(cls, zone: str, now: datetime | None) -> Self:
        """The clock of an IANA zone; UTC where there is no such zone."""
        known = _zone(zone)
        return cls(known or UTC, zone if known else "UTC", now)

    def short(self, at: datetime) -> str:
        """`02:10` on the day of writing, `Mon 02:10` within a week of it, else `2 March, 02:10`."""
        day, time = self._split(at)
        return f"{day}{' ' if len(day) == 3 else ', '}{time}" if day else time

    def when(self, at: datetime) -> str:
        """`at 02:10`, `on Mon at 02:10`, `on 2 March at 02:10`: inside a sentence."""
        day, time = self._split(at)
        return f"on {day} at {time}" if day else f"at {time}"

    @property
    def named(self) -> str:
        """The zone, to stand behind a time: ` UTC`, ` (Europe/Berlin)`."""
        return " UTC" if self.name == "UTC" else f" ({self.name})"

    def full(self, at: datetime) -> str:
        """`Tuesday 3 March 2026, 02:10 CET`: still clear in a year, and in the hour that comes twice."""
        local = at.astimezone(self.zone)
        return f"{_DAYS[local.weekday()]} {_day(local)} {local.year}, {local:%H:%M} {_abbreviation(local)}"

    def ago(self, at: datetime) -> str:
        """`3 h 20 min ago` as of writing; empty within ten minutes, where it only repeats the time."""
        if self.now is None or self.now - at < timedelta(minutes=10):
            return ""
        return f"{duration(self.now - at)} ago"

    def _split(self, at: datetime) -> tuple[str, str]:
        """(day, time): the day as short as it can be, empty for the day of writing."""
        local = at.astimezone(self.zone)
        today = self.now.astimezone(self.zone) if self.now else None
        if today is None or local.year != today.year:
            return f"{_day(local)} {local.year}", f"{local:%H:%M}"
        if local.date() == today.date():
            return "", f"{local:%H:%M}"
        near = abs((today.date() - local.date()).days) < 7
        return _DAYS[local.weekday()][:3] if near else _day(local), f"{local:%H:%M}"


def _day(local: datetime) -> str:
    return f"{local.day} {_MONTHS[local.month - 1]}"


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `3rd`, `11th`."""
    suffix = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


def _abbreviation(local: datetime) -> str:
    """`CET`, or `UTC+04:00` where the zone has no letters of its own."""
    name = local.tzname() or ""
    offset = local.isoformat()[-6:]
    return name if name.isalpha() else f"UTC{offset}"


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return None
