"""Sending to a real mail server as Debian ships it: encrypted and not, to many at once, and to who is not there."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes, policy

import pytest

from gateway.channels.email.compose import compose
from gateway.channels.email.failures import PermanentFailure, TemporaryFailure, UnreachableFailure
from gateway.channels.email.smtp import Smtp
from gateway.channels.email.smtp_url import SmtpUrl
from tests.channels.email.mail_cases import CASES, MAIL_FROM
from tests.channels.email.postfix import Postfix, is_there, postfix

pytestmark = [pytest.mark.req("R80", "R81"), pytest.mark.skipif(not is_there(), reason="Postfix is not installed, or this is not root")]
RAW = compose(CASES["job-failed"], MAIL_FROM).raw


@pytest.fixture(scope="module")
def server() -> Iterator[Postfix]:
    with postfix() as running:
        yield running


@pytest.mark.parametrize("scheme", ["smtp", "smtp+starttls", "smtps"])
async def test_a_mail_arrives_as_it_was_composed_however_it_travels(server: Postfix, scheme: str) -> None:
    before = len(server.mails("ana"))
    port = server.wrapped if scheme == "smtps" else server.plain
    smtp = Smtp(SmtpUrl.parse(f"{scheme}://127.0.0.1:{port}"), tls_context=server.trusted)
    assert (await smtp.send(MAIL_FROM, "ana@acme.test", RAW)).startswith("250 2.0.0 Ok")
    await smtp.close()
    arrived = message_from_bytes(server.wait_for("ana", before + 1)[-1], policy=policy.default)
    sent = message_from_bytes(RAW, policy=policy.default)
    for name in ("Message-ID", "References", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "Subject", "Auto-Submitted"):
        assert arrived[name] == sent[name], name
    for kind in ("plain", "html"):
        assert arrived.get_body((kind,)).get_content().splitlines() == sent.get_body((kind,)).get_content().splitlines()
    if scheme != "smtp":
        assert "with ESMTPS" in str(arrived["Received"]), "encrypted"


async def test_what_it_says_of_those_who_are_not_there(server: Postfix) -> None:
    smtp = Smtp(SmtpUrl.parse(f"smtp://127.0.0.1:{server.plain}"))
    for address, hard in (("gone@acme.test", True), ("nobody-here@acme.test", True), ("policy@acme.test", False)):
        with pytest.raises(PermanentFailure) as refused:
            await smtp.send(MAIL_FROM, address, RAW)
        assert refused.value.no_such_address is hard, refused.value.answer
    with pytest.raises(TemporaryFailure) as put_off:
        await smtp.send(MAIL_FROM, "full@acme.test", RAW)
    assert not isinstance(put_off.value, UnreachableFailure)
    with pytest.raises(PermanentFailure) as elsewhere:
        await smtp.send(MAIL_FROM, "ana@elsewhere.example", RAW)
    assert not elsewhere.value.no_such_address, "that it does not relay says nothing of the address"
    before = len(server.mails("ben"))
    await smtp.send(MAIL_FROM, "ben@acme.test", RAW)
    server.wait_for("ben", before + 1)
    await smtp.close()


async def test_letters_of_the_world(server: Postfix) -> None:
    smtp = Smtp(SmtpUrl.parse(f"smtp://127.0.0.1:{server.plain}"))
    subject = "[acme] nächtliche-aufträge: job failure"
    message = replace(CASES["job-failed"], to_address="zoë@bücher.example", to_name="Zoë Ünal", subject=subject)
    await smtp.send(MAIL_FROM, "zoë@bücher.example", compose(message, MAIL_FROM).raw)
    arrived = message_from_bytes(server.wait_for("zoë", 1)[0], policy=policy.SMTPUTF8)
    assert arrived["Subject"] == subject
    await smtp.close()


async def test_many_at_once_share_four_connections_and_one_bad_one_delays_nobody(server: Postfix) -> None:
    smtp = Smtp(SmtpUrl.parse(f"smtp://127.0.0.1:{server.plain}"))
    people = [f"user{number}@acme.test" for number in range(50)]
    sending = [smtp.send(MAIL_FROM, person, RAW) for person in people]
    sending.insert(3, smtp.send(MAIL_FROM, "gone@acme.test", RAW))
    answers = await asyncio.gather(*sending, return_exceptions=True)
    assert [type(answer).__name__ for answer in answers].count("PermanentFailure") == 1
    for number in range(50):
        server.wait_for(f"user{number}", 1)
    log = (server.home / "log").read_text(encoding="utf-8")
    assert "too many" not in log.lower()
    await smtp.close()


async def test_a_mail_that_is_too_large_is_refused_for_good_and_the_next_one_leaves(server: Postfix) -> None:
    smtp = Smtp(SmtpUrl.parse(f"smtp://127.0.0.1:{server.plain}"))
    with pytest.raises(PermanentFailure) as refused:
        await smtp.send(MAIL_FROM, "ben@acme.test", RAW + b"x" * 300_000)
    assert not refused.value.no_such_address
    await smtp.send(MAIL_FROM, "ben@acme.test", RAW)
    await smtp.close()
