"""When to try a delivery again."""

from datetime import timedelta
from typing import Final

GIVE_UP_AFTER: Final = timedelta(hours=24)
_FIRST: Final = 15.0
_LONGEST: Final = 3600.0


def wait_before_retry(attempts: int, jitter: float) -> timedelta:
    """The wait after `attempts` failed ones: doubling from 15 s to an hour, spread by `jitter` in [0, 1) over ±25 %."""
    return timedelta(seconds=min(_FIRST * 2.0 ** min(attempts - 1, 20), _LONGEST) * (0.75 + 0.5 * jitter))
