"""How often a sender is usually heard of, learned from what it does: the longest pause of each day it was listened to."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any, Final, Self

DAYS: Final = 28
"""How many are remembered."""
ENOUGH: Final = 3
"""Days with news until anything is expected."""
A_WEEK: Final = 8
"""Days that must have been seen, a weekend among them, until less than `UNSURE` can be silence."""
UNSURE: Final = timedelta(days=3)
SHORTEST: Final = timedelta(hours=1)
"""Less is never silence."""
_DAY: Final = timedelta(days=1)
AWAY: Final = timedelta(minutes=5)
"""Nobody listened where two looks lie further apart."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """What is known of one sender."""

    began: datetime
    """Since when it is listened to."""
    looked_at: datetime
    awake_since: datetime
    """Since when it is listened to without a break: a silence of ours is none of theirs."""
    last_at: datetime | None = None
    of_day: Mapping[date, float] = field(default_factory=dict)
    """day → its longest pause in seconds, each on the day it ended."""

    @classmethod
    def new(cls, now: datetime) -> Self:
        """Of a sender that nobody listened to before."""
        return cls(now, now, now)

    def heard(self, last_at: datetime | None, now: datetime) -> "Pauses":
        """After one more look: `last_at` is when it last sent something."""
        awake_since = now if now - self.looked_at > AWAY else self.awake_since
        if last_at is None or (self.last_at is not None and last_at <= self.last_at):
            return replace(self, looked_at=now, awake_since=awake_since)
        of_day = dict(self.of_day)
        if self.last_at is not None and self.last_at >= self.awake_since:
            pause = (last_at - self.last_at).total_seconds()
            of_day[last_at.date()] = max(pause, of_day.get(last_at.date(), 0.0))
        kept = {day: of_day[day] for day in sorted(of_day)[-DAYS:]}
        return replace(self, looked_at=now, awake_since=awake_since, last_at=last_at, of_day=kept)

    @property
    def usual(self) -> timedelta:
        """The longest pause of a day in the middle."""
        return timedelta(seconds=median(self.of_day.values())) if self.of_day else timedelta()

    @property
    def longest(self) -> timedelta:
        """Of all that are remembered."""
        return timedelta(seconds=max(self.of_day.values(), default=0.0))

    @property
    def limit(self) -> timedelta | None:
        """After which silence it has fallen silent; None while too little is known."""
        if len(self.of_day) < ENOUGH:
            return None
        limit = max(min(5 * self.usual, self.usual + _DAY), 1.5 * self.longest, SHORTEST)
        known = max(self.of_day) - min(self.of_day) + _DAY
        return limit if known >= timedelta(days=A_WEEK) else max(limit, UNSURE)

    def is_silent(self, now: datetime) -> bool:
        """Whether it says nothing for many times as long as it ever did."""
        if self.last_at is None or self.limit is None:
            return False
        return now - max(self.last_at, self.awake_since) > self.limit

    def document(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "began": self.began.isoformat(),
            "looked_at": self.looked_at.isoformat(),
            "awake_since": self.awake_since.isoformat(),
            "last_at": self.last_at.isoformat() if self.last_at else None,
            "of_day": {day.isoformat(): seconds for day, seconds in self.of_day.items()},
        }

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """One that was kept."""
        last_at = document["last_at"]
        return cls(
            datetime.fromisoformat(document["began"]),
            datetime.fromisoformat(document["looked_at"]),
            datetime.fromisoformat(document["awake_since"]),
            datetime.fromisoformat(last_at) if last_at else None,
            {date.fromisoformat(day): float(seconds) for day, seconds in document["of_day"].items()},
        )
