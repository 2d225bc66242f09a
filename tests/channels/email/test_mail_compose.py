"""The mail as a mail client sees it: headers, threading, and what no text may do to them."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.parser import BytesParser
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.channels.email.compose import HTML_LIMIT, compose
from gateway.channels.message import Kind, MemberLine, Message, Part
from mappers.contract import Category, Level
from tests.channels.email.mail_cases import BEGAN, CASES, JOB, MAIL_FROM, TESTS, UNSUBSCRIBE, message

HEADERS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "List-Id",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
]
FRAME = ["MIME-Version", "Content-Type"]


def parse(raw: bytes) -> EmailMessage:
    mail = message_from_bytes(raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def bodies(mail: EmailMessage) -> tuple[str, str]:
    text, html = mail.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    return text.get_content().replace("\r\n", "\n"), html.get_content().replace("\r\n", "\n")


class Page(HTMLParser):
    """The HTML as a strict reader sees it: balanced, with its links and its text."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.hrefs: list[str] = []
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.hrefs += [value for name, value in attrs if name == "href"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "title"):
            self.words.append(data)


@pytest.mark.req("R82", "R83")
def test_headers_of_a_first_mail():
    composed = compose(CASES["job-failed"], MAIL_FROM)
    mail = parse(composed.raw)
    assert mail.keys() == [*HEADERS, "Importance", *FRAME]
    assert mail["From"] == MAIL_FROM
    assert mail["To"].addresses[0].display_name == "Ana Müller"
    assert mail["To"].addresses[0].addr_spec == "ana@acme.test"
    assert mail["Subject"] == "[acme/prod] nightly-orders: job failure"
    assert mail["Date"].datetime == datetime(2026, 3, 3, 1, 10, 22, tzinfo=UTC)
    assert mail["Message-ID"] == composed.message_id
    assert re.fullmatch(r"<delivery-90210\.[0-9a-f]{24}@mail\.acme\.test>", composed.message_id)
    assert mail["List-Id"] == "acme notifications <acme.tocsin.mail.acme.test>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail["Importance"] == "high"


@pytest.mark.req("R82")
def test_failure_reminder_and_recovery_are_one_conversation():
    mails = [parse(compose(CASES[name], MAIL_FROM).raw) for name in ("job-failed", "job-still-failing", "job-resolved")]
    assert len({mail["References"] for mail in mails}) == 1
    assert all(mail["In-Reply-To"] == mail["References"] for mail in mails)
    assert all(mail["References"] != mail["Message-ID"] for mail in mails)
    assert [mail["Subject"].removeprefix("Re: ") for mail in mails] == [mails[0]["Subject"]] * 3
    assert [mail["Subject"].startswith("Re: ") for mail in mails] == [False, True, True]
    other = parse(compose(replace(CASES["job-failed"], conversation="another"), MAIL_FROM).raw)
    assert other["References"] != mails[0]["References"]


@pytest.mark.req("R83")
def test_message_ids_differ_by_delivery_and_by_installation_and_by_nothing_else():
    first = compose(CASES["job-failed"], MAIL_FROM)
    assert compose(CASES["job-failed"], MAIL_FROM) == first
    assert compose(replace(CASES["job-failed"], written_at=BEGAN + timedelta(hours=1)), MAIL_FROM).message_id == first.message_id
    assert compose(replace(CASES["job-failed"], delivery_id=90211), MAIL_FROM).message_id != first.message_id
    assert compose(replace(CASES["job-failed"], public_url="https://other.test"), MAIL_FROM).message_id != first.message_id


@pytest.mark.req("R83")
@pytest.mark.parametrize(("urgent", "is_open", "high"), [(True, True, True), (True, False, False), (False, True, False)])
def test_only_what_is_urgent_and_open_is_important(urgent: bool, is_open: bool, high: bool):
    mail = parse(compose(message(replace(JOB, urgent=urgent, is_open=is_open)), MAIL_FROM).raw)
    assert (mail["Importance"] == "high") is high


@pytest.mark.req("R82")
def test_a_long_subject_is_cut_once_and_for_all():
    long = "[acme/prod] " + "customer-orders-" * 9 + ": job failure"
    first, reply = (parse(compose(message(JOB, subject=long, is_reply=again), MAIL_FROM).raw)["Subject"] for again in (False, True))
    assert reply == f"Re: {first}"
    assert len(reply) <= 78
    assert first.endswith("…")


@pytest.mark.req("R82")
@pytest.mark.parametrize("name", CASES)
def test_html_holds_in_every_client(name: str):
    _, html = bodies(parse(compose(CASES[name], MAIL_FROM).raw))
    page = Page(html)
    assert page.tags <= {
        "html", "head", "meta", "title", "style", "body", "table", "tr", "td", "div", "span", "a", "br"
    }  # fmt: skip
    assert page.attributes.isdisjoint({"src", "background", "srcset", "id"})
    assert "url(" not in html
    assert "@import" not in html
    assert all(urlsplit(href).scheme == "https" for href in page.hrefs)
    assert "prefers-color-scheme:dark" in html


@pytest.mark.req("R82")
@pytest.mark.parametrize("name", CASES)
def test_the_text_part_is_complete_by_itself(name: str):
    text, html = bodies(parse(compose(CASES[name], MAIL_FROM).raw))
    page = Page(html)
    assert all(href in text for href in page.hrefs)
    said = " ".join(text.split())
    words = [" ".join(word.split()) for word in page.words]
    furniture = {"·", "and 20 more", "and 24 more in Tocsin", "Change what you hear about", "Tocsin", "· acme/prod", "1 of 2", "2 of 2"}
    assert [word for word in words if word and word not in furniture and " · " not in word and word not in said] == []


@pytest.mark.req("R82")
def test_the_first_words_are_the_news():
    text, html = bodies(parse(compose(CASES["job-resolved"], MAIL_FROM).raw))
    assert text.startswith("RESOLVED after 42 min · nightly-orders failed\n")
    assert " ".join(" ".join(Page(html).words).split()).startswith("RESOLVED after 42 min nightly-orders failed The job failed in prod")


@pytest.mark.req("R82")
def test_forty_members_are_twenty_and_a_link():
    text, html = bodies(parse(compose(CASES["tests-failed"], MAIL_FROM).raw))
    assert "and 20 more: https://tocsin.acme.test/notifications/4712" in text
    assert html.count("Got ") == 20


def test_an_error_is_cut_to_fifteen_lines_with_its_end_and_its_own_frames():
    text, _ = bodies(parse(compose(CASES["job-failed"], MAIL_FROM).raw))
    assert "/opt/flows/orders.py" in text
    assert "site-packages" not in text
    log = "\n".join(f"line {number}" for number in range(100))
    text, _ = bodies(parse(compose(message(replace(JOB, excerpt=log)), MAIL_FROM).raw))
    assert "Flow run encountered an exception" in text, "the sender's own message stands above its log"
    assert "… 87 lines left out" in text
    assert "line 87\n" in text
    assert "line 86\n" not in text


@pytest.mark.req("R33")
def test_only_web_links_become_buttons():
    links = {
        "Run": "javascript:alert(1)",
        "Path": "/runs/1",
        "Other": "//evil.example/",
        "Fine": "https://prefect.acme.test/runs/1?a=1&b=2",
    }
    _, html = bodies(parse(compose(message(replace(JOB, links=links)), MAIL_FROM).raw))
    assert "https://prefect.acme.test/runs/1?a=1&b=2" in Page(html).hrefs
    assert "javascript" not in html
    assert "evil.example" not in html


@pytest.mark.req("R83")
@pytest.mark.parametrize("filler", ["x", "&", '"', "<", "é", "漢", "🔥", "\u00a0", "=\n", " \n"])
def test_html_stays_under_its_limit_whatever_comes(filler: str):
    huge = filler * 4_000
    part = Part(
        notification_id=2**62,
        title=huge,
        category=Category.DBT_TEST_FAILURE,
        level=Level.ERROR,
        urgent=True,
        is_open=True,
        reason="first",
        message=huge,
        excerpt="\n".join([filler * 500] * 500),
        opened_at=BEGAN,
        firing=10_000,
        members_total=10_000,
        members=tuple(MemberLine(huge, Level.ERROR, huge) for _ in range(30)),
        links={f"{number}{filler * 300}": f"https://prefect.acme.test/{'&' * 1900}{number}" for number in range(30)},
        facts={f"{number}{filler * 300}": huge for number in range(30)},
        owners=(huge,) * 30,
        impact=(huge,) * 100,
    )
    raw = compose(message(*[part] * 60, environment=huge, subject=huge, to_name=huge), MAIL_FROM).raw
    text, html = bodies(parse(raw))
    Page(html)
    assert len(html.encode()) < HTML_LIMIT
    assert re.search(r"and 5\d more: https://tocsin.acme.test\n", text)
    assert re.search(r">and 5\d more in Tocsin<", html)
    assert max(map(len, raw.split(b"\r\n"))) <= 998


NASTY = st.one_of(
    st.text(max_size=60),
    st.text(alphabet="\r\n\t\0 :=?<>\"'\\,;@.abcÄ漢🔥\u2028\u202e\x85\x1b-_{}%&", max_size=60),
    st.sampled_from(
        [
            "x\r\nBcc: all@acme.test",
            "x\n\n<script>alert(1)</script>",
            "=?utf-8?q?x=0D=0ABcc:_all@acme.test?=",
            '"quoted" <evil@acme.test>',
            "a\r\n.\r\nMAIL FROM:<x@acme.test>",
            "{{ 7 * 7 }}{% raw %}",
            "--=_tocsin_",
            "</td></table><!--",
            "x" * 2000,
            "From here\n.\n..\n" + "y" * 1500,
            "\ud800",
        ]
    ),
)
MOMENTS = st.integers(157_766_400, 4_102_444_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
PARTS = st.builds(
    Part,
    notification_id=st.integers(1, 2**63),
    title=NASTY,
    category=st.sampled_from(Category),
    level=st.sampled_from(Level),
    urgent=st.booleans(),
    is_open=st.booleans(),
    reason=st.sampled_from(["first", "reopened", "escalated", "grew", "repeat", "shrank", "resolved", "passed", "reminder", "?"]),
    message=NASTY,
    excerpt=NASTY,
    opened_at=st.none() | MOMENTS,
    resolved_at=st.none() | MOMENTS,
    occurrences=st.integers(0, 2000),
    firing=st.integers(0, 60),
    members_total=st.integers(0, 60),
    members=st.lists(st.builds(MemberLine, NASTY, st.sampled_from(Level), NASTY), max_size=3).map(tuple),
    links=st.dictionaries(NASTY, NASTY | st.just("https://prefect.acme.test/?a=1&b=%22"), max_size=3),
    facts=st.dictionaries(NASTY, NASTY, max_size=3),
    owners=st.lists(NASTY, max_size=2).map(tuple),
    impact=st.lists(NASTY, max_size=2).map(tuple),
)
MESSAGES = st.builds(
    Message,
    delivery_id=st.integers(1, 2**63),
    kind=st.sampled_from(Kind),
    to_address=NASTY | st.sampled_from(["ana@acme.test", "zoë@acme.test", "ana@bücher.example", "a@" + "b" * 300]),
    to_name=NASTY,
    zone=NASTY | st.sampled_from(["Europe/Berlin", "Asia/Dubai", "Europe", "../etc"]),
    team=NASTY,
    environment=NASTY,
    subject=NASTY,
    is_reply=st.booleans(),
    conversation=NASTY,
    public_url=st.just("https://tocsin.acme.test"),
    parts=st.lists(PARTS, min_size=1, max_size=3).map(tuple),
    written_at=st.none() | MOMENTS,
    folded=st.integers(0, 5000),
    unsubscribe=st.sampled_from(["", UNSUBSCRIBE, "http://127.0.0.1:8080/unsubscribe/x"]),
)


@pytest.mark.req("R83")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(MESSAGES)
def test_no_text_can_add_a_header_or_break_the_mail(given_message: Message):
    raw = compose(given_message, MAIL_FROM).raw
    head, _, body = raw.partition(b"\r\n\r\n")
    for mail in (parse(raw), BytesParser(policy=policy.compat32).parsebytes(raw)):
        optional = [name for name in ("Importance",) if name in mail]
        absent = [] if given_message.unsubscribe.startswith("https:") else ["List-Unsubscribe-Post"]
        absent += [] if given_message.unsubscribe else ["List-Unsubscribe"]
        expected = [name for name in [*HEADERS, *optional, *FRAME] if name not in absent]
        assert [name for name in mail.keys() if name != "Date"] == [name for name in expected if name != "Date"]  # noqa: SIM118
        assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]
        assert not any(part.defects for part in mail.walk())
    mail = parse(raw)
    assert not any(mail[name].defects for name in ("From", "Subject"))
    # a local part outside ASCII stands as UTF-8 in To (RFC 6532), which a parser of plain mail finds odd, and nowhere else
    odd = [line for line in head.split(b"\r\n") if not line.isascii()]
    assert len(odd) <= 1
    assert not mail["To"].defects or odd
    assert mail["From"] == MAIL_FROM
    assert len(mail["To"].addresses) <= 1
    assert len(mail["Subject"]) <= 78
    assert not re.search(r"[\r\n]", mail["Subject"])
    text, html = bodies(mail)
    page = Page(html)
    assert "script" not in page.tags
    if given_message.unsubscribe:
        assert mail["List-Unsubscribe"] == f"<{given_message.unsubscribe}>"
        assert page.hrefs.count(given_message.unsubscribe) == 1
        assert text.count(f"\n{given_message.unsubscribe}\n") == 1
    assert len(html.encode()) < HTML_LIMIT
    assert body.isascii()
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert b"\0" not in raw
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert text.strip()
    assert compose(given_message, MAIL_FROM).raw == raw


@pytest.mark.req("R83")
@pytest.mark.parametrize(
    ("address", "name", "shown"),
    [
        ("ana@acme.test", "", "ana@acme.test"),
        ("ana@acme.test", 'Ana "the boss", Müller', 'Ana "the boss", Müller'),
        ("ana@acme.test", "Ana, B. (Acme)", "Ana, B. (Acme)"),
        ("ana@acme.test", "山田 太郎" * 3, "山田 太郎" * 3),
        ("ana@bücher.example", "Ana", "Ana"),
    ],
)
def test_names_arrive_as_they_are(address: str, name: str, shown: str):
    raw = compose(message(JOB, to_address=address, to_name=name), MAIL_FROM).raw
    (to,) = parse(raw)["To"].addresses
    assert (to.display_name or to.addr_spec) == shown
    assert to.addr_spec == address.replace("bücher", "xn--bcher-kva")
    assert raw.isascii()


def test_a_name_longer_than_one_encoded_word_survives():
    name = "山田 太郎" * 6
    raw = compose(message(JOB, to_name=name), MAIL_FROM).raw
    shown = str(make_header(decode_header(BytesParser(policy=policy.compat32).parsebytes(raw)["To"])))
    assert shown.split() == [*name.split(), "<ana@acme.test>"]


def test_a_subject_outside_ascii_survives():
    subject = "[größe/prod] Tägliche Läufe 毎日の注文: job failure"
    assert parse(compose(message(JOB, subject=subject, is_reply=True), MAIL_FROM).raw)["Subject"] == f"Re: {subject}"


def test_an_unusable_recipient_still_composes_and_an_unusable_sender_does_not():
    mail = parse(compose(message(JOB, to_address="nobody"), MAIL_FROM).raw)
    assert mail["To"] == "undisclosed-recipients:;"
    with pytest.raises(ValueError, match="not a mail address"):
        compose(message(JOB), "Tocsin")


def test_readers_of_one_message_share_its_body_but_not_their_zone():
    berlin = parse(compose(message(JOB), MAIL_FROM).raw)
    other = parse(compose(message(JOB, delivery_id=7, to_address="bo@acme.test", to_name="Bo", is_reply=True), MAIL_FROM).raw)
    assert bodies(berlin) == bodies(other)
    text, _ = bodies(parse(compose(message(JOB, zone="Asia/Dubai"), MAIL_FROM).raw))
    assert "05:10 (Asia/Dubai)" in text
    assert "05:10 UTC+04:00" in text


def test_a_member_message_is_not_said_twice():
    text, _ = bodies(parse(compose(message(TESTS), MAIL_FROM).raw))
    assert "\nError\n" not in text


@pytest.mark.req("R83")
@pytest.mark.parametrize("letters", ["Ж", "😀", "שלום ", "a\u0301", "日本"])
def test_no_line_with_an_encoded_word_is_longer_than_the_standard_allows(letters: str):
    """76 characters, https://www.rfc-editor.org/rfc/rfc2047#section-2."""
    raw = compose(replace(CASES["late"], subject=letters * 60, to_name=letters * 40), MAIL_FROM).raw
    head = raw.partition(b"\r\n\r\n")[0].decode("ascii").split("\r\n")
    assert max(len(line) for line in head if "=?utf-8?" in line) <= 76
    subject = message_from_bytes(raw, policy=policy.default)["Subject"]
    assert subject.startswith(letters.strip()[:1])
    assert "\ufffd" not in subject


@pytest.mark.req("R83")
def test_an_unsubscribe_link_too_long_for_a_header_stays_in_the_text_alone():
    link = "https://tocsin.acme.test/" + "x" * 1100
    raw = compose(replace(CASES["late"], unsubscribe=link), MAIL_FROM).raw
    mail = message_from_bytes(raw, policy=policy.default)
    assert mail["List-Unsubscribe"] is None
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert link in mail.get_body(("plain",)).get_content()
