"""The journal and the processing queue: nothing is lost, nothing is done twice."""

import asyncio
import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from gateway.domain.judge import Alert
from gateway.journal import Journal, JournalUnavailable
from gateway.storage import arrivals, audience, documents, processing, rejections, replay, sources, tables, threads
from gateway.storage.arrivals import Arrival, Receipt
from gateway.storage.database import Database, StorageUnavailable
from gateway.storage.processing import Outcome
from tests.builders import LEASE, House
from tests.conftest import Clock


@pytest.fixture
def house(database: Database, clock: Clock) -> House:
    return House(database, clock)


def append(house: House, *given: Arrival) -> list[Receipt]:
    with house.database.appending() as transaction:
        return arrivals.append(transaction, given)


def claim(house: House, lease: str = "one", limit: int = 10) -> list[int]:
    with house.database.writing() as transaction:
        taken = processing.claim(transaction, now=house.clock(), lease=lease, lease_for=LEASE, limit=limit)
    return [event.id for event in taken]


def finish(house: House, event_id: int, lease: str) -> set[int]:
    with house.database.writing() as transaction:
        return processing.finish(transaction, [Outcome(event_id, "mapped", None)], lease=lease, now=house.clock())


@pytest.mark.req("R15")
def test_the_same_key_with_the_same_bytes_is_a_duplicate_in_a_batch_and_across_batches(house: House) -> None:
    one, other = house.arrival("x", key="k"), house.arrival("x", key="l")
    receipts = append(house, one, one, other)
    assert [receipt.duplicate for receipt in receipts] == [False, True, False]
    assert receipts[1].event_id == receipts[0].event_id
    assert append(house, one) == [Receipt(receipts[0].event_id, duplicate=True)]
    assert len(house.rows(tables.events)) == len(claim(house)) == len(house.rows(tables.processing)) == 2


@pytest.mark.req("R15")
def test_the_same_key_with_other_bytes_is_a_new_event_marked_as_conflicting(house: House) -> None:
    one, other = house.arrival("x", key="k"), house.arrival("y", key="k")
    assert [receipt.duplicate for receipt in append(house, one, other, one)] == [False, False, True]
    assert [receipt.duplicate for receipt in append(house, other)] == [False]
    assert [(row["body"], row["conflicting"]) for row in house.rows(tables.events)] == [(b'"x"', False), (b'"y"', True), (b'"y"', True)]
    assert len(claim(house)) == 3


def test_without_a_key_the_same_bytes_are_always_a_new_event(house: House) -> None:
    receipts = append(house, house.arrival("x"), house.arrival("x"), house.arrival("x", key=""))
    assert len({receipt.event_id for receipt in receipts}) == 3
    assert not any(receipt.duplicate for receipt in receipts)


def test_a_key_belongs_to_its_source(house: House) -> None:
    other = house.source("other")
    receipts = append(house, house.arrival("x", key="k"), house.arrival("x", key="k", source_id=other))
    assert [receipt.duplicate for receipt in receipts] == [False, False]


def test_receipts_come_in_the_order_of_the_arrivals(house: House) -> None:
    given = [house.arrival(number) for number in range(300)]
    receipts = append(house, *given)
    bodies = {row["id"]: row["body"] for row in house.rows(tables.events)}
    assert [bodies[receipt.event_id] for receipt in receipts] == [arrival.body for arrival in given]
    assert append(house) == []


@pytest.mark.req("R15", "R45")
@pytest.mark.parametrize("body", ["x", "y"], ids=["the same bytes", "other bytes"])
def test_two_connections_at_once_with_the_same_key(house: House, body: str) -> None:
    """The second waits for the first, and finds its key taken."""
    second: list[Receipt] = []
    racer = threading.Thread(target=lambda: second.extend(append(house, house.arrival(body, key="k"), house.arrival("z", key="own"))))
    with house.database.appending() as transaction:
        (first,) = arrivals.append(transaction, [house.arrival("x", key="k")])
        racer.start()
        time.sleep(0.2)
    racer.join(10)
    stored = {row["id"]: (row["body"], row["conflicting"]) for row in house.rows(tables.events)}
    assert set(claim(house)) == stored.keys()
    assert not second[1].duplicate
    if body == "x":
        assert second[0] == Receipt(first.event_id, duplicate=True)
        assert len(stored) == 2
    else:
        assert not second[0].duplicate
        assert stored[second[0].event_id] == (b'"y"', True)


@pytest.mark.req("R18")
async def test_the_journal_answers_each_of_many_at_once_and_wakes_the_worker(house: House) -> None:
    woken: list[bool] = []
    journal = Journal(house.database, lambda: woken.append(True))
    receipts = await asyncio.gather(*(journal.append(house.arrival(number % 50, key=str(number % 50))) for number in range(100)))
    await journal.drained()
    assert sum(receipt.duplicate for receipt in receipts) == 50
    assert len({receipt.event_id for receipt in receipts}) == 50
    assert woken


@pytest.mark.req("R18")
async def test_a_row_the_database_will_not_take_fails_alone(house: House) -> None:
    journal = Journal(house.database, lambda: None)
    bad = replace(house.arrival("bad"), method=None)  # type: ignore[arg-type]
    results = await asyncio.gather(
        journal.append(house.arrival(1)), journal.append(bad), journal.append(house.arrival(2)), return_exceptions=True
    )
    assert isinstance(results[1], JournalUnavailable)
    assert [isinstance(result, Receipt) for result in results] == [True, False, True]
    assert len(house.rows(tables.events)) == 2


@pytest.mark.req("R18")
async def test_trouble_with_the_database_is_told_to_everybody_who_waits(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> list[Receipt]:
        raise StorageUnavailable("gone")

    journal = Journal(house.database, lambda: None)
    monkeypatch.setattr(arrivals, "append", fail)
    results = await asyncio.gather(*(journal.append(house.arrival(number)) for number in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [JournalUnavailable] * 3


async def test_a_slow_database_is_told_within_patience_and_the_event_may_still_be_kept(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway import journal as module

    honest = arrivals.append

    def slow(*given: object) -> list[Receipt]:
        time.sleep(0.3)
        return honest(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "PATIENCE", 0.05)
    monkeypatch.setattr(arrivals, "append", slow)
    journal = Journal(house.database, lambda: None)
    with pytest.raises(JournalUnavailable):
        await journal.append(house.arrival("x"))
    await journal.drained()
    assert len(house.rows(tables.events)) == 1


async def test_too_many_waiting_requests_are_told_to_come_back(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway import journal as module

    monkeypatch.setattr(module, "MOST_WAITING", 0)
    with pytest.raises(JournalUnavailable):
        await Journal(house.database, lambda: None).append(house.arrival("x"))


def test_claiming_takes_the_oldest_first_and_nothing_that_is_held(house: House, clock: Clock) -> None:
    ids = []
    for number in range(3):
        ids += [receipt.event_id for receipt in append(house, house.arrival(number))]
        clock.advance(seconds=1)
    assert claim(house, "one", limit=2) == ids[:2]
    assert claim(house, "two") == ids[2:]
    assert claim(house, "three") == []


@pytest.mark.req("R93")
def test_a_lease_that_ran_out_is_taken_over_and_its_old_holder_can_finish_nothing(house: House, clock: Clock) -> None:
    (event_id,) = [receipt.event_id for receipt in append(house, house.arrival(1))]
    claim(house, "slow")
    clock.advance(seconds=59)
    assert claim(house, "fast") == []
    clock.advance(seconds=1)
    assert claim(house, "fast") == [event_id]
    assert finish(house, event_id, "slow") == set()
    assert finish(house, event_id, "fast") == {event_id}
    (row,) = house.rows(tables.processing)
    assert (row["status"], row["attempts"], row["lease"], row["processed_at"]) == ("mapped", 2, None, clock.now)
    assert claim(house) == []


def test_what_is_put_back_is_due_at_its_time_and_only_its_holder_can_put_it_back(house: House, clock: Clock) -> None:
    (event_id,) = [receipt.event_id for receipt in append(house, house.arrival(1))]
    claim(house, "one")
    due = clock.now + timedelta(seconds=8)
    with house.database.writing() as transaction:
        processing.put_back(transaction, [event_id], lease="other", due_at=clock.now)
    assert claim(house) == []
    with house.database.writing() as transaction:
        processing.put_back(transaction, [event_id], lease="one", due_at=due)
        assert processing.next_due(transaction) == due
    clock.advance(seconds=7)
    assert claim(house) == []
    clock.advance(seconds=1)
    assert claim(house) == [event_id]


@pytest.mark.req("R93")
def test_two_workers_claiming_at_once_never_get_the_same_event(house: House) -> None:
    append(house, *(house.arrival(number) for number in range(60)))
    taken: dict[str, list[int]] = {"one": [], "two": []}

    def work(lease: str) -> None:
        for _ in range(10):
            taken[lease] += claim(house, lease, limit=5)

    threads = [threading.Thread(target=work, args=(lease,)) for lease in taken]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    everything = taken["one"] + taken["two"]
    assert len(everything) == len(set(everything)) == 60


@pytest.mark.req("R3")
def test_only_the_newest_rejections_of_each_source_stay(house: House, clock: Clock) -> None:
    other = house.source("other")
    with house.database.appending() as transaction:
        for source_id in (house.source_id, other):
            for number in range(7):
                rejections.note(
                    transaction,
                    source_id=source_id,
                    reason=f"r{number}",
                    remote="192.0.2.1",
                    headers=[],
                    body_size=1,
                    now=clock.now,
                    keep=3,
                )
    kept = house.rows(tables.rejections)
    assert [(row["source_id"], row["reason"]) for row in kept] == [
        (source_id, f"r{number}") for source_id in (house.source_id, other) for number in (4, 5, 6)
    ]


def test_documents_are_those_of_the_latest_event_that_came_before(house: House) -> None:
    first, second, third = (receipt.event_id for receipt in append(house, *(house.arrival(number) for number in range(3))))

    def keep(event_id: int) -> None:
        with house.database.writing() as transaction:
            documents.keep(transaction, source_id=house.source_id, event_id=event_id, names=["manifest"])

    def wanted(event_id: int, name: str = "manifest") -> dict[str, bytes]:
        with house.database.reading() as transaction:
            return dict(documents.wanted(transaction, source_id=house.source_id, event_id=event_id, names=[name]))

    keep(first)
    assert wanted(second) == {"manifest": b"0"}
    assert wanted(first) == {}
    assert wanted(second, "catalog") == {}
    keep(second)
    keep(first)  # an older event processed later does not take its place
    assert wanted(third) == {"manifest": b"1"}
    with house.database.reading() as transaction:
        assert not documents.wanted(transaction, source_id=house.source("other"), event_id=third, names=["manifest"])


@pytest.mark.req("R22", "R36")
def test_a_replay_needs_one_of_the_teams_own_events_that_is_in_nobodys_hands(house: House) -> None:
    (event_id,) = [receipt.event_id for receipt in append(house, house.arrival(1))]
    other = house.team("other")

    def again(team_id: int) -> bool:
        with house.database.writing() as transaction:
            return replay.replay(transaction, team_ids=[team_id], event_id=event_id, now=house.clock())

    assert not again(other)
    claim(house, "one")
    assert not again(house.team_id)
    finish(house, event_id, "one")
    assert again(house.team_id)
    assert house.rows(tables.processing)[0]["attempts"] == 0
    assert claim(house, "two") == [event_id]


def test_a_source_is_found_by_its_slugs_until_it_is_disabled(house: House, clock: Clock) -> None:
    with house.database.writing() as transaction:
        found = sources.find(transaction, "acme", "etl")
        assert found is not None
        assert (found.id, found.kind, found.environment) == (house.source_id, "speaker", "prod")
        assert sources.find(transaction, "other", "etl") is None
        assert sources.disable_unlisted(transaction, listed=[-1], now=clock.now) == [(house.team_id, "etl")]
        assert sources.find(transaction, "acme", "etl") is None
    again = house.source("etl", environment="staging")
    assert again == house.source_id
    with house.database.reading() as transaction:
        assert transaction.scalar(select(func.count()).select_from(tables.sources)) == 1
        assert sources.find(transaction, "acme", "etl") is not None


@pytest.mark.req("R18")
def test_no_statement_of_the_engine_takes_a_value_for_each_of_many_things(house: House) -> None:
    """PostgreSQL takes 65,535 of them, SQLite may take 32,766: an event may say more."""
    ids = list(range(70_000))
    with house.database.writing() as transaction:
        assert threads.known_occurrences(transaction, [(number, str(number)) for number in ids]) == {}
        threads.count_members(transaction, ids)
        threads.forget_audience(transaction, ids)
        threads.close_conversations(transaction, ids, house.clock())
        audience.take_out_of_mail(transaction, ids, now=house.clock(), why="muted", user_id=1)
        news = [audience.News(number, 1, "first", "news") for number in ids]
        for alert in Alert:
            audience.tell(
                transaction,
                alert,
                news,
                audience.Moment(house.clock(), by_mail=True, calendar={("UTC||daily", house.clock()): house.clock()}),
            )
        assert processing.load(transaction, ids) == []
