"""What a schedule is written with: cron expressions and time zones, checked when they are read."""

from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{value!r} is no IANA time zone, as in Europe/Berlin") from None
    return value


def _cron(value: str) -> str:
    from cronsim import CronSim, CronSimError

    try:
        next(CronSim(value, datetime(2026, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration):
        raise ValueError(f"{value!r} is no cron expression that ever comes, as in 0 2 * * *") from None
    return value


Zone = Annotated[str, AfterValidator(_zone)]
Cron = Annotated[str, AfterValidator(_cron), Field(max_length=200)]
