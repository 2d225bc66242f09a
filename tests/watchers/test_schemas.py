"""Watching databases: what changed is told once, what merely is not there is something else, and nothing holds up anything."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.tables import Chosen, Column, Snapshot, Table
from gateway.storage import checks, tables
from gateway.storage.database import Database
from gateway.upstream.asking import Unavailable
from gateway.watchers import schemas
from gateway.watchers.schemas import SchemaWatcher
from tests.builders import House
from tests.conftest import Clock
from tests.watchers.looking import VAULT, check, told, watch

URL = "postgresql://reader:secret@warehouse.acme.test/dwh"


def table(*columns: str) -> Table:
    return Table("table", tuple(Column(name, "INTEGER") for name in columns))


class Warehouse:
    """A database as a test wants it."""

    def __init__(self) -> None:
        self.tables: dict[str, Table] = {"public.orders": table("id", "amount")}
        self.trouble: Exception | None = None
        self.asked = 0

    def take(self, url: str, chosen: Chosen) -> Snapshot:
        assert url == URL
        self.asked += 1
        if self.trouble:
            raise self.trouble
        return Snapshot({name: one for name, one in self.tables.items() if chosen.has(name)})


@pytest.fixture
def house(database: Database, clock: Clock) -> House:
    return House(database, clock)


@pytest.fixture
def warehouse() -> Warehouse:
    return Warehouse()


Look = Callable[..., Any]


@pytest.fixture
def look(house: House, warehouse: Warehouse, clock: Clock) -> Look:
    """Lets time pass, looks at all that is due, and gives what people were told."""
    watch(house, database=[{"slug": "warehouse", "url": URL, "interval": "1h"}])
    watcher = SchemaWatcher(house.database, VAULT, clock, lambda: None, take=warehouse.take)

    async def look(**span: float) -> list[tuple[str, str, str]]:
        clock.advance(**(span or {"hours": 1}))
        while await watcher.step():
            await watcher.settled()
        return await told(house)

    return look


@pytest.mark.req("R91")
async def test_the_first_look_tells_nothing_and_what_changed_after_it_is_told_once(look: Look, warehouse: Warehouse) -> None:
    assert await look() == []
    warehouse.tables["public.orders"] = table("id", "amount", "note")
    changed = [("warehouse: column public.orders.note added (INTEGER)", "info", "resolved")]
    assert await look() == changed
    assert await look() == changed


@pytest.mark.req("R91")
async def test_what_breaks_readers_is_told_once_it_was_seen_twice(look: Look, warehouse: Warehouse) -> None:
    await look()
    warehouse.tables["public.orders"] = table("id")
    assert await look() == []
    assert await look(seconds=61) == [("warehouse: column public.orders.amount removed (was INTEGER)", "error", "resolved")]


async def test_a_table_that_is_taken_away_and_brought_back_by_a_build_is_nobodys_news(look: Look, warehouse: Warehouse) -> None:
    await look()
    kept = warehouse.tables.pop("public.orders")
    assert await look() == []
    warehouse.tables["public.orders"] = kept
    assert await look(seconds=61) == []
    assert await look() == []


async def test_a_database_that_never_rests_is_told_of_all_the_same(look: Look, warehouse: Warehouse) -> None:
    await look()
    for number in range(3):
        warehouse.tables = {f"public.t{number}": table(f"c{number}")}
        assert await look(minutes=61) == []
    warehouse.tables = {"public.last": table("other", "things")}
    assert await look(minutes=61) == [("warehouse: 2 changes, 1 of them breaks readers", "error", "resolved")]


async def test_the_same_change_made_undone_and_made_again_is_told_each_time(house: House, look: Look, warehouse: Warehouse) -> None:
    await look()
    for _ in range(2):
        warehouse.tables["public.orders"] = table("id", "amount", "note")
        await look()
        warehouse.tables["public.orders"] = table("id", "amount")
        await look()
        await look()
    keys = [row["key"] for row in house.rows(tables.occurrences)]
    assert len(keys) == len(set(keys)) == 4


@pytest.mark.req("R91")
async def test_a_database_that_cannot_be_reached_is_an_incident_after_three_tries_and_no_change_of_schema(
    look: Look, warehouse: Warehouse, house: House
) -> None:
    await look()
    warehouse.trouble = Unavailable("connection refused")
    assert await look() == []
    assert await look() == []
    down = [("warehouse is down", "error", "open")]
    assert await look() == down
    assert await look() == down
    assert (check(house)["trouble"], check(house)["failures"]) == ("connection refused", 4)
    warehouse.trouble = None
    assert [row[2] for row in await look()] == ["resolved"]
    assert house.thread()["category"] == "incident"
    assert check(house)["trouble"] is None


async def test_what_changed_while_it_was_away_is_told_when_it_is_back(look: Look, warehouse: Warehouse) -> None:
    await look()
    warehouse.trouble = Unavailable("gone")
    await look()
    warehouse.trouble, warehouse.tables["public.refunds"] = None, table("id")
    assert await look() == [("warehouse: table public.refunds added", "info", "resolved")]


async def test_two_watchers_look_once(house: House, warehouse: Warehouse, clock: Clock) -> None:
    watch(house, database=[{"slug": "warehouse", "url": URL}])
    clock.advance(minutes=2)
    watchers = [SchemaWatcher(house.database, VAULT, clock, lambda: None, take=warehouse.take) for _ in range(3)]
    begun = [await watcher.step() for watcher in watchers]
    await asyncio.gather(*(watcher.settled() for watcher in watchers))
    assert sorted(begun) == [0, 0, 1]
    assert warehouse.asked == 1


async def test_a_watcher_that_lost_its_lease_tells_nothing(house: House, warehouse: Warehouse, clock: Clock) -> None:
    watch(house, database=[{"slug": "warehouse", "url": URL, "tries": 1}])
    clock.advance(minutes=2)
    inside, go_on = threading.Event(), threading.Event()

    def slow(url: str, chosen: Chosen) -> Snapshot:
        inside.set()
        go_on.wait(10)
        raise Unavailable("connection refused")

    paused = SchemaWatcher(house.database, VAULT, clock, lambda: None, take=slow)
    assert await paused.step() == 1
    await asyncio.to_thread(inside.wait, 10)
    clock.advance(minutes=10)
    other = SchemaWatcher(house.database, VAULT, clock, lambda: None, take=warehouse.take)
    assert await other.step() == 1
    await other.settled()
    go_on.set()
    await paused.settled()
    assert await told(house) == []
    assert check(house)["is_down"] is False


async def test_one_that_hangs_is_left_behind_and_holds_up_no_other(
    house: House, warehouse: Warehouse, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schemas, "WITHIN", schemas.timedelta(seconds=0.2))
    watch(house, database=[{"slug": "hangs", "url": URL, "interval": "1m"}, {"slug": "works", "url": URL, "interval": "1m"}])
    clock.advance(minutes=2)
    let_go = threading.Event()

    def take(url: str, chosen: Chosen) -> Snapshot:
        if threading.current_thread().name.endswith(f" {hanging}"):
            let_go.wait(20)
        return warehouse.take(url, chosen)

    hanging = next(row["id"] for row in house.rows(tables.checks) if row["slug"] == "hangs")
    watcher = SchemaWatcher(house.database, VAULT, clock, lambda: None, take=take)
    await watcher.step()
    await watcher.settled()
    found = {row["slug"]: row["trouble"] for row in house.rows(tables.checks)}
    assert found == {"hangs": "it did not answer within 0 s", "works": None}
    clock.advance(minutes=2)
    await watcher.step()
    await watcher.settled()
    found = {row["slug"]: row["trouble"] for row in house.rows(tables.checks)}
    assert found == {"hangs": "the last look at it has not come back yet", "works": None}
    let_go.set()


async def test_a_stop_puts_back_what_is_looked_at(house: House, warehouse: Warehouse, clock: Clock) -> None:
    watch(house, database=[{"slug": "warehouse", "url": URL}])
    clock.advance(minutes=2)
    inside, let_go = threading.Event(), threading.Event()

    def slow(url: str, chosen: Chosen) -> Snapshot:
        inside.set()
        let_go.wait(10)
        return warehouse.take(url, chosen)

    watcher = SchemaWatcher(house.database, VAULT, clock, lambda: None, take=slow)
    running = asyncio.create_task(watcher.run())
    await asyncio.to_thread(inside.wait, 10)
    watcher.stop()
    await asyncio.wait_for(running, 5)
    row = check(house)
    assert (row["lease"], row["due_at"], row["failures"]) == (None, clock(), 0)
    let_go.set()


async def test_a_stop_puts_back_what_was_claimed_and_not_begun(house: House, warehouse: Warehouse, clock: Clock) -> None:
    watch(house, database=[{"slug": "warehouse", "url": URL}])
    clock.advance(minutes=2)
    watcher = SchemaWatcher(house.database, VAULT, clock, lambda: None, take=warehouse.take)
    stepping = asyncio.create_task(watcher.step())
    while not warehouse.asked and not watcher._under_way and not stepping.done():
        watcher.stop()
        await asyncio.sleep(0)
    await stepping
    await watcher.finish()
    assert check(house)["lease"] is None


async def test_a_bug_of_ours_tells_nobody_that_a_database_is_down(house: House, clock: Clock) -> None:
    watch(house, database=[{"slug": "warehouse", "url": URL, "tries": 1}])
    clock.advance(minutes=2)

    def wrong(url: str, chosen: Chosen) -> Snapshot:
        raise RuntimeError("no such thing")

    watcher = SchemaWatcher(house.database, VAULT, clock, lambda: None, take=wrong)
    await watcher.step()
    await watcher.settled()
    assert await told(house) == []
    assert check(house)["lease"] is None


async def test_what_is_chosen_anew_is_a_first_look_again(house: House, look: Look, warehouse: Warehouse) -> None:
    await look()
    watch(house, database=[{"slug": "warehouse", "url": URL, "interval": "1h", "include": ["sales.*"]}])
    warehouse.tables = {"sales.orders": table("id")}
    assert await look() == []
    warehouse.tables["sales.refunds"] = table("id")
    assert await look() == [("warehouse: table sales.refunds added", "info", "resolved")]


async def test_a_new_password_changes_nothing_that_is_known(
    house: House, look: Look, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    await look()
    renewed = URL.replace("secret", "another")
    monkeypatch.setitem(globals(), "URL", renewed)
    watch(house, database=[{"slug": "warehouse", "url": renewed, "interval": "1h"}])
    warehouse.tables["public.refunds"] = table("id")
    assert await look() == [("warehouse: table public.refunds added", "info", "resolved")]


async def test_what_nobody_looks_at_any_more_is_not_down_any_more(house: House, look: Look, warehouse: Warehouse) -> None:
    warehouse.trouble = Unavailable("gone")
    for _ in range(3):
        await look()
    watch(house)
    assert [row[2] for row in await look()] == ["resolved"]
    asked = warehouse.asked
    await look()
    assert warehouse.asked == asked


def test_nothing_secret_is_kept_in_clear(house: House, tmp_path: Path) -> None:
    watch(
        house,
        database=[{"slug": "warehouse", "url": URL}],
        probe=[
            {"slug": "shop", "url": "https://shop.acme.test/health?key=hidden-key", "headers": {"Authorization": "Bearer hidden-token"}}
        ],
    )
    kept = str([{**row, "sealed": ""} for row in house.rows(tables.checks)])
    assert "secret" not in kept
    assert "hidden" not in kept
    assert "postgresql://reader@warehouse.acme.test/dwh" in kept
    sealed = [VAULT.open(row["sealed"]) for row in house.rows(tables.checks)]
    assert sealed[0] == URL.encode()


async def test_by_hand_it_is_looked_at_now(house: House, look: Look, warehouse: Warehouse, clock: Clock) -> None:
    await look()
    warehouse.tables["public.refunds"] = table("id")
    assert await look(minutes=1) == []
    with house.database.writing() as transaction:
        assert checks.check_now(transaction, check(house)["id"], team_ids=[house.team_id], now=clock())
        assert checks.check_now(transaction, check(house)["id"], team_ids=[house.team_id + 1], now=clock()) is None
    assert await look(seconds=1) == [("warehouse: table public.refunds added", "info", "resolved")]
