"""What arrived goes by age, its keys later; what waits, failed, or is wanted back stays; and it may end between any two steps."""

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, event, insert, text, update

from gateway.storage import arrivals, documents, events, processing, rejections, replay, sources, tables
from gateway.storage.database import Database
from gateway.storage.journal_retention import KEYS_BEYOND_DAYS, MOST_BYTES
from gateway.storage.migrate import migrate
from gateway.storage.retention import BATCH, JOURNAL_BATCH, Picked, Sweep
from tests.builders import House, failure
from tests.conftest import Clock

OLD = 91


@pytest.fixture
def house(database: Database, clock: Clock) -> House:
    house = House(database, clock)
    house.user("ana")
    return house


def removing(house: House, under_way: Sweep, picked: Picked) -> int:
    with house.database.appending() if picked.is_in_journal else house.database.writing() as transaction:
        return under_way.remove(transaction, picked)


def sweep(house: House, *, days: int = 90, batch: int = 500, until: str = "") -> dict[str, int]:
    """Sweeps, perhaps until a room begins; gives what was removed."""
    under_way, removed = Sweep(now=house.clock(), event_days=days, batch=batch), dict[str, int]()
    while True:
        with house.database.reading() as transaction:
            picked = under_way.pick(transaction)
        if picked is None or picked.room == until:
            break
        removed[picked.room] = removed.get(picked.room, 0) + removing(house, under_way, picked)
    return {room: number for room, number in removed.items() if number and room in ("ended", "events", "request_keys")}


def arrive(house: House, number: int, *, first: int = 0) -> list[int]:
    """So many requests, each with a key, and processed."""
    ids = [house.send(failure(), key=f"key-{place}") for place in range(first, first + number)]
    house.process()
    return ids


def everything(house: House, *, days: int = 90) -> dict[str, int]:
    """A whole sweep, until two in a row find nothing; how much went of each room."""
    under_way, removed = Sweep(now=house.clock(), event_days=days), dict[str, int]()
    while True:
        with house.database.reading() as transaction:
            picked = under_way.pick(transaction)
        if picked is None:
            return {room: number for room, number in removed.items() if number}
        removed[picked.room] = removed.get(picked.room, 0) + removing(house, under_way, picked)


def test_a_deleted_source_goes_when_nothing_names_it_any_more(house: House, clock: Clock) -> None:
    old, other = house.source("old"), house.source("other")
    house.say(failure(run="r"), source_id=old)
    house.say(unmapped="what is this", source_id=old)
    house.say(failure(run="s"), source_id=other)
    with house.database.appending() as transaction:
        rejections.note(transaction, source_id=old, reason="no-secret", remote="", headers=[], body_size=None, now=clock(), keep=100)
    with house.database.writing() as transaction:
        for source_id in (old, other):
            sources.change(transaction, source_id, disabled_at=clock())
        kept = sources.one(transaction, team_ids=[house.team_id], source_id=old)
        assert kept is not None
        sources.end(transaction, kept, settings={}, now=clock())
    clock.advance(days=OLD)
    house.say(failure(run="t"))  # the newest of all stays, for the worker counts on from it
    assert everything(house)["rejections"] == 1
    named = {row["source_id"] for row in house.rows(tables.events)}
    assert old not in named, "what failed or came last of a deleted source goes too"
    assert other in named
    assert house.rows(tables.sources, tables.sources.c.id == old), "a thread names it"
    clock.advance(days=OLD)
    with house.database.writing() as transaction:
        transaction.execute(delete(tables.notifications).where(tables.notifications.c.source_id == old))
    everything(house)
    assert [row["id"] for row in house.rows(tables.sources) if row["id"] in (old, other)] == [other]


def left(house: House) -> list[int]:
    return sorted(row["id"] for row in house.rows(tables.events))


def again(house: House, key: str) -> arrivals.Receipt:
    """The request of this key once more, byte for byte."""
    with house.database.appending() as transaction:
        (receipt,) = arrivals.append(transaction, [house.arrival({"drafts": [failure()]}, key=key)])
    return receipt


@pytest.mark.req("R92")
def test_what_arrived_goes_by_age_and_the_newest_of_each_source_stays(house: House, clock: Clock) -> None:
    silent = house.source("silent")
    last_of_silent = house.send(failure(), source_id=silent)
    arrive(house, 5)
    clock.advance(days=89)
    assert sweep(house) == {}
    young = arrive(house, 2, first=5)
    clock.advance(days=2)
    assert sweep(house) == {"ended": 5, "events": 5}
    assert left(house) == [last_of_silent, *young]
    assert {row["event_id"] for row in house.rows(tables.processing)} == set(left(house))
    assert sweep(house) == {}


@pytest.mark.req("R92")
def test_how_long_is_a_setting(house: House, clock: Clock) -> None:
    arrive(house, 3)
    clock.advance(days=8)
    assert sweep(house, days=9) == {}
    assert sweep(house, days=7)["events"] == 2


@pytest.mark.req("R15", "R92")
def test_a_repeated_request_is_known_after_its_event_went_and_until_no_sender_repeats(house: House, clock: Clock) -> None:
    first, *_ = arrive(house, 3)
    clock.advance(days=OLD)
    assert sweep(house) == {"ended": 2, "events": 2}
    told = again(house, "key-0")
    assert (told.event_id, told.duplicate) == (first, True)
    clock.advance(days=KEYS_BEYOND_DAYS - 2)
    assert sweep(house) == {}
    arrive(house, 1, first=3)
    clock.advance(days=2)
    assert sweep(house)["request_keys"] == 3
    assert [row["request_key"] for row in house.rows(tables.request_keys)] == ["key-3"]
    assert not again(house, "key-0").duplicate


@pytest.mark.req("R92")
@pytest.mark.parametrize(("status", "stays"), [("waiting", True), ("quarantined", True), ("unmapped", False), ("ignored", False)])
def test_what_waits_or_failed_stays(house: House, clock: Clock, status: str, stays: bool) -> None:
    first, *_ = arrive(house, 3)
    with house.database.writing() as transaction:
        transaction.execute(update(tables.processing).where(tables.processing.c.event_id == first).values(status=status))
    clock.advance(days=OLD)
    sweep(house)
    assert (first in left(house)) is stays


@pytest.mark.req("R92")
def test_what_a_mapper_may_want_back_stays_until_a_later_one_takes_its_place(house: House, clock: Clock) -> None:
    first, second, *_ = arrive(house, 3)
    for holder, expected in ((first, True), (second, False)):
        with house.database.writing() as transaction:
            documents.keep(transaction, source_id=house.source_id, event_id=holder, names=["manifest"])
        clock.advance(days=OLD)
        sweep(house)
        assert (first in left(house)) is expected


@pytest.mark.req("R92")
def test_what_is_replayed_while_it_is_looked_at_stays_and_is_processed(house: House, clock: Clock) -> None:
    first, *_ = arrive(house, 3)
    clock.advance(days=OLD)
    under_way = Sweep(now=clock())
    while True:
        with house.database.reading() as transaction:
            picked = under_way.pick(transaction)
        assert picked
        if picked.room == "ended":
            break
        removing(house, under_way, picked)
    assert first in picked.keys
    with house.database.writing() as transaction:
        assert replay.replay(transaction, team_ids=[house.team_id], event_id=first, now=clock())
    assert removing(house, under_way, picked) == 1
    assert sweep(house) == {"events": 1}
    house.process()
    with house.database.reading() as transaction:
        found = events.show(transaction, team_ids=[house.team_id], event_id=first)
    assert found
    assert found["status"] == "mapped"


@pytest.mark.req("R92")
def test_what_was_let_go_is_processed_no_more_and_goes_with_the_next_sweep(house: House, clock: Clock) -> None:
    arrive(house, 4)
    clock.advance(days=OLD)
    assert sweep(house, until="events") == {"ended": 3}  # and here it was killed
    assert len(left(house)) == 4
    with house.database.writing() as transaction:
        taken = processing.claim(transaction, now=clock(), lease="x", lease_for=timedelta(minutes=1), limit=10)
    assert taken == []
    assert sweep(house) == {"events": 3}


@pytest.mark.req("R92")
def test_ids_go_on_and_nothing_is_queued_again_after_everything_went(house: House, clock: Clock) -> None:
    *_, last = arrive(house, 4)
    clock.advance(days=OLD)
    sweep(house)
    assert left(house) == [last]
    assert [row["event_id"] for row in house.rows(tables.processing)] == [last]
    assert migrate(house.database) is False  # a start on what is left notices nothing amiss
    assert house.send(failure()) == last + 1
    house.process()
    assert {row["status"] for row in house.rows(tables.processing)} == {"mapped"}


@pytest.mark.req("R92")
def test_no_transaction_of_it_holds_more_than_a_few_rows_or_bytes(house: House, clock: Clock) -> None:
    body, number = b"x" * (MOST_BYTES // 3), 10
    columns = {"method": "POST", "path": "", "query": "", "headers": [], "source_id": house.source_id, "received_at": clock()}
    rows = [{"id": place, "body": body, **columns} for place in range(1, number + 1)]
    rows += [{"id": place, "body": b"", **columns} for place in range(number + 1, number + 2 * BATCH)]
    done = {"status": "mapped", "due_at": clock(), "processed_at": clock()}
    with house.database.appending() as transaction:
        transaction.execute(insert(tables.events), rows)
    with house.database.writing() as transaction:
        transaction.execute(insert(tables.processing), [{"event_id": row["id"], **done} for row in rows])
    clock.advance(days=OLD)
    under_way, sizes = Sweep(now=clock()), []
    while True:
        with house.database.reading() as transaction:
            picked = under_way.pick(transaction)
        if picked is None:
            break
        if removing(house, under_way, picked) and picked.room == "events":
            sizes.append(sum(key <= number for key in picked.keys))
            assert len(picked.keys) <= (JOURNAL_BATCH if house.database.is_sqlite else BATCH)
    assert max(sizes) == 3
    assert sum(sizes) == number
    assert len(left(house)) == 1


@pytest.mark.req("R92")
def test_two_at_once_remove_everything_once(house: House, clock: Clock) -> None:
    arrive(house, 60)
    clock.advance(days=OLD + KEYS_BEYOND_DAYS)
    found: list[dict[str, int]] = []
    both = [threading.Thread(target=lambda: found.append(sweep(house, batch=7))) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    sweep(house)
    assert len(left(house)) == 1
    assert [sum(one.get(room, 0) for one in found) for room in ("ended", "request_keys")] == [59, 60]


@pytest.mark.req("R92")
def test_on_sqlite_the_room_of_what_went_is_used_again(tmp_path: Path, clock: Clock) -> None:
    database = Database(f"sqlite:///{tmp_path / 'tocsin.db'}")
    migrate(database)
    house, sizes = House(database, clock), []
    for turn in range(4):
        arrive(house, 300, first=300 * turn)
        with house.database.appending() as transaction:
            sizes.append(transaction.scalar(text("PRAGMA page_count")))
        clock.advance(days=OLD + KEYS_BEYOND_DAYS)
        sweep(house)
    assert sizes[3] <= sizes[0] * 1.1


def test_what_is_old_is_found_and_removed_by_an_index(house: House, clock: Clock) -> None:
    arrive(house, 20)
    clock.advance(days=OLD + KEYS_BEYOND_DAYS)
    asked: list[tuple[str, Any]] = []
    listen = lambda *given: asked.append((given[2], given[3]))  # noqa: E731 - the same object is taken off again
    engines = {house.database.engine, house.database.journal}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", listen)
    sweep(house)
    for engine in engines:
        event.remove(engine, "before_cursor_execute", listen)
    explain = "EXPLAIN QUERY PLAN " if house.database.is_sqlite else "EXPLAIN "
    plans = []
    with house.database.reading() as transaction:
        if not house.database.is_sqlite:
            transaction.execute(text("SET LOCAL enable_seqscan = off"))  # of so few rows it would rather read all
            transaction.execute(text("SET LOCAL enable_hashjoin = off"))
            transaction.execute(text("SET LOCAL enable_sort = off"))
        for one, values in asked:
            if any(f" {table}" in one for table in ("events", "request_keys", "processing")) and one.startswith(("SELECT", "DELETE")):
                plans.append("\n".join(str(row[-1]) for row in transaction.exec_driver_sql(explain + one, values)) + "\n")
    assert len(plans) >= 6
    for plan in plans:
        assert "Seq Scan" not in plan
        assert "SCAN processing" not in plan
        assert "TEMP B-TREE" not in plan
