"""Looking for silences is answered from indexes, however many monitors and runs there are."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from gateway.storage import silences
from gateway.storage.database import Database
from tests.builders import House
from tests.conftest import NOW, Clock
from tests.storage.test_storage_plans import plans

MONITORS, RUNS = 3000, 20_000
LARGE = ("monitors", "runs", "pipelines", "processing", "events")


@pytest.fixture
def many(database: Database, clock: Clock) -> Database:
    """So many monitors, one in a hundred of them due, and so many runs; one monitor in a thousand is late."""
    house = House(database, clock)
    numbers = "(WITH RECURSIVE {name}(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM {name} WHERE n < {most}) SELECT n FROM {name})"
    few, lots = (numbers.format(name=name, most=most) for name, most in (("a", MONITORS), ("b", RUNS)))
    sqlite = database.is_sqlite
    ahead = "1772442000000000 + {}" if sqlite else "timestamptz '2026-03-02 09:00Z' + {} * interval '1 microsecond'"
    due = f"CASE WHEN t.n % 100 = 0 THEN {ahead.format('-1')} ELSE {ahead.format('3600000000')} END"
    limited = "CASE WHEN t.n % 50 = 0 THEN 60 END"
    late = "CASE WHEN t.n % 1000 = 0 THEN 'late' ELSE 'none' END"
    columns = "source_id, pipeline, cron, timezone, grace_seconds, max_duration_seconds, expected_at, awaited_from, due_at, lateness"
    with database.writing() as transaction:
        for table, rows in {
            "pipelines (source_id, environment, name)": f"SELECT {house.source_id}, 'prod', 'p' || t.n FROM {few} AS t",
            f"monitors ({columns})": f"SELECT {house.source_id}, 'p' || t.n, '0 * * * *', 'UTC', 60, {limited}, {due}, {due}, {due}, {late}"
            f" FROM {few} AS t",
            "runs (pipeline_id, run, attempt, phase, state, name, url, phase_at, started_at, ended_at)": "SELECT p.id, 'r' || t.n, 0,"
            f" 'succeeded', '', '', '', {ahead.format('-t.n')}, {ahead.format('-t.n')}, {ahead.format('-t.n')}"
            f" FROM {lots} AS t JOIN pipelines AS p ON p.name = 'p' || (t.n % {MONITORS} + 1)",
        }.items():
            transaction.execute(text(f"INSERT INTO {table} {rows}"))
    if not sqlite:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    return database


def goes_through(plan: str) -> list[str]:
    """The tables that are read whole: not through an index, or not through one of few rows."""
    return [
        table
        for table in LARGE
        if f"Seq Scan on {table}" in plan
        or any(line.startswith(f"SCAN {table}") and "USING" not in line for line in plan.splitlines())
    ]  # fmt: skip


@pytest.mark.req("R90")
def test_what_wants_to_be_looked_at_is_found_by_its_indexes(many: Database) -> None:
    asked = plans(many, lambda one: silences.wanting(one, now=NOW, limit=100))
    for statement, plan in asked:
        assert goes_through(plan) == [], (statement, plan)
    used = "\n".join(plan for _, plan in asked)
    for index in ("due", "begun", "late", "overrun"):
        assert f"ix_monitors_{index}" in used, used
    assert "ix_monitors_limited" in used or "ix_runs_unended" in used, used
    with many.reading() as transaction:
        assert len(silences.wanting(transaction, now=NOW, limit=100)) == MONITORS // 100


@pytest.mark.req("R90")
def test_what_is_known_of_the_runs_of_some_monitors_is_found_by_its_indexes(many: Database) -> None:
    ids = list(range(100, 1100, 100))
    for verb in (silences.hold, silences.came, silences.called_late, silences.running, silences.ended):
        for statement, plan in plans(many, lambda one, verb=verb: verb(one, ids)):
            assert goes_through(plan) == [], (verb.__name__, statement, plan)
    for statement, plan in plans(many, silences.next_due):
        assert "ix_monitors_due" in plan, (statement, plan)
    assert timedelta(minutes=2) == silences.GAP
