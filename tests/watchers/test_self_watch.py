"""The gateway's own troubles: told to the admins of the team they concern, once, and taken back when they are over."""

from datetime import timedelta
from typing import Any

import pytest

from gateway.storage import reconciliations, self_watch, tables
from gateway.storage.database import Database
from gateway.watchers import self_watch as watching
from gateway.watchers.self_watch import SelfWatcher
from tests.builders import LEASE, House, failure
from tests.conftest import Clock
from tests.watchers.looking import told


@pytest.fixture
def house(database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr(watching, "_disk", lambda _: (None, None))
    return House(database, clock)


class Watched:
    """A watcher and what it made people hear; nobody sends mail here, which is said where a test is about that alone."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.watcher = SelfWatcher(house.database, house.clock, lambda: None)

    async def after(self, **span: float) -> list[tuple[str, str, str]]:
        self.house.clock.now += timedelta(**span)  # type: ignore[attr-defined]
        await self.watcher.step()
        return [row for row in await told(self.house) if row[0] not in ("nightly failed", "Nobody sends the mail that is due")]


@pytest.fixture
def watched(house: House) -> Watched:
    return Watched(house)


def put_off(house: House, said: str = "connection refused") -> None:
    """What the mail worker does where the server is gone."""
    from gateway.storage import deliveries

    house.read()
    with house.database.writing() as transaction:
        batch = deliveries.claim(transaction, now=house.clock(), lease="m", lease_for=LEASE, limit=100)
        ids = [one.id for one in batch]
        deliveries.put_back(transaction, ids, lease="m", due_at=house.clock() + timedelta(hours=3), said=said, anew=True)


@pytest.mark.req("R102")
async def test_mail_that_does_not_leave_is_told_in_the_page_alone_and_is_over_when_it_leaves(house: House, watched: Watched) -> None:
    admin, member = house.user("ana", role="admin"), house.user("ben")
    house.say(failure(run="r"))
    put_off(house)
    assert await watched.after(minutes=5) == []
    assert await watched.after(minutes=6) == [("Mail does not leave", "warning", "open")]
    assert await watched.after(minutes=1) == [("Mail does not leave", "warning", "open")]
    newest = max(row["id"] for row in house.rows(tables.notifications))
    readers = {row["user_id"] for row in house.rows(tables.inbox_entries, tables.inbox_entries.c.notification_id == newest)}
    assert admin in readers
    assert member not in readers
    assert await watched.after(minutes=55) == [("Mail does not leave", "error", "open")]
    house.clock.now += timedelta(hours=3)  # type: ignore[attr-defined]
    house.deliver()
    assert await watched.after(minutes=1) == [("Mail does not leave", "error", "open")]
    assert await watched.after(minutes=3) == [("Mail does not leave", "error", "resolved")]
    assert house.rows(tables.troubles) == []


async def test_what_comes_back_before_it_was_over_was_never_over(house: House, watched: Watched) -> None:
    house.user("ana", role="admin")
    house.send(failure(run="r"))
    late = [("What arrives is worked off too late", "warning", "open")]

    async def look(**span: float) -> list[dict[str, Any]]:
        house.clock.now += timedelta(**span)  # type: ignore[attr-defined]
        await watched.watcher.step()
        return house.rows(tables.troubles)

    (row,) = await look(minutes=6)
    assert (row["name"], row["clear_since"]) == ("processing", None)
    house.process()
    (row,) = await look(minutes=1)
    assert row["clear_since"] == house.clock()
    house.send(failure(run="s"))
    with house.database.writing() as transaction:
        transaction.execute(tables.troubles.update().values(clear_since=house.clock()))
    (row,) = await look(minutes=6)
    assert row["clear_since"] is None
    house.process()
    assert await watched.after(minutes=1) == late


async def test_each_team_hears_of_its_own_troubles_alone(house: House, watched: Watched, database: Database) -> None:
    house.user("ana", role="admin")
    other = House(database, house.clock, "other")
    other.user("olga", role="admin", team_id=other.team_id)
    other.send(failure(run="r"))
    house.clock.now += timedelta(minutes=6)  # type: ignore[attr-defined]
    await watched.watcher.step()
    assert [row["team_id"] for row in house.rows(tables.troubles)] == [other.team_id]


async def test_two_watchers_tell_once(house: House, watched: Watched) -> None:
    house.send(failure(run="r"))
    house.clock.now += timedelta(minutes=6)  # type: ignore[attr-defined]
    for _ in range(2):
        await SelfWatcher(house.database, house.clock, lambda: None).step()
    assert len(house.rows(tables.notices)) == 1


async def test_a_sender_that_nobody_understands_is_named(house: House, watched: Watched) -> None:
    house.user("ana", role="admin")
    for _ in range(6):
        house.say(unmapped="what is this")
    assert await watched.after(minutes=1) == [("Most of what etl sends is not understood", "error", "open")]
    for number in range(30):
        house.say(failure(run=f"r{number}"))
    await watched.after(minutes=1)
    assert await watched.after(minutes=3) == [("Most of what etl sends is not understood", "error", "resolved")]


async def test_an_api_that_cannot_be_asked_is_told_after_five_failures(house: House, watched: Watched) -> None:
    house.user("ana", role="admin")
    with house.database.writing() as transaction:
        reconciliations.enroll(transaction, ["speaker"], house.clock())
        transaction.execute(tables.reconciliations.update().values(failures=5, trouble="Prefect's API answered 401"))
    assert await watched.after(minutes=1) == [("The API of etl cannot be asked", "warning", "open")]


async def speak(house: House, watched: Watched, hours: int) -> None:
    """A sender that sends every hour, to somebody who looks every few minutes."""
    for number in range(hours):
        house.say(failure(run=f"h{number}"))
        for _ in range(15):
            house.clock.now += timedelta(minutes=4)  # type: ignore[attr-defined]
            with house.database.writing() as transaction:
                self_watch.listen(transaction, house.clock())


@pytest.mark.req("R102")
async def test_a_sender_that_falls_silent_against_its_habit_is_told_and_is_well_when_it_is_heard_again(
    house: House, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.domain.pauses.A_WEEK", 2)
    house.user("ana", role="admin")
    await speak(house, watched, 60)
    for _ in range(5 * 15 + 1):
        house.clock.now += timedelta(minutes=4)  # type: ignore[attr-defined]
        with house.database.writing() as transaction:
            self_watch.listen(transaction, house.clock())
    assert await watched.after(minutes=1) == [("etl has fallen silent", "warning", "open")]
    house.say(failure(run="again"))
    await watched.after(minutes=1)
    assert await watched.after(minutes=3) == [("etl has fallen silent", "warning", "resolved")]


async def test_where_silence_means_nothing_nobody_is_told(house: House) -> None:
    house.source("quiet", silence_alert=False)
    with house.database.writing() as transaction:
        self_watch.listen(transaction, house.clock())
        senders = self_watch.figures(transaction, house.clock())[house.team_id].senders
    assert {one.slug: one.pauses is not None for one in senders} == {"etl": True, "quiet": False}


async def test_a_full_disk_is_told(house: House, watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    house.user("ana", role="admin")
    monkeypatch.setattr(watching, "_disk", lambda _: (10, 10**12))
    assert await watched.after(minutes=1) == [("The disk of the database is nearly full", "error", "open")]
    assert house.thread()["urgent"]


def test_of_a_file_the_disk_is_known_and_of_a_server_it_is_not(database: Database) -> None:
    free, size = watching.__dict__["_disk"](database)
    assert (free is not None and size is not None and 0 < free < size) if database.is_sqlite else (free, size) == (None, None)
