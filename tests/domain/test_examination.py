"""What the doctor says, and that it always says how to mend what is bad."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.domain import examination
from gateway.domain.examination import Counted, Finding, State

pytestmark = pytest.mark.req("R96")
WELL = Counted(0, None, 0, None, 0, "", 0, 0, 0, (), 3)


def told(counted: Counted) -> dict[str, Finding]:
    return {one.what: one for one in examination.of_work(counted) if one.state is not State.GOOD}


def test_where_all_is_well_nothing_is_to_be_mended() -> None:
    assert told(WELL) == {}
    assert all(
        one.mend == "" for one in examination.of_work(replace(WELL, events_waiting=3, event_since=timedelta(seconds=1))) if not one.mend
    )
    assert examination.of_database("PostgreSQL", timedelta(seconds=1)).state is State.GOOD
    assert examination.of_public_url("https://tocsin.acme.test", "127.0.0.1:8080").state is State.GOOD
    assert examination.of_mail_from("Tocsin <alerts@acme.test>", "").state is State.GOOD


@pytest.mark.parametrize(
    ("sick", "what", "says"),
    [
        ({"events_waiting": 7, "event_since": timedelta(minutes=9)}, "events", "7 wait, the oldest for 9 min"),
        ({"mails_waiting": 2, "mail_since": timedelta(hours=1)}, "mail", "2 wait, the oldest for 60 min"),
        ({"mails_put_off": 4, "put_off_because": "454 try later"}, "mail", "4 could not leave yet: 454 try later"),
        ({"quarantined": 1}, "quarantine", "1 events"),
        ({"unmapped": 5}, "not understood", "5 events"),
        ({"refused_addresses": 1}, "addresses", "1 people's"),
        ({"sources": 0}, "sources", "there are none"),
        ({"sources_in_trouble": ("acme/etl: answered 401",)}, "sender's API", "acme/etl: answered 401"),
    ],
)
def test_each_trouble_is_named_and_how_to_mend_it(sick: dict[str, object], what: str, says: str) -> None:
    (found,) = told(replace(WELL, **sick)).values()  # type: ignore[arg-type]
    assert found.what == what
    assert says in found.found
    assert found.mend


@pytest.mark.parametrize(
    ("url", "says"),
    [("", "not set"), ("http://localhost:8080", "from another machine"), ("http://tocsin.acme.test", "is not HTTPS")],
)
def test_an_address_that_others_cannot_use(url: str, says: str) -> None:
    found = examination.of_public_url(url, "127.0.0.1:8080")
    assert found.state is State.DOUBTFUL
    assert says in found.found
    assert found.mend


def test_clocks_that_differ() -> None:
    assert examination.of_database("PostgreSQL", timedelta(seconds=-40)).state is State.BAD


@pytest.mark.parametrize(
    ("answer", "mend"),
    [
        ("smtp://m:587 refused our user or password: 535 5.7.8 no", "user and password"),
        ("smtps://m:465: certificate verify failed: self-signed", "certificate is not trusted"),
        ("smtp://m:25: Error connecting to m on port 25: [Errno 111]", "Nothing answers"),
        ("smtp+starttls://m:25: STARTTLS extension not supported by server.", "offers no STARTTLS"),
        ("550 5.7.1 relaying denied", "ask whoever runs it"),
    ],
)
def test_what_a_refusal_most_likely_means(answer: str, mend: str) -> None:
    found = examination.of_mail_trouble(answer, to="ana@acme.test")
    assert found.state is State.BAD
    assert mend in found.mend


def test_no_mail_server_is_bad_for_who_wants_to_send_one() -> None:
    assert examination.of_no_mail_server(wanted=True).state is State.BAD
    assert examination.of_no_mail_server(wanted=False).state is State.DOUBTFUL
    assert examination.of_mail_from("Tocsin <tocsin@localhost>", "").state is State.DOUBTFUL
