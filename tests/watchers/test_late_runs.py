"""The watcher of late runs, from a silence to what people see: on both engines, killed, twice at once, and after we were away."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update

from gateway.storage import monitors, silences, sources, tables
from gateway.storage.database import Database
from gateway.storage.monitors import Wanted
from gateway.watchers import late_runs
from gateway.watchers.late_runs import LateRunWatcher
from gateway.watchers.notice import NoticeWorker
from tests.builders import House, failure
from tests.conftest import Clock

TEN = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


class Watched(House):
    """A house with a monitor of `nightly`, hourly with ten minutes of grace."""

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__(database, clock)
        self.watcher = LateRunWatcher(database, clock, lambda: None)
        self.notices = NoticeWorker(database, clock, lambda: None)
        self.ana = self.user("ana")
        self.monitor()

    def monitor(self, pipeline: str = "nightly", **given: Any) -> int:
        shape: dict[str, Any] = {
            "source_id": self.source_id, "pipeline": pipeline, "environment": "", "cron": "0 * * * *", "interval_seconds": None,
            "timezone": "UTC", "grace_seconds": 600, "max_duration_seconds": None,
        }  # fmt: skip
        with self.database.writing() as transaction:
            made = monitors.create(transaction, Wanted(**(shape | given)))
        assert made is not None
        return made

    async def look(self) -> None:
        """Lets the watcher look, and what it noticed be read."""
        while await self.watcher.step():
            pass
        while await self.notices.step():
            pass
        self.process()

    async def until(self, *, hour: int, minute: int = 0, second: int = 0, day: int = 2) -> None:
        """Looks every two minutes until then, as a worker that is always there does."""
        until = TEN.replace(day=day, hour=hour, minute=minute, second=second)
        while self.clock() < until:
            self.clock.now = min(self.clock.now + timedelta(minutes=2), until)
            await self.look()

    async def asleep_until(self, *, hour: int, minute: int = 0, day: int = 2) -> None:
        """Nobody looks until then."""
        self.clock.now = TEN.replace(day=day, hour=hour, minute=minute)
        self.watcher = LateRunWatcher(self.database, self.clock, lambda: None)
        await self.look()

    def run(self, name: str = "r1", phase: str = "running", **given: Any) -> None:
        """A sender signals a run now."""
        self.say(signals=[{"pipeline": "nightly", "run": name, "phase": phase, **given}], ignored="a signal")

    def told(self, pipeline: str = "nightly") -> list[tuple[str, str]]:
        """How the threads of a pipeline stand, and what was said of each last."""
        threads = self.rows(tables.notifications, tables.notifications.c.pipeline == pipeline)
        return [(row["status"], self.last(row["id"])["title"]) for row in threads if row["slug"].startswith("tocsin-")]

    def last(self, thread: int = 1) -> dict[str, Any]:
        """The last thing that happened on a thread."""
        return self.rows(tables.occurrences, tables.occurrences.c.notification_id == thread)[-1]

    def occurrences(self) -> list[str]:
        return [row["reason"] for row in self.rows(tables.occurrences)]


@pytest.fixture
def house(database: Database, clock: Clock) -> Watched:
    return Watched(database, clock)


@pytest.mark.req("R90")
async def test_silence_is_told_once_when_late_once_when_nothing_came_at_all_and_once_when_it_ran(house: Watched) -> None:
    await house.until(hour=10, minute=9)
    assert house.told() == []
    await house.until(hour=10, minute=10)
    assert house.told() == [("open", "nightly is late")]
    assert (house.thread()["level"], house.thread()["urgent"]) == ("warning", False)
    await house.until(hour=11, minute=9)
    assert len(house.rows(tables.events)) == 1
    await house.until(hour=11, minute=10)
    assert house.told() == [("open", "nightly did not run")]
    assert (house.thread()["level"], house.thread()["urgent"]) == ("error", True)
    await house.until(hour=15)
    assert len(house.rows(tables.events)) == 2, "each further silent hour says nothing new"
    house.run()
    await house.look()
    assert house.told() == [("resolved", "nightly ran, 5 h late")]
    assert "5 expected runs never came" in house.last()["message"]
    assert house.occurrences() == ["first", "escalated", "resolved"]


@pytest.mark.req("R90")
async def test_a_run_in_time_says_nothing_hour_after_hour(house: Watched) -> None:
    for hour in range(10, 20):
        await house.until(hour=hour, minute=3)
        house.run(f"r{hour}")
        house.run(f"r{hour}", "succeeded")
    await house.until(hour=20, minute=5)
    assert house.told() == []
    assert house.rows(tables.notices) == []


@pytest.mark.req("R90")
async def test_what_was_only_scheduled_or_cancelled_before_it_began_did_not_run(house: Watched) -> None:
    await house.until(hour=10, minute=2)
    house.run("a", "scheduled")
    house.run("b", "cancelled")
    await house.until(hour=10, minute=10)
    assert house.told() == [("open", "nightly is late")]


@pytest.mark.req("R90")
async def test_of_a_run_that_its_sender_calls_late_itself_nobody_hears_twice(house: Watched) -> None:
    await house.until(hour=10, minute=1)
    house.run("a", "late", expected_at="2026-03-02T10:00:00Z")
    await house.until(hour=11)
    assert house.told() == []
    await house.until(hour=11, minute=10)
    assert house.told() == [("open", "nightly did not run")]


@pytest.mark.req("R90")
async def test_late_and_failed_are_one_conversation_and_one_mail_thread(house: Watched) -> None:
    await house.until(hour=10, minute=10)
    house.say(failure(run="r0"))
    rows = house.rows(tables.notifications)
    assert len(rows) == 2
    assert len({row["conversation_id"] for row in rows}) == 1


@pytest.mark.req("R90")
async def test_after_hours_away_there_is_one_catch_up_for_each_monitor_and_it_says_that_we_were_away(house: Watched) -> None:
    house.monitor("other")
    await house.until(hour=9, minute=30)
    await house.asleep_until(hour=16, minute=5)
    assert house.told() == [], "senders may say again what they said while nobody listened"
    await house.until(hour=16, minute=6)
    assert house.told() == [("open", "nightly did not run")]
    assert house.told("other") == [("open", "other did not run")]
    assert "Tocsin itself did not work from 2026-03-02 09:30 UTC to 2026-03-02 16:05 UTC" in house.rows(tables.notifications)[0]["message"]
    await house.until(hour=16, minute=30)
    assert len(house.rows(tables.events)) == 2


@pytest.mark.req("R90", "R23")
async def test_what_came_while_we_were_away_counts(house: Watched) -> None:
    await house.until(hour=9, minute=30)
    house.clock.now = TEN.replace(hour=10, minute=20)
    house.send(signals=[{"pipeline": "nightly", "run": "r1", "phase": "succeeded", "at": "2026-03-02T10:04:00Z"}], ignored="a signal")
    await house.asleep_until(hour=10, minute=21)
    await house.until(hour=10, minute=30)
    assert house.told() == []


@pytest.mark.req("R90")
async def test_while_the_journal_holds_what_was_not_read_nobody_is_called_late_and_not_for_ever(house: Watched) -> None:
    await house.until(hour=10, minute=5)
    house.send(signals=[{"pipeline": "nightly", "run": "r1", "phase": "running"}], ignored="a signal")
    for minute in (10, 11, 14):
        house.clock.now = TEN.replace(minute=minute)
        while await house.watcher.step():
            pass
        assert house.rows(tables.notices) == []
    house.process()
    await house.until(hour=10, minute=59)
    assert house.told() == []

    house.send(ignored="it stands still")
    for minute in (10, 14, 15):
        house.clock.now = TEN.replace(hour=11, minute=minute)
        while await house.watcher.step():
            pass
        assert bool(house.rows(tables.notices)) is (minute == 15)


@pytest.mark.req("R90", "R23")
async def test_a_sender_that_can_be_asked_is_asked_first(house: Watched) -> None:
    with house.database.writing() as transaction:
        transaction.execute(
            insert(tables.reconciliations).values(
                source_id=house.source_id, upto=TEN, due_at=TEN, asked_at=TEN
            )  # the run of ten o'clock may have ended since
        )
    await house.until(hour=10, minute=12)
    assert house.told() == []
    with house.database.writing() as transaction:
        transaction.execute(update(tables.reconciliations).values(upto=TEN.replace(minute=11)))
    await house.until(hour=10, minute=13)
    assert house.told() == [("open", "nightly is late")]


@pytest.mark.req("R90")
async def test_two_scanners_say_it_once(house: Watched) -> None:
    for number in range(20):
        house.monitor(f"p{number}")
    await house.until(hour=9, minute=59)
    house.clock.now = TEN.replace(minute=10)
    with house.database.reading() as transaction:
        ids = silences.wanting(transaction, now=house.clock(), limit=100)
    start = threading.Barrier(4)
    said: list[int] = []

    def scan() -> None:
        start.wait()
        with house.database.writing() as transaction:
            said.append(late_runs._look(transaction, ids, house.clock(), None)[0])

    scanners = [threading.Thread(target=scan) for _ in range(4)]
    for scanner in scanners:
        scanner.start()
    for scanner in scanners:
        scanner.join()
    assert sum(said) == 21
    await house.look()
    assert len(house.rows(tables.events)) == 21
    assert all(house.told(f"p{number}") == [("open", f"p{number} is late")] for number in range(20))


@pytest.mark.req("R90")
async def test_killed_before_it_was_written_down_nothing_was_said_and_it_is_said_again(
    house: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.until(hour=10, minute=9)
    house.clock.now = TEN.replace(minute=10)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(silences, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            await house.watcher.step()
    assert house.rows(tables.notices) == []
    await house.look()
    assert house.occurrences() == ["first"]


@pytest.mark.req("R90")
async def test_a_run_that_does_not_end_in_time_is_told_and_so_is_its_end(house: Watched) -> None:
    house.monitor("long", max_duration_seconds=1800)
    await house.until(hour=10, minute=1)
    house.say(signals=[{"pipeline": "long", "run": "r1", "phase": "running", "url": "https://runs.test/r1"}], ignored="a signal")
    await house.until(hour=10, minute=30)
    assert house.told("long") == []
    await house.until(hour=10, minute=31)
    assert house.told("long") == [("open", "long does not end")]
    await house.until(hour=10, minute=43)
    house.say(signals=[{"pipeline": "long", "run": "r1", "phase": "failed"}], ignored="a signal")
    await house.look()
    assert house.told("long") == [("resolved", "long ended, 12 min late")]


@pytest.mark.req("R90")
async def test_a_start_whose_end_was_never_told_is_forgotten_once_a_later_run_ended(house: Watched) -> None:
    house.monitor("long", max_duration_seconds=1800)
    for name, phase in (("r1", "running"), ("r2", "succeeded")):
        await house.until(hour=10, minute=1 if name == "r1" else 20)
        house.say(signals=[{"pipeline": "long", "run": name, "phase": phase}], ignored="a signal")
    await house.until(hour=10, minute=50)
    assert house.told("long") == []


@pytest.mark.req("R90")
async def test_whoever_pauses_a_monitor_ends_its_alarm_and_it_wakes_by_itself_with_the_next_run(house: Watched) -> None:
    await house.until(hour=10, minute=10)
    with house.database.writing() as transaction:
        monitors.pause(transaction, 1, until=TEN.replace(hour=14, minute=30), now=house.clock())
    await house.look()
    assert house.told() == [("resolved", "nightly is not waited for")]
    await house.until(hour=15, minute=9)
    assert len(house.rows(tables.events)) == 2
    await house.until(hour=15, minute=10)
    assert house.told() == [("open", "nightly is late")]


@pytest.mark.req("R90")
@pytest.mark.parametrize("how", ["removed", "changed", "source"])
async def test_what_is_not_waited_for_any_more_leaves_no_alarm_behind(house: Watched, how: str) -> None:
    await house.until(hour=10, minute=10)
    with house.database.writing() as transaction:
        if how == "removed":
            monitors.disable(transaction, 1, now=house.clock())
        elif how == "changed":
            monitors.change(transaction, 1, {"cron": "30 * * * *"})
        else:
            sources.disable(transaction, team="acme", slug="etl", now=house.clock())
    await house.until(hour=10, minute=39)
    assert [status for status, _ in house.told()] == ["resolved"]
    await house.until(hour=10, minute=45)
    assert [status for status, _ in house.told()] == ["open" if how == "changed" else "resolved"]


@pytest.mark.req("R90")
async def test_a_clock_that_jumps_ahead_and_back_rings_no_bell(house: Watched) -> None:
    await house.until(hour=9, minute=50)
    house.clock.now = TEN.replace(hour=14)
    await house.look()
    house.clock.now = TEN.replace(hour=9, minute=51)
    await house.until(hour=10, minute=1)
    house.run()
    await house.until(hour=10, minute=30)
    assert house.told() == []


@pytest.mark.req("R90")
async def test_a_monitor_of_another_environment_waits_for_the_runs_there(house: Watched) -> None:
    house.monitor("orders", environment="staging")
    await house.until(hour=10, minute=1)
    house.say(signals=[{"pipeline": "orders", "run": "r1", "phase": "running"}], ignored="of prod")
    await house.until(hour=10, minute=10)
    (row,) = house.rows(tables.notifications, tables.notifications.c.pipeline == "orders")
    assert (row["environment"], row["title"]) == ("staging", "orders is late")


@pytest.mark.req("R90")
async def test_the_configuration_owns_its_monitors_and_leaves_those_of_people_alone(house: Watched) -> None:
    own = Wanted(house.source_id, "loads", "", None, 3600, "UTC", 60, None)
    with house.database.writing() as transaction:
        monitors.keep(transaction, [own], now=house.clock())
    await house.until(hour=9, minute=30)
    before = house.rows(tables.monitors, tables.monitors.c.pipeline == "loads")[0]
    with house.database.writing() as transaction:
        monitors.keep(transaction, [own], now=house.clock())
    assert house.rows(tables.monitors, tables.monitors.c.pipeline == "loads")[0] == before, "what is as it was waits on"
    with house.database.writing() as transaction:
        monitors.keep(transaction, [], now=house.clock())
    standing = {row["pipeline"]: row["disabled_at"] for row in house.rows(tables.monitors)}
    assert standing == {"nightly": None, "loads": house.clock()}
