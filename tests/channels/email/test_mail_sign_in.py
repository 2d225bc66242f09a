"""The mail with a sign-in link: what it says, and what it does not hold."""

from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest

from gateway.channels.email.sign_in import sign_in_mail

ASKED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TEXT = """\
Sign in to Tocsin at tocsin.acme.test:

https://tocsin.acme.test/sign-in/abc

It leads to a page with a button. It works once, until 10:15 (Europe/Berlin).

Somebody asked for it with this address at 10:00. If that was not you,
do nothing: without this mail nobody gets in.

--------------------------------------------------------------------------
Tocsin · https://tocsin.acme.test
"""


def written(**given: Any) -> bytes:
    values: dict[str, Any] = {
        "mail_from": "Tocsin <alerts@acme.test>", "to_address": "ana@acme.test", "to_name": "Ana", "zone": "Europe/Berlin", "number": 7,
        "link": "https://tocsin.acme.test/sign-in/abc", "public_url": "https://tocsin.acme.test", "asked_at": ASKED,
        "until": ASKED + timedelta(minutes=15), **given,
    }  # fmt: skip
    return sign_in_mail(**values).raw


def test_it_reads_as_agreed_in_the_readers_own_time():
    mail = message_from_bytes(written(), policy=policy.default)
    assert mail["Subject"] == "Sign in to Tocsin (tocsin.acme.test)"
    assert (mail["To"], mail["Auto-Submitted"]) == ("Ana <ana@acme.test>", "auto-generated")
    assert mail.get_body(("plain",)).get_content().replace("\r\n", "\n") == TEXT
    html = mail.get_body(("html",)).get_content()
    assert html.count('href="https://tocsin.acme.test/sign-in/abc"') == 1
    assert "until 10:15 (Europe/Berlin)" in html


def test_the_same_request_gives_the_same_bytes_and_another_another_id():
    assert written() == written()
    ids = {message_from_bytes(written(number=number), policy=policy.default)["Message-ID"] for number in (7, 8)}
    assert len(ids) == 2


def test_nothing_in_it_tells_that_it_was_read():
    html = message_from_bytes(written(), policy=policy.default).get_body(("html",)).get_content()
    assert not any(word in html for word in ("<img", "background=", "url(", "<link", "<script"))


@pytest.mark.parametrize("name", ["Ana\r\nBcc: eve@evil.example", "<script>", '"Ana" <eve@evil.example>'])
def test_a_hostile_name_breaks_out_of_nothing(name: str):
    mail = message_from_bytes(written(to_name=name), policy=policy.default)
    assert mail["Bcc"] is None
    assert mail["To"].addresses[0].addr_spec == "ana@acme.test"
    assert "<script>" not in mail.get_body(("html",)).get_content()
