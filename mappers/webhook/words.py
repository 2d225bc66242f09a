"""What values come to: states, levels and categories, by the source's own tables first."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, TypeVar

from mappers.contract import Category, Level

T = TypeVar("T")


class Outcome(StrEnum):
    """What a state means: the values of `states`."""

    FIRING = "firing"
    RESOLVED = "resolved"
    NOTE = "note"
    RUNNING = "running"
    RETRYING = "retrying"
    CANCELLED = "cancelled"
    IGNORED = "ignored"


def _each(words: str, meaning: T) -> dict[str, T]:
    return dict.fromkeys(words.split(), meaning)


STATES: Final[Mapping[str, Outcome]] = {
    **_each("firing failed failure fail error errored down critical alerting triggered crashed timeout unhealthy false", Outcome.FIRING),
    **_each("resolved ok success succeeded successful passed pass completed recovered up healthy true", Outcome.RESOLVED),
    **_each("note info", Outcome.NOTE),
    **_each("running started", Outcome.RUNNING),
    **_each("retrying", Outcome.RETRYING),
    **_each("cancelled canceled", Outcome.CANCELLED),
    **_each("ignored test ping pending queued skipped", Outcome.IGNORED),
}
LEVELS: Final[Mapping[str, Level]] = {
    **_each("error critical fatal high danger p1 p2", Level.ERROR),
    **_each("warning warn medium p3", Level.WARNING),
    **_each("info low debug p4 p5", Level.INFO),
    **_each("success", Level.SUCCESS),
}
CATEGORIES: Final[Mapping[str, Category]] = {category.value: category for category in Category}
_SEPARATORS: Final = re.compile(r"[^a-z0-9]+")
_NEGATIONS: Final = frozenset({"not", "no", "non", "never", "without", "0", "partial", "partially"})


def pick(table: Mapping[str, T], said: str) -> T | None:
    """The entry of `said`: its own, else the longest that ends in `*` and begins alike. Capitals do not matter."""
    said = said.strip().casefold()
    fitting = ""
    for key in table:
        folded = key.casefold()
        if folded == said:
            return table[key]
        if folded.endswith("*") and said.startswith(folded[:-1]) and len(key) > len(fitting):
            fitting = key
    return table[fitting] if fitting else None


def outcome(own: Mapping[str, Outcome], said: str) -> Outcome | None:
    """What a state means: as the source says, else the whole word, else its last part (`sync.failed`)."""
    folded = said.strip().casefold()
    if (known := pick(own, said)) or (known := STATES.get(folded)):
        return known
    words = [word for word in _SEPARATORS.split(folded[-80:]) if word]
    return STATES.get(words[-1]) if words and _NEGATIONS.isdisjoint(words) else None
