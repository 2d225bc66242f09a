"""A background task: a decorator that tells when a job fails, and when it works again."""

import functools
import logging
import traceback
from collections.abc import Callable
from typing import ParamSpec, TypeVar
from uuid import uuid4

from gateway.client import Tocsin, TocsinError

log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")


def watched(tocsin: Tocsin, pipeline: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """All failures of `pipeline` are one notification; its next success resolves it."""

    def around(job: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(job)
        def run(*args: P.args, **given: P.kwargs) -> T:
            run_id = uuid4().hex
            try:
                result = job(*args, **given)
            except Exception:
                error = traceback.format_exc()
                _tell(lambda: tocsin.create_job_failure_notification(run_id, error_message=error, pipeline=pipeline))
                raise
            _tell(lambda: tocsin.resolve_job_failure_notification(run_id, pipeline=pipeline))
            return result

        return run

    return around


def _tell(tell: Callable[[], object]) -> None:
    try:
        tell()
    except TocsinError:  # the job's own end counts for more
        log.exception("Tocsin was not told")
