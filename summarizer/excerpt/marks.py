# ruff: noqa: E501
"""How much a line of a log says about a failure."""

import re
from typing import Final

ROOT: Final = 5
"""Says what went wrong."""
ERROR: Final = 4
BLOCK: Final = 3
"""Belongs to what went wrong: a frame of a trace, the lines below an error."""
WARNING: Final = 2
FRAME: Final = 1
"""Only says where in the log we are."""

_LOOKED_AT: Final = 1_000

_ROOTS: Final = (
    "caused by:", "exception in thread", "database error", "compilation error", "runtime error in", "parsing error", "dependency error", "validation error",
    "encountered an error", "failure in ", "configured to fail", "error stale", "error creating", "finished in state failed", "finished in state crashed",
    "finished in state timedout", "fatal:", "fatal]", "panic:", "out of memory", "outofmemory", "oomkilled", "no space left", "does not exist",
    "permission denied", "access denied", "connection refused", "timed out",
)  # fmt: skip
_ERRORS: Final = (
    "error", "failed", "failure", "fatal", "exception", "severe", "critical", "crashed", "aborted", "killed", "denied", "refused", "unreachable", "forbidden",
    "unauthorized", "expired", "cannot", "could not", "unable to", "no such", "not found", "exceeded", "invalid", "exited ", "exit code", "exit status",
    "panic", "is down", "went down", "] down", "evicted", "stale",
)  # fmt: skip
_EXCEPTION: Final = re.compile(
    r"\s*(?:[\w$]{1,80}\.){0,12}[A-Z]\w{0,80}(?:Error|Exception|Failure|Timeout|Interrupt|Exit|NotFound|Forbidden|Unauthorized)(?:\s*[:(]|\s*$)"
)
_RESULT: Final = re.compile(r"\bFAIL \d")
_NO_ERROR: Final = re.compile(
    r"(?<![\w.])(?:0|no) (?:errors?|failed|failures?|failing)\b|\berrors?\s?[=:]\s?(?:0|none|null|false)\b|\bfail(?:ed|ures?)?\"?\s?[=:]\s?0\b|\bwithout errors?\b"
)
_QUIET: Final = re.compile(r"\b(?:INFO|DEBUG|TRACE)\b")
_INFORMS: Final = re.compile(r"(?:info|debug)\b")
_WARNED: Final = re.compile(r"\bWARN(?:ING)?\b|^warn(?:ing)?\b")
_LOUD: Final = ("failed", "failure", "error in", "configured to", "exception", "crashed")
_PAST: Final = re.compile(
    r"\b(?:previous|earlier|last|prior)(?:ly)?\b.{0,40}\bfail|\b(?:will retry|retrying|retried|retry(?:ing)? in|recovered|succeeded after)\b",
    re.IGNORECASE,
)
_TRACE: Final = re.compile(r'^\s*(?:File "[^"]*", line \d+|at [\w$.<>/]+\(|\.\.\. \d+ more|[|+ ]*\|  |raise\b)')
_LINK: Final = re.compile(
    r"^\s*(?:\+ )?(?:Exception Group )?Traceback \(most recent call last\)|^During handling of the above exception"
    r"|^The above exception was the direct cause"
)


def is_link(line: str) -> bool:
    """Whether the line only ties one trace to the next."""
    return bool(_LINK.match(line[:_LOOKED_AT]))


def is_warning(line: str) -> bool:
    """Whether its writer calls it a warning: more often what was tried again than what ended the run."""
    return bool(_WARNED.search(line[:_LOOKED_AT]))


def is_information(line: str) -> bool:
    """Whether its writer calls it information: hardly ever what ended the run."""
    return bool(_QUIET.search(line[:_LOOKED_AT]) or _INFORMS.match(line))


def denies(line: str) -> bool:
    """Whether it tells of what is over, is tried again, or was counted and found to be nought."""
    seen = line[:_LOOKED_AT]
    return bool(_NO_ERROR.search(seen.lower()) or _PAST.search(seen))


def weigh(line: str) -> int:
    """`ROOT`, `ERROR`, `BLOCK`, `WARNING`, or 0 for a line that says nothing of a failure by itself."""
    seen = line[:_LOOKED_AT]
    if seen[:1] in " \t|" and _TRACE.match(seen):
        return BLOCK
    low = seen.lower()
    weight = _loudness(seen, low)
    if not weight or is_link(seen):
        return 0
    if _NO_ERROR.search(low) or (_QUIET.search(seen) and not any(word in low for word in _LOUD)):
        return WARNING if weight == ROOT else 0
    return weight


def _loudness(seen: str, low: str) -> int:
    if any(words in low for words in _ROOTS) or _EXCEPTION.match(seen) or _RESULT.search(seen):
        return ROOT
    if any(word in low for word in _ERRORS):
        return ERROR
    return WARNING if "warn" in low else 0
