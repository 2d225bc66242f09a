"""How much is too much: token buckets, one for each sender that is counted. In memory, so each process counts for itself."""

import math
from collections import OrderedDict
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

MOST_COUNTED: Final = 10_000
"""Buckets kept; the one that was used longest ago goes first, and begins anew full."""


class Limiter(Generic[Key]):
    """A bucket of tokens for each key, which fills again with time. `now` is any clock in seconds that never steps back."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[Key, tuple[float, float]] = OrderedDict()

    def __bool__(self) -> bool:
        """Whether anything was ever taken."""
        return bool(self._buckets)

    def wait(self, key: Key, now: float, *, rate: float, burst: float) -> int:
        """Whole seconds until there is a token for this key; 0: now. Takes nothing."""
        tokens = self._tokens(key, now, rate, burst)
        return 0 if tokens >= 1 else max(math.ceil((1 - tokens) / rate), 1)

    def take(self, key: Key, now: float, *, rate: float, burst: float) -> int:
        """Takes a token and gives 0; where there is none, gives the whole seconds until there is."""
        tokens = self._tokens(key, now, rate, burst)
        if tokens < 1:
            return max(math.ceil((1 - tokens) / rate), 1)
        self._buckets[key] = (tokens - 1, now)
        self._buckets.move_to_end(key)
        if len(self._buckets) > MOST_COUNTED:
            self._buckets.popitem(last=False)
        return 0

    def _tokens(self, key: Key, now: float, rate: float, burst: float) -> float:
        known = self._buckets.get(key)
        if known is None:
            return burst
        tokens, since = known
        return min(burst, tokens + max(now - since, 0.0) * rate)
