"""What an occurrence does to its thread, and who is to hear of it: the table of docs/judging.md as code.

`judge` is pure. Its verdict names a reason, which is stored with the occurrence and shown to people
("why did I get this?").
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from gateway.domain import flapping
from gateway.domain.thread import Firing, Occurrence, Thread, fold, settled, step
from mappers.contract import State

History = Callable[[], Iterable[Occurrence]]
"""Gives every occurrence known of a thread."""


class Reason(StrEnum):
    """Why people hear, or do not hear, of an occurrence."""

    FIRST = "first"
    REOPENED = "reopened"
    ESCALATED = "escalated"
    GREW = "grew"
    RESOLVED = "resolved"
    PASSED = "passed"
    REPEAT = "repeat"
    SHRANK = "shrank"
    FLAPPING = "flapping"
    REMINDER = "reminder"
    HELD = "held"
    SAME_OCCURRENCE = "same-occurrence"
    NOTHING_OPEN = "nothing-open"


class Alert(StrEnum):
    """Whom a verdict alerts."""

    NOBODY = "nobody"
    AUDIENCE = "audience"
    """Everyone subscribed; entries become unread."""
    READERS = "readers"
    """Those who had read it; their entries become unread again."""
    TOLD = "told"
    """Exactly those who were told of this episode, per channel."""
    QUIETLY = "quietly"
    """Everyone subscribed, in-app only, not urgent."""
    REMINDED = "reminded"
    """Everyone who hears by mail, by mail alone."""


ALERTS: Final = {
    Reason.FIRST: Alert.AUDIENCE,
    Reason.REOPENED: Alert.AUDIENCE,
    Reason.ESCALATED: Alert.AUDIENCE,
    Reason.GREW: Alert.AUDIENCE,
    Reason.RESOLVED: Alert.TOLD,
    Reason.PASSED: Alert.QUIETLY,
    Reason.REPEAT: Alert.READERS,
    Reason.SHRANK: Alert.NOBODY,
    Reason.FLAPPING: Alert.AUDIENCE,
    Reason.REMINDER: Alert.REMINDED,
    Reason.HELD: Alert.NOBODY,
    Reason.SAME_OCCURRENCE: Alert.NOBODY,
    Reason.NOTHING_OPEN: Alert.NOBODY,
}

NEW_EPISODE: Final = frozenset({Reason.FIRST, Reason.REOPENED})
CLEARS_PUT_ASIDE: Final = NEW_EPISODE | {Reason.ESCALATED}
"""A new episode or an escalation takes back acknowledged, dismissed, archived and snoozed. Muted stays."""

_NOTHING_NEW: Final = frozenset({Reason.PASSED, Reason.REPEAT, Reason.HELD, Reason.NOTHING_OPEN})
"""What another report of a known happening with the same members comes to nothing by."""

STALE_AFTER: Final = timedelta(hours=24)
"""What is first processed this long after it reached us is recorded in-app only: nobody wants yesterday's mail."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done about one occurrence."""

    reason: Reason
    thread: Thread
    """The thread afterwards."""
    occurrence: Occurrence | None = None
    """The occurrence as it is to be remembered: merged with what was known of it. None where time alone did it."""
    quiet: bool = False
    """Whether it is more of what people were told already: the further ups and downs of what flaps."""

    @property
    def alert(self) -> Alert:
        """Whom this verdict alerts."""
        return Alert.NOBODY if self.quiet else ALERTS[self.reason]


def judge(before: Thread, occurrence: Occurrence, same: Occurrence | None, history: History, now: datetime) -> Verdict:
    """The verdict on an occurrence that reaches `before`, the fold of `history()`.

    `same` is the occurrence already known under this key. `history` is called only where something comes out of
    order, or fuller than it was known.
    """
    if same is not None:
        occurrence = _merge(same, occurrence)
        if occurrence == same:
            return Verdict(Reason.SAME_OCCURRENCE, before, occurrence)
    if same is None and (before.last is None or occurrence.order > before.last):
        after = step(before, occurrence)
    else:
        after = fold([*(one for one in history() if one.key != occurrence.key), occurrence])
    after = settled(_release(after, before, now), now)
    reason = _reason(before, occurrence, after)
    known_again = same is not None and occurrence.members == same.members
    quiet = reason is Reason.FLAPPING and before.is_flapping
    if known_again and (reason in _NOTHING_NEW or quiet or occurrence.state is State.NOTE):
        reason = Reason.SAME_OCCURRENCE
    return Verdict(reason, _knowing(after, before), occurrence, quiet=quiet)


def due(before: Thread, now: datetime) -> Verdict | None:
    """The verdict once time has passed: a hold is over with its members still firing, or what flapped is stable. None where it has not."""
    after = settled(_release(before, before, now), now)
    if after == before:
        return None
    reason = _flapping(before, after) if before.is_flapping else _rise(before, after)
    return Verdict(reason, _knowing(after, before), quiet=reason is Reason.FLAPPING)


def _merge(known: Occurrence, again: Occurrence) -> Occurrence:
    """The same happening reported twice, perhaps more fully: its members are the union, at the worse level.

    Whichever report came first, the result is the same: it happened at the earlier time, and the shorter hold counts.
    """
    members = dict(known.members)
    for key, level in again.members.items():
        if key not in members or level.weight > members[key].weight:
            members[key] = level
    return replace(
        min(known, again, key=lambda one: (one.at, one.run or "")),
        members=members,
        held_until=min(known.held_until, again.held_until) if known.held_until and again.held_until else None,
        spares_own_run=known.spares_own_run or again.spares_own_run,
        final=known.final or again.final,
    )


def _release(after: Thread, before: Thread, now: datetime) -> Thread:
    """`after` with every hold taken off that is over, or that people were told of already."""
    released = {
        key: replace(member, held_until=None) if _may_be_known(member, before.firing.get(key), now) else member
        for key, member in after.firing.items()
    }
    return replace(after, firing=released) if released != after.firing else after


def _may_be_known(member: Firing, before: Firing | None, now: datetime) -> bool:
    told = before is not None and before.held_until is None
    return told or (member.held_until is not None and member.held_until <= now)


def _reason(before: Thread, occurrence: Occurrence, after: Thread) -> Reason:
    if before.is_flapping or after.is_flapping:
        return _flapping(before, after)
    if before.is_open and not after.is_open:
        return Reason.RESOLVED
    if after.shown - before.shown or after.weight() > before.weight():
        return _rise(before, after)
    if occurrence.state is State.RESOLVED:
        return Reason.SHRANK if after.shown < before.shown else Reason.NOTHING_OPEN
    if occurrence.state is State.NOTE:
        return _note(before, after)
    if not after.is_open:
        return Reason.HELD if after.firing else Reason.PASSED
    if (after.firing, after.count) == (before.firing, before.count):
        return Reason.PASSED  # it belongs to an episode that is over
    return Reason.HELD if after.firing.keys() > before.firing.keys() else Reason.REPEAT


def _flapping(before: Thread, after: Thread) -> Reason:
    """One notice when it begins, the state of things once it is stable; in between only what nobody knows of yet."""
    if not after.is_flapping:
        return Reason.REOPENED if after.is_open else Reason.RESOLVED
    if not before.is_flapping:
        return Reason.FLAPPING
    known = before.swings.known
    fresh = [weight for key, weight in _shown(after).items() if weight > known.get(key, 0)]
    if not fresh:
        return Reason.FLAPPING
    return Reason.ESCALATED if max(fresh) > max(known.values(), default=0) else Reason.GREW


def _knowing(after: Thread, before: Thread) -> Thread:
    """`after` with the members that people know of while it flaps: those shown to them, so neither on hold nor passed before they came."""
    if not after.is_flapping:
        return after
    return replace(after, swings=flapping.knowing(after.swings, [before.swings.known, _shown(before), _shown(after)]))


def _shown(thread: Thread) -> dict[str, int]:
    return {key: member.level.weight for key, member in thread.firing.items() if member.held_until is None}


def _note(before: Thread, after: Thread) -> Reason:
    if before.is_open:
        return Reason.REPEAT
    return Reason.REOPENED if before.episode else Reason.FIRST


def _rise(before: Thread, after: Thread) -> Reason:
    """Why a thread that shows more than before does."""
    if not before.is_open:
        return Reason.FIRST if after.episode <= 1 else Reason.REOPENED
    return Reason.ESCALATED if after.weight() > before.weight() else Reason.GREW
