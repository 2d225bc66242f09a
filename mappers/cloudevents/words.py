"""What a type, a state or a name says, word by word: `com.acme.pipelineRun.failed.v1`."""

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from mappers.contract import Category, Phase

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_VERSION: Final = re.compile(r"v?[0-9]+(?:[.-][0-9a-z]+)*")
_ID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9]{3,}|(?=[0-9a-f]*[0-9])[0-9a-f]{8,}")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


FAILING: Final = _set(
    """failed failure fail fails failing error errored errors exception crashed crash timeout timedout broken down unhealthy unavailable
    outage critical firing breached violated degraded lost dead missed"""
)
ALARMING: Final = _set("opened raised triggered detected reported fired")
"""Failing where the talk is of alerts; elsewhere a pull request is opened and a pipeline triggered."""
_ALERTS: Final = _set("alert alerts alarm alarms incident incidents problem problems issue issues anomaly drift outage monitor")
WARNING: Final = _set("warning warn degraded delayed late overdue missed stale drift")
RECOVERING: Final = _set(
    """succeeded success successful successfully completed complete passed pass resolved recovered recovery restored healthy available up ok
    cleared closed fixed done normal"""
)
ENDING: Final = _set("finished ended")
STOPPED: Final = _set("cancelled canceled cancel aborted stopped skipped abandoned")
RUNNING: Final = _set("started running begun progress inprogress retrying resumed executing")
WAITING: Final = _set("queued scheduled pending created submitted requested triggering")
_NONE: Final = _set("no not 0 zero without")
RUNS: Final = _set("run runs execution executions invocation invocations attempt attempts build builds jobrun jobruns pipelinerun taskrun")
_JOBS: Final = RUNS | _set(
    """job jobs pipeline flow workflow task dag etl elt load import export sync model transform transformation ingest ingestion backup
    batch query training migration transfer jobs pipelines flows workflows tasks"""
)
_TESTS: Final = _set("test tests quality expectation expectations assertion assertions validation check")
_LATE: Final = _set("late overdue missed freshness sla delayed stale")
_SCHEMA: Final = _set("schema column columns contract")


def words_of(text: str) -> list[str]:
    """`pipelineRun.timedOut` as `pipeline run timed out`, and `timedout` and `inprogress` as one word too."""
    words = [word.lower() for word in _WORD.findall(text[:1000])]
    return [*words, *(one + other for one, other in pairwise(words) if one + other in ("timedout", "inprogress"))]


def phase_of(text: str, context: str = "") -> Phase | None:
    """What these words say, failing before anything else (`completed with errors`); None where they say nothing."""
    words = words_of(text)
    failing = FAILING | WARNING | (ALARMING if _ALERTS & {*words, *words_of(context)} else frozenset())
    told = {word for place, word in enumerate(words) if not (place and words[place - 1] in _NONE)}
    for known, phase in (
        (failing, Phase.FAILED), (STOPPED, Phase.CANCELLED), (RECOVERING, Phase.SUCCEEDED), (RUNNING, Phase.RUNNING),
        (WAITING, Phase.SCHEDULED),
    ):  # fmt: skip
        if told & known:
            return phase
    return None


def segments(kind: str) -> list[str]:
    """The parts of a type, without versions at its end and the sender's domain at its start."""
    parts = [part for part in re.split(r"[./:]", kind) if part and not _VERSION.fullmatch(part)]
    domain = 2 if len(parts) > 2 and parts[0].lower() in ("com", "org", "io", "dev", "net", "sh", "cloud", "ai", "eu", "de", "uk") else 0
    return parts[domain:] or parts or [kind]


def phase_of_type(kind: str) -> Phase | None:
    """The last part of a type that says anything: `errors.resolved` is resolved."""
    for part in reversed(segments(kind)[-2:]):
        if (phase := phase_of(part, kind)) is not None:
            return phase
    return None


def stem(kind: str) -> str:
    """A type without what it says of a state: `com.acme.run.failed.v1` and `com.acme.run.succeeded.v1` are one."""
    states = FAILING | WARNING | ALARMING | RECOVERING | ENDING | STOPPED | RUNNING | WAITING
    parts = [part for part in re.split(r"[./:]", kind) if part and not _VERSION.fullmatch(part)]
    kept = [part for part in parts if not _all_states(part, states)]
    last = _without_state(kept[-1], states) if kept else ""
    return ".".join([*kept[:-1], last] if last else kept[:-1]) or kind


def _all_states(part: str, states: frozenset[str]) -> bool:
    words = words_of(part)
    return len(words) == 1 and words[0] in states


def _without_state(part: str, states: frozenset[str]) -> str:
    """`RunFailed` as `Run`, `ResourceWriteFailure` as `ResourceWrite`."""
    words = _WORD.findall(part)
    while len(words) > 1 and words[-1].lower() in states | {"changed", "status", "state"}:
        part = part[: part.rindex(words.pop())].rstrip("-_ ")
    return part


def parent(kind: str) -> str:
    """A type without its last part and its version, for types whose words say nothing."""
    parts = [part for part in re.split(r"[./:]", kind) if part and not _VERSION.fullmatch(part)]
    return ".".join(parts[:-1]) or kind


def is_id(text: str) -> bool:
    """Whether this looks like the id of one run: a UUID, a long number, a hash."""
    return _ID.fullmatch(text) is not None


def category_of(texts: Iterable[str]) -> Category:
    """By what the words speak of: lateness before schemas, tests and jobs; everything else is an incident."""
    words = {word for text in texts for word in words_of(text)}
    for known, category in (
        (_LATE, Category.LATE_RUN), (_SCHEMA, Category.SCHEMA_CHANGE), (_TESTS, Category.DBT_TEST_FAILURE), (_JOBS, Category.JOB_FAILURE),
    ):  # fmt: skip
        if words & known:
            return category
    return Category.INCIDENT


def matches(patterns: Iterable[str], text: str) -> bool:
    """Whether one of the patterns fits the whole text; `*` stands for anything."""
    return any(_fits(pattern.lower(), text.lower()) for pattern in patterns)


def _fits(pattern: str, text: str) -> bool:
    first, *rest = pattern.split("*")
    if not rest:
        return first == text
    if not text.startswith(first) or not text.endswith(rest[-1]) or len(text) < len(first) + len(rest[-1]):
        return False
    place, end = len(first), len(text) - len(rest[-1])
    for part in rest[:-1]:
        place = text.find(part, place, end)
        if place < 0:
            return False
        place += len(part)
    return True
