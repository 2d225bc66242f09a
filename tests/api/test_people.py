"""Teams and their people: who may add, change and end memberships, and what nobody can."""

import asyncio
from typing import Any

import pytest

from gateway.storage import people, tables
from tests.builders import House, failure

MEMBERS = "/api/teams/acme/members"


def user_id(house: House, name: str) -> int:
    (row,) = house.rows(tables.users, tables.users.c.email == f"{name}@acme.test")
    return int(row["id"])


def roles(house: House) -> dict[str, str]:
    names = {row["id"]: row["name"] for row in house.rows(tables.users)}
    return {names[row["user_id"]]: row["role"] for row in house.rows(tables.memberships, tables.memberships.c.team_id == house.team_id)}


async def test_my_teams_show_what_i_am_in_them(house: House, ana: Any) -> None:
    house.user("ana", permissions=["z.view", "a.view"])
    house.user("ana", team_id=house.team("other"), role="viewer")
    acme, other = (await ana.get("/api/teams"))["items"]
    assert acme == {"slug": "acme", "name": "acme", "role": "member", "permissions": ["a.view", "z.view"], "managed": False}
    assert (other["slug"], other["role"]) == ("other", "viewer")


@pytest.mark.req("R36")
async def test_admins_see_the_people_of_their_teams_and_nothing_of_their_others(house: House, boss: Any, ana: Any, zoe: Any) -> None:
    house.user("ana", team_id=house.team("other"), permissions=["secret.view"])
    everyone = (await boss.get("/api/users"))["items"]
    assert [(one["email"], [team["slug"] for team in one["teams"]]) for one in everyone] == [
        ("ana@acme.test", ["acme"]), ("boss@acme.test", ["acme"]),
    ]  # fmt: skip
    assert "secret.view" not in str(everyone)
    assert [one["email"] for one in (await zoe.get("/api/users"))["items"]] == ["zoe@acme.test", "ana@acme.test"]
    first = await boss.get("/api/users?limit=1")
    second = await boss.get(f"/api/users?limit=1&cursor={first['next']}")
    assert ([*first["items"], *second["items"]], second["next"]) == (everyone, None)
    assert [one["email"] for one in (await boss.get("/api/users", params={"email": "boss@acme.test"}))["items"]] == ["boss@acme.test"]
    assert (await boss.get("/api/users?email=zoe@acme.test"))["items"] == []
    await ana.get("/api/users", status=403)
    await boss.get("/api/users?team=other", status=404)


@pytest.mark.req("R37")
async def test_an_admin_adds_changes_and_ends_memberships_and_it_counts_at_once(house: House, boss: Any, asker: Any) -> None:
    added = await boss.put(MEMBERS, {"email": "new@acme.test", "name": "  New\n One "})
    assert added == {
        "id": user_id(house, "new"),
        "email": "new@acme.test",
        "role": "member",
        "permissions": [],
        "created": True,
        "invitation": "no-server",
    }
    assert house.rows(tables.users, tables.users.c.id == added["id"])[0]["name"] == "New One"
    changed = await boss.put(MEMBERS, {"email": "new@acme.test", "permissions": ["orders.view"], "name": "Renamed"})
    assert (changed["role"], changed["permissions"], changed["created"]) == ("member", ["orders.view"], False)
    assert house.rows(tables.users, tables.users.c.id == added["id"])[0]["name"] == "New One"
    changed = await boss.put(MEMBERS, {"email": "new@acme.test", "role": "viewer"})
    assert (changed["role"], changed["permissions"]) == ("viewer", ["orders.view"])
    held = house.rows(tables.membership_permissions, tables.membership_permissions.c.user_id == added["id"])
    assert {row["permission"] for row in held} == {"orders.view", "role:viewer"}
    house.user("new", role="admin")
    await asker("new").get("/api/users")
    await boss.delete(f"{MEMBERS}/{added['id']}")
    await asker("new").get("/api/users", status=403)
    await boss.delete(f"{MEMBERS}/{added['id']}", status=404)


@pytest.mark.req("R36")
async def test_a_foreign_team_and_a_foreign_person_are_404_and_a_team_without_the_role_is_403(
    house: House, boss: Any, ana: Any, zoe: Any
) -> None:
    body = {"email": "x@acme.test"}
    for who, status in ((zoe, 404), (ana, 403)):
        await who.put(MEMBERS, body, status=status)
        await who.delete(f"{MEMBERS}/{user_id(house, 'boss')}", status=status)
    for path in ("/api/teams/nothing/members", "/api/teams/other/members"):
        await boss.put(path, body, status=404)
        await boss.delete(f"{path}/1", status=404)
    await boss.delete(f"{MEMBERS}/{user_id(house, 'zoe')}", status=404)
    await boss.delete(f"{MEMBERS}/x", status=404)
    house.user("zoe", role="viewer")
    await zoe.put(MEMBERS, body, status=403)
    assert roles(house) == {"Boss": "admin", "Ana": "member", "Zoe": "viewer"}


async def test_the_last_admin_can_neither_leave_nor_become_less(house: House, boss: Any) -> None:
    mine = user_id(house, "boss")
    assert "last admin" in (await boss.delete(f"{MEMBERS}/{mine}", status=409))["detail"]
    for role in ("member", "viewer"):
        await boss.put(MEMBERS, {"email": "boss@acme.test", "role": role}, status=409)
    await boss.put(MEMBERS, {"email": "boss@acme.test", "permissions": ["a.view"]})
    house.user("second", role="admin")
    await boss.put(MEMBERS, {"email": "boss@acme.test", "role": "member"})
    assert roles(house) == {"Boss": "member", "Second": "admin"}


async def test_two_admins_who_demote_each_other_at_once_leave_one(house: House, boss: Any, asker: Any) -> None:
    house.user("second", role="admin")
    second = asker("second")
    for _ in range(5):
        answers = await asyncio.gather(
            *(
                who.client.put(MEMBERS, json={"email": f"{other}@acme.test", "role": "member"}, headers=who.headers)
                for who, other in ((boss, "second"), (second, "boss"))
            )
        )
        assert sorted(answer.status for answer in answers) in ([200, 403], [200, 409])
        assert sorted(roles(house).values()) == ["admin", "member"]
        for name in ("boss", "second"):
            house.user(name, role="admin")


async def test_what_the_configuration_owns_is_409(house: House, boss: Any) -> None:
    kept = house.user("kept")
    with house.database.writing() as transaction:
        people.put_membership(transaction, team_id=house.team_id, user_id=kept, role="member", permissions=(), managed=True)
    assert "tocsin.toml" in (await boss.put(MEMBERS, {"email": "kept@acme.test", "role": "viewer"}, status=409))["detail"]
    await boss.delete(f"{MEMBERS}/{kept}", status=409)
    (shown,) = (await boss.get("/api/users?email=kept@acme.test"))["items"]
    assert shown["teams"][0]["managed"] is True
    assert roles(house)["Kept"] == "member"


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "body.email"),
    ({"email": "nobody"}, "body.email"),
    ({"email": "a b@acme.test"}, "body.email"),
    ({"email": "x@acme.test", "role": "owner"}, "body.role"),
    ({"email": "x@acme.test", "permissions": ["role:admin"]}, "body.permissions.0"),
    ({"email": "x@acme.test", "permissions": [""]}, "body.permissions.0"),
    ({"email": "x@acme.test", "permissions": ["a\u202eb"]}, "body.permissions.0"),
    ({"email": "x@acme.test", "permissions": ["\ud800"]}, "body"),
    ({"email": "\ud800@acme.test"}, "body"),
    ({"email": "x@acme.test", "password": "x"}, "body.password"),
]


async def test_a_refused_membership_is_422_and_names_the_place(house: House, boss: Any) -> None:
    for body, place in REFUSED:
        assert [error["place"] for error in (await boss.put(MEMBERS, body, status=422))["errors"]] == [place], body
    assert roles(house) == {"Boss": "admin"}


async def test_every_change_of_a_membership_is_written_down_and_no_other(house: House, boss: Any, zoe: Any) -> None:
    made = await boss.put(MEMBERS, {"email": "new@acme.test", "permissions": ["a.view"]})
    await boss.put(MEMBERS, {"email": "new@acme.test", "role": "admin"})
    await boss.delete(f"{MEMBERS}/{made['id']}")
    await boss.delete(f"{MEMBERS}/{made['id']}", status=404)
    await boss.delete(f"{MEMBERS}/{user_id(house, 'boss')}", status=409)
    written = (await boss.get("/api/audit"))["items"]
    assert [(one["action"], one["details"]["role_before"], one["details"]["role"]) for one in written] == [
        ("member.removed", "admin", "admin"), ("member.changed", "member", "admin"), ("member.added", None, "member"),
    ]  # fmt: skip
    assert {one["target"] for one in written} == {"new <new@acme.test>"}
    first = await boss.get("/api/audit?limit=2")
    assert [*first["items"], *(await boss.get(f"/api/audit?limit=2&cursor={first['next']}"))["items"]] == written
    assert (await zoe.get("/api/audit"))["items"] == []


async def test_replays_are_written_down_in_the_team_of_each_event(house: House, boss: Any) -> None:
    other = house.team("other")
    house.user("boss", team_id=other, role="admin")
    theirs = house.say(unmapped="what", source_id=house.source("theirs", team_id=other))
    mine = [house.say(unmapped="what") for _ in range(2)]
    good = house.say(failure(run="r"))
    await boss.post("/api/events/replay", {"status": "unmapped"})
    await boss.post(f"/api/events/{good}/replay")
    written = [(one["team"], one["action"], one["target"]) for one in (await boss.get("/api/audit"))["items"]]
    assert written == [
        ("acme", "events.replayed", f"event {good}"),
        ("acme", "events.replayed", f"2 events, {mine[0]} to {mine[1]}"),
        ("other", "events.replayed", f"event {theirs}"),
    ]


async def test_where_no_mail_server_is_configured_it_is_said_that_nobody_is_told(boss: Any) -> None:
    added = await boss.put(MEMBERS, {"email": "new@acme.test"})
    assert (added["created"], added["invitation"]) == (True, "no-server")
    again = await boss.put(MEMBERS, {"email": "new@acme.test", "role": "viewer"})
    assert (again["created"], again["invitation"]) == (False, None)
    assert (await boss.put(MEMBERS, {"email": "quiet@acme.test", "invite": False}))["invitation"] is None


@pytest.fixture
def mails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail server is configured."""
    monkeypatch.setenv("TOCSIN_SMTP_URL", "smtp://mail.test")


async def test_who_is_added_is_told_once(house: House, mails: None, boss: Any) -> None:
    added = await boss.put(MEMBERS, {"email": "new@acme.test"})
    assert added["invitation"] == "asked"
    assert (await boss.put(MEMBERS, {"email": "new@acme.test", "permissions": ["a.view"]}))["invitation"] is None
    await boss.delete(f"{MEMBERS}/{added['id']}")
    assert (await boss.put(MEMBERS, {"email": "new@acme.test"}))["invitation"] == "lately"
    (asked,) = house.rows(tables.sign_in_requests)
    assert (asked["email"], asked["team_id"], asked["invited_by"]) == ("new@acme.test", house.team_id, "Boss <boss@acme.test>")
    actions = [row["action"] for row in reversed((await boss.get("/api/audit"))["items"])]
    assert actions == ["member.added", "member.invited", "member.changed", "member.removed", "member.added"]
