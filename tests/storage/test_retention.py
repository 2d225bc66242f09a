"""What goes by age, what stays whatever its age, and that it goes in small steps that anything may end."""

import threading
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, text, update

from gateway.storage import follow_ups, runs, tables
from gateway.storage.database import Database
from gateway.storage.retention import Picked, Sweep
from gateway.storage.retention_statements import RUNS_KEPT
from gateway.storage.runs import Signal
from tests.builders import House
from tests.conftest import Clock

FAILING = {"slug": "flow-run-failed", "event_data": {"flow": "orders"}, "state": "firing", "category": "job_failure", "level": "error"}


@pytest.fixture
def house(database: Database, clock: Clock) -> House:
    return House(database, clock)


def fail(house: House, flow: str, **more: Any) -> None:
    house.say({**FAILING, "event_data": {"flow": flow}, "pipeline": flow, "title": flow, **more})


def recover(house: House, flow: str) -> None:
    house.say({**FAILING, "event_data": {"flow": flow}, "pipeline": flow, "title": flow, "state": "resolved"})


def removing(house: House, picked: Picked) -> AbstractContextManager[Connection]:
    """The transaction in which this is removed."""
    return house.database.appending() if picked.is_in_journal else house.database.writing()


def sweep(house: House, *, days: int = 90, event_days: int = 10_000, batch: int = 500, steps: int | None = None) -> dict[str, int]:
    """Sweeps, at most so many steps of it; gives what was removed."""
    under_way, removed, taken = Sweep(now=house.clock(), max_age_days=days, event_days=event_days, batch=batch), dict[str, int](), 0
    while steps is None or taken < steps:
        with house.database.reading() as transaction:
            picked = under_way.pick(transaction)
        if picked is None:
            break
        with removing(house, picked) as transaction:
            removed[picked.room] = removed.get(picked.room, 0) + under_way.remove(transaction, picked)
        taken += 1
    return {room: number for room, number in removed.items() if number}


def titles(house: House) -> list[str]:
    return sorted(row["title"] for row in house.rows(tables.notifications))


@pytest.mark.req("R92")
def test_what_was_read_goes_by_age_and_what_was_not_stays(house: House, clock: Clock) -> None:
    ana, ben = house.user("ana"), house.user("ben")
    fail(house, "orders")
    recover(house, "orders")
    house.mark(ana, read=True)
    clock.advance(days=89)
    assert sweep(house) == {}
    clock.advance(days=2)
    assert sweep(house)["entries"] == 1
    assert [row["user_id"] for row in house.rows(tables.inbox_entries)] == [ben]
    clock.advance(days=4000)
    assert sweep(house) == {"episodes": 1}, "figures are kept for longer, but not for ever"
    assert len(house.inbox(ben)) == 1


@pytest.mark.req("R92")
@pytest.mark.parametrize("done", [{"archived": True}, {"dismissed": True}])
def test_what_was_archived_or_dismissed_goes_by_age(house: House, clock: Clock, done: dict[str, bool]) -> None:
    ana = house.user("ana")
    fail(house, "orders")
    recover(house, "orders")
    house.mark(ana, **done)
    clock.advance(days=91)
    sweep(house)
    assert house.rows(tables.inbox_entries) == []


@pytest.mark.req("R92")
def test_what_is_open_or_muted_stays(house: House, clock: Clock) -> None:
    ana = house.user("ana")
    fail(house, "open")
    fail(house, "muted")
    recover(house, "muted")
    house.mark(ana, read=True)
    house.set_entry(ana, muted_until=clock() + timedelta(days=100))
    clock.advance(days=91)
    assert "entries" not in sweep(house)
    assert len(house.rows(tables.inbox_entries)) == 2
    clock.advance(days=10)
    assert sweep(house)["entries"] == 1
    assert titles(house) == ["open"]


@pytest.mark.req("R92")
def test_each_person_keeps_things_as_long_as_they_chose(house: House, clock: Clock) -> None:
    people = {name: house.user(name) for name in ("ana", "ben", "cleo")}
    house.set_user(people["ana"], retention_days=10)
    house.set_user(people["cleo"], retention_days=1000)
    fail(house, "orders")
    recover(house, "orders")
    for user_id in people.values():
        house.mark(user_id, read=True)
    kept = []
    for days in (11, 80, 900, 10):
        clock.advance(days=days)
        sweep(house)
        kept.append([name for name, user_id in people.items() if house.inbox(user_id)])
    assert kept == [["ben", "cleo"], ["cleo"], ["cleo"], []]
    assert titles(house) == []


def test_what_was_asked_of_a_sender_goes_by_age_once_it_ended(house: House, clock: Clock) -> None:
    asks = [{"kind": "speaker", "operation": "details", "ids": {"run": run}} for run in ("r1", "r2", "r3")]
    house.say({**FAILING, "title": "orders"}, follow_ups=asks)
    with house.database.writing() as transaction:
        done, failed, _ = follow_ups.claim(transaction, now=clock(), lease="x", lease_for=timedelta(minutes=1), limit=3)
        for one, status in ((done, "done"), (failed, "failed")):
            follow_ups.finish(transaction, one.id, lease="x", status=status, reason=None, now=clock())
    clock.advance(days=89)
    assert sweep(house) == {}
    clock.advance(days=2)
    assert sweep(house) == {"follow_ups": 2}
    assert [row["status"] for row in house.rows(tables.follow_ups)] == ["waiting"]


def test_an_entry_known_by_mail_alone_goes_by_age(house: House, clock: Clock) -> None:
    ana = house.user("ana")
    house.set_user(ana, in_app_enabled=False)
    fail(house, "orders")
    recover(house, "orders")
    assert house.entry(ana)["read_at"] is None
    clock.advance(days=91)
    assert sweep(house)["entries"] == 1


@pytest.mark.req("R92")
def test_a_thread_that_nobody_has_goes_whole_and_the_same_problem_begins_anew(house: House, clock: Clock) -> None:
    ana = house.user("ana")
    fail(house, "orders", member={"key": "a", "label": "A"}, owners=["team-a"], permissions=["role:member"])
    house.deliver()
    recover(house, "orders")
    house.deliver()
    house.mark(ana, read=True)
    clock.advance(days=91)
    assert sweep(house) == {"entries": 1, "resolved": 1, "notifications": 1, "deliveries": 2, "conversations": 1}
    assert all(
        house.rows(table) == []
        for table in (
            tables.notifications, tables.members, tables.occurrences, tables.deliveries, tables.delivery_items, tables.conversations,
            tables.notification_owners, tables.notification_permissions, tables.inbox_entries,
        )
    )  # fmt: skip
    fail(house, "orders")
    assert (house.thread()["episode"], len(house.inbox(ana))) == (1, 1)


def test_a_thread_stays_as_long_as_somebody_has_an_entry_or_a_mail_waits(house: House, clock: Clock) -> None:
    ana, ben = house.user("ana"), house.user("ben")
    fail(house, "orders")
    house.deliver()
    recover(house, "orders")
    house.mark(ana, read=True)
    clock.advance(days=91)
    sweep(house)
    assert titles(house) == ["orders"]
    house.mark(ben, read=True)
    assert sweep(house) == {"entries": 1}
    house.deliver()
    assert sweep(house)["notifications"] == 1


@pytest.mark.req("R39", "R92")
def test_what_expired_goes_whole_a_day_later_read_or_not(house: House, clock: Clock) -> None:
    ana = house.user("ana")
    fail(house, "offer", expires_at=(clock() + timedelta(hours=1)).isoformat())
    fail(house, "orders")
    clock.advance(hours=2)
    assert [row["title"] for row in house.inbox(ana)] == ["orders"]
    assert sweep(house) == {}
    clock.advance(days=1)
    assert sweep(house) == {"expired": 1, "notifications": 1}
    assert titles(house) == ["orders"]
    assert len(house.rows(tables.inbox_entries)) == 1
    open_ones = house.rows(tables.conversations, tables.conversations.c.closed_at.is_(None))
    assert len(open_ones) == 1


def test_a_mail_is_kept_as_long_as_its_recovery_must_find_who_was_told(house: House, clock: Clock) -> None:
    ana = house.user("ana")
    fail(house, "orders")
    house.deliver()
    clock.advance(days=200)
    assert sweep(house) == {}
    recover(house, "orders")
    assert house.mails(ana, "waiting") == [("resolved", "waiting")]


def test_what_only_serves_for_a_while_goes(house: House, clock: Clock) -> None:
    ana, now = house.user("ana"), clock()
    with house.database.writing() as transaction:
        for kind, ends in (("session", 1), ("session", 100), ("sign-in", 1), ("token", 1)):
            transaction.execute(
                insert(tables.credentials).values(
                    user_id=ana, kind=kind, digest=f"{kind}{ends}".encode(), name="", created_at=now, expires_at=now + timedelta(days=ends)
                )
            )
        for age in (0, 8):
            transaction.execute(
                insert(tables.idempotency_keys).values(
                    user_id=ana, key=str(age), digest=b"", status=201, answer={}, created_at=now - timedelta(days=age)
                )
            )
        for age in (500, 0):
            transaction.execute(insert(tables.audit).values(actor="a", action="b", target=str(age), at=now - timedelta(days=age)))
    clock.advance(days=2)
    assert sweep(house) == {"idempotency_keys": 1, "audit": 1, "credentials": 2}
    assert sorted(row["digest"] for row in house.rows(tables.credentials) if row["kind"] != "token") == [b"session100"]
    assert [row["key"] for row in house.rows(tables.idempotency_keys)] == ["0"]
    assert [row["target"] for row in house.rows(tables.audit)] == ["0"]


def many(house: House, clock: Clock, people: int = 6, threads: int = 25) -> None:
    """So many people who read so many threads, long ago."""
    names = [house.user(f"p{number}") for number in range(people)]
    for number in range(threads):
        fail(house, f"flow-{number}", member={"key": "m", "label": "M"})
        recover(house, f"flow-{number}")
    for user_id in names:
        house.mark(user_id, read=True)
    with house.database.writing() as transaction:
        transaction.execute(update(tables.inbox_entries).where(tables.inbox_entries.c.user_id == names[0]).values(archived_at=clock()))
        transaction.execute(update(tables.deliveries).values(status="sent", finished_at=clock()))
    clock.advance(days=91)


@pytest.mark.req("R92")
@pytest.mark.parametrize("steps", [1, 3, 7, 20])
def test_a_sweep_that_was_ended_anywhere_is_made_good_by_the_next(house: House, clock: Clock, steps: int) -> None:
    many(house, clock)
    while house.rows(tables.notifications):
        sweep(house, batch=7, steps=steps + len(house.rows(tables.notifications)) % 3 * 10)
        shown = [row for row in house.rows(tables.notifications) if not row["identity"].startswith("gone ")]
        if not house.rows(tables.inbox_entries) and not shown:
            sweep(house, batch=7)
    sweep(house)
    for table in (tables.inbox_entries, tables.occurrences, tables.members, tables.deliveries, tables.delivery_items, tables.conversations):
        assert house.rows(table) == [], table.name


@pytest.mark.req("R92")
def test_no_transaction_of_a_sweep_is_larger_than_a_batch(house: House, clock: Clock) -> None:
    """So the writer of SQLite is never held for longer than a batch takes, and each step is a transaction of its own."""
    many(house, clock)
    changed: list[int] = []

    def count(*arguments: Any) -> None:
        if str(arguments[2]).startswith(("DELETE", "UPDATE")):
            changed.append(arguments[1].rowcount)

    event.listen(house.database.engine, "after_cursor_execute", count)
    try:
        under_way = Sweep(now=clock(), batch=10)
        while True:
            with house.database.reading() as transaction:
                picked = under_way.pick(transaction)
            if picked is None:
                break
            changed.clear()
            with removing(house, picked) as transaction:
                under_way.remove(transaction, picked)
            assert sum(changed) <= 2 * 10, (picked.room, changed)
            with house.database.writing() as transaction:  # would time out if anything were held still
                transaction.execute(text("UPDATE teams SET name = 'still writable'"))
    finally:
        event.remove(house.database.engine, "after_cursor_execute", count)
    assert house.rows(tables.notifications) == []


@pytest.mark.req("R92")
def test_two_sweeps_at_once_remove_everything_once(house: House, clock: Clock) -> None:
    many(house, clock)
    found: list[dict[str, int]] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            found.append(sweep(house, batch=10))
        except BaseException as error:
            failed.append(error)

    both = [threading.Thread(target=run) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert not failed
    sweep(house)
    removed = sum(one.get("entries", 0) + one.get("archived", 0) for one in found)
    assert removed == 6 * 25
    assert sum(one.get("notifications", 0) for one in found) <= 25
    assert house.rows(tables.notifications) == []


def test_what_became_needed_since_it_was_found_stays(house: House, clock: Clock) -> None:
    ana = house.user("ana")
    fail(house, "orders")
    recover(house, "orders")
    house.mark(ana, read=True)
    clock.advance(days=91)
    under_way = Sweep(now=clock())
    picked: Picked | None = None
    while picked is None or not picked.keys:
        with house.database.reading() as transaction:
            picked = under_way.pick(transaction)
    fail(house, "orders")
    with house.database.writing() as transaction:
        assert under_way.remove(transaction, picked) == 0
    assert len(house.inbox(ana)) == 1


def test_what_is_old_is_found_by_an_index(house: House, clock: Clock) -> None:
    many(house, clock, people=2, threads=3)
    asked: list[tuple[str, Any]] = []
    with house.database.reading() as transaction:
        listen = lambda *given: asked.append((given[2], given[3]))  # noqa: E731 - the same object is taken off again
        event.listen(transaction, "before_cursor_execute", listen)
        under_way = Sweep(now=clock())
        while under_way.pick(transaction):
            pass
        event.remove(transaction, "before_cursor_execute", listen)
        if not house.database.is_sqlite:
            transaction.execute(text("SET LOCAL enable_seqscan = off"))  # of so few rows it would rather read all
        explain = "EXPLAIN QUERY PLAN " if house.database.is_sqlite else "EXPLAIN "
        plans = [
            "\n".join(str(row[-1]) for row in transaction.exec_driver_sql(explain + one, values)) + "\n"
            for one, values in asked
            if "\nFROM sources" not in one
        ]  # a deleted one is looked for in all threads, once it is old, ten at most
    for table in ("inbox_entries", "notifications", "deliveries", "delivery_items", "conversations", "idempotency_keys", "runs", "newer"):
        for plan in plans:
            assert f"Seq Scan on {table}" not in plan
            assert f"SCAN {table}\n" not in plan
    for index in ("ix_inbox_entries_list", "ix_inbox_entries_archived", "ix_notifications_resolved", "ix_notifications_expires"):
        assert not house.database.is_sqlite or any(index in plan for plan in plans), index


@pytest.mark.req("R92", "R97")
def test_run_history_goes_by_age_but_for_the_newest_of_each_pipeline(house: House, clock: Clock) -> None:
    began = clock()

    def ran(pipeline: str, number: int) -> None:
        at = began + timedelta(minutes=number)
        more = {"expected_at": None, "started_at": at, "ended_at": at, "state": "Completed", "name": "", "url": "", "attempt": 0}
        one = Signal(house.source_id, "prod", pipeline, f"{pipeline}-{number}", phase="succeeded", at=at, **more)
        with house.database.writing() as transaction:
            runs.put(transaction, [one])

    for number in range(RUNS_KEPT + 7):
        ran("often", number)
    ran("rarely", 0)
    clock.advance(days=89)
    assert sweep(house, event_days=90) == {}
    clock.advance(days=2)
    ran("often", 130_000)
    assert sweep(house, event_days=90, batch=5) == {"runs": 8}
    left = [row["run"] for row in house.rows(tables.runs)]
    assert len(left) == RUNS_KEPT + 1
    assert {"rarely-0", "often-8", "often-130000"} <= set(left)
