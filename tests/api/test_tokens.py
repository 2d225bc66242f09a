"""API tokens: for what, for how long, by whom."""

import re
from datetime import timedelta
from typing import Any

import pytest

from gateway.app import OPERATIONS
from gateway.storage import tables
from tests.builders import House
from tests.conftest import Clock

TOKENS = "/api/tokens"
EVERY = ["read", "write", "ingest", "admin"]


def bearer(made: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {made['token']}"}


@pytest.mark.req("R98")
async def test_tokens_are_made_listed_without_themselves_and_revoked_at_once(house: House, ana: Any, ben: Any, asker: Any) -> None:
    made = await ana.post(TOKENS, {"name": "ci"}, status=201)
    assert made["token"].startswith("tocsin_")
    assert made["scopes"] == ["read", "write"]
    await asker(None).get("/api/notifications/v1", headers=bearer(made))
    listed = (await ana.get(TOKENS))["items"]
    assert [(row["name"], row["scopes"], row["managed"]) for row in listed] == [("test", EVERY, False), ("ci", ["read", "write"], False)]
    assert made["token"] not in str(listed)
    assert listed[1]["last_used_at"] == "2026-03-02T09:00:00Z"
    await ben.delete(f"{TOKENS}/{made['id']}", status=404)
    assert await ana.delete(f"{TOKENS}/{made['id']}") == {"done": True}
    await asker(None).get("/api/notifications/v1", status=401, headers=bearer(made))
    await ana.delete(f"{TOKENS}/{made['id']}", status=404)
    assert b"tocsin_" not in b"".join(row["digest"] for row in house.rows(tables.credentials))


async def test_a_token_ends_at_its_time(clock: Clock, ana: Any, asker: Any) -> None:
    ends = (clock.now + timedelta(hours=1)).isoformat()
    made = await ana.post(TOKENS, {"name": "short", "expires_at": ends}, status=201)
    await asker(None).get("/api/notifications/v1", headers=bearer(made))
    clock.advance(hours=1)
    await asker(None).get("/api/notifications/v1", status=401, headers=bearer(made))


async def test_a_token_of_the_configuration_cannot_be_revoked(house: House, ana: Any) -> None:
    with house.database.writing() as transaction:
        transaction.execute(tables.credentials.update().values(managed=True))
    assert "tocsin.toml" in (await ana.delete(f"{TOKENS}/1", status=409))["detail"]
    assert (await ana.get(TOKENS))["items"][0]["managed"] is True


async def test_a_session_is_no_token(house: House, clock: Clock, ana: Any) -> None:
    with house.database.writing() as transaction:
        transaction.execute(
            tables.credentials.insert().values(user_id=1, kind="session", digest=b"s" * 32, name="browser", created_at=clock.now)
        )
    (session,) = house.rows(tables.credentials, tables.credentials.c.kind == "session")
    await ana.delete(f"{TOKENS}/{session['id']}", status=404)
    assert len((await ana.get(TOKENS))["items"]) == 1


REFUSED_TOKENS: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "body.name"),
    ({"name": "x" * 101}, "body.name"),
    ({"name": "a\x00b"}, "body.name"),
    ({"name": "x", "expires_at": "2026-01-01T00:00:00"}, "body.expires_at"),
    ({"name": "x", "expires_at": "9999-12-31T23:59:59-14:00"}, "body.expires_at"),
    ({"name": "x", "expires_at": "2026-03-02T09:00:00Z"}, "body.expires_at"),
    ({"name": "x", "scopes": []}, "body.scopes"),
    ({"name": "x", "scopes": ["all"]}, "body.scopes.0"),
    ({"name": "x", "scopes": "read"}, "body.scopes"),
]


async def test_a_refused_token_is_422_and_names_the_place(ana: Any) -> None:
    for body, place in REFUSED_TOKENS:
        assert [error["place"] for error in (await ana.post(TOKENS, body, status=422))["errors"]] == [place]


async def test_every_operation_refuses_a_token_without_its_scope_and_names_it(boss: Any, asker: Any) -> None:
    for scope in EVERY:
        made = await boss.post(TOKENS, {"name": "x", "scopes": [one for one in EVERY if one != scope]}, status=201)
        for operation in OPERATIONS:
            path = re.sub(r"\{\w+\}", "999", operation.path.replace("{slug}", "acme"))
            answer = await boss.client.request(operation.method, path, headers=bearer(made))
            if operation.scope == scope:
                assert (answer.status, scope in (await answer.json())["detail"]) == (403, True), operation.path
                assert f'scope="{scope}"' in answer.headers["WWW-Authenticate"]
            else:
                assert answer.status not in (401, 403), operation.path


def test_what_reads_needs_read_what_writes_needs_write_and_what_is_for_admins_needs_admin() -> None:
    for operation in OPERATIONS:
        assert operation.scope == (
            "admin" if operation.floor == "admin" else "read" if operation.method == "GET" or operation.safe else "write"
        )
    assert [operation.path for operation in OPERATIONS if operation.safe] == ["/api/stream/tickets"]
    assert all(
        operation.floor == "admin" for operation in OPERATIONS if operation.path.startswith(("/api/events", "/api/users", "/api/audit"))
    )


async def test_a_token_makes_none_that_may_do_more_or_lasts_longer(clock: Clock, boss: Any, asker: Any) -> None:
    ends = clock.now + timedelta(days=1)
    made = await boss.post(TOKENS, {"name": "w", "scopes": ["write", "read"], "expires_at": ends.isoformat()}, status=201)
    assert made["scopes"] == ["read", "write"]
    nobody = asker(None)
    for body, told in (
        ({"scopes": ["read", "admin"], "expires_at": ends.isoformat()}, "`admin`"),
        ({"scopes": ["ingest"], "expires_at": ends.isoformat()}, "`ingest`"),
        ({"scopes": ["read"]}, "lasts longer"),
        ({"scopes": ["read"], "expires_at": (ends + timedelta(seconds=1)).isoformat()}, "lasts longer"),
    ):
        assert told in (await nobody.post(TOKENS, {"name": "x", **body}, status=403, headers=bearer(made)))["detail"]
    await nobody.post(TOKENS, {"name": "x", "scopes": ["write"], "expires_at": ends.isoformat()}, status=201, headers=bearer(made))


@pytest.mark.req("R37")
async def test_a_token_is_for_nothing_that_the_roles_of_its_person_do_not_allow(house: House, asker: Any) -> None:
    for name, allowed in (("viewer", {"read", "write"}), ("member", {"read", "write", "ingest"}), ("admin", set(EVERY))):
        house.user(name, role=name)
        for scope in EVERY:
            await asker(name).post(TOKENS, {"name": "x", "scopes": [scope]}, status=201 if scope in allowed else 403)


@pytest.mark.req("R36")
async def test_an_admin_rules_over_tokens_of_those_who_are_in_no_other_team(house: House, boss: Any, zoe: Any, ana: Any) -> None:
    ana_id = (
        1 if house.rows(tables.users)[0]["name"] == "Ana" else next(row["id"] for row in house.rows(tables.users) if row["name"] == "Ana")
    )
    token = await ana.post(TOKENS, {"name": "ci"}, status=201)
    theirs = f"/api/users/{ana_id}/tokens"
    assert [row["name"] for row in (await boss.get(theirs))["items"]] == ["test", "ci"]
    await zoe.get(theirs, status=404)
    await zoe.delete(f"{theirs}/{token['id']}", status=404)
    await ana.get(theirs, status=403)
    await boss.get("/api/users/999/tokens", status=404)
    await boss.delete(f"{theirs}/999", status=404)
    other = house.team("elsewhere")
    house.user("ana", team_id=other)
    for method, path in (("GET", theirs), ("DELETE", f"{theirs}/{token['id']}")):
        assert "alone" in (await boss.ask(method, path, status=403))["detail"]
    house.user("boss", team_id=other, role="admin")
    assert await boss.delete(f"{theirs}/{token['id']}") == {"done": True}
    assert [row["name"] for row in (await ana.get(TOKENS))["items"]] == ["test"]


async def test_what_is_done_with_tokens_is_written_down_for_each_team_they_reach_and_holds_no_secret(house: House, boss: Any) -> None:
    made = await boss.post(TOKENS, {"name": "deploy", "scopes": ["read"]}, status=201)
    await boss.delete(f"{TOKENS}/{made['id']}")
    revoked, created = (await boss.get("/api/audit"))["items"]
    assert (created["action"], created["actor"], created["team"]) == ("token.created", "Boss <boss@acme.test>", "acme")
    assert (created["target"], created["details"]) == (
        f"token {made['id']} of Boss <boss@acme.test>",
        {"scopes": ["read"], "name": "deploy"},
    )
    assert (revoked["action"], revoked["details"]) == ("token.revoked", created["details"])
    house.user("boss", team_id=house.team("other"))
    second = await boss.post(TOKENS, {"name": "of-another-customer"}, status=201)
    written = house.rows(tables.audit)
    assert len(written) == 4
    assert "of-another-customer" not in str(written), "each team is told of the token, not of what it is called"
    assert made["token"] not in str(written)
    assert second["token"] not in str(written)
