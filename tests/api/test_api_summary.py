"""What went wrong, in the API: shown with its evidence, and whether it was of use."""

from typing import Any

import pytest

from gateway.storage import readings
from tests.builders import LEASE, House, failure, recovery
from tests.conftest import Clock

pytestmark = pytest.mark.req("R85")
SUMMARY = {
    "headline": "Relation raw.orders does not exist", "cause": "Relation raw.orders does not exist, says line 3.",
    "kind": "missing_relation", "evidence": [{"line": 3, "quote": 'relation "raw.orders" does not exist'}],
    "next_steps": ["Check its name"], "confidence": "high", "missing": None, "origin": "model", "model": "test-model",
    "prompt_version": "1", "withheld": [],
}  # fmt: skip


def is_read(house: House, summary: dict[str, Any] | None = SUMMARY) -> None:
    with house.database.writing() as transaction:
        for one in readings.claim(transaction, now=house.clock(), lease="x", lease_for=LEASE, limit=10):
            readings.write(transaction, one.notification_id, lease="x", summary=summary, why_not=None, ended_at=house.clock())


async def test_a_summary_is_part_of_the_notification_once_it_is_there(house: House, ana: Any) -> None:
    house.say(failure(run="r1", excerpt="a log"))
    assert (await ana.get("/api/notifications/1"))["summary"] is None
    is_read(house)
    found = (await ana.get("/api/notifications/1"))["summary"]
    assert found == {**{name: value for name, value in SUMMARY.items() if name not in ("prompt_version", "withheld")}, "useful": None}


async def test_whether_it_was_of_use_is_mine_to_say_and_to_change(house: House, clock: Clock, ana: Any, ben: Any) -> None:
    house.say(failure(run="r1", excerpt="a log"))
    await ana.post("/api/notifications/1/summary-vote", {"useful": True}, status=404)
    is_read(house)
    await ana.post("/api/notifications/1/summary-vote", {"useful": True})
    await ana.post("/api/notifications/1/summary-vote", {"useful": False})
    assert (await ana.get("/api/notifications/1"))["summary"]["useful"] is False
    assert (await ben.get("/api/notifications/1"))["summary"]["useful"] is None
    await ana.post("/api/notifications/1/summary-vote", {"useful": "yes"}, status=422)
    await ana.post("/api/notifications/99/summary-vote", {"useful": True}, status=404)


async def test_a_new_episode_begins_without_one(house: House, clock: Clock, ana: Any) -> None:
    house.say(failure(run="r1", excerpt="a log"))
    is_read(house)
    clock.advance(minutes=5)
    house.say(recovery(run="r2"))
    assert (await ana.get("/api/notifications/1"))["summary"] is not None, "what it was, is still worth knowing"
    clock.advance(hours=3)
    house.say(failure(run="r3", excerpt="another log"))
    assert (await ana.get("/api/notifications/1"))["summary"] is None


@pytest.mark.req("R97")
async def test_how_the_pipeline_has_been_doing(house: House, clock: Clock, ana: Any) -> None:
    def ran(run: str, phase: str) -> dict[str, Any]:
        started = clock().isoformat()
        clock.advance(minutes=10)
        return {"pipeline": "nightly", "run": run, "phase": phase, "at": clock().isoformat(), "started_at": started}

    house.say(failure(run="r0"), signals=[])
    assert (await ana.get("/api/notifications/1"))["history"] is None
    house.say(recovery(run="r1"), signals=[ran("r1", "succeeded")])
    clock.advance(hours=2)
    for run in ("r2", "r3"):
        house.say(failure(run=run), signals=[ran(run, "failed")])
    assert (await ana.get("/api/notifications/1"))["history"] == {
        "last_success": "2026-03-02T09:10:00Z", "failed_in_a_row": 2, "usual_seconds": 600.0, "last_seconds": 600.0,
    }  # fmt: skip
