"""How long it takes until everyone of a large team is told, how long the longest transaction is, and what memory that takes."""

import resource
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import text

from gateway.engine import tell
from gateway.storage import tables
from gateway.storage.database import Database
from gateway.storage.migrate import migrate
from tests.bench.bench import Bench
from tests.bench.engines import Engine
from tests.bench.figures import Figure, percentiles
from tests.builders import House, failure, recovery
from tests.storage.large import join

TEAMS: Final = (10_000, 100_000)
RHYTHM: Final = "Europe/Berlin|22:00-07:00|daily"
HELD: Final = 10
"""One of so many has quiet hours and a daily digest."""


def measure(bench: Bench) -> list[Figure]:
    """For each engine and size: a failure told, then its recovery; nobody's mail leaves in between."""
    return [figure for engine in bench.engines for size in TEAMS for figure in _measure(bench.directory, engine, size)]


def _measure(directory: Path, engine: Engine, size: int) -> list[Figure]:
    with engine.database(directory) as url:
        database = Database(url)
        try:
            migrate(database)
            house = House(database, lambda: datetime.now(UTC))
            join(database, house.team_id, size - size // HELD, now=house.clock())
            join(database, house.team_id, size // HELD, now=house.clock(), rhythm=RHYTHM)
            if not database.is_sqlite:
                with database.writing() as transaction:
                    transaction.execute(text("ANALYZE users, memberships, membership_permissions"))  # as autovacuum does by itself
            house.say(failure(run="r0", when=0, urgent=False, slug="earlier-failed"))
            _tell(house)  # no installation with a large team has empty tables, for which PostgreSQL plans otherwise
            name, figures = f"fan-out {engine.name} {size}", []
            for what, draft in (("failure", failure(run="r1", when=1, urgent=False)), ("recovery", recovery(run="r2", when=2))):
                before = _memory()
                house.say(draft)
                spans = _tell(house)
                ranges = percentiles(spans)
                figures += [
                    Figure(f"{name}: {what}, all told", round(sum(spans), 3), "s", detail={"ranges": len(spans), "range": tell.RANGE}),
                    Figure(f"{name}: {what}, longest transaction", ranges["max"], "ms", detail=ranges),
                    Figure(f"{name}: {what}, memory more by", round(_memory() - before, 1), "MB"),
                ]
            told = len(house.rows(tables.inbox_entries, tables.inbox_entries.c.reason == "resolved"))
            if told != size:
                raise AssertionError(f"{told} of {size} were told")
            return figures
        finally:
            database.close()


def _tell(house: House) -> list[float]:
    """The seconds that each range took, its commit included."""
    spans = []
    more = True
    while more:
        began = time.perf_counter()
        with house.database.writing() as transaction:
            more = tell.fan_out(transaction, house.clock())
        spans.append(time.perf_counter() - began)
    return spans


def _memory() -> float:
    """The most that this process ever took, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
