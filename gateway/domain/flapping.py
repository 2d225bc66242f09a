"""What opens and closes again and again is told of once, and then left alone until it is stable.

A transition is an opening or a closing that people could see. Six or more of them in a row, each within an hour of the
one before, are flapping; an hour without one, or three runs without one, are stable. What comes once an hour or less
often is thereby never called flapping: a pipeline that fails every other time at its own pace is news each time.
Only a closing is called flapping. An opening begins a new episode and is told as one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

TRANSITIONS: Final = 6
STABLE_AFTER: Final = timedelta(hours=1)
STABLE_RUNS: Final = 3
_NOTHING: Final[Mapping[str, int]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Swings:
    """How a thread opened and closed of late; what follows from its occurrences, apart from `over`."""

    count: int = 0
    """Transitions in a row, each within an hour of the one before."""
    last: datetime | None = None
    """When the last one was."""
    openly: bool = False
    """Whether the thread last opened for all to see, and not on hold: then its closing counts."""
    flapping: bool = False
    steady_runs: int = 0
    """Runs since the last transition while flapping."""
    run: str | None = None
    """The last run heard of while flapping."""
    known: Mapping[str, int] = field(default_factory=lambda: _NOTHING)
    """Members that people know of while it flaps, with their worst weight: key → weight; not known from the occurrences alone."""
    over: bool = False
    """Whether it was stable for so long that people were told; not known from the occurrences alone."""

    @property
    def stable_at(self) -> datetime | None:
        """When it will count as stable if nothing happens; None where nothing is to be waited for."""
        return self.last + STABLE_AFTER if self.flapping and not self.over and self.last else None

    def is_stable(self, at: datetime) -> bool:
        """Whether, at this time, it had been quiet for long enough."""
        return self.flapping and self.last is not None and at - self.last >= STABLE_AFTER


NONE: Final = Swings()


def opened(swings: Swings, at: datetime, run: str | None, *, openly: bool) -> Swings:
    """After an opening; one on hold is no transition."""
    return replace(_turned(swings, at, run) if openly else swings, openly=openly)


def closed(swings: Swings, at: datetime, run: str | None) -> Swings:
    """After a closing; that of what opened on hold is no transition."""
    if not swings.openly:
        return swings
    turned = _turned(swings, at, run)
    return replace(turned, flapping=turned.flapping or turned.count >= TRANSITIONS)


def ran(swings: Swings, run: str | None) -> Swings:
    """After something that neither opened nor closed the thread: the third such run in a row ends the flapping."""
    if not swings.flapping or run is None or run == swings.run:
        return swings
    steady = swings.steady_runs + 1
    return NONE if steady >= STABLE_RUNS else replace(swings, steady_runs=steady, run=run)


def knowing(swings: Swings, shown: Iterable[Mapping[str, int]]) -> Swings:
    """With the members, key → weight, that people were shown, each at its worst."""
    worst: dict[str, int] = {}
    for members in shown:
        worst |= {key: max(weight, worst.get(key, 0)) for key, weight in members.items()}
    return replace(swings, known=worst)


def _turned(swings: Swings, at: datetime, run: str | None) -> Swings:
    in_a_row = swings.last is not None and at - swings.last < STABLE_AFTER
    return replace(swings, count=min(swings.count + 1, TRANSITIONS) if in_a_row else 1, last=at, steady_runs=0, run=run)
