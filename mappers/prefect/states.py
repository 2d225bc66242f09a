"""What a state of a flow run means: by its name, then by its type.

Names are free text and say more than types do: Late is of type SCHEDULED, TimedOut of type FAILED, `DBT_TEST_FAILED` of
type COMPLETED. https://docs.prefect.io/v3/concepts/states
"""

from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Final

from mappers.contract import Phase
from mappers.prefect.message import plain


class Meaning(StrEnum):
    """What people are to be told of a state."""

    FAILED = auto()
    TESTS_FAILED = auto()
    LATE = auto()
    COMPLETED = auto()
    CANCELLED = auto()
    NOTHING = auto()


@dataclass(frozen=True, slots=True)
class Reading:
    """What a state means, where it puts the run, and whether a run in it has left its lateness behind."""

    meaning: Meaning
    phase: Phase
    ends_lateness: bool = True


_FAILED: Final = Reading(Meaning.FAILED, Phase.FAILED)
_COMPLETED: Final = Reading(Meaning.COMPLETED, Phase.SUCCEEDED)
_CANCELLED: Final = Reading(Meaning.CANCELLED, Phase.CANCELLED)
_RUNNING: Final = Reading(Meaning.NOTHING, Phase.RUNNING)
_STARTING: Final = Reading(Meaning.NOTHING, Phase.SCHEDULED)
_WAITING: Final = Reading(Meaning.NOTHING, Phase.SCHEDULED, ends_lateness=False)
_RETRYING: Final = Reading(Meaning.NOTHING, Phase.RETRYING, ends_lateness=False)  # it ran before: that ended it

BY_NAME: Final = {
    "scheduled": _WAITING,
    "late": Reading(Meaning.LATE, Phase.LATE, ends_lateness=False),
    "resuming": _WAITING,
    "awaitingconcurrencyslot": _WAITING,
    "awaitingretry": _RETRYING,
    "retrying": _RETRYING,
    "pending": _STARTING,
    "submitting": _STARTING,
    "infrastructurepending": _STARTING,
    "running": _RUNNING,
    "paused": _RUNNING,
    "suspended": _RUNNING,
    "cancelling": _RUNNING,
    "completed": _COMPLETED,
    "cached": _COMPLETED,
    "dbttestfailed": Reading(Meaning.TESTS_FAILED, Phase.FAILED),
    "failed": _FAILED,
    "timedout": _FAILED,
    "crashed": _FAILED,
    "cancelled": _CANCELLED,
}

BY_TYPE: Final = {
    "SCHEDULED": _WAITING,
    "PENDING": _STARTING,
    "RUNNING": _RUNNING,
    "COMPLETED": _COMPLETED,
    "FAILED": _FAILED,
    "CRASHED": _FAILED,
    "CANCELLED": _CANCELLED,
    "CANCELLING": _RUNNING,
    "PAUSED": _RUNNING,
}

BAD_WORDS: Final = ("fail", "crash", "error", "timeout", "timedout", "oomkill", "abort")
"""A name of somebody's own, without a type, that holds one of these is taken for a failure: better told than missed."""


def read_state(name: str, type_: str) -> Reading | None:
    """What the state `name` of type `type_` (empty where it is not said) means; None where nobody can tell."""
    known = BY_NAME.get(plain(name)) or BY_TYPE.get(type_.upper())
    if known:
        return known
    return _FAILED if any(word in plain(name) for word in BAD_WORDS) else None
