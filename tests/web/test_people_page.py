"""People, roles, tokens and what was changed, on the page."""

import re
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from gateway.storage import people
from tests.web.house import OURS, House, draft, text, words

Client = TestClient[Any, Any]


async def test_somebody_is_added_changed_and_removed(house: House, ana: Client) -> None:
    cleo = {"team": "acme", "email": "cleo@acme.test", "name": "Cleo", "role": "viewer", "permissions": "pipelines.view\nbilling.view"}
    answer = await ana.post("/members", data=cleo, headers=OURS, allow_redirects=False)
    assert answer.headers["Location"] == "/members"
    page = await text(await ana.get("/members"))
    assert "No mail server is configured" in page
    assert "they can sign in with that address" in page
    path = re.search(r'href="(/members/\d+)"><b><bdi>Cleo', page)
    assert path
    one = await text(await ana.get(path[1]))
    assert "billing.view\npipelines.view" in one
    assert "is a member already" in await text(await ana.post("/members", data=cleo, headers=OURS), 409)
    await ana.post(path[1], data={"team": "acme", "role": "member", "permissions": "billing.view"}, headers=OURS)
    assert "<option selected>member</option>" in await text(await ana.get(path[1]))
    await ana.post(f"{path[1]}/remove", data={"team": "acme"}, headers=OURS)
    assert "Cleo" not in await text(await ana.get("/members?team=acme&email=cleo@acme.test"))
    actions = re.findall(r"<code>(member\.\w+)</code>", await text(await ana.get("/audit")))
    assert actions == ["member.removed", "member.changed", "member.added"]
    await text(await ana.post("/members", data={**cleo, "email": "no address"}, headers=OURS), 422)
    await text(await ana.post("/members", data={**cleo, "team": "other"}, headers=OURS), 404)


async def test_the_last_admin_stays_and_what_tocsin_toml_owns_is_read_only(house: House, ana: Client) -> None:
    assert "last admin" in await text(await ana.post("/members/1/remove", data={"team": "acme"}, headers=OURS), 409)
    assert "last admin" in await text(await ana.post("/members/1", data={"team": "acme", "role": "viewer"}, headers=OURS), 409)
    with house.database.writing() as transaction:
        people.put_membership(
            transaction, team_id=house.teams["acme"], user_id=house.users["ben"], role="member", permissions=(), managed=True
        )
    page = await text(await ana.get("/members/2"))
    assert "tocsin.toml owns this membership" in page
    assert "Yes, remove them" not in page
    assert "of tocsin.toml" in await text(await ana.get("/members"))


async def test_tokens_are_made_shown_once_and_ended(house: House, ben: Client, ana: Client) -> None:
    assert "No token yet" in await text(await ben.get("/tokens"))
    form = {"name": "ci <b>", "scope": ["read", "ingest"], "lasts": "30d"}
    answer = await ben.post(
        "/tokens", data=[("name", form["name"]), ("scope", "read"), ("scope", "ingest"), ("lasts", "30d")], headers=OURS
    )
    assert answer.headers["Cache-Control"] == "no-store"
    page = await text(answer)
    token = re.search(r"<code class=\"address\">(tocsin_[\w-]+)<", page)
    assert token
    listed = await text(await ben.get("/tokens"))
    assert token[1] not in listed
    assert "read, ingest" in listed
    assert "until 1 Apr, 09:00" in words(listed)
    asked = house.visitor()
    assert (await asked.get("/api/teams", headers={"Authorization": f"Bearer {token[1]}"})).status == 200
    theirs = await text(await ana.get("/members/2"))
    assert "ci &lt;b&gt;" in theirs
    end = re.search(r'action="(/members/2/tokens/\d+/end)"', theirs)
    assert end
    await ana.post(end[1], headers=OURS)
    assert (await asked.get("/api/teams", headers={"Authorization": f"Bearer {token[1]}"})).status == 401
    await asked.session.close()
    assert "No token yet" in await text(await ben.get("/tokens"))
    await text(await ben.post("/tokens", data={"name": "x", "scope": "admin"}, headers=OURS), 403)
    await text(await ben.post("/tokens", data={"name": "x"}, headers=OURS), 422)


async def test_what_was_changed_is_found_by_what_who_and_when(house: House, ana: Client) -> None:
    await ana.post("/members", data={"team": "acme", "email": "cleo@acme.test", "role": "viewer"}, headers=OURS)
    house.clock.advance(days=2)
    await ana.post("/sources/new", data={"kind": "generic", "slug": "backup", "scheme": "token"}, headers=OURS)
    for query, found in {
        "": ["source.created", "member.added"], "?action=source": ["source.created"], "?action=member.added": ["member.added"],
        "?actor=ANA": ["source.created", "member.added"], "?actor=ben": [], "?target=cleo": ["member.added"],
        "?since=2026-03-03": ["source.created"], "?until=2026-03-03": ["member.added"], "?action=sour": [],
    }.items():  # fmt: skip
        page = await text(await ana.get(f"/audit{query}"))
        assert re.findall(r"<code>(\w+\.\w+)</code>", page) == found, query
        assert found or "Nothing matches" in page
    await text(await ana.get("/audit?since=yesterday"), 422)


@pytest.mark.req("R81")
async def test_mail_is_found_by_status_kind_and_person(house: House, ana: Client) -> None:
    await house.happens(draft())
    await house.sends()
    for query, count in {
        "": 2,
        "?status=kept": 2,
        "?status=failed": 0,
        "?kind=failing": 2,
        "?kind=digest": 0,
        "?email=ben@acme.test": 1,
    }.items():
        page = await text(await ana.get(f"/mail{query}"))
        assert len(set(re.findall(r'href="/mail/\d+"', page))) == count, query
        assert count or "Nothing matches" in page
    await text(await ana.get("/mail?status=lost"), 422)


async def test_a_device_that_is_lost_is_signed_out_by_an_admin(house: House, ana: Client) -> None:
    ben = await house.signed_in("ben")
    await text(await ben.get("/"))
    path = f"/members/{house.users['ben']}"
    answer = await ana.post(f"{path}/sign-out", headers=OURS, allow_redirects=False)
    assert answer.headers["Location"] == path
    assert "Signed out everywhere" in words(await text(await ana.get(path)))
    await text(await ben.get("/"), 401)
    assert "sessions.ended" in await text(await ana.get("/audit"))
    assert (await ben.post(f"/members/{house.users['ana']}/sign-out", headers=OURS)).status == 401
    await text(await ana.post(f"/members/{house.users['olga']}/sign-out", headers=OURS), 404)
