"""Mail, sources, events: what was sent, what arrived, what was refused."""

import re
from datetime import timedelta
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from gateway.config.document import Auth
from gateway.proofs import stored
from gateway.storage import follow_ups, people, reconciliations, refused_addresses, replay, sources
from gateway.vault import Vault
from gateway.web.pages import _ROUTES
from tests.web.house import OURS, House, draft, text, words

Client = TestClient[Any, Any]


async def arrives(house: House, body: bytes, token: str = "right-secret") -> int:
    """A request at the door; gives its status."""
    proofs = stored(Auth.model_validate({"token": ["right-secret"]}), Vault("a key for tests, long enough to be taken"))
    await house.database.write(
        sources.put,
        team_id=house.teams["acme"],
        slug="prefect-prod",
        kind="prefect",
        environment="prod",
        auth=proofs,
        settings={},
        managed=False,
        now=house.clock(),
    )
    visitor = house.visitor()
    answer = await visitor.post(f"/webhooks/acme/prefect-prod/{token}", data=body)
    await visitor.session.close()
    await house.maps()
    return answer.status


@pytest.mark.req("R23", "R71")
async def test_what_was_asked_of_a_sender_and_what_came_of_it(house: House, ana: Client) -> None:
    await arrives(house, b'{"odd": 1}')
    now = house.clock()
    wanted = [
        follow_ups.Wanted(1, 1, name, "prefect", name, {"flow_run": "<b>1</b>"}, [], now + timedelta(days=1))
        for name in ("flow_run", "logs")
    ]
    await house.database.write(follow_ups.ask, wanted, now)
    with house.database.writing() as transaction:
        first, _ = follow_ups.claim(transaction, now=now, lease="x", lease_for=timedelta(minutes=1), limit=2)
        follow_ups.finish(transaction, first.id, lease="x", status="failed", reason="the key may not <i>read</i> runs", now=now)
    page = await text(await ana.get("/events/1"))
    assert "Not to be had" in page
    assert "Still to come" in page
    assert "the key may not &lt;i&gt;read&lt;/i&gt; runs" in page
    assert "<b>1</b>" not in page
    assert "missed runs" not in await text(await ana.get("/sources/1"))
    await house.database.write(reconciliations.enroll, ["prefect"], now)
    with house.database.writing() as transaction:
        one = reconciliations.claim(transaction, now=now, lease="y", lease_for=timedelta(minutes=1))
        assert one is not None
        reconciliations.finish(transaction, one.source_id, lease="y", trouble="answered 503", asked_at=now, due_at=now)
    assert "answered 503" in await text(await ana.get("/sources"))
    page = await text(await ana.get("/sources/1"))
    assert "Its API cannot be asked: answered 503" in page
    assert "missed runs" in page


@pytest.mark.req("R86")
async def test_an_event_is_laid_out_without_the_secrets_in_it(house: House, ana: Client) -> None:
    assert await arrives(house, b'{"job": "nightly", "password": "hunter2pass", "more": {"password": 4711}}') == 202
    page = await text(await ana.get("/events/1"))
    assert "hunter2pass" not in page
    assert "4711" not in page
    assert "&#34;password&#34;: &#34;[redacted: named secret]&#34;" in page
    assert "What looks like a secret is taken out" in page
    assert await arrives(house, b'{"job": "nightly"}') == 202
    assert "Nothing in it looks like a secret" in await text(await ana.get("/events/2"))


@pytest.mark.req("R17")
async def test_what_arrived_and_what_became_of_it(house: House, ana: Client) -> None:
    assert await arrives(house, b'{"odd": "<script>alert(1)</script>"}') == 202
    assert await arrives(house, b"\xff\xfe\x00") == 202
    page = await text(await ana.get("/events"))
    assert "prefect-prod" in page
    assert len(re.findall(r'href="/events/\d+"', page)) == 2
    one = await text(await ana.get("/events/1"))
    assert "&lt;script&gt;alert(1)" in one
    assert "<script>alert" not in one
    assert "Map it again" in one
    assert "tocsin events show 2 --raw" in await text(await ana.get("/events/2"))
    answer = await ana.post("/events/1/replay", headers=OURS, allow_redirects=False)
    assert answer.headers["Location"] == "/events/1"
    page = await text(await ana.get("/events/1"))
    assert "Queued to be mapped again" in page
    assert "Waiting to be mapped" in page
    assert "There is no such event here" in await text(await ana.get("/events?status=quarantined"))
    await text(await ana.get("/events?status=lost"), 422)
    await text(await ana.get("/events?cursor=x"), 422)


@pytest.mark.req("R22")
async def test_events_are_filtered_on_the_persons_own_clock_and_counted(house: House, ana: Client) -> None:
    for _ in range(2):
        await arrives(house, b'{"odd": 1}')
        house.clock.advance(hours=1)
    assert (await ana.put("/api/notifications/preferences", json={"timezone": "Europe/Berlin"}, headers=OURS)).status == 200
    whole = await text(await ana.get("/events?status=unmapped&source=prefect-prod"))
    assert 'Unmapped <span class="hush">2</span>' in whole
    assert "Replay these 2" in whole
    late = await text(await ana.get("/events?since=2026-03-02T10:30"))  # half past nine in UTC
    assert re.findall(r'href="/events/(\d+)"', late) == ["2"]
    assert 'value="2026-03-02T10:30"' in late
    assert "Replay this one" in late
    same = await text(await ana.get("/events?since=2026-03-02T09:30Z"))
    assert 'value="2026-03-02T10:30"' in same
    assert "Nothing matches" in await text(await ana.get("/events?status=mapped&source=prefect-prod"))
    assert "Nothing has arrived yet" not in await text(await ana.get("/events?conflicting=true"))
    for query in ("since=yesterday", "until=2026-13-01", "since=2026-03-02T10:00&until=2026-03-02T09:00", "conflicting=perhaps"):
        await text(await ana.get(f"/events?{query}"), 422)
    unfiltered = await text(await ana.get("/events"))
    assert "Replay these" not in unfiltered, "what is not filtered is not replayed by a slip"


@pytest.mark.req("R22")
async def test_all_that_match_are_replayed_after_a_question_and_the_page_says_what_became_of_them(house: House, ana: Client) -> None:
    for _ in range(3):
        await arrives(house, b'{"odd": 1}')
    house.clock.advance(minutes=5)
    page = await text(await ana.get("/events?status=unmapped"))
    form = re.search(r'<details class="confirm">.*?</details>', page, re.DOTALL)
    assert form
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form[0]))
    assert fields == {"status": "unmapped", "of": "3"}
    await text(await ana.post("/events/replay", data=fields, headers={"Sec-Fetch-Site": "cross-site"}), 403)
    began = await ana.post("/events/replay", data=fields, headers=OURS, allow_redirects=False)
    going = await text(await ana.get(began.headers["Location"]))
    assert "0 of 3 mapped again, 3 waiting." in going
    assert "to be mapped again" in await text(await ana.get("/events"))
    await house.maps()
    done = await text(await ana.get(began.headers["Location"]))
    assert "Done: 3 events were mapped again." in done
    assert re.search(r'Unmapped</dt><dd><a href="/events\?status=unmapped">3</a>', done)
    await text(await ana.post("/events/replay", data={}, headers=OURS), 422)


@pytest.mark.req("R22")
async def test_a_long_replay_goes_on_from_its_address(house: House, ana: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "AT_ONCE", 2)
    for _ in range(3):
        await arrives(house, b'{"odd": 1}')
    answer = await ana.post("/events/replay", data={"status": "unmapped", "of": "3"}, headers=OURS, allow_redirects=False)
    going = await text(await ana.get(answer.headers["Location"]))
    assert "0 of 3 mapped again, 2 waiting." in going
    by_hand = re.search(r"data-replay-by-hand>.*?</form>", going, re.DOTALL)
    assert by_hand
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', by_hand[0]))
    await house.maps()
    answer = await ana.post("/events/replay", data=fields, headers=OURS, allow_redirects=False)
    await house.maps()
    assert "Done: 3 events were mapped again." in await text(await ana.get(answer.headers["Location"]))


async def test_what_an_address_asks_for_is_only_ever_text(house: House, ana: Client) -> None:
    await arrives(house, b'{"odd": 1}')
    evil = {"source": "\"'><script>alert(1)</script>", "started": "<script>alert(2)</script>", "cursor": "1.2", "queued": "<b>", "of": "x"}
    for path in ("/events", "/events/replay", "/rejections"):
        page = await text(await ana.get(path, params={"source": evil["source"]} if path != "/events/replay" else evil))
        assert "<script>alert" not in page
    await text(await ana.get("/events/replay"), 422)
    await text(await ana.get("/events/replay?source=x&started=yesterday"), 422)


async def test_refusals_can_be_seen_of_one_source(house: House, ana: Client) -> None:
    await arrives(house, b"{}", token="wrong-secret")
    await arrives(house, b"{}", token="right-secret")
    for query, seen in {
        "": True, "?source=prefect-prod": True, "?reason=credential-wrong&team=acme": True, "?source=other": False,
        "?reason=body-too-large": False,
    }.items():  # fmt: skip
        page = await text(await ana.get(f"/rejections{query}"))
        assert ("<b>Wrong credential</b> at" in page) is seen, query
        assert ("Nothing was refused within this filter" in page) is not seen, query
    await text(await ana.get("/rejections?team=other"), 404)
    await text(await ana.get("/rejections?cursor=x"), 422)


async def test_sources_show_addresses_and_refusals_without_credentials(house: House, ana: Client) -> None:
    assert await arrives(house, b"{}", token="wrong-secret") == 401
    assert "Its latest requests were refused: wrong credential" in await text(await ana.get("/sources"))
    page = await text(await ana.get("/sources/1"))
    assert "http://127.0.0.1:8080/webhooks/acme/prefect-prod</code>" in page
    assert "Wrong credential" in page
    assert "compare the secret" in page
    assert "wrong-secret" not in page
    assert "right-secret" not in page


async def test_the_pages_of_admins_are_theirs_alone(house: House, ben: Client) -> None:
    await arrives(house, b"{}")
    for path in ("/sources", "/sources/new", "/sources/1", "/rejections", "/events", "/events/1", "/members", "/members/1", "/audit"):
        assert "for admins" in await text(await ben.get(path), 403)
    assert (await ben.post("/events/1/replay", headers=OURS)).status == 403
    assert "Sources" not in words(await text(await ben.get("/")))
    olga = await house.signed_in("olga")
    for path in ("/events/1", "/sources/1", "/members/1"):
        await text(await olga.get(path), 404)
    assert "prefect-prod" not in await text(await olga.get("/sources"))
    await olga.session.close()


async def test_mail_is_readable_by_its_reader_and_their_admins(house: House, ana: Client, ben: Client) -> None:
    await house.happens(draft(title="orders <b>failed</b>"))
    await house.sends()
    everyone, mine = await text(await ana.get("/mail")), await text(await ana.get("/mail?of=me"))
    assert everyone.count("ben@acme.test") == 1
    assert "ben@acme.test" not in mine
    of_ben = next(row for row in re.findall(r"<tr>.*?</tr>", everyone, flags=re.DOTALL) if "ben@acme.test" in row)
    number = re.search(r'href="/mail/(\d+)"', of_ben)[1]  # type: ignore[index]
    of_ana = next(one for one in re.findall(r'href="/mail/(\d+)"', everyone) if one != number)
    assert f"/mail/{number}" in await text(await ben.get("/mail"))
    assert f'href="/mail/{of_ana}"' not in await text(await ben.get("/mail"))
    for client in (ana, ben):
        page = await text(await client.get(f"/mail/{number}"))
        assert "FAILED" in page
        assert f'<iframe class="mail-frame" sandbox src="/mail/{number}/html"' in page
    for path in (f"/mail/{of_ana}", f"/mail/{of_ana}/html"):
        await text(await ben.get(path), 404)
    olga = await house.signed_in("olga")
    await text(await olga.get(f"/mail/{number}"), 404)
    await olga.session.close()
    answer = await ben.get(f"/mail/{number}/html")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'; style-src 'unsafe-inline'")
    assert "&lt;b&gt;failed&lt;/b&gt;" in await text(answer)


@pytest.mark.req("R81")
async def test_a_refused_address_is_named_to_its_owner_and_to_admins_who_can_send_there_again(
    house: House, ana: Client, ben: Client
) -> None:
    why = "550 5.1.1 <b>no such user</b>"
    await house.database.write(refused_addresses.refuse, user_id=house.users["ben"], why=why, now=house.clock())
    said = await text(await ben.get("/preferences"))
    assert "Mail to you was refused" in said
    assert "550 5.1.1 &lt;b&gt;no such user" in said
    assert "Mail to you was refused" not in await text(await ana.get("/preferences"))
    assert "Send mail again" in await text(await ana.get("/mail"))
    assert "Send mail again" not in await text(await ana.get("/mail?of=me"))
    assert "Send mail again" not in await text(await ben.get("/mail"))
    address = f"/mail/refusals/{house.users['ben']}"
    await text(await ben.post(address, headers=OURS), 403)
    assert (await ana.post(address, headers={"Origin": "https://elsewhere.test", "Sec-Fetch-Site": "cross-site"})).status == 403
    page = await text(await ana.post(address, headers=OURS))
    assert "Mail goes to that address again" in page
    assert "Send mail again" not in page
    assert "Mail to you was refused" not in await text(await ben.get("/preferences"))


async def test_a_mail_not_written_yet_says_so(house: House, ana: Client) -> None:
    await house.happens(draft())
    page = await text(await ana.get("/mail"))
    number = re.search(r'href="/mail/(\d+)"', page)[1]  # type: ignore[index]
    assert "Not written yet" in await text(await ana.get(f"/mail/{number}"))
    await text(await ana.get(f"/mail/{number}/html"), 404)
    await text(await ana.get("/mail?cursor=x"), 422)
    await text(await ana.get("/mail?of=me&cursor=x"), 422)


@pytest.mark.parametrize("empty", [True, False])
async def test_every_page_opens_for_an_admin_of_several_teams(house: House, ana: Client, empty: bool) -> None:
    with house.database.writing() as transaction:
        people.put_membership(transaction, team_id=house.teams["other"], user_id=house.users["ana"], role="admin", permissions=())
    if not empty:
        await house.happens(draft("orders"))
        await house.happens(draft("theirs"), team="other")
        await house.sends()
    paths = [path for method, path, _ in _ROUTES if method == "GET" and "{" not in path]
    assert {"/", "/members", "/monitors", "/sources", "/audit", "/preferences"} <= set(paths)
    for path in paths:
        answer = await ana.get(path)
        assert answer.status == (422 if path == "/events/replay" else 200), path  # there it must be said which
