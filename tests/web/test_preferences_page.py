"""The preferences form changes what was changed in it, and nothing else."""

import re
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from gateway.storage import preferences
from mappers.contract import Category
from tests.conftest import Clock
from tests.web.house import OURS, House, draft, text

Client = TestClient[Any, Any]


def fields(page: str) -> dict[str, str]:
    """What a browser would post of the form untouched."""
    form = re.search(r'<form method="post" action="/preferences".*?</form>', page, flags=re.DOTALL)[0]  # type: ignore[index]
    found: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name = re.search(r'name="([^"]*)"', tag)[1]  # type: ignore[index]
        if "checkbox" not in tag or " checked" in tag:
            value = re.search(r'value="([^"]*)"', tag)
            found[name] = value[1] if value else "on"
    for name, options in re.findall(r'<select name="([^"]*)">(.*?)</select>', form, flags=re.DOTALL):
        chosen = re.search(r'<option(?: value="([^"]*)")? selected>([^<]*)', options) or re.search(
            r'<option value="([^"]*)">([^<]*)', options
        )
        found[name] = (chosen[1] if chosen[1] is not None else chosen[2]) if chosen else ""
    return found


async def current(client: Client) -> dict[str, Any]:
    return await (await client.get("/api/notifications/preferences")).json()


async def test_an_untouched_form_changes_nothing(house: House, ben: Client) -> None:
    before, form = await current(ben), fields(await text(await ben.get("/preferences")))
    answer = await ben.post("/preferences", data=form, headers=OURS)
    assert "Nothing was changed" in await text(answer)
    assert await current(ben) == before
    stored = await house.database.read(preferences.subscriptions_of, user_id=house.users["ben"], team_id=house.teams["acme"])
    assert stored == {}, "a default stays a default"


async def test_what_was_changed_is_saved_and_said(house: House, ben: Client) -> None:
    form = fields(await text(await ben.get("/preferences")))
    del form["job_failure.email"]
    form |= {"late_run.in_app.min_level": "error", "incident.owned": "on", "timezone": "Europe/Berlin", "email.min_level": "error"}
    answer = await ben.post("/preferences", data=form, headers=OURS)
    assert "Saved." in await text(answer)
    found = await current(ben)
    assert found["timezone"] == "Europe/Berlin"
    assert found["email"] == {"enabled": True, "min_level": "error", "digest": "immediate"}
    assert not found["categories"]["job_failure"]["email"]
    assert found["categories"]["job_failure"]["in_app"]
    assert found["categories"]["late_run"]["in_app_min_level"] == "error"
    assert found["categories"]["late_run"]["email_min_level"] is None
    assert found["categories"]["incident"]["scope"] == "owned"
    stored = await house.database.read(preferences.subscriptions_of, user_id=house.users["ben"], team_id=house.teams["acme"])
    assert set(stored) == {"job_failure", "late_run", "incident"}
    again = fields(await text(await ben.get("/preferences")))
    assert again == form
    form["late_run.in_app.min_level"] = ""
    await ben.post("/preferences", data=form, headers=OURS)
    assert (await current(ben))["categories"]["late_run"]["in_app_min_level"] is None


async def test_the_master_switch(house: House, ben: Client) -> None:
    form = fields(await text(await ben.get("/preferences")))
    del form["enabled"]
    await ben.post("/preferences", data=form, headers=OURS)
    await house.happens(draft())
    assert "Nothing has rung yet" in await text(await ben.get("/"))


async def test_what_cannot_be_is_refused(ben: Client) -> None:
    form = fields(await text(await ben.get("/preferences")))
    assert "timezone" in await text(await ben.post("/preferences", data=form | {"timezone": "Mars/Base"}, headers=OURS), 422)
    await text(await ben.post("/preferences", data=form | {"email.min_level": "loud"}, headers=OURS), 422)
    await text(await ben.post("/preferences", data=form | {"team": "other"}, headers=OURS), 404)
    assert len(Category) == len(re.findall(r'name="\w+\.owned"', await text(await ben.get("/preferences"))))


@pytest.mark.req("R56", "R57")
async def test_when_mail_leaves_is_saved_and_shown_again(ben: Client) -> None:
    form = fields(await text(await ben.get("/preferences")))
    assert "quiet_hours" not in form
    changed = {
        "email.digest": "daily",
        "quiet_hours": "on",
        "quiet_hours.from": "21:30",
        "retention_days": "14",
        "timezone": "Asia/Kolkata",
    }
    del form["urgent_breaks_through"]
    assert "Saved." in await text(await ben.post("/preferences", data=form | changed, headers=OURS))
    found = await current(ben)
    assert found["email"]["digest"] == "daily"
    assert found["quiet_hours"] == {"from": "21:30", "until": "07:00"}
    assert (found["urgent_breaks_through"], found["retention_days"], found["timezone"]) == (False, 14, "Asia/Kolkata")
    again = fields(await text(await ben.get("/preferences")))
    assert again == form | changed
    assert "Nothing was changed" in await text(await ben.post("/preferences", data=again, headers=OURS))
    del again["quiet_hours"]
    await ben.post("/preferences", data=again | {"retention_days": " "}, headers=OURS)
    found = await current(ben)
    assert (found["quiet_hours"], found["retention_days"], found["email"]["digest"]) == (None, None, "daily")
    for refused in ({"retention_days": "0"}, {"retention_days": "many"}, {"quiet_hours": "on", "quiet_hours.from": "07:00"}):
        await text(await ben.post("/preferences", data=again | refused, headers=OURS), 422)


@pytest.mark.req("R55")
@pytest.mark.parametrize(("span", "until"), [("1h", "10:00:00"), ("4h", "13:00:00"), ("tomorrow", None)])
async def test_do_not_disturb_for_a_while_and_no_longer(ben: Client, clock: Clock, span: str, until: str | None) -> None:
    await ben.put("/api/notifications/preferences", json={"timezone": "America/New_York"}, headers=OURS)
    said = await text(await ben.post("/preferences/do-not-disturb", data={"for": span, "team": "acme"}, headers=OURS))
    assert "Mail is held; what comes meanwhile leaves when this ends." in said
    assert (await current(ben))["do_not_disturb_until"] == (f"2026-03-02T{until}Z" if until else "2026-03-03T13:00:00Z")
    assert "is held</b> until" in await text(await ben.get("/preferences"))
    said = await text(await ben.post("/preferences/do-not-disturb", data={"for": "off", "place": "", "team": "acme"}, headers=OURS))
    assert "Mail leaves again." in said
    assert "is held</b>" not in said
    assert (await current(ben))["do_not_disturb_until"] is None


@pytest.mark.req("R55")
async def test_do_not_disturb_in_one_team(house: House, ben: Client) -> None:
    await text(await ben.post("/preferences/do-not-disturb", data={"for": "1h", "place": "acme"}, headers=OURS))
    assert (await current(ben))["do_not_disturb_until"] is None
    page = await text(await ben.get("/preferences"))
    assert "<b>Mail of <bdi>acme</bdi> is held</b>" in page
    await text(await ben.post("/preferences/do-not-disturb", data={"for": "1h", "place": "other"}, headers=OURS), 404)
    for nonsense in ("", "2h", "none"):
        await text(await ben.post("/preferences/do-not-disturb", data={"for": nonsense}, headers=OURS), 422)
    page = await text(await ben.post("/preferences/do-not-disturb", data={"for": "off", "place": "acme"}, headers=OURS))
    assert "is held</b>" not in page
