"""Numbers told shortly."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value. `name` is what a target is looked up by."""

    name: str
    value: float
    unit: str
    spread: tuple[float, float] | None = None
    """The least and the most of what the value is the median of."""
    detail: dict[str, Any] = field(default_factory=dict)


def median(name: str, values: Sequence[float], unit: str, **detail: Any) -> Figure:
    """The median of several measurements, with their spread."""
    return Figure(name, statistics.median(values), unit, (min(values), max(values)), {"all": [round(one, 4) for one in values], **detail})


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """p50, p95, p99 and the most, in milliseconds, by nearest rank; all 0 where there is nothing."""
    ranked = sorted(seconds) or [0.0]

    def at(share: float) -> float:
        return round(ranked[math.ceil(share * len(ranked)) - 1] * 1000, 3)

    return {"p50": at(0.50), "p95": at(0.95), "p99": at(0.99), "max": at(1.0)}
