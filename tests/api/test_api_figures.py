"""Figures over the wire: for admins, of their teams alone, as JSON and as CSV that a spreadsheet does not run."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update

from gateway.api.figure_models import TABLES
from gateway.storage import inbox, tables
from tests.builders import House, failure, recovery
from tests.conftest import Clock

pytestmark = pytest.mark.req("R94")


def a_bad_night(house: House, clock: Clock) -> None:
    """Fails, is acknowledged after 10 minutes, recovers after 40; another is open still."""
    clock.advance(hours=-6)
    house.say(failure(run="a"))
    clock.advance(minutes=10)
    with house.database.writing() as transaction:
        (ana,) = [row["id"] for row in house.rows(tables.users) if row["email"] == "ana@acme.test"]
        inbox.acknowledge(transaction, user_id=ana, notification_id=1, now=clock(), taken_back=False)
    clock.advance(minutes=30)
    house.say(recovery(run="b"))
    clock.advance(hours=1)
    house.say(failure(run="c", event_data={"job": "x"}, pipeline="=cmd|' /C calc'!A0", title="x", category="incident"))
    clock.advance(hours=4)


async def text(asker: Any, path: str) -> tuple[str, Any]:
    answer = await asker.client.get(path, headers=asker.headers)
    assert answer.status == 200, await answer.text()
    return await answer.text(), answer.headers


async def test_figures_tell_what_failed_for_how_long_and_who_was_told(house: House, clock: Clock, ana: Any, boss: Any) -> None:
    a_bad_night(house, clock)
    found = await boss.get("/api/figures")
    total = found["total"]
    assert (total["episodes"], total["open"], total["acknowledged"], total["recovered"], total["alerts"]) == (2, 1, 1, 1, 3)
    assert total["time_to_acknowledge"] == {"count": 1, "mean": 600.0, "median": 600.0, "p90": 600.0}
    assert total["time_to_recover"]["median"] == 2400
    assert total["time_to_close_by_hand"] is None
    assert [(row["category"], row["episodes"]) for row in found["categories"]] == [("job_failure", 1), ("incident", 1)]
    assert [(row["pipeline"], row["alerts"]) for row in found["pipelines"]] == [("nightly", 2), ("=cmd|' /C calc'!A0", 1)]
    assert len(found["days"]) == 31
    assert sum(day["episodes"] for day in found["days"]) == 2
    assert found["reach"]["entries"] == 2 * len(house.rows(tables.memberships))
    assert [row["channel"] for row in found["channels"]] == ["in_app", "email"]


async def test_they_can_be_narrowed_and_what_cannot_be_asked_is_refused(house: House, clock: Clock, ana: Any, boss: Any) -> None:
    a_bad_night(house, clock)
    for query, episodes in (("category=incident", 1), ("source=etl", 2), ("source=api", 0), ("environment=prod", 2), ("team=acme", 2)):
        assert (await boss.get(f"/api/figures?{query}"))["total"]["episodes"] == episodes, query
    backwards, too_long = "since=2026-03-02T09:00:00Z&until=2026-03-01T09:00:00Z", "since=2020-01-01T00:00:00Z"
    for query in ("category=nope", backwards, too_long, "timezone=Mars/One"):
        await boss.get(f"/api/figures?{query}", status=422)
    await boss.get("/api/figures?team=nope", status=404)
    await boss.get("/api/figures.csv?table=persons", status=422)


@pytest.mark.req("R36")
async def test_they_are_for_admins_and_of_their_own_teams(house: House, clock: Clock, ana: Any, zoe: Any) -> None:
    a_bad_night(house, clock)
    await ana.get("/api/figures", status=403)
    await ana.get("/api/figures.csv?table=categories", status=403)
    assert (await zoe.get("/api/figures"))["total"]["episodes"] == 0


async def test_no_figure_is_of_a_person(house: House, clock: Clock, ana: Any, boss: Any) -> None:
    a_bad_night(house, clock)
    whole, _ = await text(boss, "/api/figures")
    for row in house.rows(tables.users):
        assert row["email"] not in whole
        assert f'"{row["name"]}"' not in whole


async def test_each_table_is_csv_with_the_same_rows_and_defused(house: House, clock: Clock, ana: Any, boss: Any) -> None:
    a_bad_night(house, clock)
    found = await boss.get("/api/figures")
    for table in TABLES:
        body, headers = await text(boss, f"/api/figures.csv?table={table}")
        assert headers["Content-Type"] == "text/csv; charset=utf-8"
        assert headers["Content-Disposition"].startswith('attachment; filename="figures-')
        assert body.count("\r\n") == len(found[table]) + 1
        assert body.endswith("\r\n")
        rows = list(csv.DictReader(io.StringIO(body)))
        assert len(rows) == len(found[table])
        assert all(None not in row and None not in row.values() for row in rows)
        for row in rows:
            assert not any(value.startswith(("=", "+", "-", "@", "\t", "\r")) for value in row.values()), table
    rows = list(csv.DictReader(io.StringIO((await text(boss, "/api/figures.csv?table=pipelines"))[0])))
    assert [row["pipeline"] for row in rows] == ["nightly", "'=cmd|' /C calc'!A0"]
    assert (rows[0]["time_to_recover_median"], rows[1]["time_to_recover_median"]) == ("2400.0", "")


async def test_it_is_told_from_when_on_they_are_whole(house: House, clock: Clock, boss: Any) -> None:
    begun = clock() + timedelta(days=3)  # after the team was made: by an older version
    with house.database.writing() as transaction:
        transaction.execute(delete(tables.beats).where(tables.beats.c.name == "episodes"))
        transaction.execute(tables.beats.insert().values(name="episodes", at=begun))
    await boss.put("/api/notifications/preferences", {"retention_days": 7})
    found = (await boss.get("/api/figures"))["whole_since"]
    with house.database.writing() as transaction:
        transaction.execute(update(tables.teams).values(created_at=begun))
    assert (await boss.get("/api/figures"))["whole_since"]["failures"] is None, "there was nothing before"
    assert found["failures"] == begun.isoformat().replace("+00:00", "Z")
    assert found["inbox"] == (clock() - timedelta(days=7)).isoformat().replace("+00:00", "Z")
    assert found["mail"] == (clock() - timedelta(days=90)).isoformat().replace("+00:00", "Z")
