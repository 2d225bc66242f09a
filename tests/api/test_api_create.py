"""Creating notifications: what becomes of them, for whom, when, and taking them back."""

from datetime import timedelta
from typing import Any

import pytest

from gateway.storage.tables import notifications
from tests.api.conftest import Asker
from tests.builders import House
from tests.conftest import Clock

HERE = "/api/notifications/"


async def made(asker: Asker, *, status: int = 201, headers: dict[str, str] | None = None, **fields: Any) -> Any:
    return await asker.post(HERE, {"title": "Export failed", "level": "error", **fields}, status=status, headers=headers)


async def skipped(asker: Asker, **fields: Any) -> str:
    answer = await made(asker, status=200, **fields)
    assert answer["id"] is None
    reason: str = answer["skipped"]
    return reason


@pytest.mark.req("R30", "R31", "R33", "R34")
async def test_what_is_created_stands_in_the_inbox_of_the_team(ana: Asker, ben: Asker) -> None:
    answer = await made(
        ana,
        message="disk full",
        category="job_failure",
        level="danger",
        slug="exports-failed",
        event_data={"export": 7},
        pipeline="exports",
        environment="prod",
        links={"Open": "https://exports.test/7", "Log": "/logs/7"},
        facts={"Rows": "12"},
        tags=["shop"],
        source_app="shop",
        source_model="export",
        source_id="7",
    )
    assert answer["reason"] == "first"
    for one in (ana, ben):
        (item,) = (await one.get("/api/notifications/v1"))["items"]
        assert (item["id"], item["level"], item["category"], item["status"], item["source"]) == (
            answer["id"], "error", "job_failure", "open", "api",
        )  # fmt: skip
        assert item["links"] == {"Open": "https://exports.test/7", "Log": "https://tocsin.example/logs/7"}
        assert (item["source_app"], item["source_model"], item["source_id"]) == ("shop", "export", "7")
    bar = await ana.get("/api/notifications/urgent-bar")
    assert [row["title"] for row in bar["items"]] == ["Export failed"]


@pytest.mark.req("R30")
async def test_an_unknown_category_is_refused_and_the_allowed_ones_named(ana: Asker) -> None:
    problem = await made(ana, status=422, category="disaster")
    (error,) = problem["errors"]
    assert error["place"] == "body.category"
    assert "dbt_test_failure" in error["message"]


@pytest.mark.req("R33")
@pytest.mark.parametrize(
    ("field", "value", "place"),
    [
        ("links", {"Open": "javascript:alert(1)"}, "body.links"),
        ("title", "x" * 201, "body.title"),
        ("title", "   ", "body.title"),
        ("level", "loud", "body.level"),
        ("slug", "Not A Slug", "body.slug"),
        ("state", "gone", "body.state"),
        ("users", [], "body.users"),
        ("deduplicate", "always", "body.deduplicate"),
        ("scheduled_time", "tomorrow", "body.scheduled_time"),
        ("expires_at", "2020-01-01T00:00:00Z", "body.expires_at"),
        ("surprise", 1, "body.surprise"),
        ("event_data", {"deep": {"er": 1}}, "body.event_data.deep"),
    ],
)
async def test_what_cannot_be_used_is_refused_with_its_place(ana: Asker, field: str, value: object, place: str) -> None:
    problem = await made(ana, status=422, **{field: value})
    assert any(error["place"].startswith(place) for error in problem["errors"]), problem


async def test_the_slash_at_the_end_may_be_left_out(ana: Asker) -> None:
    answer = await ana.client.post("/api/notifications", headers=ana.headers, json={"title": "x"})
    assert answer.status == 201


@pytest.mark.req("R40")
async def test_the_same_slug_and_data_is_one_thread_and_other_data_another(ana: Asker) -> None:
    one = await made(ana, event_data={"a": 1, "b": 2})
    again = await made(ana, event_data={"b": 2, "a": 1})
    other = await made(ana, event_data={"a": 2, "b": 1})
    assert (again["id"], again["reason"]) == (one["id"], "repeat")
    assert (other["id"] != one["id"], other["reason"]) == (True, "first")


@pytest.mark.req("R32")
async def test_urgent_is_what_the_creator_says(ana: Asker) -> None:
    await made(ana, level="warning", category="system", urgent=True)
    await made(ana, title="calm", category="job_failure", urgent=False)
    bar = await ana.get("/api/notifications/urgent-bar")
    assert [row["title"] for row in bar["items"]] == ["Export failed"]


async def test_information_is_noted_and_leaves_nothing_open(ana: Asker) -> None:
    await made(ana, title="Report ready", level="info")
    (item,) = (await ana.get("/api/notifications/v1"))["items"]
    assert (item["status"], item["read_at"]) == ("resolved", None)


@pytest.mark.req("R46")
async def test_a_recovery_resolves_what_the_same_words_opened(ana: Asker) -> None:
    opened = await made(ana, event_data={"job": 1})
    over = await made(ana, event_data={"job": 1}, state="resolved", level="success", title="Export works")
    assert (over["id"], over["reason"]) == (opened["id"], "resolved")
    assert (await ana.get("/api/notifications/urgent-bar"))["items"] == []
    assert await skipped(ana, event_data={"job": 2}, state="resolved") == "nothing-open"


@pytest.mark.req("R44")
async def test_skip_unread_skips_until_it_was_read_or_got_worse(ana: Asker, clock: Clock) -> None:
    first = await made(ana, level="warning", deduplicate="skip-unread")
    clock.advance(seconds=1)
    assert await skipped(ana, level="warning", deduplicate="skip-unread") == "unread"
    assert (await made(ana, level="error", deduplicate="skip-unread"))["reason"] == "escalated"
    await ana.put("/api/notifications/v1", {"ids": [first["id"]], "read": True})
    clock.advance(seconds=1)
    assert (await made(ana, level="error", deduplicate="skip-unread"))["reason"] == "repeat"
    assert await skipped(ana, level="error", deduplicate="skip-unread") == "unread"


@pytest.mark.req("R44")
async def test_once_is_once_ever_and_never_is_always_another(ana: Asker) -> None:
    await made(ana, deduplicate="once", level="info")
    assert await skipped(ana, deduplicate="once", level="info") == "once"
    one, other = [await made(ana, deduplicate="never") for _ in range(2)]
    assert one["id"] != other["id"]


@pytest.mark.req("R38")
async def test_named_people_alone_hear_and_each_set_of_them_has_its_own_thread(ana: Asker, ben: Asker, house: House) -> None:
    to_ana = await made(ana, users=["ANA@acme.test"])
    assert len((await ana.get("/api/notifications/v1"))["items"]) == 1
    assert (await ben.get("/api/notifications/v1"))["items"] == []
    await ben.get(f"/api/notifications/{to_ana['id']}", status=404)
    both = await made(ana, users=["ana@acme.test", "ben@acme.test"])
    assert both["id"] != to_ana["id"]
    assert len((await ben.get("/api/notifications/v1"))["items"]) == 1
    again = await made(ana, users=["ben@acme.test", "ana@acme.test"])
    assert again["id"] == both["id"]


@pytest.mark.req("R38")
async def test_unknown_people_are_named_and_nothing_is_created(ana: Asker, ben: Asker, zoe: Asker) -> None:
    problem = await made(ana, status=422, users=["ben@acme.test", "nobody@acme.test", "zoe@acme.test", 999_999])
    assert [error["place"] for error in problem["errors"]] == ["body.users.1", "body.users.2", "body.users.3"]
    assert "nobody@acme.test" in problem["errors"][0]["message"]
    assert (await ben.get("/api/notifications/v1"))["items"] == []


@pytest.mark.req("R53")
async def test_who_wants_nothing_gets_nothing_and_the_creator_is_told(ana: Asker, ben: Asker, house: House) -> None:
    await ben.put("/api/notifications/preferences", {"enabled": False})
    assert await skipped(ana, users=["ben@acme.test"]) == "switched-off"
    await ben.put("/api/notifications/preferences", {"enabled": True, "system_notifications": False})
    assert await skipped(ana, users=["ben@acme.test"]) == "unsubscribed"
    assert await skipped(ana, permissions=["nobody.has.this"]) == "nobody"
    assert house.rows(notifications) == []


@pytest.mark.req("R37")
async def test_permissions_are_asked_of_readers(ana: Asker, house: House, asker: Any) -> None:
    house.user("eve", permissions=["pipelines.view"])
    await made(ana, permissions=["pipelines.view"])
    assert (await ana.get("/api/notifications/v1"))["items"] == []
    assert len((await asker("eve").get("/api/notifications/v1"))["items"]) == 1


@pytest.mark.req("R35")
async def test_what_is_scheduled_is_unseen_until_it_is_due_and_made_once(ana: Asker, house: House, clock: Clock) -> None:
    due = (clock.now + timedelta(hours=1)).isoformat()
    answer = await made(ana, scheduled_time=due)
    assert answer["reason"] == "scheduled"
    house.settle()
    assert (await ana.get("/api/notifications/v1"))["items"] == []
    assert (await ana.get("/api/notifications/unread-count"))["total"] == 0
    await ana.get(f"/api/notifications/{answer['id']}", status=404)
    clock.advance(hours=1)
    for _ in range(2):
        house.settle()
    (item,) = (await ana.get("/api/notifications/v1"))["items"]
    assert (item["id"], item["title"], item["occurrences"]) == (answer["id"], "Export failed", 1)
    await ana.delete(f"{HERE}{answer['id']}", status=409)


@pytest.mark.req("R35")
async def test_what_is_scheduled_can_be_cancelled_before_it_is_due_by_its_team_only(
    ana: Asker, zoe: Asker, house: House, clock: Clock
) -> None:
    answer = await made(ana, scheduled_time=(clock.now + timedelta(hours=1)).isoformat())
    await zoe.delete(f"{HERE}{answer['id']}", status=404)
    await ana.delete(f"{HERE}{answer['id']}")
    await ana.delete(f"{HERE}{answer['id']}", status=404)
    clock.advance(hours=2)
    house.settle()
    assert (await ana.get("/api/notifications/v1"))["items"] == []


@pytest.mark.req("R35", "R40")
async def test_what_is_scheduled_joins_a_thread_that_is_there_by_then(ana: Asker, house: House, clock: Clock) -> None:
    later = await made(ana, scheduled_time=(clock.now + timedelta(hours=1)).isoformat())
    now = await made(ana)
    clock.advance(hours=1)
    house.settle()
    (item,) = (await ana.get("/api/notifications/v1"))["items"]
    assert (item["id"], item["occurrences"]) == (now["id"], 2)
    await ana.delete(f"{HERE}{later['id']}", status=404)


@pytest.mark.req("R39")
async def test_what_expires_leaves_list_and_counts_at_once(ana: Asker, clock: Clock) -> None:
    answer = await made(ana, expires_at=(clock.now + timedelta(minutes=5)).isoformat())
    assert (await ana.get("/api/notifications/unread-count"))["total"] == 1
    clock.advance(minutes=5)
    assert (await ana.get("/api/notifications/unread-count"))["total"] == 0
    assert (await ana.get("/api/notifications/v1"))["items"] == []
    await ana.get(f"/api/notifications/{answer['id']}", status=404)


@pytest.mark.req("R34")
async def test_all_of_one_source_is_deleted_also_what_is_scheduled(ana: Asker, zoe: Asker, boss: Asker, clock: Clock) -> None:
    source = {"source_app": "shop", "source_model": "export", "source_id": "7"}
    await made(ana, **source)
    await made(ana, title="other", source_app="shop", source_model="export", source_id="8")
    await made(ana, title="later", scheduled_time=(clock.now + timedelta(hours=1)).isoformat(), **source)
    assert (await zoe.delete(f"{HERE}?source_app=shop"))["deleted"] == 0
    assert (await ana.delete(f"{HERE}?source_app=shop&source_model=export&source_id=7"))["deleted"] == 2
    assert [item["title"] for item in (await ana.get("/api/notifications/v1"))["items"]] == ["other"]
    assert (await ana.get("/api/notifications/unread-count"))["total"] == 1
    assert (await ana.delete(f"{HERE}?source_app=shop"))["deleted"] == 1
    await ana.delete(HERE, status=422)
    changes = (await boss.get("/api/audit"))["items"]
    assert [change["action"] for change in changes] == ["notifications.deleted"] * 2


async def test_a_request_sent_again_under_its_key_has_its_answer_and_no_second_effect(ana: Asker, ben: Asker) -> None:
    key = {"Idempotency-Key": "9f0c"}
    first = await made(ana, headers=key, deduplicate="never")
    assert await made(ana, headers=key, deduplicate="never") == first
    assert len((await ana.get("/api/notifications/v1"))["items"]) == 1
    await made(ana, status=422, headers=key, title="another")
    assert (await made(ben, headers=key, deduplicate="never"))["id"] != first["id"]
    await made(ana, status=422, headers={"Idempotency-Key": "x" * 301})


@pytest.mark.req("R36")
async def test_a_team_must_be_named_where_there_are_several_and_be_ones_own(ana: Asker, zoe: Asker, house: House) -> None:
    house.user("ana", team_id=house.team("third"))
    problem = await made(ana, status=422)
    assert "acme, third" in problem["errors"][0]["message"]
    await made(ana, team="acme")
    await made(ana, status=404, team="other")


async def test_a_viewer_creates_and_deletes_nothing(house: House, asker: Any) -> None:
    house.user("vic", role="viewer")
    await made(asker("vic"), status=403)
    await asker("vic").delete(f"{HERE}?source_app=shop", status=403)
    await asker("vic").delete(f"{HERE}1", status=403)


@pytest.mark.req("R49", "R36")
async def test_a_member_resolves_for_everyone_a_viewer_and_a_stranger_do_not(
    ana: Asker, ben: Asker, zoe: Asker, house: House, asker: Any
) -> None:
    house.user("vic", role="viewer")
    one = f"{HERE}{(await made(ana, category='incident'))['id']}"
    for deed in ("resolve", "acknowledge", "unacknowledge"):
        await asker("vic").post(f"{one}/{deed}", status=403)
        await zoe.post(f"{one}/{deed}", status=404)
    for _ in range(2):
        await ben.post(f"{one}/resolve")
    found = await ana.get(one)
    assert (found["status"], found["timeline"][0]["message"]) == ("resolved", "Resolved by Ben.")
    assert (await asker("vic").get("/api/notifications/urgent-bar"))["items"] == []
