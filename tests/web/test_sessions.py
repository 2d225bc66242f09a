"""Sessions: how long they last, how their id changes, where they are seen and how they are ended."""

from datetime import timedelta
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from gateway.api.sign_in import COOKIE, SESSION
from gateway.storage import sessions
from gateway.storage.credentials import UNUSED_FOR
from gateway.storage.sessions import GRACE, RENEWED_EVERY
from mappers.contract.signature import digest
from tests.web.house import OURS, House, text, words

Client = TestClient[Any, Any]
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/604.1"


async def begun(house: House, who: str = "ana", **headers: str) -> str:
    """The id of a fresh session."""
    answer = await house.visitor().post(await house.link(who), headers={**OURS, **headers}, allow_redirects=False)
    return str(answer.cookies[COOKIE].value)


async def shown(house: House, session: str, path: str = "/") -> tuple[int, str | None]:
    """The status of a page for this session, and the id that it got with the answer."""
    answer = await house.visitor().get(path, cookies={COOKIE: session})
    fresh = answer.cookies.get(COOKIE)
    return answer.status, fresh.value if fresh else None


async def test_a_session_that_is_used_ends_after_a_month_and_an_unused_one_sooner(house: House) -> None:
    used = await house.signed_in("ana")
    unused = await begun(house)
    for _ in range(int(SESSION / timedelta(days=7))):
        house.clock.advance(days=7)
        await text(await used.get("/"))
    assert (await shown(house, unused))[0] == 401
    house.clock.now += SESSION % timedelta(days=7) - timedelta(seconds=1)
    await text(await used.get("/"))
    house.clock.advance(seconds=1)
    await text(await used.get("/"), 401)


async def test_an_unused_session_ends_to_the_second(house: House) -> None:
    session, other = await begun(house), await begun(house)
    house.clock.now += UNUSED_FOR - timedelta(seconds=1)
    assert (await shown(house, session))[0] == 200
    house.clock.advance(seconds=1)
    assert (await shown(house, other))[0] == 401


async def test_the_id_changes_now_and_then_and_the_old_one_is_of_no_use_any_more(house: House) -> None:
    first = await begun(house)
    assert await shown(house, first) == (200, None)
    house.clock.now += RENEWED_EVERY
    status, second = await shown(house, first)
    assert status == 200
    assert second
    assert second != first
    assert await shown(house, first) == (200, None), "a request that was on its way is answered"
    assert await shown(house, second) == (200, None)
    house.clock.now += GRACE
    assert (await shown(house, first))[0] == 401


async def test_an_old_id_that_comes_late_is_a_copy_and_ends_the_session(house: House) -> None:
    first = await begun(house)
    house.clock.now += RENEWED_EVERY
    _, second = await shown(house, first)
    assert second
    await shown(house, second)
    house.clock.now += GRACE
    assert (await shown(house, first))[0] == 401
    assert (await shown(house, second))[0] == 401


async def test_an_answer_that_was_lost_signs_nobody_out(house: House) -> None:
    first = await begun(house)
    house.clock.now += RENEWED_EVERY
    _, lost = await shown(house, first)
    house.clock.advance(days=3)
    status, second = await shown(house, first)
    assert status == 200
    assert second not in (None, lost, first)
    assert (await shown(house, lost or ""))[0] == 401
    assert (await shown(house, second or ""))[0] == 200


async def test_of_many_requests_at_once_one_gets_the_new_id(house: House) -> None:
    import asyncio

    first = await begun(house)
    house.clock.now += RENEWED_EVERY
    answers = await asyncio.gather(*(shown(house, first, path) for path in ("/", "/urgent-bar", "/mail", "/preferences") * 3))
    assert {status for status, _ in answers} == {200}
    assert len({fresh for _, fresh in answers if fresh}) == 1


async def test_somebody_sees_where_they_are_signed_in_and_ends_one(house: House) -> None:
    phone = await begun(house, **{"User-Agent": PHONE})
    house.clock.advance(hours=2)
    client = house.visitor()
    await client.post(await house.link("ana"), headers={**OURS, "User-Agent": FIREFOX}, allow_redirects=False)
    olga = await begun(house, "olga")
    page = words(await text(await client.get("/sessions")))
    assert "Firefox on Linux this browser" in page
    assert "Safari on iPhone" in page
    listed = (await (await client.get("/api/sessions")).json())["items"]
    assert [(one["name"], one["current"]) for one in listed] == [("Firefox on Linux", True), ("Safari on iPhone", False)]
    await text(await client.post(f"/sessions/{listed[1]['id']}/end", headers=OURS))
    assert (await shown(house, phone))[0] == 401
    found = await house.database.read(sessions.find, digest=digest(olga), now=house.clock())
    assert found
    await text(await client.post(f"/sessions/{found.person.credential_id}/end", headers=OURS), 404)
    assert (await shown(house, olga))[0] == 200
    answer = await client.post(f"/sessions/{listed[0]['id']}/end", headers=OURS, allow_redirects=False)
    assert answer.headers["Location"] == "/sign-in"
    await text(await client.get("/"), 401)


async def test_signing_out_everywhere_ends_every_session_and_unused_link(house: House, ana: Client) -> None:
    other, ben, link = await begun(house), await begun(house, "ben"), await house.link("ana")
    answer = await ana.post("/sign-out-everywhere", headers=OURS, allow_redirects=False)
    assert (answer.status, answer.cookies[COOKIE]["max-age"]) == (303, "0")
    assert [(await shown(house, one))[0] for one in (other, ben)] == [401, 200]
    await text(await house.visitor().post(link, headers=OURS), 410)


async def test_an_admin_signs_a_member_out_everywhere_and_nobody_else(house: House, ana: Client, ben: Client) -> None:
    of_ben, of_olga = f"/api/users/{house.users['ben']}/sessions", f"/api/users/{house.users['olga']}/sessions"
    assert len((await (await ana.get(of_ben)).json())["items"]) == 1
    assert (await ben.delete(f"/api/users/{house.users['ana']}/sessions", headers=OURS)).status == 403
    assert [(await ana.get(of_olga)).status, (await ana.delete(of_olga, headers=OURS)).status] == [404, 404]
    assert await (await ana.delete(of_ben, headers=OURS)).json() == {"ended": 1}
    await text(await ben.get("/"), 401)
    written = (await (await ana.get("/api/audit")).json())["items"][0]
    assert (written["action"], written["target"], written["details"]) == ("sessions.ended", "Ben <ben@acme.test>", {"ended": 1})


async def test_whoever_is_in_other_teams_too_is_signed_out_but_not_looked_at(house: House, ana: Client, ben: Client) -> None:
    from gateway.storage import people

    await house.database.write(
        people.put_membership, team_id=house.teams["other"], user_id=house.users["ben"], role="member", permissions=()
    )
    of_ben = f"/api/users/{house.users['ben']}/sessions"
    assert (await ana.get(of_ben)).status == 403
    assert (await ana.delete(of_ben, headers=OURS)).status == 200
    await text(await ben.get("/"), 401)


async def test_nobody_can_choose_the_id_of_a_session(house: House) -> None:
    fixed = "x" * 43
    client = house.visitor()
    answer = await client.post(await house.link("ana"), headers=OURS, cookies={COOKIE: fixed}, allow_redirects=False)
    assert answer.cookies[COOKIE].value != fixed
    assert (await shown(house, fixed))[0] == 401


@pytest.mark.parametrize("state", ["looked at", "renewed"])
async def test_trouble_with_what_is_noted_of_a_session_refuses_nobody(house: House, monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    from gateway.storage.database import StorageUnavailable

    session = await begun(house)
    house.clock.now += RENEWED_EVERY if state == "renewed" else timedelta(hours=1)

    async def full(*_: object, **__: object) -> None:
        raise StorageUnavailable("disk full")

    monkeypatch.setattr(house.database, "write", full)
    assert await shown(house, session) == (200, None)
