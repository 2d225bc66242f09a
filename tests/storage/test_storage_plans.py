"""What people read is answered from indexes: no list, count or bar is worked out by going through a table.

On SQLite without statistics, which nobody gathers there; on PostgreSQL with those that autovacuum gathers.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from gateway.storage import inbox, thread_statements
from gateway.storage.database import Database
from gateway.storage.inbox import EVERYTHING, Filter
from tests.builders import House
from tests.conftest import NOW, Clock

PEOPLE, THREADS = 20, 3000
LARGE = ("inbox_entries", "notifications", "notification_permissions", "notification_owners")
FILTERS = {
    "everything": EVERYTHING,
    "category": Filter(categories=("incident",)),
    "unread": Filter(read=False),
    "muted": Filter(muted=True),
    "archived": Filter(archived=True),
    "snoozed": Filter(snoozed=True),
    "since": Filter(since=NOW - timedelta(days=1)),
    "until": Filter(until=NOW),
    "level": Filter(levels=("info",)),
    "urgent": Filter(urgent_only=True),
    "open": Filter(status="open"),
    "resolved": Filter(status="resolved"),
    "source": Filter(source="etl"),
    "api": Filter(source="api"),
    "pipeline": Filter(pipeline="pipeline-7"),
    "owner": Filter(owner="owner-7"),
    "tag": Filter(tag="owner-7"),
    "all": Filter(
        categories=("incident",), levels=("error",), urgent_only=True, read=False, status="open", source="etl", pipeline="pipeline-7",
        owner="owner-7", tag="owner-7", since=NOW - timedelta(days=9), until=NOW,
    ),
}  # fmt: skip
Asked = list[tuple[str, str]]
"""Statements with their plans."""


@pytest.fixture
def large(database: Database, clock: Clock) -> Database:
    """So many people with so many entries each, one in a hundred unread, on threads of which one in fifty is open."""
    house = House(database, clock)
    numbers = "(WITH RECURSIVE {name}(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM {name} WHERE n < {most}) SELECT n FROM {name})"
    people, threads = (numbers.format(name=name, most=most) for name, most in (("a", PEOPLE), ("b", THREADS)))
    sqlite = database.is_sqlite
    moment = "1772442000000000 + t.n" if sqlite else "timestamptz '2026-03-02 09:00Z' + t.n * interval '1 second'"
    true, false, document = ("1", "0", "'{}'") if sqlite else ("true", "false", "'{}'::jsonb")
    columns = "user_id, notification_id, team_id, category, episode, reason, listed, first_at, last_at, read_at"
    read_at = f"CASE WHEN t.n % 100 = 0 THEN NULL ELSE {moment} END"
    entries = f"SELECT p.n, t.n, {house.team_id}, 'system', 1, 'first', {true}, {moment}, {moment}, {read_at} FROM {people} AS p CROSS JOIN"
    thread = (
        f"'i' || t.n, {house.team_id}, {house.source_id}, CASE WHEN t.n % 50 = 0 THEN 'open' ELSE 'resolved' END,"
        f" 'pipeline-' || t.n % 100, CASE WHEN t.n % 100 = 0 THEN {true} ELSE {false} END"
    )
    with database.writing() as transaction:
        for table, rows in {
            "users (email, name, settings, created_at)": f"SELECT 'u' || t.n, 'u', {document}, {moment} FROM {people} AS t",
            "memberships (team_id, user_id, role)": f"SELECT {house.team_id}, id, 'member' FROM users",
            "notifications (identity, team_id, source_id, status, pipeline, urgent)": f"SELECT {thread} FROM {threads} AS t",
            "notification_owners (notification_id, owner, is_tag)": f"SELECT t.n, 'owner-' || t.n % 10, {false} FROM {threads} AS t",
            "notification_permissions (notification_id, permission)": f"SELECT t.n, 'role:admin' FROM {threads} AS t WHERE t.n % 3 = 0",
            f"inbox_entries ({columns})": f"{entries} {threads} AS t",
        }.items():
            transaction.execute(text(f"INSERT INTO {table} {rows}"))
    if not sqlite:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    return database


def plans(database: Database, verb: Callable[[Connection], object]) -> Asked:
    """How the database answers each statement that this verb asks."""
    asked: list[tuple[str, Any]] = []

    def listen(*given: Any) -> None:
        asked.append((given[2], given[3]))

    explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
    with database.reading() as connection:
        event.listen(connection, "before_cursor_execute", listen)
        verb(connection)
        event.remove(connection, "before_cursor_execute", listen)
        if not database.is_sqlite:  # it would rather read all of so few rows, where it joins
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        return [
            (statement, "\n".join(str(row[-1]) for row in connection.exec_driver_sql(explain + statement, values)) + "\n")
            for statement, values in asked
        ]


def goes_through(plan: str) -> list[str]:
    """The large tables that are read whole."""
    return [table for table in LARGE if f"Seq Scan on {table} " in plan or re.search(rf"^SCAN ({table}|facet)\b", plan, re.MULTILINE)]


@pytest.mark.req("R60", "R61")
def test_every_list_and_count_is_read_from_indexes(large: Database) -> None:
    after: tuple[datetime, int] = (NOW + timedelta(minutes=10), 500)
    for name, wanted in FILTERS.items():
        for place in (None, after):
            for statement, plan in plans(
                large, lambda one, wanted=wanted, place=place: inbox.page(one, user_id=1, wanted=wanted, now=NOW, after=place, limit=51)
            ):
                assert goes_through(plan) == [], (name, statement, plan)
        for verb in (inbox.unread, inbox.count):
            for statement, plan in plans(large, lambda one, verb=verb, wanted=wanted: verb(one, user_id=1, wanted=wanted, now=NOW)):
                assert goes_through(plan) == [], (name, statement, plan)


def test_a_page_of_the_inbox_is_read_in_order_from_the_index_alone(large: Database) -> None:
    for place in (None, (NOW + timedelta(minutes=10), 500)):
        *_, (_, found) = plans(
            large, lambda one, place=place: inbox.page(one, user_id=1, wanted=EVERYTHING, now=NOW, after=place, limit=51)
        )
        assert "ix_inbox_entries_list" in found
        if large.is_sqlite:
            head, _, _ = found.partition("SCAN found")
            assert "TEMP B-TREE" not in head
        else:
            assert "Index Only Scan Backward using ix_inbox_entries_list" in found


def test_the_unread_count_is_read_from_its_index_alone(large: Database) -> None:
    *_, (_, found) = plans(large, lambda one: inbox.unread(one, user_id=1, wanted=EVERYTHING, now=NOW))
    assert "ix_inbox_entries_unread" in found
    assert large.is_sqlite or "Index Only Scan using ix_inbox_entries_unread" in found


@pytest.mark.req("R63")
def test_the_urgent_bar_begins_with_what_is_open(large: Database) -> None:
    asked = plans(large, lambda one: inbox.bar(one, user_id=1, team_ids=None, now=NOW))
    assert all(goes_through(plan) == [] for _, plan in asked)
    assert any("ix_notifications_open" in plan for _, plan in asked)


def test_what_is_named_by_many_values_is_found_by_its_index(large: Database) -> None:
    """SQLite was once asked whether `x IN (…) = 1`, for which it went through everything."""
    for statement, values in (
        (thread_statements.IDENTITIES, {"identities": ["i1", "i2"]}),
        (thread_statements.LOCK, {"identities": ["i1", "i2"]}),
        (thread_statements.FIRING, {"ids": [1, 2]}),
    ):
        ((_, plan),) = plans(large, lambda one, statement=statement, values=values: one.execute(statement, values).all())
        assert goes_through(plan) == [], plan
        assert "SCAN members" not in plan
