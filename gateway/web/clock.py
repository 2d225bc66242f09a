"""Times and spans as the person at the screen reads them, in their own zone."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Final, Self
from zoneinfo import ZoneInfo

from mappers.contract import duration

_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# fixed, because strftime follows the locale of the process
_MONTHS: Final = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")


@dataclass(frozen=True, slots=True)
class Clock:
    """A person's zone and the moment of looking."""

    zone: tzinfo
    name: str
    now: datetime

    @classmethod
    def of(cls, zone: str, now: datetime) -> Self:
        """The clock of an IANA zone; UTC where there is no such zone."""
        known = _zone(zone)
        return cls(known or UTC, zone if known else "UTC", now)

    def iso(self, at: datetime) -> str:
        """RFC 3339, for `<time datetime>`."""
        return at.astimezone(self.zone).isoformat(timespec="seconds")

    def time(self, at: datetime) -> str:
        """`02:10`."""
        return f"{at.astimezone(self.zone):%H:%M}"

    def short(self, at: datetime) -> str:
        """`02:10` today, `20 Nov, 02:10` this year, else `20 Nov 2025, 02:10`."""
        local, today = at.astimezone(self.zone), self.now.astimezone(self.zone)
        if local.date() == today.date():
            return self.time(at)
        year = "" if local.year == today.year else f" {local.year}"
        return f"{local.day} {_MONTHS[local.month - 1][:3]}{year}, {local:%H:%M}"

    def full(self, at: datetime) -> str:
        """`Sunday 22 November 2026, 02:10:00 CET`: clear in a year, and in the hour that comes twice."""
        local = at.astimezone(self.zone)
        name = local.tzname() or ""
        zone = name if name.isalpha() else f"UTC{local.isoformat()[-6:]}"
        return f"{_day(local)} {local.year}, {local:%H:%M:%S} {zone}"

    def day(self, at: datetime) -> str:
        """`Today`, `Yesterday`, `Friday 20 November`, with the year where it is another one."""
        local, today = at.astimezone(self.zone), self.now.astimezone(self.zone)
        days = (today.date() - local.date()).days
        if days in (0, 1):
            return "Yesterday" if days else "Today"
        return _day(local) if local.year == today.year else f"{_day(local)} {local.year}"

    def age(self, at: datetime) -> str:
        """`42 min`: how long ago."""
        return duration(self.now - at)


def _day(local: datetime) -> str:
    return f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]}"


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return None
