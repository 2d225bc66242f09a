"""`TOCSIN_SMTP_URL`: what it may look like, and that its password stays in it."""

import pytest

from gateway.channels.email.smtp_url import Security, SmtpUrl


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://localhost", SmtpUrl(Security.NONE, "localhost", 25)),
        ("smtp+starttls://mail.acme.test", SmtpUrl(Security.STARTTLS, "mail.acme.test", 587)),
        ("smtps://mail.acme.test/", SmtpUrl(Security.TLS, "mail.acme.test", 465)),
        ("SMTPS://Mail.acme.test:2465", SmtpUrl(Security.TLS, "mail.acme.test", 2465)),
        ("smtp://[::1]:2525", SmtpUrl(Security.NONE, "::1", 2525)),
        (
            "smtp+starttls://alerts%40acme.test:p%40ss%2Fw%3Ard%25@mail.acme.test:2587",
            SmtpUrl(Security.STARTTLS, "mail.acme.test", 2587, "alerts@acme.test", "p@ss/w:rd%"),
        ),
    ],
)
def test_parse(url: str, expected: SmtpUrl):
    assert SmtpUrl.parse(url) == expected


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "must begin with"),
        ("mail.acme.test:587", "must begin with"),
        ("https://u:s3cret@mail.acme.test", "must begin with"),
        ("smtp://u:s3cret@", "names no host"),
        ("smtp://u:s3cret@mail.acme.test:s3cret", "user:password@host:port"),
        ("smtp://u:s3/cret@mail.acme.test", "user:password@host:port"),
        ("smtp://u:s3#cret@mail.acme.test", "user:password@host:port"),
        ("smtp://u:s3cret@mail.acme.test:99999", "user:password@host:port"),
        ("smtp://u:s3cret@mail.acme.test:0", "user:password@host:port"),
        ("smtp://u:s3cret@[::1", "user:password@host:port"),
        ("smtp://u:s3cret@mail.acme.test?timeout=3", "user:password@host:port"),
        ("smtp://alerts@mail.acme.test", "a user and a password"),
        ("smtp://:s3cret@mail.acme.test", "a user and a password"),
    ],
)
def test_what_is_wrong_is_said_without_the_password(url: str, said: str):
    with pytest.raises(ValueError, match="the mail server's URL") as caught:
        SmtpUrl.parse(url)
    assert said in str(caught.value)
    assert "cret" not in str(caught.value)
    assert caught.value.__context__ is None


def test_neither_repr_nor_str_shows_the_password():
    url = SmtpUrl.parse("smtps://alerts:s3cret@mail.acme.test")
    assert "s3cret" not in repr(url)
    assert str(url) == "smtps://mail.acme.test:465"
