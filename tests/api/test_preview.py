"""What would have reached me last week: the same as what reached somebody who had chosen so a week ago."""

from datetime import timedelta
from typing import Any

import pytest

from gateway.storage import alerted, tables
from tests.builders import House, failure, recovery
from tests.conftest import NOW, Clock

PREFERENCES = "/api/notifications/preferences"
PREVIEW = f"{PREFERENCES}/preview"
QUIET = {"from": "22:00", "until": "07:00"}
CHANGES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "off": {"enabled": False},
    "no mail": {"email": {"enabled": False}},
    "everything by mail": {"email": {"min_level": "info"}},
    "in-app errors": {"in_app": {"min_level": "error"}},
    "daily": {"email": {"digest": "daily"}},
    "daily, urgent too": {"email": {"digest": "daily"}, "urgent_breaks_through": False},
    "hourly": {"email": {"digest": "hourly"}, "urgent_breaks_through": False},
    "quiet": {"quiet_hours": QUIET, "urgent_breaks_through": False, "timezone": "Asia/Kolkata"},
    "no incidents": {"categories": {"incident": {"in_app": False, "email": False}}},
    "mail about incidents alone": {"categories": {"incident": {"in_app": False}}, "job_failure_notifications": False},
    "only mine": {"categories": {"job_failure": {"scope": "owned"}}},
    "late runs from errors on": {"categories": {"late_run": {"min_level": "error"}}},
}


def a_week(house: House, clock: Clock) -> None:
    """Failures of every sort, by day and by night, some over again."""
    jobs = {"category": "job_failure", "urgent": True}
    for number, (hours, draft) in enumerate(
        (
            (0, failure(event_data={"job": 1}, pipeline="a", **jobs)),
            (2, recovery(event_data={"job": 1}, pipeline="a", **jobs)),
            (9, failure(event_data={"job": 2}, pipeline="b", owners=["ben", "ana"], **jobs)),
            (0.5, failure(event_data={"job": 3}, pipeline="c", category="late_run", level="warning")),
            (20, failure(event_data={"job": 4}, pipeline="d", category="incident", level="warning")),
            (0.5, failure(event_data={"job": 5}, pipeline="e", category="schema_change", level="info", state="note")),
            (3, failure(event_data={"job": 4}, pipeline="d", category="incident", level="error")),
            (11, recovery(event_data={"job": 4}, pipeline="d", category="incident")),
            (1, failure(event_data={"job": 6}, pipeline="f", permissions=["secret"])),
            (1, failure(event_data={"job": 2}, pipeline="b", **jobs)),
        )
    ):
        pass_by(house, clock, hours)
        house.say({**draft, "run": f"r{number}", "occurred_at": clock().isoformat()})
        house.deliver()
    pass_by(house, clock, 48)


def pass_by(house: House, clock: Clock, hours: float) -> None:
    """Lets mail leave when its time comes."""
    for _ in range(int(hours * 2)):
        clock.advance(minutes=30)
        house.deliver()


@pytest.mark.req("R50", "R52", "R53", "R57", "R58")
@pytest.mark.parametrize("name", CHANGES)
async def test_it_is_what_reached_somebody_who_had_chosen_so(house: House, clock: Clock, ana: Any, ben: Any, name: str) -> None:
    await ben.put(PREFERENCES, CHANGES[name])
    a_week(house, clock)
    before = await ana.get(PREFERENCES)
    found = await ana.post(PREVIEW, CHANGES[name])
    seen = (await ben.get("/api/notifications/filtered?limit=100"))["items"]
    assert {one["id"] for one in found["items"] if one["in_app"]} == {one["id"] for one in seen}
    assert found["mails"] == sum(status != "cancelled" for _, status in house.mails(house.user("ben")))
    assert found["in_app"] == sum(one["in_app"] for one in found["by_category"].values())
    assert await ana.get(PREFERENCES) == before, "nothing is changed"
    assert found["preferences"] == {**await ben.get(PREFERENCES), "categories": found["preferences"]["categories"]}


async def test_an_alert_counts_with_the_level_that_its_thread_has_now(house: House, clock: Clock, ana: Any) -> None:
    for number, level in enumerate(("warning", "error")):
        house.say(failure(run=f"r{number}", level=level))
        clock.advance(hours=1)
    assert (await ana.post(PREVIEW, {"email": {"min_level": "error"}}))["mails"] == 2


async def test_a_week_is_a_week(house: House, clock: Clock, ana: Any) -> None:
    house.say(failure(run="r1"))
    clock.advance(days=7)
    assert (await ana.post(PREVIEW, {}))["in_app"] == 1
    clock.advance(seconds=1)
    found = await ana.post(PREVIEW, {})
    assert (found["in_app"], found["mails"], found["items"]) == (0, 0, [])


async def test_what_was_held_counts_once_it_lasted(house: House, clock: Clock, ana: Any) -> None:
    house.say(failure(run="r1", hold=300))
    assert (await ana.post(PREVIEW, {}))["in_app"] == 0
    clock.advance(minutes=6)
    house.settle()
    assert (await ana.post(PREVIEW, {}))["in_app"] == 1


async def test_only_so_much_is_looked_at_and_it_says_since_when(
    house: House, clock: Clock, ana: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        clock.advance(hours=1)
        house.say(failure(event_data={"job": number}, run=f"r{number}"))
    monkeypatch.setattr(alerted, "MOST", 3)
    found = await ana.post(PREVIEW, {})
    assert found["in_app"] == 3
    assert found["since"] == (NOW + timedelta(hours=3)).isoformat().replace("+00:00", "Z")


async def test_what_cannot_be_is_refused(house: House, ana: Any) -> None:
    assert "errors" in await ana.post(PREVIEW, {"timezone": "Mars/Base"}, status=422)
    await ana.post(f"{PREVIEW}?team=none", {}, status=404)
    assert house.rows(tables.subscriptions) == []
