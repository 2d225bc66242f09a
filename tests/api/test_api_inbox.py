"""Lists, counts, the urgent bar, one notification, and what people do with them."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.storage import people, tables
from tests.builders import House, failure, recovery
from tests.conftest import Clock

ROOT = "/api/notifications"


def titles(page: dict[str, Any]) -> list[str]:
    return [item["title"] for item in page["items"]]


def ids(page: dict[str, Any]) -> list[int]:
    return [item["id"] for item in page["items"]]


def several(house: House, clock: Clock, number: int) -> None:
    """So many threads, each later than the one before."""
    for one in range(number):
        house.say(failure(run="r", when=one, title=f"n{one}", event_data={"job": one}, pipeline=f"p{one}"))
        clock.advance(seconds=1)


@pytest.mark.req("R62")
async def test_the_six_categories_have_a_value_a_label_and_a_description(ana: Any) -> None:
    items = (await ana.get(f"{ROOT}/categories"))["items"]
    names = ["incident", "schema_change", "job_failure", "late_run", "dbt_test_failure", "system"]
    assert [item["value"] for item in items] == names
    assert all(item["label"] and item["description"] for item in items)


@pytest.mark.req("R60")
async def test_the_inbox_is_newest_first_with_everything_an_item_has(house: House, clock: Clock, ana: Any) -> None:
    several(house, clock, 3)
    page = await ana.get(f"{ROOT}/v1")
    assert (titles(page), page["next"]) == (["n2", "n1", "n0"], None)
    item = page["items"][0]
    assert {name: item[name] for name in ("team", "source", "environment", "category", "level", "urgent", "status", "reason")} == {
        "team": "acme",
        "source": "etl",
        "environment": "prod",
        "category": "job_failure",
        "level": "error",
        "urgent": True,
        "status": "open",
        "reason": "first",
    }
    assert item["members"] == {"firing": 1, "total": 1}
    assert item["opened_at"] == "2026-03-02T08:00:02Z"


@pytest.mark.req("R60")
async def test_pages_neither_skip_nor_repeat_while_new_entries_arrive(house: House, clock: Clock, ana: Any) -> None:
    several(house, clock, 7)
    seen, cursor, rounds = [], None, 0
    while cursor or not seen:
        page = await ana.get(f"{ROOT}/v1", params={"limit": 2, **({"cursor": cursor} if cursor else {})})
        seen += titles(page)
        cursor, rounds = page["next"], rounds + 1
        house.say(failure(run="r", title=f"late{rounds}", event_data={"job": f"late{rounds}"}))
        clock.advance(seconds=1)
    assert seen == ["n6", "n5", "n4", "n3", "n2", "n1", "n0"]


@pytest.mark.req("R60")
async def test_pages_neither_skip_nor_repeat_entries_of_the_same_moment(house: House, ana: Any) -> None:
    house.say(*(failure(run="r", event_data={"job": one}) for one in range(5)))
    seen, cursor = [], None
    while cursor or not seen:
        page = await ana.get(f"{ROOT}/v1", params={"limit": 2, **({"cursor": cursor} if cursor else {})})
        seen, cursor = seen + ids(page), page["next"]
    assert seen == [5, 4, 3, 2, 1]


@pytest.mark.req("R33")
async def test_paths_become_links_on_the_public_address_or_the_teams_own(house: House, ana: Any) -> None:
    house.say(failure(run="r1", when=1, links={"Run": "/runs/1", "Docs": "https://docs.example/x", "Bad": "javascript:alert(1)"}))
    (item,) = (await ana.get(f"{ROOT}/v1"))["items"]
    assert item["links"] == {"Run": "https://tocsin.example/runs/1", "Docs": "https://docs.example/x"}
    with house.database.writing() as transaction:
        people.put_team(transaction, slug="acme", name="Acme", base_url="https://acme.test/app", now=house.clock())
    (item,) = (await ana.get(f"{ROOT}/v1"))["items"]
    assert item["links"]["Run"] == "https://acme.test/runs/1"


def vary(house: House, clock: Clock) -> None:
    """Threads that differ in everything a filter can ask for; some are read, muted and archived."""
    other = house.source("other")
    house.say(failure(run="r", title="job", message="Disk FULL at 100%", owners=["ana"], tags=["gold"]))
    clock.advance(minutes=1)
    house.say(failure(run="r", title="late", slug="late", category="late_run", level="warning", pipeline="weekly"), source_id=other)
    clock.advance(minutes=1)
    house.say(failure(run="r", title="test", slug="test", category="dbt_test_failure", tags=["ana"]))
    house.say(recovery(run="s", slug="test", category="dbt_test_failure"))
    for title in ("muted", "archived"):
        clock.advance(minutes=1)
        house.say(failure(run="r", title=title, slug=title, category="system", level="info", pipeline=None))
    number = {row["title"]: row["id"] for row in house.rows(tables.notifications)}
    aside = {
        "test": {"read_at": clock.now},
        "muted": {"muted_until": clock.now + timedelta(days=1)},
        "archived": {"archived_at": clock.now},
    }
    with house.database.writing() as transaction:
        for title, columns in aside.items():
            entry = tables.inbox_entries
            transaction.execute(entry.update().where(entry.c.notification_id == number[title]).values(**columns))


FILTERS: dict[str, list[str]] = {
    "": ["test", "late", "job"],
    "category=late_run": ["late"],
    "category=late_run&category=job_failure": ["late", "job"],
    "level=warning": ["late"],
    "level=danger&level=warning": ["test", "late", "job"],
    "urgent_only=true": ["test", "job"],
    "read_status=read": ["test"],
    "read_status=unread": ["late", "job"],
    "status=open": ["late", "job"],
    "status=resolved": ["test"],
    "source=other": ["late"],
    "source=api": [],
    "pipeline=weekly": ["late"],
    "owner=ana": ["job"],
    "tag=ana": ["test"],
    "tag=gold": ["job"],
    "muted=true": ["muted"],
    "archived=true": ["archived"],
    "since=2026-03-02T09:01:00Z": ["test", "late"],
    "until=2026-03-02T09:01:00Z": ["job"],
    "since=2026-03-02T09:01:00Z&until=2026-03-02T09:02:00Z": ["late"],
    "since=2026-03-02T10:01:00%2B01:00&until=2026-03-02T09:02:00": ["late"],
    "q=disk%20full": ["job"],
    "q=100%25": ["job"],
    "q=100_": [],
    "q=weekly": ["late"],
    "team=acme": ["test", "late", "job"],
    "category=late_run&level=error": [],
}


@pytest.mark.req("R61")
async def test_each_filter_gives_what_it_says(house: House, clock: Clock, ana: Any) -> None:
    vary(house, clock)
    assert {query: titles(await ana.get(f"{ROOT}/filtered?{query}")) for query in FILTERS} == FILTERS


@pytest.mark.req("R66")
async def test_several_entries_are_marked_at_once_and_absent_states_stay(house: House, clock: Clock, ana: Any) -> None:
    several(house, clock, 3)
    assert await ana.put(f"{ROOT}/v1", {"ids": [1, 2, 999], "read": True}) == {"ids": [1, 2]}
    assert await ana.put(f"{ROOT}/v1", {"ids": [2, 3], "archived": True, "dismissed": True}) == {"ids": [2, 3]}
    entries = house.rows(tables.inbox_entries)
    marked = [tuple(bool(entry[name]) for name in ("read_at", "archived_at", "dismissed_at")) for entry in entries]
    assert marked == [(True, False, False), (True, True, True), (False, True, True)]
    assert await ana.put(f"{ROOT}/v1", {"ids": [1, 2], "read": False, "archived": False}) == {"ids": [1, 2]}
    assert [bool(entry["read_at"]) for entry in house.rows(tables.inbox_entries)] == [False, False, False]
    assert titles(await ana.get(f"{ROOT}/v1")) == ["n1", "n0"]


@pytest.mark.req("R66")
async def test_marking_again_keeps_the_time_of_the_first_mark(house: House, clock: Clock, ana: Any) -> None:
    several(house, clock, 1)
    await ana.put(f"{ROOT}/v1", {"ids": [1], "read": True})
    first = house.rows(tables.inbox_entries)[0]["read_at"]
    clock.advance(hours=1)
    await ana.put(f"{ROOT}/v1", {"ids": [1], "read": True})
    assert house.rows(tables.inbox_entries)[0]["read_at"] == first


@pytest.mark.req("R66")
async def test_read_all_marks_what_the_filter_shows_and_nothing_else(house: House, clock: Clock, ana: Any, ben: Any) -> None:
    several(house, clock, 3)
    house.say(failure(run="r", slug="late", category="late_run", title="late"))
    assert (await ana.post(f"{ROOT}/read-all?category=job_failure&pipeline=p1"))["ids"] == [2]
    assert sorted((await ana.post(f"{ROOT}/read-all?category=job_failure"))["ids"]) == [1, 3]
    assert (await ana.get(f"{ROOT}/unread-count"))["total"] == 1
    assert (await ben.get(f"{ROOT}/unread-count"))["total"] == 4
    assert (await ana.post(f"{ROOT}/read-all"))["ids"] == [4]


@pytest.mark.req("R65")
async def test_the_unread_count_names_every_category(house: House, clock: Clock, ana: Any) -> None:
    several(house, clock, 2)
    house.say(failure(run="r", slug="late", category="late_run"))
    count = await ana.get(f"{ROOT}/unread-count")
    assert count["total"] == 3
    assert count["by_category"] == {
        "incident": 0, "schema_change": 0, "job_failure": 2, "late_run": 1, "dbt_test_failure": 0, "system": 0,
    }  # fmt: skip


@pytest.mark.req("R64")
async def test_acknowledging_is_everyones_and_can_be_taken_back(house: House, clock: Clock, ana: Any, ben: Any) -> None:
    several(house, clock, 1)
    assert await ana.post(f"{ROOT}/1/acknowledge") == {"done": True}
    clock.advance(minutes=1)
    await ben.post(f"{ROOT}/1/acknowledge")
    bar = await ben.get(f"{ROOT}/urgent-bar")
    assert (bar["items"][0]["acknowledged_by"], bar["items"][0]["acknowledged_at"]) == ("Ana", "2026-03-02T09:00:01Z")
    assert bar["counts"] == {"total": 1, "unacknowledged": 0}
    assert (await ben.get(f"{ROOT}/1"))["acknowledged_by"] == "Ana"
    await ben.post(f"{ROOT}/1/unacknowledge")
    assert (await ana.get(f"{ROOT}/urgent-bar"))["counts"] == {"total": 1, "unacknowledged": 1}


@pytest.mark.req("R64")
async def test_dismissing_is_mine_and_leaves_the_list_alone(house: House, clock: Clock, ana: Any, ben: Any) -> None:
    several(house, clock, 1)
    assert await ana.post(f"{ROOT}/1/dismiss") == {"done": True}
    assert (await ana.get(f"{ROOT}/urgent-bar"))["items"] == []
    assert len((await ben.get(f"{ROOT}/urgent-bar"))["items"]) == 1
    assert (await ana.get(f"{ROOT}/v1"))["items"][0]["dismissed_at"] == "2026-03-02T09:00:01Z"


@pytest.mark.req("R63")
async def test_the_urgent_bar_has_a_row_per_conversation_worst_then_oldest(house: House, ana: Any) -> None:
    house.say(failure(run="r", when=5, event_data={"job": 1}, pipeline="newer"))
    house.say(failure(run="r", when=3, event_data={"job": 2}, pipeline="older"))
    house.say(failure(run="r", when=1, event_data={"job": 3}, pipeline="mild", level="warning", urgent=True))
    house.say(failure("t", run="s", when=2, slug="test", category="dbt_test_failure", title="test", pipeline="newer"))
    house.say(failure(run="r", when=0, slug="late", category="late_run", pipeline="not urgent"))
    house.say(failure(run="r", when=0, event_data={"job": 4}, pipeline="over"))
    house.say(recovery(run="q", when=1, event_data={"job": 4}, pipeline="over"))
    bar = await ana.get(f"{ROOT}/urgent-bar")
    assert [row["pipeline"] for row in bar["items"]] == ["newer", "older", "mild"]
    assert [len(row["items"]) for row in bar["items"]] == [2, 1, 1]
    assert bar["items"][0]["since"] == "2026-03-02T08:00:02Z"
    assert bar["items"][0]["subject"] == "[acme/prod] newer: job failure"
    assert bar["counts"] == {"total": 3, "unacknowledged": 3}


@pytest.mark.req("R63")
@pytest.mark.parametrize("column", ["snoozed_until", "muted_until"])
async def test_what_is_snoozed_or_muted_leaves_the_bar_and_comes_back_by_itself(house: House, clock: Clock, ana: Any, column: str) -> None:
    several(house, clock, 1)
    house.set_entry(1, **{column: clock.now + timedelta(hours=1)})
    assert (await ana.get(f"{ROOT}/urgent-bar"))["counts"] == {"total": 0, "unacknowledged": 0}
    assert (await ana.get(f"{ROOT}/v1"))["items"] == []
    clock.advance(hours=1)
    assert (await ana.get(f"{ROOT}/urgent-bar"))["counts"] == {"total": 1, "unacknowledged": 1}
    assert len((await ana.get(f"{ROOT}/v1"))["items"]) == 1


@pytest.mark.req("R63", "R64")
async def test_a_row_of_the_bar_is_acknowledged_once_all_its_threads_are(house: House, ana: Any) -> None:
    house.say(failure(run="r", when=1), failure("t", run="r", when=1, slug="test", category="dbt_test_failure"))
    first, second = ids(await ana.get(f"{ROOT}/v1"))
    await ana.post(f"{ROOT}/{first}/acknowledge")
    assert (await ana.get(f"{ROOT}/urgent-bar"))["counts"] == {"total": 1, "unacknowledged": 1}
    await ana.post(f"{ROOT}/{second}/acknowledge")
    assert (await ana.get(f"{ROOT}/urgent-bar"))["counts"] == {"total": 1, "unacknowledged": 0}


@pytest.mark.req("R42", "R71")
async def test_one_notification_has_its_members_timeline_deliveries_and_why(house: House, ana: Any) -> None:
    house.say(failure("a", run="r1", when=1, message="broke", facts={"Rows": "3"}), failure("b", run="r1", when=1, level="warning"))
    house.deliver()
    house.say(recovery("b", run="r2", when=2))
    whole = await ana.get(f"{ROOT}/1")
    assert [(one["label"], one["firing"], one["message"]) for one in whole["member_list"]] == [("a", True, "broke"), ("b", False, "")]
    assert whole["members"] == {"firing": 1, "total": 2}
    assert [(one["reason"], one["members"], one["run"]) for one in whole["timeline"]] == [("shrank", 1, "r2"), ("first", 2, "r1")]
    assert [(one["kind"], one["status"], one["reason"]) for one in whole["deliveries"]] == [("failing", "sent", "first")]
    assert whole["why"] == "You are in team acme and subscribed to job failure; you got this because it began to fail."
    assert whole["facts"] == {"Rows": "3"}


@pytest.mark.req("R36")
async def test_a_foreign_or_unknown_id_is_404(house: House, clock: Clock, ana: Any, zoe: Any) -> None:
    several(house, clock, 1)
    for what in ("GET /1", "POST /1/acknowledge", "POST /1/unacknowledge", "POST /1/dismiss", "GET /x", "GET /99", "GET /-1"):
        method, path = what.split()
        assert (await zoe.ask(method, f"{ROOT}{path}", status=404))["status"] == 404
    await ana.get(f"{ROOT}/1")
    assert house.thread()["acknowledged_at"] is None


@pytest.mark.req("R36")
async def test_another_teams_notifications_are_in_no_list_count_or_mark(house: House, clock: Clock, ana: Any, zoe: Any) -> None:
    several(house, clock, 1)
    assert (await zoe.get(f"{ROOT}/v1"))["items"] == []
    assert (await zoe.get(f"{ROOT}/unread-count"))["total"] == 0
    assert (await zoe.get(f"{ROOT}/urgent-bar"))["items"] == []
    assert await zoe.put(f"{ROOT}/v1", {"ids": [1], "read": True}) == {"ids": []}
    assert (await zoe.post(f"{ROOT}/read-all"))["ids"] == []
    assert (await ana.get(f"{ROOT}/unread-count"))["total"] == 1


@pytest.mark.req("R36")
async def test_another_team_is_404_wherever_a_team_can_be_named(ana: Any, zoe: Any) -> None:
    for what in ("GET /v1", "GET /filtered", "GET /urgent-bar", "GET /unread-count", "POST /read-all", "GET /preferences"):
        method, place = what.split()
        await ana.ask(method, f"{ROOT}{place}?team=other", status=404)
        await zoe.ask(method, f"{ROOT}{place}?team=other")


@pytest.mark.req("R36")
async def test_a_person_of_two_teams_sees_both_or_the_one_named(house: House, clock: Clock, ana: Any) -> None:
    other = house.team("other")
    house.user("ana", team_id=other)
    several(house, clock, 1)
    house.say(failure(run="r", title="theirs"), source_id=house.source("theirs", team_id=other))
    assert titles(await ana.get(f"{ROOT}/v1")) == ["theirs", "n0"]
    assert titles(await ana.get(f"{ROOT}/v1?team=other")) == ["theirs"]
    assert (await ana.get(f"{ROOT}/unread-count?team=other"))["total"] == 1
    assert len((await ana.get(f"{ROOT}/urgent-bar?team=acme"))["items"]) == 1


@pytest.mark.req("R37")
async def test_permissions_are_checked_again_when_reading(house: House, asker: Any) -> None:
    house.user("ana", permissions=["secret"])
    ana = asker("ana")
    house.say(failure(run="r", permissions=["secret"]))
    assert len((await ana.get(f"{ROOT}/v1"))["items"]) == 1
    house.user("ana")
    house.user("ben", permissions=["secret"])  # that somebody else holds it helps nobody
    assert (await ana.get(f"{ROOT}/v1"))["items"] == []
    assert (await ana.get(f"{ROOT}/unread-count"))["total"] == 0
    await ana.get(f"{ROOT}/1", status=404)
    await ana.post(f"{ROOT}/1/acknowledge", status=404)


@pytest.mark.req("R37")
async def test_the_floor_of_a_role_works_as_a_permission(house: House, ana: Any, boss: Any) -> None:
    house.say(failure(run="r", permissions=["role:admin"]))
    assert [len((await one.get(f"{ROOT}/v1"))["items"]) for one in (ana, boss)] == [0, 1]


@pytest.mark.req("R39")
async def test_what_expired_is_in_no_list_or_count_at_once(house: House, clock: Clock, ana: Any) -> None:
    house.say(failure(run="r", expires_at=(clock.now + timedelta(hours=1)).isoformat()))
    assert (await ana.get(f"{ROOT}/unread-count"))["total"] == 1
    clock.advance(hours=1)
    assert (await ana.get(f"{ROOT}/v1"))["items"] == []
    assert (await ana.get(f"{ROOT}/unread-count"))["total"] == 0
    assert (await ana.get(f"{ROOT}/urgent-bar"))["items"] == []
    await ana.get(f"{ROOT}/1", status=404)


ACTIONS = st.sampled_from(
    ["fail", "fail", "fail other", "recover", "note", "hold", "expiring", "read", "unread", "archive", "unarchive", "dismiss", "read-all",
     "mute", "snooze", "later", "leave", "join", "revoke", "grant", "private"]
)  # fmt: skip


def act(house: House, name: str, action: str, number: int) -> None:
    """Everything that happens to an inbox but what the person asks for."""
    user_id, clock = house.rows(tables.users, tables.users.c.email == f"{name}@acme.test")[0]["id"], house.clock
    spoken: dict[str, Any] = {
        "fail": failure(run=f"r{number}"),
        "fail other": failure(run=f"r{number}", slug=f"other-{number % 3}", category="late_run", level="info"),
        "recover": recovery(run=f"r{number}"),
        "note": failure(run=f"r{number}", slug="note", state="note", category="system"),
        "hold": failure(run=f"r{number}", slug="held", hold=1800),
        "expiring": failure(run=f"r{number}", slug="expiring", expires_at=(clock() + timedelta(minutes=30)).isoformat()),
        "private": failure(run=f"r{number}", slug="private", permissions=["secret"], category="incident"),
    }
    if action in spoken:
        house.say(spoken[action])
    elif action in ("mute", "snooze"):
        house.set_entry(
            user_id,
            **{"mute": {"muted_until": clock() + timedelta(minutes=90)}, "snooze": {"snoozed_until": clock() + timedelta(minutes=90)}}[
                action
            ],
        )
    elif action == "later":
        clock.advance(hours=1)  # type: ignore[attr-defined]
        house.settle()
    elif action == "leave":
        with house.database.writing() as transaction:
            people.end_membership(transaction, team_id=house.team_id, user_id=user_id)
    elif action in ("join", "revoke", "grant"):
        house.user(name, permissions=["secret"] if action == "grant" else [])


def visible(house: House, user_id: int) -> dict[int, bool]:
    """The oracle: id → unread of what this person's list must hold."""
    now = house.clock()
    threads = {row["id"]: row for row in house.rows(tables.notifications)}
    teams = {row["team_id"] for row in house.rows(tables.memberships, tables.memberships.c.user_id == user_id)}
    held = {(row["team_id"], row["permission"]) for row in house.rows(tables.membership_permissions) if row["user_id"] == user_id}
    needed: dict[int, set[str]] = {}
    for row in house.rows(tables.notification_permissions):
        needed.setdefault(row["notification_id"], set()).add(row["permission"])
    return {
        entry["notification_id"]: entry["read_at"] is None
        for entry in house.rows(tables.inbox_entries, tables.inbox_entries.c.user_id == user_id)
        if (thread := threads[entry["notification_id"]])
        and thread["status"] != "unseen"
        and thread["team_id"] in teams
        and all((thread["team_id"], word) in held for word in needed.get(thread["id"], ()))
        and (thread["expires_at"] is None or thread["expires_at"] > now)
        and entry["listed"]
        and entry["archived_at"] is None
        and (entry["muted_until"] is None or entry["muted_until"] <= now)
        and (entry["snoozed_until"] is None or entry["snoozed_until"] <= now)
    }


@pytest.mark.req("R65")
@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(actions=st.lists(ACTIONS, min_size=6, max_size=14))
async def test_the_count_equals_the_list_in_every_state(house: House, asker: Any, actions: list[str]) -> None:
    number = len(house.rows(tables.teams))
    mine = House(house.database, house.clock, slug=f"team-{number}")
    name = f"user-{number}"
    user_id, person = mine.user(name, permissions=["secret"]), asker(name)
    for step, action in enumerate(["fail", "private", *actions]):
        everything = [row["notification_id"] for row in mine.rows(tables.inbox_entries, tables.inbox_entries.c.user_id == user_id)]
        marks: dict[str, dict[str, bool]] = {
            "read": {"read": True}, "unread": {"read": False}, "archive": {"archived": True}, "unarchive": {"archived": False},
            "dismiss": {"dismissed": True},
        }  # fmt: skip
        if action in marks and everything:
            await person.put(f"{ROOT}/v1", {"ids": everything[step % 2 :] or everything, **marks[action]})
        elif action == "read-all":
            await person.post(f"{ROOT}/read-all")
        else:
            act(mine, name, action, step)
        expected = visible(mine, user_id)
        items: list[dict[str, Any]] = []
        page = {"next": ""}
        while page["next"] is not None:
            page = await person.get(f"{ROOT}/v1", params={"limit": 3, **({"cursor": page["next"]} if page["next"] else {})})
            items += page["items"]
        assert {item["id"]: item["read_at"] is None for item in items} == expected, action
        count = await person.get(f"{ROOT}/unread-count")
        assert count["total"] == sum(expected.values()) == sum(count["by_category"].values())
        unread = [item["category"] for item in items if item["read_at"] is None]
        assert {category: number for category, number in count["by_category"].items() if number} == {
            one: unread.count(one) for one in unread
        }


async def test_who_only_reads_is_answered_while_somebody_else_writes(house: House, clock: Clock, ana: Any) -> None:
    several(house, clock, 1)
    clock.advance(minutes=5)  # when a token was last used is noted again
    with house.database.writing() as transaction:
        transaction.execute(tables.teams.update().values(name="held"))
        assert titles(await ana.get(f"{ROOT}/v1")) == ["n0"]
