"""Whether something that is looked at now and then is well: down after several failures in a row, up again at the first success."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final


class Turn(StrEnum):
    """What is worth telling."""

    DOWN = "down"
    UP = "up"


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stood after the last look."""

    is_down: bool | None = None
    """None: never known to be either."""
    failures: int = 0
    """How many in a row."""
    since: datetime | None = None
    """When the first of these failures was."""

    def after(self, failed: bool, *, at: datetime, tries: int) -> tuple["Standing", Turn | None]:
        """How it stands after one more look. It is down after `tries` failures in a row; what never was well goes down all the same."""
        if not failed:
            return Standing(is_down=False), Turn.UP if self.is_down else None
        counted = replace(self, failures=self.failures + 1, since=self.since or at)
        if counted.failures < tries or self.is_down:
            return counted, None
        return replace(counted, is_down=True), Turn.DOWN


SOON: Final = timedelta(seconds=1)


def next_look(due: datetime, every: timedelta, now: datetime) -> datetime:
    """The next of the moments that lie `every` apart from `due`: what was missed meanwhile is not made up for."""
    every = max(every, SOON)
    return due + every * ((now - due) // every + 1) if due <= now else due


def first_look(number: int, every: timedelta, now: datetime) -> datetime:
    """When the first look at the `number`th of many is: they are spread over a minute, or over `every` where that is less."""
    span = min(every, timedelta(minutes=1))
    return now + span * (number * 0.618033988749895 % 1)  # the golden ratio: however many there are, they lie far apart
