"""The processing worker: poison, and several workers at once."""

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.engine import process
from gateway.storage import tables
from gateway.storage.database import Database, StorageUnavailable
from gateway.workers.process import ProcessWorker
from gateway.workers.settle import SettleWorker
from mappers.contract import Documents, Inbound, Mapped
from tests.builders import KINDS, House, failure, recovery
from tests.conftest import Clock


@pytest.fixture
def house(database: Database, clock: Clock) -> House:
    return House(database, clock)


@pytest.fixture
def woken() -> list[bool]:
    return []


@pytest.fixture
def worker(house: House, clock: Clock, woken: list[bool]) -> ProcessWorker:
    return ProcessWorker(house.database, KINDS, clock, lambda: woken.append(True))


@pytest.mark.req("R18")
async def test_poison_is_put_aside_with_its_reason_and_holds_up_nobody(
    house: House, worker: ProcessWorker, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    before = house.send(failure(run="r1", when=1, event_data={"job": "a"}))
    poison = house.send(failure(run="r1", when=1, event_data={"job": "b"}), poison=True)
    after = house.send(failure(run="r1", when=1, event_data={"job": "c"}))
    assert await worker.step() == 3
    assert {row["event_id"]: row["status"] for row in house.rows(tables.processing)} == {
        before: "mapped",
        poison: "waiting",
        after: "mapped",
    }
    assert len(house.rows(tables.notifications)) == 2
    for _ in range(2):
        assert await worker.step() == 0
        clock.advance(seconds=5)
        assert await worker.step() == 1
    (row,) = house.rows(tables.processing, tables.processing.c.event_id == poison)
    assert (row["status"], row["attempts"]) == ("quarantined", 3)
    assert row["reason"].startswith("recording failed: ")
    clock.advance(days=1)
    assert await worker.step() == 0
    assert f"event {poison} cannot be recorded" in caplog.text


@pytest.mark.req("R18", "R93")
async def test_an_event_that_takes_its_worker_with_it_is_quarantined_after_three_attempts(
    house: House, worker: ProcessWorker, clock: Clock
) -> None:
    event_id = house.send(failure(run="r1", when=1))
    for _ in range(3):
        house.claim()
        clock.advance(seconds=61)
    assert await worker.step() == 1
    (row,) = house.rows(tables.processing)
    assert (row["event_id"], row["status"], row["reason"]) == (event_id, "quarantined", "its processing was cut off again and again")
    assert house.rows(tables.notifications) == []


@pytest.mark.req("R18")
async def test_a_mapper_that_never_ends_ends_its_process_and_its_event_is_taken_alone_from_then_on(
    house: House, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ended, goes_on = list[bool](), threading.Event()
    endless = replace(KINDS["speaker"], map=lambda _: goes_on.wait(10) and Mapped())
    stuck = ProcessWorker(house.database, {"speaker": endless}, clock, lambda: None, on_stuck=lambda: ended.append(True))
    monkeypatch.setattr("gateway.workers.process.MAP_WITHIN", 0.05)
    event_id, other = house.send(failure(run="r1", when=1)), house.send(failure(run="r2", when=2))
    with pytest.raises(TimeoutError):
        await stuck.step()
    goes_on.set()
    assert ended == [True]
    assert f"[{event_id}, {other}]" in caplog.text
    clock.advance(seconds=61)
    _, alone = house.claim()
    assert [event.id for event in alone] == [event_id]


@pytest.mark.req("R93")
async def test_a_worker_killed_mid_work_is_taken_over(house: House, worker: ProcessWorker, clock: Clock) -> None:
    house.send(failure(run="r1", when=1))
    house.claim()
    assert await worker.step() == 0
    clock.advance(seconds=61)
    assert await worker.step() == 1
    assert house.thread()["count"] == 1


async def test_the_worker_knows_when_there_is_work_again_and_wakes_the_mailer(
    house: House, worker: ProcessWorker, clock: Clock, woken: list[bool]
) -> None:
    assert await worker.next_due() is None
    house.send(failure(run="r1", when=1))
    assert await worker.next_due() == clock.now
    await worker.step()
    assert woken == [True]
    assert await worker.next_due() is None


async def test_the_settling_worker_shows_what_outlived_its_hold(house: House, clock: Clock) -> None:
    ana = house.user("ana")
    settling = SettleWorker(house.database, clock, lambda: None)
    house.say(failure(run="r1", when=1, hold=60))
    assert await settling.next_due() == clock.now + timedelta(seconds=60)
    await settling.step()
    assert house.inbox(ana) == []
    clock.advance(seconds=60)
    await settling.step()
    assert len(house.inbox(ana)) == 1
    assert await settling.next_due() == clock.now + timedelta(minutes=30), "a reminder of what is urgent"


def together(*works: object) -> None:
    """Runs these at the same time, and fails where one of them does."""
    start, failures = threading.Barrier(len(works)), list[BaseException]()

    def run(work: object) -> None:
        try:
            start.wait(10)
            work()  # type: ignore[operator]
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []


@pytest.mark.req("R45")
def test_two_workers_at_once_on_one_identity_make_one_thread_with_the_right_count(house: House) -> None:
    ana = house.user("ana")
    for number in range(40):
        house.send(failure(f"m{number % 4}", run=f"r{number // 2}", when=number // 2))
    batches = [house.claim(limit=4) for _ in range(10)]

    def work(mine: int) -> None:
        for lease, batch in batches[mine::2]:
            assert house.commit(lease, batch) == 4

    together(lambda: work(0), lambda: work(1))
    thread = house.thread()
    assert (thread["episode"], thread["count"], thread["firing"], thread["members_total"]) == (1, 20, 4, 4)
    assert len(house.rows(tables.occurrences)) == 20
    assert len(house.inbox(ana)) == 1


@pytest.mark.req("R45")
def test_two_workers_on_many_threads_in_opposite_order_do_not_deadlock(house: House) -> None:
    house.user("ana")
    jobs = [{"job": f"j{number}"} for number in range(10)]
    for order in (jobs, jobs[::-1]):
        for run in ("r1", "r2"):
            house.send(*(failure(run=f"{run}-{id(order)}", when=1, event_data=job) for job in order))
            house.send(*(recovery(run=f"{run}-{id(order)}", when=2, event_data=job) for job in order))
    first, second = house.claim(limit=4), house.claim(limit=4)
    together(lambda: house.commit(*first), lambda: house.commit(*second))
    threads = house.rows(tables.notifications)
    assert {(row["status"], row["episode"], row["count"]) for row in threads} == {("resolved", 1, 4)}
    assert len(threads) == 10


@pytest.mark.req("R15", "R45")
def test_the_same_failure_in_two_events_processed_at_once_is_counted_and_mailed_once(house: House) -> None:
    ana = house.user("ana")
    for _ in range(2):
        house.send(failure(run="r1", when=1))
    first, second = house.claim(limit=1), house.claim(limit=1)
    together(lambda: house.commit(*first), lambda: house.commit(*second))
    assert (house.thread()["count"], house.mails(ana)) == (1, [("failing", "waiting")])


@pytest.mark.req("R18")
async def test_a_batch_that_could_not_be_recorded_takes_what_was_mapped_ahead_of_it_back(
    house: House, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise what came later would be recorded first, and what came earlier be compared with it."""
    monkeypatch.setattr("gateway.workers.process.BATCH", 1)
    worker = ProcessWorker(house.database, KINDS, clock, lambda: None)
    first, second = house.send(failure(run="r1", when=1)), house.send(failure(run="r2", when=2))
    honest, failed = process.commit, list[bool]()

    def fails_once(*given: Any, **named: Any) -> int:
        if not failed:
            failed.append(True)
            raise StorageUnavailable("gone for a moment")
        return honest(*given, **named)

    monkeypatch.setattr(process, "commit", fails_once)
    with pytest.raises(StorageUnavailable):
        await worker.step()
    assert [(row["lease"], row["attempts"]) for row in house.rows(tables.processing)] == [(None, 0)] * 2
    assert [event.id for event in house.claim()[1]] == [first, second]


def test_no_event_is_given_a_document_that_came_after_it(house: House) -> None:
    wanted = list[Any]()

    def documents(_: Any) -> Documents:
        return Documents(keeps=("catalog",), wants=("catalog",))

    def mapped(inbound: Inbound) -> Mapped:
        wanted.append(dict(inbound.documents))
        return Mapped(ignored="looked at")

    kinds = {"speaker": replace(KINDS["speaker"], documents=documents, map=mapped)}
    house.send(version=1)
    house.send(version=2)
    _, (older, newer) = house.claim()
    later = process.map_events(house.database, [newer], kinds)
    process.map_events(house.database, [older], kinds, later)
    process.map_events(house.database, [newer], kinds, process.map_events(house.database, [older], kinds))
    assert wanted == [{}, {}, {}, {"catalog": older.body}]
