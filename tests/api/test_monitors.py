"""Monitors through the API: who may, what is refused, and what is offered."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from gateway.storage import monitors, sources, tables
from gateway.storage.monitors import Wanted
from gateway.watchers.late_runs import LateRunWatcher
from gateway.watchers.notice import NoticeWorker
from tests.api.conftest import Asker
from tests.builders import House

NIGHTLY = {"source": "etl", "pipeline": "nightly", "cron": "0 2 * * *", "timezone": "Europe/Berlin", "grace_seconds": 1200}


async def look(house: House) -> None:
    """Lets the watcher look."""
    watcher, notices = LateRunWatcher(house.database, house.clock, lambda: None), NoticeWorker(house.database, house.clock, lambda: None)
    while await watcher.step() or await notices.step():
        pass
    house.process()


def ran(house: House, pipeline: str, run: str = "r1", phase: str = "succeeded", **given: Any) -> None:
    house.say(signals=[{"pipeline": pipeline, "run": run, "phase": phase, **given}], ignored="a signal")


@pytest.mark.req("R90")
async def test_a_monitor_is_made_watched_changed_paused_and_removed(ana: Asker, house: House) -> None:
    made = await ana.post("/api/monitors", NIGHTLY, status=201)
    assert (made["state"], made["environment"], made["managed"], made["expected_at"]) == ("never-seen", "prod", False, None)
    await look(house)
    (found,) = (await ana.get("/api/monitors"))["items"]
    assert (found["expected_at"], found["late_at"]) == ("2026-03-03T01:00:00Z", "2026-03-03T01:20:00Z")

    changed = await ana.ask("PATCH", f"/api/monitors/{made['id']}", json={"interval_seconds": 3600})
    assert (changed["cron"], changed["interval_seconds"], changed["timezone"]) == (None, 3600, "Europe/Berlin")
    ran(house, "nightly")
    assert (await ana.get("/api/monitors"))["items"][0]["state"] == "on-time"

    paused = await ana.post(f"/api/monitors/{made['id']}/pause", {"until": "2026-03-04T00:00:00Z"})
    assert (paused["state"], paused["paused_until"]) == ("paused", "2026-03-04T00:00:00Z")
    assert (await ana.post(f"/api/monitors/{made['id']}/resume"))["state"] == "on-time"
    await ana.delete(f"/api/monitors/{made['id']}")
    assert (await ana.get("/api/monitors"))["items"] == []
    await ana.get(f"/api/monitors/{made['id']}", status=404)
    actions = [row["action"] for row in house.rows(tables.audit)]
    assert actions == [f"monitor.{done}" for done in ("created", "changed", "paused", "resumed", "removed")]
    assert (await ana.post("/api/monitors", NIGHTLY, status=201))["cron"] == "0 2 * * *", "it can be watched again"


@pytest.mark.req("R90")
async def test_one_monitor_shows_what_came_and_what_was_told(ana: Asker, house: House) -> None:
    made = await ana.post("/api/monitors", {"source": "etl", "pipeline": "loads", "interval_seconds": 3600}, status=201)
    await look(house)
    for minutes in (70, 5):
        house.clock.advance(minutes=minutes)  # type: ignore[attr-defined]
        await look(house)
        house.clock.advance(minutes=1)  # type: ignore[attr-defined]
        await look(house)
    ran(house, "loads", url="https://runs.test/r1")
    await look(house)
    one = await ana.get(f"/api/monitors/{made['id']}")
    assert [alarm["title"] for alarm in one["alarms"]] == ["loads ran, 17 min late", "loads is late"]
    assert [(run["run"], run["url"]) for run in one["runs"]] == [("r1", "https://runs.test/r1")]
    assert one["state"] == "on-time"
    shown = await ana.get(f"/api/notifications/{one['alarms'][0]['notification_id']}")
    assert shown["category"] == "late_run"


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({**NIGHTLY, "interval_seconds": 60}, "body"),
        ({"source": "etl", "pipeline": "nightly"}, "body"),
        ({**NIGHTLY, "cron": "every night"}, "body.cron"),
        ({**NIGHTLY, "cron": "0 0 30 2 *"}, "body.cron"),
        ({**NIGHTLY, "timezone": "Berlin"}, "body.timezone"),
        ({**NIGHTLY, "source": "elsewhere"}, "body.source"),
        ({**NIGHTLY, "source": "tocsin"}, "body.source"),
        ({**NIGHTLY, "grace_seconds": -1}, "body.grace_seconds"),
        ({"source": "etl", "pipeline": "nightly", "interval_seconds": 1}, "body.interval_seconds"),
    ],
)
async def test_what_cannot_be_waited_for_is_refused_and_named(ana: Asker, house: House, body: dict[str, Any], place: str) -> None:
    with house.database.writing() as transaction:
        sources.own(transaction, team_id=house.team_id, now=house.clock())
    problem = await ana.post("/api/monitors", body, status=422)
    assert [error["place"] for error in problem["errors"]] == [place]
    assert (await ana.get("/api/monitors"))["items"] == []


async def test_a_pipeline_has_one_monitor(ana: Asker) -> None:
    await ana.post("/api/monitors", NIGHTLY, status=201)
    assert "change that one" in (await ana.post("/api/monitors", NIGHTLY, status=409))["detail"]


@pytest.mark.req("R36", "R90")
async def test_a_viewer_looks_and_a_stranger_finds_nothing(
    ana: Asker, zoe: Asker, house: House, asker: Callable[[str | None], Asker]
) -> None:
    made = await ana.post("/api/monitors", NIGHTLY, status=201)
    house.user("vic", role="viewer")
    vic = asker("vic")
    assert len((await vic.get("/api/monitors"))["items"]) == 1
    for who, status in ((vic, 403), (zoe, 404)):
        await who.ask("PATCH", f"/api/monitors/{made['id']}", json={"grace_seconds": 0}, status=status)
        await who.post(f"/api/monitors/{made['id']}/pause", {}, status=status)
        await who.delete(f"/api/monitors/{made['id']}", status=status)
    await zoe.get(f"/api/monitors/{made['id']}", status=404)
    assert (await zoe.get("/api/monitors"))["items"] == []
    await zoe.post("/api/monitors", {**NIGHTLY, "team": "acme"}, status=404)


@pytest.mark.req("R90")
async def test_what_the_configuration_owns_can_be_paused_and_not_changed(ana: Asker, house: House) -> None:
    with house.database.writing() as transaction:
        monitors.keep(transaction, [Wanted(house.source_id, "loads", "", None, 3600, "UTC", 60, None)], now=house.clock())
    (found,) = (await ana.get("/api/monitors"))["items"]
    assert found["managed"]
    await ana.ask("PATCH", f"/api/monitors/{found['id']}", json={"grace_seconds": 0}, status=409)
    await ana.delete(f"/api/monitors/{found['id']}", status=409)
    await ana.post(f"/api/monitors/{found['id']}/pause", {})
    with house.database.writing() as transaction:
        monitors.keep(transaction, [Wanted(house.source_id, "loads", "", None, 3600, "UTC", 60, None)], now=house.clock())
    assert (await ana.get("/api/monitors"))["items"][0]["state"] == "paused", "what a person paused stays so"


@pytest.mark.req("R90")
async def test_a_habit_is_offered_taken_with_one_call_and_refused_for_good(ana: Asker, zoe: Asker, house: House) -> None:
    now = house.clock()
    for pipeline in ("nightly-orders", "nightly-stock"):
        nights = [now.replace(hour=2, minute=0) - timedelta(days=number) for number in range(15)]
        house.say(
            signals=[
                {"pipeline": pipeline, "run": f"r{number}", "phase": "succeeded", "started_at": at.isoformat(), "at": at.isoformat()}
                for number, at in enumerate(nights)
            ],
            ignored="signals",
        )
    orders, stock = sorted((await ana.get("/api/monitors/suggestions"))["items"], key=lambda one: one["pipeline"])
    assert (orders["sentence"], orders["cron"]) == ("ran at 02:00 on 14 of the last 14 days", "0 2 * * *")
    assert (await zoe.get("/api/monitors/suggestions"))["items"] == []
    await zoe.post(f"/api/monitors/suggestions/{orders['id']}/accept", status=404)

    made = await ana.post(f"/api/monitors/suggestions/{orders['id']}/accept", status=201)
    assert (made["pipeline"], made["cron"], made["state"]) == ("nightly-orders", "0 2 * * *", "on-time")
    await ana.post(f"/api/monitors/suggestions/{stock['id']}/dismiss")
    assert (await ana.get("/api/monitors/suggestions"))["items"] == []
    await ana.post(f"/api/monitors/suggestions/{orders['id']}/accept", status=404)
    assert [row["action"] for row in house.rows(tables.audit)] == ["monitor.created", "monitor.refused"]
