"""How a source is doing, by what it sent lately: named findings, the worst first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final

DAY: Final = timedelta(days=1)
_KNOWN_BY: Final = 10
"""Requests from which on it is known how often a source sends."""
_LONGER: Final = 3
"""How many times its longest pause of late is longer than usual."""
_AT_LEAST: Final = timedelta(hours=1)


class Finding(StrEnum):
    """What is to be looked at."""

    NO_SECRET = "no-secret"
    REFUSED = "refused"
    SILENT = "silent"
    QUARANTINED = "quarantined"
    UNMAPPED = "unmapped"
    TROUBLE = "api-trouble"
    NEVER = "never-heard"


@dataclass(frozen=True, slots=True)
class Sent:
    """A request that the source sent."""

    at: datetime
    status: str
    is_test: bool = False


@dataclass(frozen=True, slots=True)
class Health:
    """How it is doing."""

    last_at: datetime | None
    """Its last request that was no test."""
    last_test_at: datetime | None
    today: int
    """Requests of the last 24 hours, tests left out, as far as looked."""
    more_today: bool
    """Whether there were more than that."""
    unmapped: int
    quarantined: int
    """Of those."""
    longest_pause: timedelta | None
    """Between two of its latest requests; None where too few are known."""
    findings: tuple[Finding, ...]


def examine(
    lately: Sequence[Sent], *, looked_at: int, now: datetime, usable: bool, refused_at: datetime | None, trouble: str | None
) -> Health:
    """`lately`: the newest requests, at most `looked_at` of them, newest first; `usable`: whether a secret of it is valid."""
    real = [one for one in lately if not one.is_test]
    today = [one for one in real if one.at > now - DAY]
    ended = [one.status for one in today]
    last_at = real[0].at if real else None
    pause = _longest_pause(real)
    found = {
        Finding.NO_SECRET: not usable,
        Finding.REFUSED: refused_at is not None and (last_at is None or refused_at > last_at),
        Finding.SILENT: last_at is not None and pause is not None and now - last_at > max(_LONGER * pause, _AT_LEAST),
        Finding.QUARANTINED: "quarantined" in ended,
        Finding.UNMAPPED: "unmapped" in ended,
        Finding.TROUBLE: trouble is not None,
        Finding.NEVER: last_at is None,
    }
    return Health(
        last_at=last_at,
        last_test_at=next((one.at for one in lately if one.is_test), None),
        today=len(today),
        more_today=len(lately) >= looked_at and lately[-1].at > now - DAY,
        unmapped=ended.count("unmapped"),
        quarantined=ended.count("quarantined"),
        longest_pause=pause,
        findings=tuple(finding for finding, holds in found.items() if holds),
    )


def _longest_pause(real: Sequence[Sent]) -> timedelta | None:
    if len(real) < _KNOWN_BY:
        return None
    return max((later.at - earlier.at for later, earlier in pairwise(real)), default=None)
