"""One notification whole."""

from hashlib import sha256
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from gateway.storage import arrivals
from gateway.storage.arrivals import Arrival
from gateway.workers.process import ProcessWorker
from mappers.contract import Level
from tests.web.house import OURS, House, draft, over, text, words

Client = TestClient[Any, Any]


@pytest.mark.req("R71")
async def test_everything_there_is_to_know(house: House, ana: Client) -> None:
    details = {
        "facts": {"Cluster": "blue"},
        "impact": ["orders_daily"],
        "excerpt": "Traceback\n  boom",
        "tags": ["nightly"],
        "run": "run-1",
    }
    await house.happens(draft("orders", **details))
    house.clock.advance(minutes=42)
    await house.sends()
    markup = await text(await ana.get("/notifications/1"))
    page = words(markup)
    for said in (
        "Error Job failure acme/prod from prefect-prod Urgent orders failed",
        "Open for 42 min , since 09:00 .",
        "Message orders stopped: the table is gone",
        "Traceback boom",
        "Cluster blue",
        "orders_daily",
        "nightly",
        "Began 09:00 · run run-1",
        "nothing was open: a new episode begins",
        "You are in team acme and subscribed to job failure; you got this because it began to fail.",
        "Failure by email",
        "Because it began to fail.",
        "Kept here: no mail server is configured",
    ):
        assert said in page, said
    assert '<time datetime="2026-03-02T09:00:00+00:00" title="Monday 2 March 2026, 09:00:00 UTC" data-age>42 min</time>' in markup
    await house.happens(over("orders"))
    assert "Resolved after 42 min: 09:00 to 09:42 ." in words(await text(await ana.get("/notifications/1")))


async def test_failing_members_come_first_and_then_the_recovered(house: House, ana: Client) -> None:
    members = [draft("shop", member={"key": name, "label": name}, message=f"{name} is wrong") for name in ("alpha", "beta", "gamma")]
    await house.happens(*members)
    house.clock.advance(minutes=1)
    await house.happens(over("shop", member={"key": "alpha", "label": "alpha"}, message=""))
    page = words(await text(await ana.get("/notifications/1")))
    assert "2 of 3 failing." in page
    assert page.index("Error beta") < page.index("Error gamma") < page.index("Recovered alpha")
    assert "Part of it recovered" in page


async def test_looking_changes_nothing_and_the_button_does(house: House, ana: Client) -> None:
    await house.happens(draft())
    for _ in range(2):
        page = await text(await ana.get("/notifications/1"))
        assert 'data-mark-read="1"' in page
    answer = await ana.post("/notifications", data={"do": "read", "id": "1"}, headers=OURS)
    assert answer.status == 200
    page = await text(await ana.get("/notifications/1"))
    assert "data-mark-read=" not in page
    referer = {"Referer": str(ana.make_url("/notifications/1"))}
    answer = await ana.post("/notifications", data={"do": "unread", "id": "1"}, headers=OURS | referer, allow_redirects=False)
    assert answer.headers["Location"] == "/"


async def test_times_are_in_the_persons_zone(house: House, ana: Client) -> None:
    await house.happens(draft())
    await ana.put("/api/notifications/preferences", json={"timezone": "Asia/Kolkata"}, headers=OURS)
    page = await text(await ana.get("/notifications/1"))
    assert "Monday 2 March 2026, 14:30:00 IST" in page
    assert "Times are in Asia/Kolkata" in page


async def test_what_is_not_there_is_a_404_page(ana: Client) -> None:
    for path in ("/notifications/1", "/notifications/x", "/notifications/" + "9" * 30, "/mail/7", "/mail/7/html", "/events/7", "/nowhere"):
        page = await text(await ana.get(path), 404)
        assert "There is nothing here" in page


async def test_a_warning_says_so_in_words(house: House, ana: Client) -> None:
    await house.happens(draft(level=Level.WARNING))
    page = words(await text(await ana.get("/notifications/1")))
    assert page.count("Warning") >= 1
    assert "Urgent" not in page


async def test_an_admin_sees_what_arrived_without_its_secrets(house: House, ana: Client, ben: Client) -> None:
    body = b'{"body": "Flow run nightly with id 7f3f6f1e-6c53-4b0b-9e5e-2f6a8d3f1c11 entered state Failed", "password": "hunter2hunter2"}'
    arrival = Arrival(house.source_id, None, sha256(body).digest(), "POST", "", "", [], body, house.clock())
    await house.database.append(arrivals.append, [arrival])
    process = next(worker for worker in house.work.workers if worker.name == "process")
    assert isinstance(process, ProcessWorker)
    while await process.step():
        pass
    number = (await (await ana.get("/api/notifications/v1")).json())["items"][0]["id"]
    page = words(await text(await ana.get(f"/notifications/{number}")))
    assert "Raw event" in page
    assert "entered state Failed" in page
    assert "[redacted: " in page
    assert "hunter2" not in page
    assert "Raw event" not in await text(await ben.get(f"/notifications/{number}"))
