"""The client against the gateway itself: what it sends is understood, what it reads is there."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from gateway.client import (
    AsyncTocsin,
    Conflict,
    Created,
    Invalid,
    NotAllowed,
    NotFound,
    NotSignedIn,
    Tocsin,
)
from tests.builders import House
from tests.conftest import Clock

pytestmark = pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)  # the other engine is for the gateway's own tests


@pytest.fixture
async def ana(client: TestClient[Any, Any], house: House) -> AsyncIterator[AsyncTocsin]:
    """A member of acme, with the asynchronous client."""
    house.user("ana")
    async with AsyncTocsin(url=str(client.make_url("/")), token="ana-token") as tocsin:
        yield tocsin


@pytest.fixture
async def ben(client: TestClient[Any, Any], house: House) -> AsyncIterator[AsyncTocsin]:
    """Another member."""
    house.user("ben")
    async with AsyncTocsin(url=str(client.make_url("/")), token="ben-token", team="acme") as tocsin:
        yield tocsin


async def titles(person: AsyncTocsin, **given: Any) -> list[str]:
    return [one.title async for one in person.iterate_notifications(**given)]


@pytest.mark.req("R40", "R46")
async def test_a_job_fails_again_and_recovers(ana: AsyncTocsin, ben: AsyncTocsin) -> None:
    first = await ana.create_job_failure_notification(
        "r1", "acme", "boom", pipeline="nightly", url="https://prefect.example/r1", owners=["data"]
    )
    assert first is not None
    assert first.reason == "first"
    assert await ana.create_job_failure_notification("r2", pipeline="nightly") == Created(first.id, "repeat")
    (bar,) = await ben.get_urgent_notifications_for_user()
    assert (bar.title, bar.level, bar.category, bar.links) == ("nightly failed", "error", "job_failure", {})
    assert await ana.resolve_job_failure_notification("r3", pipeline="nightly") == Created(first.id, "resolved")
    assert await ana.resolve_job_failure_notification("r4", pipeline="nightly") is None, "nothing was open"
    assert await ben.get_urgent_notifications_for_user() == ()
    (told,) = (await ben.get_filtered_notifications(category="job_failure", status="resolved")).items
    assert (told.id, told.occurrences > 0, told.resolved_at is not None) == (first.id, True, True)


@pytest.mark.req("R44")
async def test_a_person_is_told_once_until_they_read_it(ana: AsyncTocsin, ben: AsyncTocsin) -> None:
    tell = partial(ana.notify_user, "ben@acme.test", "Report ready", "It has 7 pages.", url="/reports/7", source_app="shop", source_id=7)
    first = await tell()
    assert first is not None
    assert await tell() is None
    assert await ben.mark_read(first.id) == (first.id,)
    assert await tell() is not None
    assert await titles(ana) == [], "nobody else hears of it"
    other = await ana.notify_user("ana@acme.test", "Report ready", source_app="shop", source_id=7)
    assert other is not None
    assert other.id != first.id
    assert (await ben.get_unread_count()).total == 1


async def test_every_field_is_understood(ana: AsyncTocsin, ben: AsyncTocsin, clock: Clock) -> None:
    given: dict[str, Any] = {
        "slug": "disk-full", "event_data": {"host": "db1", "n": 1, "on": True, "no": None}, "permissions": [],
        "links": {"Open": "/hosts/db1"},
        "category": "incident", "member": ("sda", "Disk A"), "state": "firing", "occurrence": "o1", "pipeline": "nightly", "run": "r1",
        "environment": "prod", "urgent": False, "users": ["ben@acme.test"], "owners": ["data"], "tags": ["db"], "facts": {"Used": 99},
        "source_app": "shop", "source_model": "Host", "source_id": 1, "deduplicate": "thread",
        "expires_at": clock.now + timedelta(days=1), "scheduled_time": clock.now,
    }  # fmt: skip
    assert await ana.create_notification("Disk full", "99 % used", "danger", "acme", **given) is not None
    (told,) = (await ben.get_filtered_notifications(level="error", source="api", pipeline="nightly", tag="db", since=clock.now)).items
    assert (told.title, told.message, told.environment, told.urgent) == ("Disk full", "99 % used", "prod", False)
    assert await ana.create_dbt_test_failure_notification("not_null_id", "acme", "2 rows", pipeline="shop", run=1) is not None
    assert await ana.create_late_run_notification("nightly", "acme", expected_at=clock.now) is not None


@pytest.mark.req("R35")
async def test_what_is_scheduled_can_be_taken_back_until_it_was_made(ana: AsyncTocsin, clock: Clock) -> None:
    waits = await ana.create_notification("Maintenance", scheduled_time=clock.now + timedelta(hours=1))
    assert waits is not None
    assert waits.reason == "scheduled"
    assert await titles(ana) == []
    await ana.cancel_scheduled(waits.id)
    with pytest.raises(NotFound):
        await ana.cancel_scheduled(waits.id)
    made = await ana.create_notification("Maintenance")
    assert made is not None
    with pytest.raises(Conflict, match="made already"):
        await ana.cancel_scheduled(made.id)


@pytest.mark.req("R34")
async def test_what_was_told_about_an_object_goes_with_it(ana: AsyncTocsin) -> None:
    for number in (1, 2, 3):
        await ana.create_notification(f"Order {number}", source_app="shop", source_model="Order", source_id=number)
    assert await ana.delete_by_source("shop", "Order", 2) == 1
    assert await ana.delete_by_source("shop", "Order", 2) == 0
    assert await titles(ana) == ["Order 3", "Order 1"]
    assert await ana.delete_by_source("shop", "Order") == 2


@pytest.mark.req("R60")
async def test_pages_give_each_once(ana: AsyncTocsin, clock: Clock) -> None:
    for number in range(7):
        clock.advance(seconds=1)
        await ana.create_notification(f"n{number}")
    assert await titles(ana, limit=3) == [f"n{number}" for number in reversed(range(7))]


@pytest.mark.req("R51")
async def test_preferences_are_changed_by_the_names_they_are_read_by(ana: AsyncTocsin) -> None:
    before = await ana.get_user_notification_preferences()
    after = await ana.update_user_notification_preferences({"email": {"min_level": "error"}}, late_run_notifications=False)
    assert after["email"] == {**before["email"], "min_level": "error"}
    assert after["categories"]["late_run"]["in_app"] is False
    assert await ana.get_user_notification_preferences() == after


@pytest.mark.req("R30", "R38")
async def test_a_refusal_names_the_field_and_what_is_allowed(ana: AsyncTocsin, client: TestClient[Any, Any], house: House) -> None:
    with pytest.raises(Invalid, match=r"body\.category: .*'incident'") as raised:
        await ana.create_notification("x", category="incidents")  # type: ignore[arg-type]
    assert raised.value.errors[0].place == "body.category"
    with pytest.raises(Invalid, match=r"'zoe@acme\.test' is no member"):
        await ana.notify_user("zoe@acme.test", "x")
    with pytest.raises(NotFound):
        await ana.create_notification("x", team="other")
    house.user("vic", role="viewer")
    async with AsyncTocsin(url=str(client.make_url("/")), token="vic-token") as vic:
        with pytest.raises(NotAllowed):
            await vic.create_notification("x")
    async with AsyncTocsin(url=str(client.make_url("/")), token="nobodys") as nobody:
        with pytest.raises(NotSignedIn):
            await nobody.get_unread_count()


async def test_the_same_key_is_told_once(ana: AsyncTocsin) -> None:
    first = await ana.create_notification("Sync failed", level="error", idempotency_key="task-7")
    assert await ana.create_notification("Sync failed", level="error", idempotency_key="task-7") == first
    with pytest.raises(Invalid, match="Idempotency-Key"):
        await ana.create_notification("Another", idempotency_key="task-7")


async def test_the_waiting_client_does_the_same(ana: AsyncTocsin, client: TestClient[Any, Any]) -> None:
    with Tocsin(url=str(client.make_url("/")), token="ana-token") as tocsin:
        told = await asyncio.to_thread(tocsin.create_notification, "Disk full", level="error")
        assert told is not None
        assert await asyncio.to_thread(tocsin.resolve, "Disk full") == Created(told.id, "resolved")
        assert [one.title for one in await asyncio.to_thread(lambda: list(tocsin.iterate_notifications()))] == ["Disk full"]
