"""Hanging up on a worker that stopped where PostgreSQL would wait for it without end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from gateway.storage import processing
from gateway.storage.database import APPLICATION, Database, connection_address
from gateway.storage.migrate import migrate
from gateway.workers import settle
from gateway.workers.lease import LEASE
from gateway.workers.settle import SettleWorker
from tests.builders import House, failure
from tests.conftest import Clock

HELD = "SELECT event_id FROM processing FOR UPDATE"
Session = psycopg.Connection[tuple[Any, ...]]
AT_ONCE, AFTER_AN_HOUR = timedelta(0), timedelta(hours=1)


@pytest.fixture(scope="module")
def opened(postgresql_server: str) -> Iterator[Database]:
    with psycopg.connect(f"{postgresql_server}/postgres", autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS silent")
        connection.execute("CREATE DATABASE silent")
    database = Database(f"{postgresql_server}/silent")
    migrate(database)
    yield database
    database.close()


@pytest.fixture
def house(opened: Database, clock: Clock) -> House:
    with opened.writing() as transaction:
        transaction.exec_driver_sql("TRUNCATE teams, events CASCADE")
    return House(opened, clock)


@contextlib.contextmanager
def session(house: House, name: str = APPLICATION) -> Iterator[Session]:
    """A session in a transaction."""
    connection = psycopg.connect(**connection_address(house.database.url), application_name=name)
    try:
        connection.execute("SELECT 1")
        yield connection
    finally:
        connection.close()


def stop_between(connection: Session, statement: str = HELD) -> None:
    """After a statement of several that are sent in one go."""
    connection.pgconn.enter_pipeline_mode()
    connection.pgconn.send_query_params(statement.encode(), None)
    connection.pgconn.flush()


def stop_after(connection: Session) -> None:
    """After several statements that were sent in one go, and all answered."""
    connection.cursor().executemany("UPDATE processing SET reason = %s", [("one",), ("another",)])


async def until(look: Callable[[], Any]) -> Any:
    async with asyncio.timeout(10):
        while not (found := look()):  # noqa: ASYNC110 - the server tells of none of this by itself
            await asyncio.sleep(0.01)
    return found


def seen(house: House, condition: str) -> list[int]:
    """The sessions of which this is true now."""
    with house.database.reading() as transaction:
        return list(transaction.exec_driver_sql(f"SELECT pid FROM pg_stat_activity WHERE datname = 'silent' AND {condition}").scalars())


async def waited_for(house: House, *connections: Session) -> None:
    """Until the server is through with what was sent and waits for more."""
    waiting = {connection.info.backend_pid for connection in connections}
    await until(lambda: waiting <= set(seen(house, "wait_event = 'ClientRead' AND query <> 'SELECT 1'")))


def claimed(house: House, clock: Clock) -> list[int]:
    with house.database.writing() as transaction:
        return [event.id for event in processing.claim(transaction, now=clock(), lease="another", lease_for=LEASE, limit=9)]


def hang_up(house: House, silent: timedelta) -> list[int]:
    with house.database.reading() as transaction:
        return processing.hang_up(transaction, silent=silent)


@pytest.mark.req("R93")
@pytest.mark.parametrize("stop", [stop_between, stop_after])
async def test_what_a_worker_holds_that_stopped_in_executemany_is_free_once_it_is_hung_up_on(
    house: House, clock: Clock, stop: Callable[[Session], None]
) -> None:
    event_id = house.send(failure(run="r1"))
    with session(house) as silent:
        stop(silent)
        await waited_for(house, silent)
        assert claimed(house, clock) == []
        assert hang_up(house, AFTER_AN_HOUR) == [], "it spoke a moment ago"
        assert hang_up(house, AT_ONCE) == [silent.info.backend_pid]
        assert await until(lambda: claimed(house, clock)) == [event_id]


async def test_nobody_else_is_hung_up_on(house: House) -> None:
    house.send(failure(run="r1"))
    with session(house, "psql") as person, session(house) as harmless, session(house) as idle:
        person.execute(HELD)
        stop_between(harmless, "SELECT 2")
        idle.execute("SELECT 3")
        idle.execute("COMMIT")
        await waited_for(house, person, harmless, idle)
        assert hang_up(house, AT_ONCE) == []


@pytest.fixture
async def settling(house: House, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SettleWorker]:
    """A running worker that looks all the time, and for now calls nobody silent."""
    monkeypatch.setattr(settle, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(settle, "SILENT", AFTER_AN_HOUR)
    worker = SettleWorker(house.database, clock, lambda: None)
    running = asyncio.create_task(worker.run())
    yield worker
    worker.stop()
    await running


@pytest.mark.req("R93")
async def test_a_worker_hangs_up_even_while_its_own_step_waits_for_who_fell_silent(
    house: House, clock: Clock, settling: SettleWorker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    event_id = house.send(failure(run="r1"))
    stepped = asyncio.Event()

    async def step() -> int:
        await house.database.write(lambda transaction: transaction.exec_driver_sql(HELD).all())
        stepped.set()
        return 0

    with session(house) as silent:
        stop_between(silent)
        its_number = silent.info.backend_pid
        await waited_for(house, silent)
        monkeypatch.setattr(settling, "step", step)
        settling.wake()
        await until(lambda: seen(house, "wait_event_type = 'Lock'"))
        monkeypatch.setattr(settle, "SILENT", AT_ONCE)
        await asyncio.wait_for(stepped.wait(), 10)
    await until(lambda: f"session {its_number} of the database" in caplog.text)
    assert await until(lambda: claimed(house, clock)) == [event_id]
