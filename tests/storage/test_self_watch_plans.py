"""However much was stored, looking at how the gateway is doing looks at the newest and the oldest of it."""

import pytest
from sqlalchemy import text

from gateway.storage import checks, self_watch
from gateway.storage.database import Database
from tests.builders import LEASE, House
from tests.conftest import NOW, Clock
from tests.storage.test_mail_plans import plans

MANY = 20_000
LARGE = ("events", "processing", "deliveries", "delivery_attempts", "checks")


@pytest.fixture
def full(database: Database, clock: Clock) -> Database:
    """So many events, one in ten of them put aside, and so many mails that left."""
    house = House(database, clock)
    user_id = house.user("ana")
    document, false, body = (
        ("'{}'", "0", "zeroblob(1000)") if database.is_sqlite else ("'{}'::jsonb", "false", "decode(repeat('00', 1000), 'hex')")
    )
    moment = "1772442000000000 + n" if database.is_sqlite else "timestamptz '2026-03-02 09:00Z' + n * interval '1 microsecond'"
    numbers = f"(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {MANY}) SELECT n FROM s) AS t"
    event_columns = "id, source_id, method, path, query, headers, body, received_at"
    mail_columns = "id, user_id, team_id, conversation_id, channel, kind, news, urgent, status, due_at, created_at, finished_at"
    with database.appending() as transaction:
        rows = f"SELECT n, {house.source_id}, 'POST', '', '', {document}, {body}, {moment} FROM {numbers}"
        transaction.execute(text(f"INSERT INTO events ({event_columns}) {rows}"))
    with database.writing() as transaction:
        aside = "CASE WHEN n % 10 = 0 THEN 'unmapped' ELSE 'mapped' END"
        mail = f"{user_id}, {house.team_id}, 1, 'email', 'failing', 'n' || n, {false}, 'sent', {moment}, {moment}, {moment}"
        check_columns = (
            "team_id, kind, slug, environment, owners, address, sealed, settings, identity, interval_seconds, timezone, tries, due_at, seen"
        )
        check = f"{house.team_id}, 'probe', 's' || n, '', {document}, '', '', {document}, '', 60, 'UTC', 3"
        for table, rows in {
            "processing (event_id, status, due_at)": f"SELECT n, {aside}, {moment} FROM {numbers}",
            "conversations (id, team_id, identity, subject, opened_at)": (
                f"SELECT 1, {house.team_id}, 'c', 's', {moment} FROM {numbers} WHERE n = 1"
            ),
            f"deliveries ({mail_columns})": f"SELECT n, {mail} FROM {numbers}",
            "delivery_attempts (delivery_id, number, at, outcome, answer)": f"SELECT n, 1, {moment}, 'sent', '' FROM {numbers}",
            f"checks ({check_columns})": f"SELECT {check}, {moment}, {document} FROM {numbers}",
        }.items():
            transaction.execute(text(f"INSERT INTO {table} {rows}"))
    if not database.is_sqlite:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    return database


def whole(plan: str) -> list[str]:
    """The large tables that a plan goes through from end to end."""
    return [name for name in LARGE if f"Seq Scan on {name}" in plan or f"SCAN {name}\n" in plan]


def test_no_figure_is_counted_by_going_through_a_table(full: Database) -> None:
    for verb in (
        lambda one: self_watch.figures(one, NOW),
        lambda one: self_watch.listen(one, NOW),
        lambda one: checks.claim(one, "probe", now=NOW, lease="l", lease_for=LEASE, limit=20),
        lambda one: checks.next_due(one, "probe"),
    ):
        for plan in plans(full, verb):
            assert whole(plan) == [], plan
