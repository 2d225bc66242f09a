"""What a text says of a state, where no field does: `nightly-orders FAILED`, `[RESOLVED] disk full`."""

import re
from typing import Final

from mappers.aws_sns.recovery import says_recovered
from mappers.contract import Category, State

_WORD: Final = re.compile(r"[^\W_]+")
_PART: Final = re.compile(r"[\w.-]+")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_FAILING: Final = _set(
    """failed failure failures failing fail fails error errored errors timeout timedout crashed crash critical alarm firing down unhealthy
    exception broken unavailable outage exceeded breached violated impaired degraded unreachable
    blocked stuck lost"""
)
_WARNING: Final = _set("warning warn degraded delayed late")
_RECOVERING: Final = _set(
    """succeeded success successful successfully succeeds completed complete completes finished ok okay recovered recovery resolved up
    healthy passed restored available"""
)
_AMBIGUOUS: Final = _set("up available restored")
"""What is said of other things than of states: *set up*, *update available*."""
_OF_AN_ID: Final = frozenset("0123456789abcdefABCDEFTZ-:.")
_NONE: Final = _set("no not 0 zero without never")
_JOBS: Final = _set(
    """job jobs run etl elt load pipeline task build batch import export backup query flow dag model sync execution crawler workflow
    ingest ingestion step"""
)
_FILLERS: Final = _set("has have is was are were with the a an at on by in of again now status state change notification alert for")


def state_of(text: str) -> State | None:
    """What a line of prose says. Failing before recovering (`completed with errors`); `no errors` is no failure.

    That something recovered is believed of whole statements alone (`recovery.py`): of *a new version is available* nobody is to
    conclude that an alarm is over.
    """
    return State.FIRING if _fails(text) else State.RESOLVED if says_recovered(text) else None


def state_of_field(value: str) -> State | None:
    """What a field's value, or an event's type, says: `SUCCEEDED`, `job.completed`; a single word is a state whichever it is."""
    if _fails(value):
        return State.FIRING
    words = [word.lower() for word in _WORD.findall(value[:200])]
    recovers = bool(words) and words[-1] in _RECOVERING and not (words[-2:-1] and words[-2] in _NONE)
    return State.RESOLVED if recovers and (len(words) == 1 or words[-1] not in _AMBIGUOUS) else None


def _fails(text: str) -> bool:
    words = [word.lower() for word in _WORD.findall(text[:2000])]
    return any(word in _FAILING | _WARNING and not (place and words[place - 1] in _NONE) for place, word in enumerate(words))


def is_warning(text: str) -> bool:
    """Whether a failing text only warns."""
    words = {word.lower() for word in _WORD.findall(text[:2000])}
    return bool(words & _WARNING) and not words & (_FAILING - _WARNING)


def stem(text: str) -> str:
    """The name that is left when words of state, numbers, dates and ids are taken out: the same for a failure and its recovery."""
    kept = []
    for part in _PART.findall(text[:500]):
        word = part.strip(".-_")
        is_id = (
            len(word) >= 8 and any(letter.isdigit() for letter in word) and all(letter in "0123456789abcdefABCDEFTZ-:." for letter in word)
        )
        if (
            word
            and any(letter.isalpha() for letter in word)
            and not is_id
            and word.lower() not in _FAILING | _WARNING | _RECOVERING | _FILLERS
        ):
            kept.append(word)
    return " ".join(kept[:12])


def category_of(text: str) -> Category:
    """A job's failure where the text speaks of one."""
    words = {word.lower() for word in _WORD.findall(text[:500])}
    return Category.JOB_FAILURE if words & _JOBS else Category.INCIDENT
