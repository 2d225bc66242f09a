"""The preferences form changes what was changed in it, and nothing else."""

import re
from typing import Any

from aiohttp.test_utils import TestClient

from gateway.storage import preferences
from mappers.contract import Category
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
