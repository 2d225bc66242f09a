"""What comes round again and again, by a clock that may be set."""

from datetime import datetime, timedelta


class Cadence:
    """When something is due next. A clock that is set back does not hold it up until it is that late again."""

    def __init__(self, every: timedelta, first: datetime) -> None:
        self._every = every
        self.next_at = first

    def comes_round(self, now: datetime) -> bool:
        """Whether it is due; the next one is then `every` from now."""
        if now < self.next_at <= now + self._every:
            return False
        self.next_at = now + self._every
        return True
