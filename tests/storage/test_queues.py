"""What waits is counted right, and from the indexes of what waits alone."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, event, text

from gateway.storage import queues, working
from gateway.storage.database import Database
from gateway.storage.working import Process
from tests.builders import House, failure
from tests.conftest import NOW, Clock

pytestmark = pytest.mark.req("R95", "R93")


def depths(database: Database, clock: Clock) -> dict[str, tuple[int, float]]:
    with database.reading() as connection:
        found, _ = queues.waiting(connection, clock())
    return {one.name: (one.depth, one.age.total_seconds()) for one in found}


def test_an_empty_installation_has_every_queue_and_nothing_in_it(database: Database, clock: Clock) -> None:
    assert depths(database, clock) == dict.fromkeys(("events", "replays", "mails", "readings", "follow_ups", "fan_outs"), (0, 0.0))


def test_what_arrived_waits_until_it_is_processed_whoever_has_seen_it(database: Database, clock: Clock) -> None:
    house = House(database, clock)
    for _ in range(3):
        house.send(failure())
    depth, age = depths(database, clock)["events"]
    assert depth == 3
    if database.is_sqlite:  # PostgreSQL goes by its own clock
        clock.advance(seconds=30)
        assert depths(database, clock)["events"] == (3, 30.0)
    else:
        assert age > 0


def test_counting_ends_at_its_bound(database: Database, clock: Clock) -> None:
    house = House(database, clock)
    house.send(failure())
    numbers = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 120000) "
    due = "0" if database.is_sqlite else "timestamptz '2026-03-02 09:00Z'"
    with database.writing() as connection:
        connection.execute(text(f"INSERT INTO processing (event_id, status, due_at) {numbers} SELECT n + 10, 'waiting', {due} FROM n"))
    assert depths(database, clock)["events"][0] == queues.MOST_COUNTED


def test_nothing_but_what_waits_is_looked_at(database: Database, clock: Clock) -> None:
    """With many rows that are done, each queue is counted by the index that holds those that are not."""
    house = House(database, clock)
    house.user("ana@acme.test")
    house.say(failure())
    numbers = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 20000) "
    due = "0" if database.is_sqlite else "timestamptz '2026-03-02 09:00Z'"
    with database.writing() as connection:
        connection.execute(
            text(f"INSERT INTO processing (event_id, status, due_at, processed_at) {numbers} SELECT n + 10, 'mapped', {due}, {due} FROM n")
        )
        if not database.is_sqlite:
            connection.execute(text("ANALYZE"))
    plans = _plans(database, clock)
    assert len(plans) >= 5
    for statement, plan in plans:
        if "FROM processing" in statement and "max(" not in statement.lower():
            assert "ix_processing_waiting" in plan, (statement, plan)


def _plans(database: Database, clock: Clock) -> list[tuple[str, str]]:
    asked: list[tuple[str, object]] = []

    def note(_: Connection, __: object, statement: str, parameters: object, *___: object) -> None:
        asked.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        with database.reading() as connection:
            queues.waiting(connection, clock())
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
    with database.reading() as connection:
        return [
            (statement, "\n".join(str(row) for row in connection.exec_driver_sql(explain + statement, parameters)))
            for statement, parameters in asked
            if statement.startswith("SELECT")
        ]


def test_a_process_lives_until_it_ends_or_says_nothing_for_a_day(database: Database, clock: Clock) -> None:
    one, other = (Process(name, "host", 7, "0.1.0", "mark", NOW) for name in ("one", "other"))
    with database.writing() as connection:
        working.live(connection, one, idle={"deliver": 0.2, "process": 90.0}, now=clock())
        working.live(connection, other, idle={}, now=clock())
        working.live(connection, one, idle={"deliver": 0.4, "process": 100.0}, now=clock())
        working.end(connection, "other")
    with database.reading() as connection:
        (seen,) = working.seen(connection, clock())
    assert seen.process == one
    assert seen.ago < timedelta(seconds=5)
    assert seen.idle["process"] >= timedelta(seconds=100)
    with database.writing() as connection:
        connection.execute(text("UPDATE working_processes SET seen_at = " + ("0" if database.is_sqlite else "'2020-01-01Z'")))
        working.live(connection, other, idle={}, now=clock())
        (seen,) = working.seen(connection, clock())
    assert seen.process == other
