"""What the doctor says, and that it always says how to mend what is bad."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.domain import examination
from gateway.domain.examination import Counted, Finding, State, Working

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


WORKS = Working("process 7 on node-1", "1.0", has_our_key=True, ago=timedelta(seconds=9), hanging=())


@pytest.mark.parametrize(
    ("seen", "state", "says"),
    [
        ([WORKS], State.GOOD, "1 alive"),
        ([], State.DOUBTFUL, "no process works now"),
        ([replace(WORKS, ago=timedelta(minutes=5))], State.BAD, "5 min old, of process 7 on node-1"),
        ([replace(WORKS, hanging=("deliver",))], State.BAD, "no step was ended for long by deliver"),
        ([replace(WORKS, has_our_key=False)], State.BAD, "has another secret key"),
        ([WORKS, replace(WORKS, name="process 8", ago=timedelta(minutes=9))], State.DOUBTFUL, "process 8 gave no sign of life for 9 min"),
        ([WORKS, replace(WORKS, name="process 8", version="1.1")], State.DOUBTFUL, "versions 1.0 and 1.1"),
    ],
)
def test_who_works(seen: list[Working], state: State, says: str) -> None:
    found = list(examination.of_workers(seen))
    assert any(one.state is state and says in one.found for one in found)
    assert all(one.mend for one in found if one.state is not State.GOOD)


WRONG = {
    "old schema": (examination.of_schema("0007", "0015"), State.BAD),
    "no schema": (examination.of_schema(None, "0015"), State.BAD),
    "new schema": (examination.of_schema("0099", "0015"), State.DOUBTFUL),
    "no journal": (examination.of_journal(is_there=False, reached=0, given_out=0), State.BAD),
    "old journal": (examination.of_journal(is_there=True, reached=3, given_out=9), State.BAD),
    "full disk": (examination.of_disk(1_000_000, 10**12), State.BAD),
    "filling disk": (examination.of_disk(1_900_000_000, 10**12), State.DOUBTFUL),
    "another key": (examination.of_key(9, ["sources 1"], old=0), State.BAD),
    "old key": (examination.of_key(9, [], old=2), State.DOUBTFUL),
    "no secret": (examination.of_secrets(["acme/etl"]), State.BAD),
    "bad file": (next(examination.of_configuration(["env"])), State.BAD),
    "all trusted": (examination.of_proxies(["0.0.0.0/0"], "", "127.0.0.1:1"), State.BAD),
    "none trusted": (examination.of_proxies([], "https://t.test", "127.0.0.1:1"), State.DOUBTFUL),
    "unreachable": (examination.of_reach("https://t.test", trouble="no", is_ours=False, difference=None), State.BAD),
    "elsewhere": (examination.of_reach("https://t.test", trouble=None, is_ours=False, difference=None), State.BAD),
    "its clock": (examination.of_reach("https://t.test", trouble=None, is_ours=True, difference=timedelta(minutes=1)), State.BAD),
}
RIGHT = (
    examination.of_schema("0015", "0015"),
    examination.of_journal(is_there=True, reached=9, given_out=9),
    examination.of_disk(10**11, 10**12),
    examination.of_key(9, [], old=0),
    examination.of_secrets([]),
    examination.of_proxies(["10.0.0.0/8"], "https://t.test", "127.0.0.1:1"),
    examination.of_reach("https://t.test", trouble=None, is_ours=True, difference=timedelta(seconds=1)),
)


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_with_how_to_mend_it(name: str) -> None:
    found, state = WRONG[name]
    assert found.state is state
    assert found.mend
    assert found.found


@pytest.mark.parametrize("found", RIGHT, ids=lambda one: one.what)
def test_what_is_right_is_said_too(found: Finding) -> None:
    assert found.state is State.GOOD


@pytest.mark.parametrize(
    ("server", "what"),
    [
        ({"used": 90}, "connections"),
        ({"processes": 40}, "connections"),
        ({"unsafe": ["fsync"]}, "durability"),
        ({"encoding": "SQL_ASCII"}, "encoding"),
    ],
)
def test_a_server_that_is_too_small_or_not_safe(server: dict[str, object], what: str) -> None:
    well = {"used": 5, "most": 100, "processes": 2, "unsafe": [], "encoding": "UTF8"}
    assert [one.state for one in examination.of_server(**well)] == [State.GOOD]  # type: ignore[arg-type]
    (found,) = (one for one in examination.of_server(**{**well, **server}) if one.state is not State.GOOD)  # type: ignore[arg-type]
    assert (found.what, bool(found.mend)) == (what, True)
