"""The state of a thread as a pure fold over the set of its occurrences.

    fold(occurrences) = step(step(step(EMPTY, o1), o2), o3)     ordered by (at, firing before resolved, key)

`step` is for an occurrence that comes after everything folded so far; whoever gets one out of order folds again.
Duplicates fold away because occurrences are a set, keyed by `key`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from gateway.domain import flapping
from gateway.domain.flapping import Swings
from mappers.contract import Level, State


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One happening on a thread: what changed, when, and for which members (key → level)."""

    key: str
    at: datetime
    state: State
    members: Mapping[str, Level]
    run: str | None = None
    held_until: datetime | None = None
    """Nobody is to know of members that begin to fire here before this time."""
    spares_own_run: bool = False
    """A recovery that says nothing about what its own run reported."""
    final: bool = False
    """A recovery said by a person, or by time, for the whole thread; it ends flapping as well."""

    @property
    def order(self) -> tuple[datetime, bool, str]:
        """The place of this happening in its thread's history."""
        return (self.at, self.state is State.RESOLVED, self.key)


@dataclass(frozen=True, slots=True)
class Firing:
    """A member that is failing now."""

    level: Level
    since: datetime
    run: str | None = None
    held_until: datetime | None = None
    """None once people may know of it."""


@dataclass(frozen=True, slots=True)
class Thread:
    """What the occurrences so far add up to."""

    firing: Mapping[str, Firing] = field(default_factory=lambda: MappingProxyType({}))
    episode: int = 0
    count: int = 0
    """Happenings of the current (or last) episode that fired."""
    level: Level | None = None
    """The worst level among the firing members; of the last episode once it is over."""
    opened_at: datetime | None = None
    resolved_at: datetime | None = None
    """When the last episode ended; None while open."""
    last: tuple[datetime, bool, str] | None = None
    """The order of the last occurrence folded in."""
    swings: Swings = flapping.NONE

    @property
    def shown(self) -> frozenset[str]:
        """The keys of firing members that are not on hold."""
        return frozenset(key for key, member in self.firing.items() if member.held_until is None)

    @property
    def is_flapping(self) -> bool:
        """Whether it opens and closes so often that people are left alone with it."""
        return self.swings.flapping and not self.swings.over

    @property
    def is_open(self) -> bool:
        """Whether anything fires that people may know of; what flaps is open all the while."""
        return self.is_flapping or bool(self.shown)

    def weight(self) -> int:
        """The weight of the worst member shown; 0 while closed."""
        return max((member.level.weight for member in self.firing.values() if member.held_until is None), default=0)


EMPTY: Final = Thread()
WHOLE: Final = ""
"""The member key of a report that names no member: it speaks for the whole thread."""


def fold(occurrences: Iterable[Occurrence]) -> Thread:
    """The thread's state after this set of occurrences, in whatever order they are given."""
    thread = EMPTY
    for occurrence in sorted({o.key: o for o in occurrences}.values(), key=lambda o: o.order):
        thread = step(thread, occurrence)
    return thread


def step(thread: Thread, occurrence: Occurrence) -> Thread:
    """The state after one more occurrence, which must not come before any already folded."""
    if thread.swings.is_stable(occurrence.at):
        thread = _steady(thread)
    elif thread.swings.over:  # it was told to be stable before this came, which is not known from the occurrences
        thread = replace(thread, swings=replace(thread.swings, over=False), resolved_at=None)
    match occurrence.state:
        case State.FIRING:
            after = _swing(thread, _fire(thread, occurrence), occurrence)
        case State.RESOLVED if occurrence.final:
            after = _end(thread, occurrence.at)
        case State.RESOLVED:
            after = _swing(thread, _recover(thread, occurrence), occurrence)
        case State.NOTE:
            after = thread if thread.firing or thread.swings.flapping else _close(_fire(thread, occurrence), occurrence.at)
    return replace(after, last=occurrence.order)


def settled(thread: Thread, now: datetime) -> Thread:
    """The thread as people see it at this time: what flapped and was quiet for long enough does so no more."""
    if thread.swings.over or not thread.swings.is_stable(now):
        return thread
    over = replace(thread.swings, over=True, known={})
    return replace(thread, swings=over, resolved_at=None if thread.firing else thread.swings.last)


def _fire(thread: Thread, occurrence: Occurrence) -> Thread:
    firing = dict(thread.firing)
    for key, level in occurrence.members.items():
        known = firing.get(key)
        firing[key] = Firing(
            level=level,
            since=known.since if known else occurrence.at,
            run=occurrence.run,
            held_until=_earlier(known.held_until, occurrence.held_until) if known else occurrence.held_until,
        )
    opens = not thread.firing and not thread.swings.flapping
    return replace(
        thread,
        firing=firing,
        episode=thread.episode + opens,
        count=1 if opens else thread.count + 1,
        level=_worst(firing),
        opened_at=occurrence.at if opens else thread.opened_at,
        resolved_at=None,
    )


def _recover(thread: Thread, occurrence: Occurrence) -> Thread:
    """A recovery of the whole thread ends every member; one of a member also ends a failure that named none."""
    named = thread.firing if WHOLE in occurrence.members else {*occurrence.members, WHOLE}
    recovered = {
        key
        for key in named
        if (member := thread.firing.get(key))
        and not (occurrence.spares_own_run and occurrence.run is not None and member.run == occurrence.run)
    }
    if not recovered:
        return thread
    remaining = {key: member for key, member in thread.firing.items() if key not in recovered}
    return replace(thread, firing=remaining, level=_worst(remaining)) if remaining else _close(thread, occurrence.at)


def _swing(before: Thread, after: Thread, occurrence: Occurrence) -> Thread:
    """`after` with what the occurrence adds to the ups and downs. What flaps is not over when nothing fires for a moment."""
    if after.firing and not before.firing:
        swings = flapping.opened(after.swings, occurrence.at, occurrence.run, openly=occurrence.held_until is None)
    elif before.firing and not after.firing:
        swings = flapping.closed(after.swings, occurrence.at, occurrence.run)
    else:
        swings = flapping.ran(after.swings, occurrence.run)
    if after.swings.flapping and not swings.flapping:
        return _steady(after)
    return replace(after, swings=swings, resolved_at=None if swings.flapping else after.resolved_at)


def _steady(thread: Thread) -> Thread:
    """The end of flapping: where nothing fires, the episode was over with the last transition."""
    swings = Swings(openly=thread.swings.openly)
    return replace(thread, swings=swings, resolved_at=None if thread.firing else thread.swings.last)


def _end(thread: Thread, at: datetime) -> Thread:
    is_over = not thread.firing and not thread.swings.flapping
    return thread if is_over else replace(_close(thread, at), swings=flapping.NONE)


def _close(thread: Thread, at: datetime) -> Thread:
    return replace(thread, firing={}, resolved_at=at)


def _worst(firing: Mapping[str, Firing]) -> Level:
    return max((member.level for member in firing.values()), key=lambda level: level.weight)


def _earlier(known: datetime | None, new: datetime | None) -> datetime | None:
    return min(known, new) if known and new else None
