"""Short ways to say what tests need: occurrences, drafts, a house full of people."""

from datetime import UTC, datetime, timedelta

from gateway.domain.thread import WHOLE, Occurrence
from mappers.contract import Level, State

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """A moment, in seconds since the tests' own beginning of time."""
    return START + timedelta(seconds=seconds)


def firing(
    key: str, when: float, *, run: str | None = None, hold: float | None = None, level: Level = Level.ERROR, **members: Level
) -> Occurrence:
    """A failure of these members, or of the whole thread."""
    return Occurrence(
        key=f"{key}/firing",
        at=at(when),
        state=State.FIRING,
        members=members or {WHOLE: level},
        run=run,
        held_until=None if hold is None else at(hold),
    )


def resolved(key: str, when: float, *members: str, run: str | None = None, spares: bool = False) -> Occurrence:
    """A recovery of these members, or of the whole thread. `spares`: it says nothing of its own run's failures."""
    return Occurrence(
        key=f"{key}/resolved",
        at=at(when),
        state=State.RESOLVED,
        members=dict.fromkeys(members or (WHOLE,), Level.SUCCESS),
        run=run,
        spares_own_run=spares,
    )


def note(key: str, when: float, level: Level = Level.INFO) -> Occurrence:
    """A note."""
    return Occurrence(key=f"{key}/note", at=at(when), state=State.NOTE, members={WHOLE: level})
