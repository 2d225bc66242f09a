"""The words for states, levels and categories that senders use, and what each of them means.

A word that may mean either (`active`, `new`, `1`) is not here: it is better asked about than guessed.
"""

import re
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple, TypeVar

from mappers.contract import Category, Level


class Sense(StrEnum):
    """What a state word comes to."""

    FAILING = "failing"
    FINE = "fine"
    NOTE = "note"
    UNDERWAY = "underway"
    RETRYING = "retrying"
    CANCELLED = "cancelled"
    SILENT = "silent"


class Word(NamedTuple):
    """One state word."""

    sense: Sense
    said: str = ""
    """What follows a name in a title: `is down`."""
    level: Level = Level.ERROR
    """How bad it is where the sender does not say."""


ACKNOWLEDGED: Final = Word(Sense.SILENT, "acknowledged at the sender: it goes on as it was")
T = TypeVar("T")


def _each(words: str, meaning: T) -> dict[str, T]:
    return dict.fromkeys(words.split(), meaning)


def _named(words: str, before: str, level: Level = Level.ERROR) -> dict[str, Word]:
    return {word: Word(Sense.FAILING, f"{before} {word}", level) for word in words.split()}


_STATES: Final[dict[str, Word]] = {
    **_named("down offline unreachable unavailable unhealthy dead broken failing firing alerting critical", "is"),
    **_named("degraded stale late overdue", "is", Level.WARNING),
    **_each("notready notok nok ko bad red crit fatal emergency panic", Word(Sense.FAILING, "is not well")),
    **_each("failed failure fail failures unsuccessful ng", Word(Sense.FAILING, "failed")),
    **_each("error errored errors err exception", Word(Sense.FAILING, "has an error")),
    **_each("crashed crash killed terminated aborted", Word(Sense.FAILING, "crashed")),
    **_each("timeout timedout", Word(Sense.FAILING, "timed out")),
    **_each("missing missed absent lost", Word(Sense.FAILING, "is missing")),
    **_each("outage", Word(Sense.FAILING, "has an outage")),
    **_each("problem trouble incident", Word(Sense.FAILING, "has a problem")),
    **_each(
        "alert alarm activated triggered trigger fired fire open opened reopened breach breached violated violation",
        Word(Sense.FAILING, "raised an alert"),
    ),
    **_each("warning warnings warn yellow minor", Word(Sense.FAILING, "has a warning", Level.WARNING)),
    **_each(
        "partial partialsuccess partiallysucceeded partiallysuccessful partiallycompleted",
        Word(Sense.FAILING, "succeeded in part only", Level.WARNING),
    ),
    **_each("nodata unknown", Word(Sense.FAILING, "is unknown", Level.WARNING)),
    **_each("up online alive reachable available healthy operational ready", Word(Sense.FINE, "is up")),
    **_each("success successful succeeded succeed passed pass passing completed complete finished done", Word(Sense.FINE, "succeeded")),
    **_each(
        "ok okay good fine green normal resolved resolve recovered recovery restored fixed cleared clear closed close",
        Word(Sense.FINE, "recovered"),
    ),
    **_each("info information informational notice note announcement debug", Word(Sense.NOTE, level=Level.INFO)),
    **_each("changed altered added removed renamed modified", Word(Sense.NOTE, level=Level.INFO)),
    **_each("cancelled canceled cancelling", Word(Sense.CANCELLED, "was cancelled", Level.INFO)),
    **_each("running started start starting begin began inprogress processing", Word(Sense.UNDERWAY)),
    **_each("retrying retry upforretry awaitingretry rescheduled willretry", Word(Sense.RETRYING)),
    **_each("test testing ping heartbeat", Word(Sense.SILENT, "a test message")),
    **_each("ack acked acknowledge acknowledged acknowledgement acknowledgment", ACKNOWLEDGED),
    **_each("paused snoozed snooze suppressed silenced muted maintenance disabled", Word(Sense.SILENT, "paused at the sender")),
    **_each("pending queued scheduled waiting skipped", Word(Sense.SILENT, "nothing has happened yet")),
}  # fmt: skip
_LATE: Final = frozenset({"late", "overdue", "missed"})
_LEVELS: Final = {
    **_each("error err critical crit fatal emergency emerg panic alert page high highest major danger", Level.ERROR),
    **_each("p0 p1 p2 sev0 sev1 sev2 50 40", Level.ERROR),
    **_each("warning warn medium moderate minor degraded p3 sev3 30", Level.WARNING),
    **_each("info information informational notice low lowest debug trace none p4 p5 sev4 sev5 20 10", Level.INFO),
    **_each("success ok", Level.SUCCESS),
}  # fmt: skip
_CATEGORIES: Final = {
    **{category.value.replace("_", ""): category for category in Category},
    **_each("health healthcheck uptime outage alert", Category.INCIDENT),
    **_each("job jobfailed run runfailure pipeline pipelinefailure failure etl", Category.JOB_FAILURE),
    **_each("late lateness delay delayed sla", Category.LATE_RUN),
    **_each("schema schemachanged", Category.SCHEMA_CHANGE),
    **_each("test testfailure dbttest dataquality dataqualityfailure", Category.DBT_TEST_FAILURE),
}  # fmt: skip
_SEPARATORS: Final = re.compile(r"[^a-z0-9]+")
NEGATIONS: Final = frozenset({"not", "no", "never", "without", "0", "zero", "non"})


def plain(text: str) -> str:
    """Small letters and digits alone, as words and field names are compared."""
    return _plain(text[:200])


@lru_cache(maxsize=4096)  # field names repeat from message to message
def _plain(text: str) -> str:
    return _SEPARATORS.sub("", text.lower())


def state_word(text: str) -> Word | None:
    """What `text` says of a state: the whole of it, else its last word, else its first. None where that is not known."""
    if whole := _STATES.get(plain(text)):
        return whole
    words = [word for word in _SEPARATORS.split(text[:200].lower()) if word]
    if len(words) < 2 or not NEGATIONS.isdisjoint(words):
        return None
    if words[-1] == "ended" and (over := _STATES.get(words[0])) and over.sense is Sense.FAILING:
        return _STATES["recovered"]  # `Down ended`, as PRTG says it
    return _STATES.get(words[-1]) or _STATES.get(words[0])


def is_late(text: str) -> bool:
    """Whether a state word tells of something that did not come in time."""
    return plain(text) in _LATE


def level_of(text: str) -> Level | None:
    """The level a severity or priority stands for; None where it is not known."""
    return _LEVELS.get(plain(text))


def category_of(text: str) -> Category | None:
    """One of the categories, however it is spelled; None where it is none."""
    return _CATEGORIES.get(plain(text))
