"""Expected schedules of pipelines."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, update

from gateway.storage.database import insert_for
from gateway.storage.tables import monitors


@dataclass(frozen=True, slots=True)
class Expectation:
    """When a pipeline is expected to run: either by cron or every so many seconds."""

    source_id: int
    pipeline: str
    cron: str | None
    interval_seconds: int | None
    timezone: str
    grace_seconds: int


def keep(connection: Connection, wanted: Sequence[Expectation], *, now: datetime) -> None:
    """Makes these the enabled monitors; those no longer wanted are disabled, never deleted."""
    connection.execute(update(monitors).where(monitors.c.disabled_at.is_(None)).values(disabled_at=now))
    if wanted:
        statement = insert_for(connection)(monitors)
        replaced = {name: statement.excluded[name] for name in ("cron", "interval_seconds", "timezone", "grace_seconds")}
        connection.execute(
            statement.on_conflict_do_update(index_elements=["source_id", "pipeline"], set_={**replaced, "disabled_at": None}),
            [asdict(one) for one in wanted],
        )
