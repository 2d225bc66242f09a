"""The mail with a sign-in link: what it says, and what it does not hold."""

from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest

from gateway.channels.email.sign_in import invitation_mail, sign_in_mail

ASKED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TEXT = """\
Sign in to Tocsin at tocsin.acme.test:

https://tocsin.acme.test/sign-in/abc

It leads to a page with a button. It works once, until 10:15 (Europe/Berlin).

Somebody asked for it with this address at 10:00. If that was not you, do
nothing: without this mail nobody gets in.

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


INVITATION = """\
You were added to the team Acme data:

https://tocsin.acme.test/sign-in?email=new%40acme.test

Boss <boss@acme.test> added you. Tocsin tells you when something of the team's
data pipelines fails, and when it is well again.

The page asks for your address and mails you a link that signs you in; nobody
gets in by this mail alone. If you do not know them, do nothing.

--------------------------------------------------------------------------
Tocsin · https://tocsin.acme.test
"""


def invited(**given: Any) -> Any:
    values: dict[str, Any] = {
        "mail_from": "Tocsin <alerts@acme.test>", "to_address": "new@acme.test", "to_name": "New", "number": 8, "team": "Acme data",
        "by": "Boss <boss@acme.test>", "page": "https://tocsin.acme.test/sign-in?email=new%40acme.test",
        "public_url": "https://tocsin.acme.test", "asked_at": ASKED, **given,
    }  # fmt: skip
    return message_from_bytes(invitation_mail(**values).raw, policy=policy.default)


def test_an_invitation_says_of_which_team_by_whom_and_where():
    mail = invited()
    assert mail["Subject"] == "You were added to the team Acme data (tocsin.acme.test)"
    assert mail.get_body(("plain",)).get_content().replace("\r\n", "\n") == INVITATION
    assert mail.get_body(("html",)).get_content().count('href="https://tocsin.acme.test/sign-in?email=new%40acme.test"') == 1


def test_a_name_in_an_invitation_is_a_line_and_no_letter():
    mail = invited(by="Buy now\r\nBcc: eve@evil.example " * 20, team="<script>alert(1)</script>" * 9)
    assert mail["Bcc"] is None
    html, text = (mail.get_body((kind,)).get_content() for kind in ("html", "plain"))
    assert "<script>" not in html
    assert text.count("Buy now") <= 3
