"""Asking for a sign-in link by mail, from the page to the page one wanted."""

import re
from collections.abc import AsyncIterator, Iterator
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from gateway.storage import tables
from gateway.web.signing_in import OF_A_REQUESTER, OF_AN_ADDRESS
from gateway.workers.sign_in_mail import SignInMailWorker
from tests.channels.email.mail_server import Handler, serving
from tests.conftest import Clock
from tests.web.house import OURS, House, draft, opened, text, words


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture
def smtp_url(handler: Handler) -> Iterator[str]:
    with serving(handler) as server:
        yield f"smtp://127.0.0.1:{server.port}"


@pytest.fixture
async def house(tmp_path: Path, clock: Clock, smtp_url: str) -> AsyncIterator[House]:
    async with opened(tmp_path, clock, smtp_url=smtp_url, trusted_proxies="127.0.0.1", mail_from="alerts@acme.test") as house:
        yield house


async def mails(house: House) -> None:
    worker = next(one for one in house.work.workers if one.name == "sign-in-mail")
    assert isinstance(worker, SignInMailWorker)
    while await worker.step():
        pass
    await worker.finish()


def rows(house: House) -> list[str]:
    with house.database.reading() as transaction:
        return [row.email for row in transaction.execute(tables.sign_in_requests.select())]


async def test_a_link_in_a_mail_leads_through_signing_in_to_the_page_it_was_for(house: House, handler: Handler) -> None:
    await house.happens(draft())
    client = house.visitor()
    page = await text(await client.get("/notifications/1?from=mail"), 401)
    wanted = re.search(r'name="next" value="([^"]*)"', page)
    assert wanted
    asked = await client.post("/sign-in", data={"email": " ana@acme.test ", "next": wanted[1]}, headers=OURS)
    assert "If ana@acme.test belongs to somebody here, a link is on its way" in words(await text(asked))
    await mails(house)
    ((_, to, raw),) = handler.accepted
    assert to == "ana@acme.test"
    mail = message_from_bytes(raw, policy=policy.default)
    link = re.search(r"http://127\.0\.0\.1:8080(/sign-in/\S+)", mail.get_body(("plain",)).get_content())
    assert link
    phone = house.visitor()  # the mail is read elsewhere
    for _ in range(3):  # and scanned on its way
        assert "signs this browser in as ana@acme.test , once" in words(await text(await phone.get(link[1])))
    answer = await phone.post(link[1], headers=OURS, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/notifications/1?from=mail")
    assert "orders failed" in await text(await phone.get("/notifications/1"))
    await text(await phone.get(link[1]), 410)
    assert rows(house) == []


async def test_the_answer_is_the_same_for_whom_nobody_knows(house: House, handler: Handler) -> None:
    pages = []
    for email in ("ana@acme.test", "eve@evil.example"):
        answer = await house.visitor().post("/sign-in", data={"email": email}, headers=OURS)
        pages.append(
            (
                answer.status,
                dict(answer.headers) | {"Date": "", "Content-Length": "", "X-Request-ID": ""},
                (await answer.text()).replace(email, ""),
            )
        )
    assert pages[0] == pages[1]
    assert rows(house) == ["ana@acme.test", "eve@evil.example"], "nothing is looked up before the answer"
    await mails(house)
    assert [to for _, to, _ in handler.accepted] == ["ana@acme.test"]
    assert rows(house) == []


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "/a\r\nb"])
async def test_nobody_is_led_elsewhere_after_signing_in(house: House, handler: Handler, target: str) -> None:
    await house.visitor().post("/sign-in", data={"email": "ana@acme.test", "next": target}, headers=OURS)
    await mails(house)
    assert b"next" not in handler.accepted[0][2]
    client = house.visitor()
    answer = await client.post(await house.link("ana"), params={"next": target}, headers=OURS, allow_redirects=False)
    assert answer.headers["Location"] == "/"
    answer = await client.get("/sign-in", params={"next": target}, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/")


async def test_an_address_counts_whether_it_is_known_or_not(house: House) -> None:
    for email in ("ana@acme.test", "eve@evil.example"):
        for number in range(OF_AN_ADDRESS):
            origin = {"X-Forwarded-For": f"203.0.113.{number}"}
            await text(await house.visitor().post("/sign-in", data={"email": email}, headers=OURS | origin))
        answer = await house.visitor().post("/sign-in", data={"email": email.upper()}, headers=OURS | {"X-Forwarded-For": "203.0.113.99"})
        assert "too often" in await text(answer, 429)
        assert int(answer.headers["Retry-After"]) > 0
    house.clock.advance(minutes=4)
    await text(await house.visitor().post("/sign-in", data={"email": "ana@acme.test"}, headers=OURS))


async def test_whoever_asks_for_many_addresses_is_stopped_and_others_are_not(house: House) -> None:
    for number in range(OF_A_REQUESTER):
        spread = {"X-Forwarded-For": f"2001:db8:0:1::{number:x}"}  # one host has all of these
        await text(await house.visitor().post("/sign-in", data={"email": f"{number}@acme.test"}, headers=OURS | spread))
    asked = {"data": {"email": "ana@acme.test"}}
    await text(await house.visitor().post("/sign-in", headers=OURS | {"X-Forwarded-For": "2001:db8:0:1::ffff"}, **asked), 429)
    await text(await house.visitor().post("/sign-in", headers=OURS | {"X-Forwarded-For": "2001:db8:0:2::1"}, **asked))


async def test_what_is_no_address_is_said_and_kept_in_the_field(house: House) -> None:
    for given in ("", "ana", "ana@", "Ana <ana@acme.test>", "a" * 400 + "@acme.test", '"><script>alert(1)</script>', "ana@acme.test\r\nx"):
        page = await text(await house.visitor().post("/sign-in", data={"email": given, "next": "/mail"}, headers=OURS), 422)
        assert "That is no mail address" in page
        assert "<script>alert" not in page
        assert 'name="next" value="/mail"' in page
    assert rows(house) == []


async def test_another_site_cannot_make_this_one_send_mail(house: House) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "null"}, {}):
        await text(await house.visitor().post("/sign-in", data={"email": "ana@acme.test"}, headers=headers), 403)
    assert rows(house) == []


async def test_without_a_mail_server_it_is_said_how_to_get_in(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        page = await text(await house.visitor().get("/sign-in?next=/mail"))
        assert "tocsin sign-in-link" in page
        assert "<form" not in page
        await text(await house.visitor().post("/sign-in", data={"email": "ana@acme.test"}, headers=OURS), 404)
