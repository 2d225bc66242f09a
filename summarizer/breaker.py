"""Leaves a model's server alone that is in trouble: a state, and what moves it. Pure; seconds from any steady clock."""

from dataclasses import dataclass, replace
from typing import Final

TROUBLES: Final = 5
"""Failures in a row after which it opens."""
_FIRST: Final = 30.0
_LONGEST: Final = 600.0


@dataclass(frozen=True)
class Breaker:
    """Closed, open until a moment, or half open: one question is let through, and decides."""

    troubles: int = 0
    openings: int = 0
    open_until: float | None = None
    probing: bool = False

    def lets_through(self, now: float) -> bool:
        """Whether a question may be asked."""
        return self.open_until is None or (now >= self.open_until and not self.probing)

    def asked(self, now: float) -> "Breaker":
        """A question was let through."""
        return self if self.open_until is None or now < self.open_until else replace(self, probing=True)

    def answered(self) -> "Breaker":
        """The other side works."""
        return Breaker()

    def undecided(self) -> "Breaker":
        """The question was given up for reasons of our own."""
        return replace(self, probing=False)

    def troubled(self, now: float, leave_alone: float | None = None, *, at_once: bool = False) -> "Breaker":
        """The other side failed; `leave_alone` is its own wish, in seconds. `at_once`: asking again soon is of no use."""
        troubles = self.troubles + 1
        if self.open_until is None and troubles < TROUBLES and leave_alone is None and not at_once:
            return replace(self, troubles=troubles)
        pause = max(_FIRST * 2.0 ** min(self.openings, 10), leave_alone or 0.0)
        return Breaker(troubles, self.openings + 1, now + min(pause, _LONGEST))
