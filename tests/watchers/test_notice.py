"""What a watcher notices: durable with its state, in the journal once, read by our own mapper."""

import threading

import pytest

from gateway.domain.identity import thread_identity
from gateway.engine import process
from gateway.engine.mapping import kinds
from gateway.storage import notices, processing, sources, tables
from gateway.storage.database import Database
from gateway.watchers.notice import NoticeWorker, notice
from mappers.tocsin import late_runs
from tests.builders import House
from tests.conftest import Clock

LATE = late_runs.LateRun.model_validate_json(late_runs.EXAMPLE).model_dump(mode="json")


@pytest.fixture
def house(database: Database, clock: Clock) -> House:
    return House(database, clock)


def say(house: House, key: str = "7/late", source_id: int | None = None) -> None:
    with house.database.writing() as transaction:
        notice(
            transaction, source_id=source_id or house.source_id, watcher="late_runs", key=key, document={**LATE}, now=house.clock()
        )  # fmt: skip


def worker(house: House, entered: list[bool]) -> NoticeWorker:
    return NoticeWorker(house.database, house.clock, lambda: entered.append(True))


async def test_a_notice_becomes_an_event_and_the_event_a_notification_of_the_source_it_is_about(house: House) -> None:
    entered: list[bool] = []
    say(house)
    assert await worker(house, entered).step() == 1
    assert entered == [True]
    (row,) = house.rows(tables.events)
    assert (row["method"], row["path"], row["request_key"]) == ("WATCH", "/tocsin/late_runs", "late_runs/7/late")
    with house.database.writing() as transaction:
        claimed = processing.claim(transaction, now=house.clock(), lease="x", lease_for=house.clock.now - house.clock.now, limit=9)
    assert [event.kind for event in claimed] == ["tocsin"]
    with house.database.writing() as transaction:
        process.commit(transaction, process.map_events(house.database, claimed, kinds()), lease="x", now=house.clock())
    assert house.thread()["identity"] == thread_identity(
        house.team_id, house.source_id, "prod", "tocsin-run-late", {"pipeline": "nightly-orders"}
    )


async def test_what_is_said_twice_enters_once(house: House) -> None:
    say(house)
    say(house)
    assert await worker(house, []).step() == 1
    say(house)
    await worker(house, []).step()
    assert len(house.rows(tables.events)) == 1
    assert house.rows(tables.notices) == []


async def test_a_worker_killed_after_it_entered_a_notice_enters_no_second(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    say(house)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(notices, "forget", killed)
        with pytest.raises(KeyboardInterrupt):
            await worker(house, []).step()
    assert await worker(house, []).step() == 1
    assert len(house.rows(tables.events)) == 1


async def test_notices_enter_in_the_order_in_which_they_were_noticed(house: House) -> None:
    for key in ("7/late", "3/late", "7/arrived"):
        say(house, key)
    await worker(house, []).step()
    assert [row["request_key"] for row in house.rows(tables.events)] == ["late_runs/7/late", "late_runs/3/late", "late_runs/7/arrived"]


def test_a_team_has_one_source_of_its_own_whoever_asks_first(house: House) -> None:
    found: set[int] = set()

    def ask() -> None:
        with house.database.writing() as transaction:
            found.add(sources.own(transaction, team_id=house.team_id, now=house.clock()))

    askers = [threading.Thread(target=ask) for _ in range(6)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert len(found) == 1
    (row,) = house.rows(tables.sources, tables.sources.c.kind == "tocsin")
    assert (row["slug"], row["auth"], row["managed"]) == ("tocsin", [], False)


def test_a_sender_that_was_called_tocsin_before_keeps_its_name(house: House) -> None:
    theirs = house.source("tocsin")
    with house.database.writing() as transaction:
        ours = sources.own(transaction, team_id=house.team_id, now=house.clock())
        assert sources.own(transaction, team_id=house.team_id, now=house.clock()) == ours != theirs
        found = sources.find(transaction, "acme", "tocsin-itself")
    assert found is not None
    assert found.kind == "tocsin"


def test_a_teams_own_source_is_none_that_a_configuration_forgot(house: House) -> None:
    with house.database.writing() as transaction:
        sources.own(transaction, team_id=house.team_id, now=house.clock())
        assert sources.unmanaged(transaction) == []
        assert sources.disable_unlisted(transaction, listed=[house.source_id], now=house.clock()) == []
