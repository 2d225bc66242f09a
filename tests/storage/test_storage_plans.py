"""The list and the count of a large inbox are answered from their indexes."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from gateway.storage import inbox
from gateway.storage.database import Database
from gateway.storage.inbox import EVERYTHING
from tests.builders import House
from tests.conftest import NOW, Clock

PEOPLE, THREADS = 20, 1000


@pytest.fixture
def large(database: Database, clock: Clock) -> Database:
    """So many people with so many entries each, nearly all of them read."""
    house = House(database, clock)
    numbers = f"WITH RECURSIVE {{name}}(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM {{name}} WHERE n < {{most}}) SELECT n FROM {{name}}"  # noqa: F541
    moment = "1772442000000000 + t.n" if database.is_sqlite else "timestamptz '2026-03-02 09:00Z' + t.n * interval '1 second'"
    people, threads = (f"({numbers.format(name=name, most=most)})" for name, most in (("a", PEOPLE), ("b", THREADS)))
    true, document = ("1", "'{}'") if database.is_sqlite else ("true", "'{}'::jsonb")
    columns = "user_id, notification_id, team_id, category, episode, reason, listed, first_at, last_at, read_at"
    read_at = f"CASE WHEN t.n % 100 = 0 THEN NULL ELSE {moment} END"
    entries = f"SELECT p.n, t.n, {house.team_id}, 'system', 1, 'first', {true}, {moment}, {moment}, {read_at} FROM {people} AS p CROSS JOIN"
    with database.writing() as transaction:
        for table, rows in {
            "users (email, name, settings, created_at)": f"SELECT 'u' || t.n, 'u', {document}, {moment} FROM {people} AS t",
            "memberships (team_id, user_id, role)": f"SELECT {house.team_id}, id, 'member' FROM users",
            "notifications (identity, team_id, status)": f"SELECT 'i' || t.n, {house.team_id}, 'open' FROM {threads} AS t",
            f"inbox_entries ({columns})": f"{entries} {threads} AS t",
        }.items():
            transaction.execute(text(f"INSERT INTO {table} {rows}"))
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE main" if database.is_sqlite else "ANALYZE"))
    return database


def plan(database: Database, verb: Callable[[Connection], object]) -> str:
    """How the database would answer what this verb asks."""
    asked: list[tuple[str, Any]] = []
    with database.reading() as connection:

        def listen(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
            asked.append((statement, parameters))

        event.listen(connection, "before_cursor_execute", listen)
        assert verb(connection)
        event.remove(connection, "before_cursor_execute", listen)
        ((statement, parameters),) = asked
        explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
        rows = connection.exec_driver_sql(explain + statement, parameters).all()
    return "\n".join(str(row[-1]) for row in rows)


def test_a_page_of_the_inbox_is_read_from_its_index_in_order(large: Database) -> None:
    found = plan(large, lambda one: inbox.page(one, user_id=1, wanted=EVERYTHING, now=NOW, after=None, limit=51))
    assert "ix_inbox_entries_list" in found
    assert "TEMP B-TREE" not in found
    assert "Sort" not in found


def test_a_later_page_of_the_inbox_is_read_from_its_index_in_order(large: Database) -> None:
    found = plan(large, lambda one: inbox.page(one, user_id=1, wanted=EVERYTHING, now=NOW, after=(NOW.replace(minute=10), 500), limit=51))
    assert "ix_inbox_entries_list" in found
    assert "TEMP B-TREE" not in found
    assert "Sort" not in found


def test_the_unread_count_is_read_from_its_index(large: Database) -> None:
    found = plan(large, lambda one: inbox.unread(one, user_id=1, wanted=EVERYTHING, now=NOW))
    assert "ix_inbox_entries_unread" in found
    assert "SCAN inbox_entries" not in found
