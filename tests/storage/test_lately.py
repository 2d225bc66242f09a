"""What sources sent lately is read from the end of an index, however much they ever sent."""

from sqlalchemy import text

from gateway.storage import lately
from gateway.storage.database import Database
from tests.builders import House, failure
from tests.conftest import Clock
from tests.storage.test_mail_plans import plans

MANY = 20_000


def test_the_newest_of_each_source_without_what_was_fetched(database: Database, clock: Clock) -> None:
    house = House(database, clock)
    other = house.source("other")
    first = clock.now
    house.say(failure(run="r"))
    second = clock.advance(minutes=1)
    house.say(unmapped="what is this")
    house.send(failure(run="s"), source_id=other)
    with database.reading() as transaction:
        found = lately.sent(transaction, source_ids=[house.source_id, other, 999], limit=10)
        (newest,) = lately.sent(transaction, source_ids=[house.source_id], limit=1)[house.source_id]
    assert [(one.at, one.status, one.is_test) for one in found[house.source_id]] == [(second, "unmapped", False), (first, "mapped", False)]
    assert [one.status for one in found[other]] == ["waiting"]
    assert found[999] == []
    assert newest.status == "unmapped"


def test_only_the_end_of_the_index_is_looked_at(database: Database, clock: Clock) -> None:
    house = House(database, clock)
    other = house.source("other")
    empty, headers, moment = (
        ("x''", "'[]'", "1772442000000000") if database.is_sqlite else ("''", "'[]'::jsonb", "timestamptz '2026-03-02 09:00Z'")
    )
    numbers = f"(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {MANY}) SELECT n FROM s) AS t"
    columns = "source_id, method, path, query, headers, body, received_at"
    rows = f"SELECT {house.source_id} + n % 2 * {other - house.source_id}, 'POST', '', '', {headers}, {empty}, {moment} FROM {numbers}"
    with database.appending() as transaction:
        transaction.execute(text(f"INSERT INTO events ({columns}) {rows}"))
    if not database.is_sqlite:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    found = plans(database, lambda one: lately.sent(one, source_ids=[house.source_id, other], limit=50))
    assert all("ix_events_source_id" in plan or "events_pkey" in plan or "pk_events" in plan for plan in found), found
    assert not any("Seq Scan on events" in plan or "SCAN events\n" in plan for plan in found), found
