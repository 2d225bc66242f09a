"""What a run can be told from outside, and how long each part may take. All spans in seconds."""

import os
from dataclasses import dataclass, field
from typing import Final

LIMIT: Final = int(os.environ.get("BENCH_LIMIT", "900"))
"""After this long the whole run is given up."""


def _number(name: str, default: int) -> int:
    return int(os.environ.get(name, default))


@dataclass(frozen=True, slots=True)
class Knobs:
    """The sizes of one run; each may be set by the variable named beside it."""

    rounds: int = field(default_factory=lambda: _number("BENCH_ROUNDS", 3))
    """How often the door is compared with the empty handler."""
    seconds: int = field(default_factory=lambda: _number("BENCH_SECONDS", 5))
    """How long each load of wrk is measured, after a second of warming up."""
    requests: int = field(default_factory=lambda: _number("BENCH_REQUESTS", 200_000))
    """Distinct requests made beforehand for one load of wrk, which ends early rather than repeat one."""
    rate: int = field(default_factory=lambda: _number("BENCH_RATE", 200))
    """Requests per second of the constant load."""
    steady: int = field(default_factory=lambda: _number("BENCH_STEADY_SECONDS", 12))
    """How long the constant load goes on."""
    backlog: int = field(default_factory=lambda: _number("BENCH_BACKLOG", 32_000))
    """Events that wait before their working off is measured."""
    events: int = field(default_factory=lambda: _number("BENCH_EVENTS", 10_000))
    """Events whose room is measured."""
    starts: int = field(default_factory=lambda: _number("BENCH_STARTS", 3))
    """How often the gateway is started for its starting time."""
    mail: bool = field(default_factory=lambda: _number("BENCH_MAIL", 0) > 0)
    """Whether the ten people are sent mail as well (kept, for there is no mail server)."""
    story: str = field(default_factory=lambda: os.environ.get("BENCH_STORY", "episodes"))
    """`episodes`: each flow fails, recovers, fails again, so that every event reaches all ten; `repeats`: it only fails."""


PEOPLE: Final = 10
FLOWS: Final = 50
CONNECTIONS: Final = 64
FILL_WITHIN: Final = 40
DRAIN_FOR: Final = 8
SOLO_EVERY: Final = 20
"""Every so many requests one is of a flow of its own, and is looked for in the API."""
