"""When mail becomes too much: what leaves by itself, and what is told in one mail instead.

Nobody reads the fortieth mail of a night. The first few of a storm leave one by one, urgent ones with an allowance of
their own, so that a flood of warnings never keeps a failure; the rest becomes one mail that says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

WINDOW: Final = timedelta(minutes=10)
"""What a person was sent within this time counts."""
ALLOWANCE: Final = 10
"""Mails of each kind, urgent or not, that a person gets one by one within the window."""
GATHER_URGENT: Final = timedelta(minutes=1)
"""How long the one mail collects where something in it is urgent."""
_SINGLE: Final = frozenset({"failing", "reminder", "resolved"})


class Fate(StrEnum):
    """What becomes of a mail that is due."""

    LEAVES = "leaves"
    FOLDED = "folded"
    """Told in one mail with others."""


@dataclass(frozen=True, slots=True)
class Due:
    """A mail that is due."""

    id: int
    user_id: int
    kind: str
    urgent: bool
    is_frozen: bool
    """Whether it was tried before: it may have left."""


@dataclass(frozen=True, slots=True)
class Lately:
    """What a person was sent within the window."""

    urgent: int = 0
    other: int = 0


def fates(due: Sequence[Due], lately: dict[int, Lately]) -> dict[int, Fate]:
    """What becomes of each of these mails, by id; the first in order leave first. One that was tried before leaves, and counts."""
    left = {
        (user_id, urgent): ALLOWANCE - (sent.urgent if urgent else sent.other)
        for user_id, sent in lately.items()
        for urgent in (True, False)
    }
    for one in due:
        if one.is_frozen and one.kind in _SINGLE:
            place = (one.user_id, one.urgent)
            left[place] = left.get(place, ALLOWANCE) - 1
    decided: dict[int, Fate] = {}
    for one in due:
        if one.is_frozen or one.kind not in _SINGLE:
            decided[one.id] = Fate.LEAVES
            continue
        room = left.setdefault((one.user_id, one.urgent), ALLOWANCE)
        decided[one.id] = Fate.LEAVES if room > 0 else Fate.FOLDED
        left[one.user_id, one.urgent] = room - 1
    return decided


def gathers_for(*, urgent: bool) -> timedelta:
    """How long the one mail collects."""
    return GATHER_URGENT if urgent else WINDOW
