"""Events looked at and replayed: the filter means what it says, nothing in anybody's hands is touched, live traffic goes first."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, delete, event, text

from gateway.storage import events, processing, replay, tables
from gateway.storage.database import Database
from gateway.storage.events import EVERYTHING, Filter
from gateway.storage.processing import Outcome
from gateway.storage.replay import Place, Step
from tests.builders import House
from tests.conftest import Clock

EVENTS, PUT_ASIDE_EACH = 100_000, 2_000
PUT_ASIDE = "ix_processing_put_aside"


@pytest.fixture
def house(database: Database, clock: Clock) -> House:
    return House(database, clock)


def ended(house: House, status: str, source_id: int | None = None, reason: str | None = None) -> int:
    """An event whose processing ended like this."""
    event_id = house.send(source_id=source_id)
    lease, _ = house.claim()
    with house.database.writing() as transaction:
        processing.finish(transaction, [Outcome(event_id, status, reason)], lease=lease, now=house.clock())
    return event_id


def found(house: House, *, team_id: int | None = None, **wanted: Any) -> list[int]:
    with house.database.reading() as transaction:
        rows = events.page(transaction, team_ids=[team_id or house.team_id], wanted=Filter(**wanted), before=None, limit=50)
        counted = events.counts(transaction, team_ids=[team_id or house.team_id], wanted=Filter(**wanted))
    told = {status: sum(row["status"] == status for row in rows) for status in events.STATUSES}
    assert counted.by_status == told, "the counts are those of the list"
    return [row["id"] for row in rows]


def step(house: House, place: Place | None = None, **wanted: Any) -> Step:
    with house.database.reading() as transaction:
        place = place or replay.beginning(transaction)
        picked = replay.pick(transaction, team_ids=[house.team_id], wanted=Filter(**wanted), place=place)
    with house.database.writing() as transaction:
        return replay.queue(transaction, team_ids=[house.team_id], picked=picked, place=place, now=house.clock())


@pytest.mark.req("R22")
def test_a_filter_finds_what_it_names_newest_first_and_the_counts_agree(house: House, clock: Clock) -> None:
    other = house.source("other")
    mapped = ended(house, "mapped")
    clock.advance(minutes=1)
    odd = ended(house, "unmapped", source_id=other, reason="what is this")
    clock.advance(minutes=1)
    ignored, quarantined = ended(house, "ignored"), ended(house, "quarantined")
    waiting = house.send()
    assert found(house) == [waiting, quarantined, ignored, odd, mapped]
    of_each = {"mapped": mapped, "unmapped": odd, "ignored": ignored, "quarantined": quarantined, "waiting": waiting}
    for status, event_id in of_each.items():
        assert found(house, status=status) == [event_id]
        assert found(house, status=status, ids=(event_id, mapped)) == [event_id]
    assert found(house, source="other") == [odd]
    assert found(house, source="other", status="ignored") == []
    assert found(house, source="no-such") == []
    assert found(house, since=clock.now) == [waiting, quarantined, ignored]
    assert found(house, until=clock.now) == [odd, mapped]
    assert found(house, since=clock.now - timedelta(minutes=1), until=clock.now, status="unmapped") == [odd]
    assert found(house, processed_since=clock.now) == [quarantined, ignored]
    assert found(house, ids=(mapped, odd), until=clock.now - timedelta(minutes=1)) == [mapped]


@pytest.mark.req("R22")
def test_conflicting_events_can_be_asked_for_alone(house: House) -> None:
    house.send(key="k", body=1)
    twin = house.send(key="k", body=2)
    assert found(house, conflicting=True) == found(house, conflicting=True, status="waiting") == [twin]
    house.process()
    assert found(house, conflicting=True, status="mapped") == [twin]
    assert found(house, conflicting=True, status="unmapped") == []


@pytest.mark.req("R36")
def test_the_events_of_other_teams_are_neither_listed_nor_counted_nor_replayed(house: House) -> None:
    theirs = house.team("other")
    foreign = ended(house, "unmapped", source_id=house.source("etl", team_id=theirs))
    mine = ended(house, "unmapped")
    for wanted in ({}, {"status": "unmapped"}, {"source": "etl"}, {"ids": (mine, foreign)}):
        assert found(house, **wanted) == [mine]
        assert found(house, team_id=theirs, **wanted) == [foreign]
    assert step(house, ids=(mine, foreign)).queued == [mine]


@pytest.mark.req("R22")
def test_an_event_that_is_not_queued_yet_waits_and_a_replay_leaves_it_alone(house: House) -> None:
    known = ended(house, "unmapped")
    arrived = house.send(key="k")
    with house.database.writing() as transaction:  # as on SQLite, where the worker queues it a moment later
        transaction.execute(delete(tables.processing).where(tables.processing.c.event_id == arrived))
    assert found(house) == [arrived, known]
    assert found(house, status="waiting") == found(house, status="waiting", ids=(arrived, known)) == [arrived]
    assert found(house, status="waiting", processed_since=house.clock() - timedelta(days=1)) == []
    with house.database.reading() as transaction:
        row = events.show(transaction, team_ids=[house.team_id], event_id=arrived)
    assert row is not None
    assert (row["status"], row["attempts"], row["reason"]) == ("waiting", 0, None)
    assert step(house, source="etl").queued == [known]
    with house.database.writing() as transaction:
        assert not replay.replay(transaction, team_ids=[house.team_id], event_id=arrived, now=house.clock())


@pytest.mark.req("R22")
def test_pages_neither_skip_nor_repeat_while_new_events_arrive(house: House) -> None:
    sources = [house.source_id, house.source("other")]
    sent = [ended(house, ("mapped", "ignored")[number % 2], source_id=sources[number // 3 % 2]) for number in range(12)]
    for wanted in (EVERYTHING, Filter(status="ignored"), Filter(source="other"), Filter(status="mapped")):
        with house.database.reading() as transaction:
            whole = [row["id"] for row in events.page(transaction, team_ids=[house.team_id], wanted=wanted, before=None, limit=50)]
        seen: list[int] = []
        while True:
            with house.database.reading() as transaction:
                rows = events.page(transaction, team_ids=[house.team_id], wanted=wanted, before=seen[-1] if seen else None, limit=2)
            if not rows:
                break
            seen += [row["id"] for row in rows]
            ended(house, "mapped")
        assert seen == whole
        assert set(whole) & set(sent)


def test_a_team_with_more_sources_than_one_query_takes_is_read_whole(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_SOURCES_AT_ONCE", 2)
    sent = [ended(house, "mapped", source_id=house.source(f"s{number}")) for number in range(5)]
    assert found(house) == sent[::-1]
    assert step(house, status="mapped").queued == sent


@pytest.mark.req("R22")
def test_a_replay_goes_step_by_step_from_old_to_new_and_ends_with_what_had_arrived(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "AT_ONCE", 3)
    old = [ended(house, "unmapped") for _ in range(5)]
    with house.database.reading() as transaction:
        place: Place | None = replay.beginning(transaction)
    new = ended(house, "unmapped")
    queued: list[list[int]] = []
    while place:
        one = step(house, place, status="unmapped")
        assert one.waiting == len(one.queued) <= 3
        queued.append(one.queued)
        place = one.following
        house.process()
    assert queued == [old[:3], old[3:]]
    assert found(house, status="waiting") == []
    assert house.rows(tables.processing, tables.processing.c.event_id == new)[0]["status"] == "unmapped"


@pytest.mark.req("R22")
def test_no_more_than_so_many_replayed_events_wait_and_a_cut_off_replay_goes_on_where_it_was(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "AT_ONCE", 3)
    sent = [ended(house, "unmapped") for _ in range(5)]
    first = step(house, source="etl")
    full = step(house, first.following, source="etl")
    assert (first.queued, full.queued, full.waiting, full.following) == (sent[:3], [], 3, first.following)
    lease, held = house.claim(limit=2)
    assert step(house, first.following, source="etl").queued == [], "what a worker holds waits still"
    house.commit(lease, held)
    assert step(house, first.following, source="etl").queued == sent[3:5]


@pytest.mark.req("R22")
def test_what_waits_or_is_held_by_a_worker_is_left_as_it_is(house: House, clock: Clock) -> None:
    held, waiting = house.send(), house.send()
    lease, _ = house.claim(limit=1)
    before = house.rows(tables.processing)
    clock.advance(seconds=5)
    assert step(house, source="etl") == Step([], 0, None)
    assert step(house, ids=(held, waiting)).queued == []
    assert house.rows(tables.processing) == before
    with house.database.writing() as transaction:
        assert processing.finish(transaction, [Outcome(held, "mapped", None)], lease=lease, now=clock.now) == {held}


@pytest.mark.req("R22")
def test_what_arrives_is_taken_before_what_is_replayed_and_only_so_much_of_that_waits(
    house: House, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "AT_ONCE", 3)
    old = [ended(house, "unmapped") for _ in range(9)]
    live = house.send()
    clock.advance(seconds=1)
    place = step(house, status="unmapped").following
    clock.advance(seconds=1)
    tonight = house.send()
    for _ in range(5):  # however often somebody presses
        place = step(house, place, status="unmapped").following
    order = [one.id for _ in range(5) for one in house.claim(limit=1)[1]]
    assert order == [live, tonight, *old[:3]]


@pytest.mark.req("R22")
def test_what_is_replayed_is_told_from_what_has_just_arrived(house: House) -> None:
    old = ended(house, "unmapped")
    house.send()
    step(house, ids=(old,))
    with house.database.reading() as transaction:
        counted = events.counts(transaction, team_ids=[house.team_id], wanted=Filter(status="waiting"))
        assert (counted.by_status["waiting"], counted.replaying) == (2, 1)
        assert replay.outcomes(transaction, [old]) == {}
    house.process()
    with house.database.reading() as transaction:
        assert replay.outcomes(transaction, [old, 999]) == {old: "mapped"}
        assert events.counts(transaction, team_ids=[house.team_id], wanted=EVERYTHING).replaying == 0


# ---- how it is found among many -----------------------------------------------------------------------------


@pytest.fixture
def large(house: House) -> House:
    """A team with so many events of three sources, nearly all of them mapped long ago."""
    database = house.database
    sources = [house.source_id, house.source("second"), house.source("third")]
    numbers = f"(WITH RECURSIVE a(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM a WHERE n < {EVENTS}) SELECT n FROM a)"
    lite = database.is_sqlite
    moment = "1772442000000000 + t.n" if lite else "timestamptz '2026-03-02 09:00Z' + t.n * interval '1 second'"
    source = f"CASE t.n % 3 WHEN 0 THEN {sources[0]} WHEN 1 THEN {sources[1]} ELSE {sources[2]} END"
    status = f"CASE WHEN t.n % {PUT_ASIDE_EACH} = 0 THEN 'unmapped' ELSE 'mapped' END"
    document, body, no = ("'[]'", "x'7b7d'", "0") if lite else ("'[]'::jsonb", "'{}'::bytea", "false")
    with database.appending() as transaction:
        transaction.execute(
            text(
                "INSERT INTO events (source_id, method, path, query, headers, body, received_at, conflicting) "
                f"SELECT {source}, 'POST', '', '', {document}, {body}, {moment}, {no} FROM {numbers} AS t"
            )
        )
    with database.writing() as transaction:
        transaction.execute(
            text(
                f"INSERT INTO processing (event_id, status, attempts, due_at, processed_at) SELECT id, {status}, 1, {moment}, {moment} "
                f"FROM events JOIN {numbers} AS t ON t.n = events.id"
            )
        )
    for engine in {database.engine, database.journal}:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE main" if lite else "ANALYZE"))
    return house


def plan(house: House, verb: Callable[[Connection], object]) -> str:
    """How the database would answer everything that this verb asks of events and processing."""
    asked: list[tuple[str, Any]] = []

    def listen(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        asked.append((statement, parameters))

    with house.database.reading() as connection:
        event.listen(connection, "before_cursor_execute", listen)
        verb(connection)
        event.remove(connection, "before_cursor_execute", listen)
        explain = "EXPLAIN QUERY PLAN " if house.database.is_sqlite else "EXPLAIN "
        rows = [
            row for statement, parameters in asked if "events" in statement or "processing" in statement
            for row in connection.exec_driver_sql(explain + statement, parameters).all()
        ]  # fmt: skip
    return "\n".join(str(row[-1]) for row in rows)


IN_ORDER = {
    "the newest of a team": EVERYTHING,
    "those of a source": Filter(source="second"),
    "those that were mapped": Filter(status="mapped"),
    "the mapped ones of a source": Filter(status="mapped", source="third"),
}
LED_BY = {
    "what was not understood": (Filter(status="unmapped"), PUT_ASIDE),
    "what was not understood of a source": (Filter(status="unmapped", source="third"), PUT_ASIDE),
    "what could not be recorded": (Filter(status="quarantined"), PUT_ASIDE),
    "what waits": (Filter(status="waiting"), "ix_processing_waiting"),
}


def looks(house: House, wanted: Filter) -> tuple[str, str]:
    """The plans of a page of the list and of a step of a replay."""
    teams, place = [house.team_id], Place(EVENTS // 2, EVENTS)
    return (
        plan(house, lambda one: events.page(one, team_ids=teams, wanted=wanted, before=EVENTS // 2, limit=51)),
        plan(house, lambda one: replay.pick(one, team_ids=teams, wanted=wanted, place=place)),
    )


def scans(found: str) -> bool:
    return any(f"{word} {table}" in found for word in ("SCAN", "Seq Scan on") for table in ("events", "processing"))


@pytest.mark.req("R22")
def test_among_many_events_lists_and_replays_are_led_by_an_index(large: House) -> None:
    for name, wanted in IN_ORDER.items():
        for found in looks(large, wanted):
            assert not scans(found), f"{name}:\n{found}"
            assert "TEMP B-TREE" not in found, f"{name}:\n{found}"
    for name, (wanted, index) in LED_BY.items():
        counted = plan(large, lambda one, wanted=wanted: events.counts(one, team_ids=[large.team_id], wanted=wanted))
        for found in (*looks(large, wanted), counted):
            assert not scans(found), f"{name}:\n{found}"
            assert index in found, f"{name}:\n{found}"
    again = plan(large, events.waiting_again)
    assert "ix_processing_waiting" in again


def test_what_is_due_is_found_through_its_index(large: House) -> None:
    due = {"now": large.clock(), "limit": 10, "again": False}
    assert "ix_processing_waiting" in plan(large, lambda connection: connection.execute(processing._DUE, due).all())
