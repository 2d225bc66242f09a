"""Who was never heard: sources that nothing ever came from, and monitors whose pipeline never ran."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, bindparam, exists, func, select

from gateway.domain.connecting import TEST_SAID
from gateway.storage.monitors import ENVIRONMENT, LAST_RUN
from gateway.storage.sources import OWN
from gateway.storage.tables import events, monitors, processing, sources, teams
from gateway.storage.types import Time
from mappers.contract.inbound import FETCHED, WATCHED

OLD_ENOUGH: Final = timedelta(days=1)
"""How old a source is before it is strange that nothing came."""
MOST: Final = 20
"""Of each sort, as many are named."""


@dataclass(frozen=True, slots=True)
class Unheard:
    """Both, as `team/source` and `team/source: pipeline (environment)`, and how many there are."""

    sources: Sequence[str]
    monitors: Sequence[str]
    more_sources: bool = False
    more_monitors: bool = False


def unheard(connection: Connection, now: datetime) -> Unheard:
    """Enabled sources older than a day that sent nothing but tests; and monitors that are overdue, of whose pipeline no run is known."""
    silent = connection.execute(_SILENT, {"before": now - OLD_ENOUGH}).all()
    waiting = connection.execute(_WAITING).all()
    return Unheard(
        [f"{team}/{slug}" for team, slug in silent[:MOST]],
        [f"{team}/{slug}: {pipeline}{f' ({environment})' if environment else ''}" for team, slug, pipeline, environment in waiting[:MOST]],
        len(silent) > MOST,
        len(waiting) > MOST,
    )


_IS_TEST: Final = func.coalesce(processing.c.reason.startswith(TEST_SAID), False)
_SENT: Final = exists(
    select(events.c.id)
    .select_from(events.outerjoin(processing, processing.c.event_id == events.c.id))
    .where(events.c.source_id == sources.c.id, events.c.method.not_in((FETCHED, WATCHED)), ~_IS_TEST)
    .correlate(sources)
)
_SILENT: Final = (
    select(teams.c.slug, sources.c.slug)
    .join(teams, teams.c.id == sources.c.team_id)
    .where(sources.c.disabled_at.is_(None), sources.c.kind != OWN, sources.c.created_at < bindparam("before", type_=Time), ~_SENT)
    .order_by(teams.c.slug, sources.c.slug)
    .limit(MOST + 1)
)
_WAITING: Final = (
    select(teams.c.slug, sources.c.slug, monitors.c.pipeline, ENVIRONMENT)
    .join(sources, sources.c.id == monitors.c.source_id)
    .join(teams, teams.c.id == sources.c.team_id)
    .where(monitors.c.lateness != "none", monitors.c.disabled_at.is_(None), monitors.c.paused_at.is_(None))
    .where(sources.c.disabled_at.is_(None), LAST_RUN.is_(None))
    .order_by(teams.c.slug, sources.c.slug, monitors.c.pipeline)
    .limit(MOST + 1)
)
