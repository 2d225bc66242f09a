"""Who watches is told of what concerns them and of nothing else, at once, and no more often than can be afforded."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from gateway.live import hub as hubs
from gateway.live.hint import BEAT, CHANGED, RESYNC, Hint
from gateway.live.hub import Full, Hub, Watcher
from gateway.storage.changes import EVERYTHING, Changes
from gateway.storage.database import Database, StorageUnavailable
from tests.builders import House, failure, recovery
from tests.conftest import Clock


@pytest.fixture
def house(database: Database, clock: Clock) -> House:
    return House(database, clock)


@pytest.fixture
def restless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signs of life come often. To be asked for before the hub."""
    for name in ("BEAT_EVERY", "DEAF_RESYNC", "_TROUBLE"):
        monkeypatch.setattr(hubs, name, 0.05)


@pytest.fixture
async def hub(database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    """A hub that runs, and hears of each commit."""
    monkeypatch.setattr(hubs, "_REST", 0.0)
    hub, loop = Hub(database, clock), asyncio.get_running_loop()
    monkeypatch.setattr(database, "on_change", lambda changes: loop.call_soon_threadsafe(hub.changed, changes))
    running = asyncio.create_task(hub.run())
    yield hub
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def told(watcher: Watcher) -> Hint:
    async with asyncio.timeout(10):
        hint = await watcher.next()
    assert hint is not None
    return hint


async def until(watcher: Watcher, wanted: Hint) -> None:
    """Takes hints until this one comes."""
    async with asyncio.timeout(20):
        while await told(watcher) != wanted:
            pass


async def untold(watcher: Watcher) -> bool:
    """Whether nothing comes for as long as a hub takes to tell."""
    try:
        async with asyncio.timeout(0.3):
            await watcher.next()
    except TimeoutError:
        return True
    return False


async def watches(hub: Hub, user_id: int) -> Watcher:
    """Somebody who has looked at everything already."""
    watcher = hub.watch(user_id)
    assert (await told(watcher)).kind == RESYNC, "what happened since the page was made may have been missed"
    while not await untold(watcher):
        pass
    return watcher


@pytest.mark.req("R67")
async def test_what_is_recorded_is_told_to_those_who_have_it_with_their_counts(house: House, hub: Hub) -> None:
    ana, ben = house.user("ana"), house.user("ben", team_id=house.team("other"))
    hers, his = await watches(hub, ana), await watches(hub, ben)
    house.say(failure())
    hint = await told(hers)
    assert (hint.kind, hint.ids, hint.unread) == (CHANGED, {1}, {"job_failure": 1})
    assert await untold(his), "it is of another team"


@pytest.mark.req("R36")
async def test_nobody_is_told_of_what_they_may_not_see(house: House, hub: Hub) -> None:
    ana, ben = house.user("ana", permissions=["secret"]), house.user("ben")
    hers, his = await watches(hub, ana), await watches(hub, ben)
    house.say(failure(permissions=["secret"]))
    assert (await told(hers)).ids == {1}
    assert await untold(his)
    house.user("ana")  # the permission is taken away
    assert (await told(hers)).unread == {}
    house.say(recovery())
    assert await untold(hers), "she has an entry, and may see it no more"


async def test_what_one_does_in_one_tab_is_told_in_the_others_and_to_nobody_else(house: House, hub: Hub) -> None:
    ana, ben = house.user("ana"), house.user("ben")
    house.say(failure())
    hers, again, his = await watches(hub, ana), await watches(hub, ana), await watches(hub, ben)
    house.mark(ana, read=True)
    assert (await told(hers)).unread == {}
    assert (await told(again)).unread == {}
    assert await untold(his)


async def test_many_changes_are_one_hint_for_who_is_slow(house: House, hub: Hub) -> None:
    watcher = await watches(hub, house.user("ana"))
    for number in range(5):
        house.say(failure(event_data={"job": number}))
        await asyncio.sleep(0.06)
    await asyncio.sleep(0.2)
    hint = await told(watcher)
    assert (hint.ids, hint.unread) == ({1, 2, 3, 4, 5}, {"job_failure": 5})
    assert await untold(watcher)


async def test_what_is_rolled_back_is_told_to_nobody(house: House, hub: Hub, database: Database) -> None:
    ana = house.user("ana")
    house.say(failure())
    watcher = await watches(hub, ana)

    def fails(connection: object) -> None:
        from gateway.storage import changes

        changes.note_people(connection, [ana])  # type: ignore[arg-type]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.write(fails)
    assert await untold(watcher)
    await database.write(lambda _: None)
    assert await untold(watcher), "nor with the next transaction of the same connection"


async def test_more_than_can_be_named_is_everything(hub: Hub, house: House) -> None:
    watcher = await watches(hub, house.user("ana"))
    hub.changed(Changes(threads=frozenset(range(300))) | Changes(threads=frozenset(range(300, 600))))
    assert (await told(watcher)).kind == RESYNC


@pytest.mark.usefixtures("restless")
async def test_a_database_in_trouble_is_told_as_such_and_nothing_is_forgotten(
    house: House, hub: Hub, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher = hub.watch(house.user("ana"))
    read = database.read

    async def fails(*_: object, **__: object) -> None:
        raise StorageUnavailable

    await until(watcher, Hint(BEAT))
    monkeypatch.setattr(database, "read", fails)
    house.say(failure())
    await until(watcher, Hint(BEAT, well=False))
    monkeypatch.setattr(database, "read", read)
    await until(watcher, Hint(RESYNC))


@pytest.mark.usefixtures("restless")
async def test_who_hears_of_nothing_elsewhere_lets_everybody_look_for_themselves(house: House, hub: Hub) -> None:
    watcher = hub.watch(house.user("ana"))
    await until(watcher, Hint(BEAT))
    hub.hearing(False)
    for _ in range(3):
        await until(watcher, Hint(RESYNC))
    hub.hearing(True)
    await until(watcher, Hint(RESYNC))
    await until(watcher, Hint(BEAT))


async def test_only_so_many_may_watch(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "MOST_OF_A_PERSON", 2)
    monkeypatch.setattr(hubs, "MOST", 3)
    first = hub.watch(1)
    hub.watch(1)
    with pytest.raises(Full):
        hub.watch(1)
    hub.watch(2)
    with pytest.raises(Full):
        hub.watch(3)
    assert set(hub._watchers) == {1, 2}, "whoever is turned away is not looked for"
    hub.leave(first)
    hub.watch(3)


async def test_everybody_is_let_go_at_the_end(hub: Hub) -> None:
    watcher = hub.watch(1)
    await told(watcher)
    hub.close()
    assert await watcher.next() is None


@pytest.mark.parametrize(
    ("first", "then", "both"),
    [
        (Hint(CHANGED, frozenset({1})), Hint(CHANGED, frozenset({2})), Hint(CHANGED, frozenset({1, 2}))),
        (Hint(RESYNC), Hint(CHANGED, frozenset({2})), Hint(RESYNC)),
        (Hint(CHANGED, frozenset({1})), Hint(RESYNC), Hint(RESYNC)),
        (Hint(BEAT), Hint(CHANGED, frozenset({2})), Hint(CHANGED, frozenset({2}))),
        (Hint(CHANGED, frozenset({1})), Hint(BEAT), Hint(CHANGED, frozenset({1}))),
        (Hint(BEAT), Hint(BEAT, well=False), Hint(BEAT, well=False)),
    ],
)
def test_two_hints_that_were_not_taken_are_one(first: Hint, then: Hint, both: Hint) -> None:
    assert first.and_then(then) == both


def test_everything_swallows_what_is_named() -> None:
    assert (Changes(threads=frozenset({1})) | EVERYTHING) == EVERYTHING
    assert not Changes()
