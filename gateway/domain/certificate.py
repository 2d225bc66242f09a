"""Whether a certificate ends soon."""

from datetime import datetime, timedelta
from enum import StrEnum


class News(StrEnum):
    """What is worth telling of it."""

    EXPIRING = "expiring"
    RENEWED = "renewed"


def news_of(ends_at: datetime | None, *, told: datetime | None, now: datetime, before: timedelta) -> News | None:
    """`ends_at`: when the one in use ends; None: not seen. `told`: the end that people were told of. Told once, until another is in use."""
    if ends_at is None:
        return None
    ends_soon = ends_at - now <= before
    if told is not None and not ends_soon:
        return News.RENEWED
    return News.EXPIRING if ends_soon and told != ends_at else None
