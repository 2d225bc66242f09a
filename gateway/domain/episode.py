"""Episodes of a thread: from when people could know that it failed until it was over. What figures are made of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from gateway.domain.thread import EMPTY, Occurrence, Thread, settled, step


class Ending(StrEnum):
    """Who said that an episode is over."""

    SENDER = "sender"
    HAND = "hand"
    """A person did."""
    SILENCE = "silence"
    """Nobody did: nothing was heard of it for long enough."""


@dataclass(frozen=True, slots=True)
class Episode:
    """One time that something failed. A note, and what recovered before its hold was over, never was one."""

    opened_at: datetime
    resolved_at: datetime | None = None
    ended_by: Ending | None = None
    happenings: int = 1
    """How often it was said to fail."""
    flapped: bool = False


def current(thread: Thread, ended_by: Ending = Ending.SENDER) -> Episode | None:
    """The open episode of a thread, or its last one; None where it never had any. Whether it was ever seen is the caller's to know."""
    if thread.opened_at is None:
        return None
    over = thread.resolved_at is not None
    return Episode(thread.opened_at, thread.resolved_at, ended_by if over else None, thread.count, thread.is_flapping)


def ending(occurrence: Occurrence) -> Ending:
    """Who says so, where this occurrence ends an episode."""
    how = occurrence.key.partition("/")[0]
    return Ending(how) if occurrence.final and how in (Ending.HAND, Ending.SILENCE) else Ending.SENDER


def episodes(occurrences: Iterable[Occurrence], now: datetime) -> list[Episode]:
    """Every episode that this set of occurrences adds up to, in whatever order they are given."""
    found: dict[datetime, Episode] = {}
    thread, said_by = EMPTY, Ending.SENDER
    for occurrence in sorted({one.key: one for one in occurrences}.values(), key=lambda one: one.order):
        _note(found, settled(thread, occurrence.at), said_by, occurrence.at)
        before, thread = thread, step(thread, occurrence)
        said_by = ending(occurrence) if thread.resolved_at != before.resolved_at else said_by
        _note(found, thread, said_by, occurrence.at)
    _note(found, settled(thread, now), said_by, now)
    return [found[at] for at in sorted(found)]


def _note(found: dict[datetime, Episode], thread: Thread, ended_by: Ending, at: datetime) -> None:
    one = current(thread, ended_by)
    if one is None:
        return
    is_shown = thread.is_flapping or any(member.held_until is None or member.held_until <= at for member in thread.firing.values())
    if is_shown or one.opened_at in found:
        flapped = one.flapped or (one.opened_at in found and found[one.opened_at].flapped)
        found[one.opened_at] = replace(one, flapped=flapped)


@dataclass(frozen=True, slots=True)
class Heard:
    """What people did and heard in an episode; not known from its occurrences."""

    acknowledged_at: datetime | None = None
    alerts: int = 0


def carried(known: Mapping[datetime, Heard], anew: Iterable[Episode]) -> dict[datetime, Heard]:
    """What was known of episodes, by when they opened, for those that they turned out to have been."""
    starts = sorted(one.opened_at for one in anew)
    found = dict.fromkeys(starts, Heard())
    for opened_at, heard in known.items() if starts else ():
        place = _of(starts, opened_at)
        found[place] = replace(found[place], alerts=found[place].alerts + heard.alerts)
        if heard.acknowledged_at is not None:
            place = _of(starts, heard.acknowledged_at)
            first = found[place].acknowledged_at
            found[place] = replace(found[place], acknowledged_at=min(first or heard.acknowledged_at, heard.acknowledged_at))
    return found


def _of(starts: list[datetime], at: datetime) -> datetime:
    return max((start for start in starts if start <= at), default=starts[0])
