"""However many mails wait, taking the next few looks at these few: on SQLite without statistics, on PostgreSQL with autovacuum's."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from gateway.storage import deliveries, floods, mail_contents, sent_mail
from gateway.storage.database import Database
from tests.builders import House
from tests.conftest import NOW, Clock

WAITING = 20_000
PEOPLE = 200


@pytest.fixture
def full(database: Database, clock: Clock) -> Database:
    """So many mails that wait, one in a hundred urgent, none of them due; and as many that left lately."""
    house = House(database, clock)
    document, false, true = ("'{}'", "0", "1") if database.is_sqlite else ("'{}'::jsonb", "false", "true")
    moment = "1772442000000000" if database.is_sqlite else "timestamptz '2026-03-02 09:00Z'"
    later = f"{moment} + 3600000000 + n" if database.is_sqlite else f"{moment} + n * interval '1 second'"
    numbers = f"(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {WAITING}) SELECT n FROM s) AS t"
    columns = "user_id, team_id, conversation_id, channel, kind, news, urgent, status, due_at, created_at, finished_at"
    reader = (
        f"(SELECT min(id) FROM users) + n % {PEOPLE}, {house.team_id}, (SELECT min(id) FROM conversations) + n % 2000, 'email', 'failing'"
    )
    urgent = f"CASE WHEN n % 100 = 0 THEN {true} ELSE {false} END"
    with database.writing() as transaction:
        for table, rows in {
            "users (email, name, settings, created_at)": f"SELECT 'u' || n, 'u', {document}, {moment} FROM {numbers} WHERE n <= {PEOPLE}",
            "memberships (team_id, user_id, role)": f"SELECT {house.team_id}, id, 'member' FROM users",
            "conversations (team_id, identity, subject, opened_at)": f"SELECT {house.team_id}, 'c' || n, 's', {moment} FROM {numbers}",
            f"deliveries ({columns})": f"SELECT {reader}, 'n' || n, {urgent}, 'waiting', {later}, {moment}, NULL FROM {numbers}",
        }.items():
            transaction.execute(text(f"INSERT INTO {table} {rows}"))
        left = f"SELECT {reader}, 'o' || n, {false}, 'sent', {moment}, {moment}, {later} FROM {numbers}"
        transaction.execute(text(f"INSERT INTO deliveries ({columns}) {left}"))
    if not database.is_sqlite:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    return database


def plans(database: Database, verb: Callable[[Connection], object]) -> list[str]:
    """How the database does each statement that this verb asks."""
    asked: list[tuple[str, Any]] = []

    def listen(*given: Any) -> None:
        asked.append((given[2], given[3]))

    explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
    with database.writing() as connection:
        event.listen(connection, "before_cursor_execute", listen)
        verb(connection)
        event.remove(connection, "before_cursor_execute", listen)
        return [
            "\n".join(str(row[-1]) for row in connection.exec_driver_sql(explain + statement, values)) + "\n" for statement, values in asked
        ]


def goes_through_all(plan: str) -> bool:
    return "Seq Scan on deliveries" in plan or "SCAN deliveries\n" in plan or "SCAN earlier" in plan


def claim(connection: Connection) -> list[deliveries.Claimed]:
    return deliveries.claim(connection, now=NOW + timedelta(minutes=1), lease="l", lease_for=timedelta(minutes=1), limit=64)


@pytest.mark.req("R80")
def test_the_next_mails_are_taken_from_an_index_each(full: Database) -> None:
    found = plans(full, claim)
    names = ["ix_deliveries_urgent", "ix_deliveries_waiting", "ix_deliveries_untouched"]
    assert [next((name for name in names if name in plan), plan) for plan in found] == names
    assert not any(goes_through_all(plan) for plan in found)


def test_what_a_person_was_sent_lately_is_read_from_an_index(full: Database) -> None:
    taken = [deliveries.Claimed(n, n, 1, "failing", False, 1, NOW, None, None) for n in range(1, 60)]
    found = plans(full, lambda one: floods.surplus(one, taken, lease="l", now=NOW))
    assert all("ix_deliveries_user_id_finished_at" in plan for plan in found)
    assert not any(goes_through_all(plan) for plan in found)


def test_holding_back_and_letting_go_look_at_one_conversation(full: Database) -> None:
    for verb in (
        lambda one: deliveries.hold(one, ["c7", "c8"], until=NOW, now=NOW),
        lambda one: deliveries.release(one, ["c7", "c8"]),
    ):
        (plan,) = plans(full, verb)
        assert not goes_through_all(plan), plan


def test_envelopes_begin_with_the_mails_asked_for(full: Database) -> None:
    ids = list(range(1, 65))
    for verb in (lambda one: mail_contents.envelopes(one, ids), lambda one: mail_contents.told(one, ids, now=NOW)):
        (plan,) = plans(full, verb)
        assert not goes_through_all(plan), plan
        assert "pk_deliveries" in plan or "SEARCH deliveries USING INTEGER PRIMARY KEY" in plan, plan


@pytest.mark.req("R81")
def test_mails_that_failed_are_found_by_their_index(full: Database) -> None:
    failed = sent_mail.Filter(status="failed")
    (plan,) = plans(full, lambda one: sent_mail.page(one, user_id=1, team_ids=[1], before=None, limit=50, wanted=failed))
    assert "ix_deliveries_failed" in plan, plan
    assert not goes_through_all(plan), plan
