"""One open digest per person, whoever adds to it, sends it or lets the person be disturbed again in that moment."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from gateway.storage import deliveries, mail_contents, preferences, tables
from gateway.storage.database import Database
from tests.builders import LEASE, House, ended, failure
from tests.conftest import NOW, Clock


@pytest.fixture
def house(database: Database, clock: Clock) -> House:
    made = House(database, clock)
    disturb(made, made.user("ana"), hours=1)
    return made


def disturb(house: House, user_id: int, *, hours: int) -> None:
    with house.database.writing() as transaction:
        preferences.do_not_disturb(transaction, user_id=user_id, team_id=None, until=NOW + timedelta(hours=hours))
        preferences.hold_anew(transaction, user_id=user_id, now=house.clock())


def job(number: int) -> dict[str, Any]:
    return failure(run=f"r{number}", event_data={"job": number}, pipeline=f"p{number}")


def told(house: House) -> list[int]:
    """The threads in mails that wait or were sent, each as often as it is in one."""
    going = {row["id"] for row in house.rows(tables.deliveries) if row["status"] in ("waiting", "sent")}
    return sorted(row["notification_id"] for row in house.rows(tables.delivery_items) if row["delivery_id"] in going)


@contextmanager
def interrupted(database: Database, word: str, by: Callable[[], object]) -> Iterator[None]:
    """Once, after a statement with this word, something else is done before the next one.

    On PostgreSQL another transaction does it meanwhile, if it need not wait; on SQLite it has to.
    """
    helpers: list[threading.Thread] = []

    def after(_connection: Any, _cursor: Any, statement: str, *_: object) -> None:
        if word in statement and not helpers:
            helpers.append(threading.Thread(target=by))
            helpers[0].start()
            helpers[0].join(0.3)

    event.listen(database.engine, "after_cursor_execute", after)
    try:
        yield
    finally:
        event.remove(database.engine, "after_cursor_execute", after)
    assert helpers, "the statement came"
    helpers[0].join()


@pytest.mark.req("R55")
@pytest.mark.parametrize("after", ["INSERT INTO deliveries", "FOR NO KEY UPDATE OF deliveries", "INSERT INTO delivery_items"])
@pytest.mark.parametrize("hours", [-1, 5])
def test_nothing_is_lost_where_do_not_disturb_changes_while_people_are_told(house: House, after: str, hours: int) -> None:
    (ana,) = (row["id"] for row in house.rows(tables.users))
    other = house.user("other")
    if house.database.is_sqlite:
        after = after.replace("FOR NO KEY UPDATE OF deliveries", "SELECT deliveries.id")
    if hours > 0:
        disturb(house, ana, hours=-1)
        disturb(house, other, hours=1)  # somebody's mail is held
    house.send(job(1))
    with interrupted(house.database, after, lambda: disturb(house, ana, hours=hours)):
        house.process()
    mine = {row["id"] for row in house.rows(tables.deliveries) if row["user_id"] == ana}
    assert len([row for row in house.rows(tables.delivery_items) if row["delivery_id"] in mine]) == 1


@pytest.mark.req("R55")
def test_two_at_once_add_to_the_same_digest(house: House) -> None:
    for number in (1, 2):
        house.send(job(number))
    (first, one), (second, two) = house.claim(1), house.claim(1)
    with interrupted(house.database, "INSERT INTO delivery_items", lambda: house.commit(second, two)):
        house.commit(first, one)
    assert [row["kind"] for row in house.rows(tables.deliveries)] == ["digest"]
    assert told(house) == [1, 2]


@pytest.mark.req("R55")
@pytest.mark.parametrize("after", ["INSERT INTO deliveries", "INSERT INTO delivery_items"])
def test_a_digest_is_not_sent_without_what_is_just_being_added_to_it(house: House, clock: Clock, after: str) -> None:
    house.say(job(1))
    house.send(job(2))
    taken: list[deliveries.Claimed] = []
    seen: list[int] = []

    def claim() -> None:
        later = clock() + timedelta(hours=2)
        with house.database.writing() as transaction:
            taken.extend(deliveries.claim(transaction, now=later, lease="mail", lease_for=LEASE, limit=10))
            for one in taken:
                seen.extend(part.notification_id for part in mail_contents.told(transaction, [one.id], now=later)[one.id])
                deliveries.record(transaction, [ended(one.id, "mail", later)])

    with interrupted(house.database, after, claim):
        house.process()
    assert told(house) == [1, 2]
    waiting = [row["id"] for row in house.rows(tables.deliveries) if row["status"] == "waiting"]
    held = [row["notification_id"] for row in house.rows(tables.delivery_items) if row["delivery_id"] in waiting]
    assert sorted(seen + held) == [1, 2], "each is in the mail that was sent, or waits"
