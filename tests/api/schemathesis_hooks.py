"""Loaded by Schemathesis: what it cannot know of the gateway, and a list of what was answered."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis.openapi.checks import RejectedPositiveData

MEANING = (
    "must be in the future",
    "must be within a year",
    "since must be before until",
    "expires_at must be after scheduled_time",
    "say which: set at least one of ",
    "from and until must differ",
    "use the `next` of the ",
    "must be an IANA time zone",
    "must lead to an http or https address",
    "comes with the role alone",
    "must be plain text without spaces around it",
    "once what cannot be shown is taken out",
    "is no member of the team",
    "must not hold a NUL character",
    "is no cron expression that ever comes",
    "is no IANA time zone",
    "either cron or interval_seconds",
    "must be the slug of one of the team's senders",
    "there is no such kind",
    "cannot be used with this kind",
    "a source of this kind",
    "makes the secret of this scheme",
    "and at most 400 days after it",
)
"""What refuses data of the right shape: rules that JSON Schema has no words for, or would have to repeat at every text."""
KEY_USED = "This Idempotency-Key was used for another request"
_answered: Counter[tuple[str, int]] = Counter()


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """Whether it is one: data of the right shape may be refused by a rule of `MEANING`, and by no other."""
    if not isinstance(failure, RejectedPositiveData) or response.status_code != 422:
        return True
    problem = response.json()
    told = [error["message"] for error in problem.get("errors", [])]
    return not (problem["detail"].startswith(KEY_USED) or (told and all(any(rule in one for rule in MEANING) for one in told)))


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """Counts what was answered, so that a test can see that it was not all of one kind."""
    _answered[(f"{case.method} {case.path}", response.status_code)] += 1
    if target := os.environ.get("ANSWERED"):
        Path(target).write_text(json.dumps([[*what, times] for what, times in _answered.items()]))
