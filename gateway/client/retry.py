"""When to try again, and how long. Bounded: a web request that tells something must not hang."""

import logging
from collections.abc import Mapping
from typing import Any, Final

from tenacity import RetryCallState, retry_if_exception, stop_before_delay, wait_exponential, wait_random

from gateway.client.answer import AGAIN
from gateway.client.errors import TocsinError, Unreachable

_BACKOFF: Final = wait_exponential(multiplier=0.2, max=3) + wait_random(0, 0.2)
_log = logging.getLogger("tocsin.client")


def policy(budget: float) -> Mapping[str, Any]:
    """What tenacity is told: within `budget` seconds in all, what passes is tried again, and the last error is raised as it is."""
    return {
        "stop": stop_before_delay(budget),
        "wait": pause,
        "retry": retry_if_exception(passes),
        "before_sleep": _note,
        "reraise": True,
    }


def passes(error: BaseException) -> bool:
    """Whether the same request may do better in a moment."""
    return isinstance(error, Unreachable) or (isinstance(error, TocsinError) and error.status in AGAIN)


def pause(state: RetryCallState) -> float:
    """Seconds until the next try: jittered, and never before the server wants it. Longer than what is left ends the call."""
    error = state.outcome and state.outcome.exception()
    return max(_BACKOFF(state), getattr(error, "retry_after", None) or 0.0)


def patience(budget: float, passed: float) -> float:
    """Seconds for one try: at most half of all, so that a hung connection leaves room for another one."""
    return max(0.001, min(budget / 2, budget - passed))


def _note(state: RetryCallState) -> None:
    error = state.outcome and state.outcome.exception()
    _log.info("try %d: %s; the next one in %.1f s", state.attempt_number, error, state.upcoming_sleep)
