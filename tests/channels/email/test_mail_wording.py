"""The first line of a mail, and times as people say them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.channels.email.clock import Clock, duration, ordinal
from gateway.channels.email.wording import Tone, headline, sentence, tone, why
from gateway.channels.message import Kind
from mappers.contract import Category, Level
from tests.channels.email.mail_cases import BEGAN, JOB, message

CLOCK = Clock.of("Europe/Berlin", BEGAN + timedelta(minutes=1))


@pytest.mark.req("R82")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "FAILED since 02:10"),
        ({"reason": "reopened"}, "FAILED AGAIN since 02:10"),
        ({"reason": "repeat", "occurrences": 3}, "STILL FAILING, 3rd run"),
        ({"reason": "repeat", "occurrences": 3, "of_runs": False}, "STILL FAILING, 3rd time"),
        ({"reason": "repeat", "occurrences": 3, "firing": 2, "members_total": 40}, "2 of 40 still failing"),
        ({"reason": "reminder"}, "STILL FAILING since 02:10"),
        ({"reason": "escalated"}, "WORSE: now error"),
        ({"reason": "grew", "firing": 5, "members_total": 5}, "MORE FAILING: now 5 of 5"),
        ({"opened_at": None}, "FAILED"),
        ({"level": Level.WARNING}, "WARNING since 02:10"),
        ({"level": Level.INFO}, "FOR YOUR INFORMATION"),
        ({"category": Category.LATE_RUN, "level": Level.WARNING}, "LATE since 02:10"),
        ({"category": Category.LATE_RUN, "reason": "repeat", "occurrences": 2}, "STILL LATE, 2nd time"),
        ({"category": Category.INCIDENT}, "FAILING since 02:10"),
        ({"category": Category.SCHEMA_CHANGE}, "SCHEMA CHANGED at 02:10"),
        ({"is_open": False, "resolved_at": BEGAN}, "NOTE"),
        ({"is_open": False, "resolved_at": BEGAN, "level": Level.INFO}, "FOR YOUR INFORMATION"),
        ({"is_open": False, "resolved_at": BEGAN, "category": Category.SCHEMA_CHANGE}, "SCHEMA CHANGED at 02:10"),
        ({"is_open": False, "reason": "resolved", "resolved_at": BEGAN + timedelta(minutes=42)}, "RESOLVED after 42 min"),
        ({"is_open": False, "reason": "resolved"}, "RESOLVED"),
        ({"is_open": False, "resolved_at": BEGAN + timedelta(hours=2)}, "FAILED, recovered after 2 h"),
        ({"is_open": False, "resolved_at": BEGAN + timedelta(hours=2), "category": Category.LATE_RUN}, "LATE, recovered after 2 h"),
        ({"is_open": False, "resolved_at": BEGAN + timedelta(hours=2), "is_closed": True}, "FAILED, closed after 2 h"),
        ({"is_open": False, "reason": "resolved", "resolved_at": BEGAN + timedelta(days=7), "is_closed": True}, "CLOSED after 7 d"),
    ],
)
def test_headline(changes: dict[str, object], expected: str):
    assert headline(replace(JOB, **changes), Kind.FAILING, CLOCK) == expected


def test_what_nobody_said_recovered_is_not_coloured_as_a_recovery():
    assert tone(replace(JOB, is_open=False, reason="resolved", is_closed=True), Kind.RESOLVED) is Tone.NOTE


def test_a_part_that_fires_again_by_now_is_not_called_resolved():
    part = replace(JOB, reason="resolved", occurrences=1)
    assert headline(part, Kind.RESOLVED, CLOCK) == "STILL FAILING since 02:10"
    assert tone(part, Kind.RESOLVED) is Tone.FAILING


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "The job failed in prod at 02:10 (Europe/Berlin)."),
        ({"category": Category.SYSTEM}, "This began in prod at 02:10 (Europe/Berlin)."),
        (
            {"firing": 1, "members_total": 4},
            "1 of the 4 nodes that failed in prod is still failing; the first failed at 02:10 (Europe/Berlin).",
        ),
        (
            {"firing": 3, "members_total": 4, "reason": "grew", "category": Category.INCIDENT},
            "3 alerts are failing in prod now; the first began to fail at 02:10 (Europe/Berlin).",
        ),
        (
            {
                "is_open": False,
                "reason": "resolved",
                "resolved_at": BEGAN + timedelta(minutes=6),
                "category": Category.LATE_RUN,
                "recovery": "Flow run red-fox is Failed now.",
            },
            "The run became late in prod at 02:10 and was late no more at 02:16 (Europe/Berlin). Flow run red-fox is Failed now.",
        ),
        ({"is_open": False, "resolved_at": BEGAN}, "Noted in prod at 02:10 (Europe/Berlin). Nothing is open because of it."),
        (
            {"is_open": False, "resolved_at": BEGAN, "category": Category.SCHEMA_CHANGE},
            "The schema changed in prod at 02:10 (Europe/Berlin). Nothing is open because of it.",
        ),
    ],
)
def test_sentence(changes: dict[str, object], expected: str):
    assert sentence(replace(JOB, **changes), message(JOB), CLOCK, "prod") == expected


def test_why_names_category_level_and_reason():
    assert (
        why(JOB, message(JOB), "acme")
        == "You get this because you hear about job failures of team acme by mail: this one is an error, and it is new."
    )


@pytest.mark.parametrize(
    ("now", "short", "when"),
    [
        (datetime(2026, 3, 3, 20, tzinfo=UTC), "02:10", "at 02:10"),
        (datetime(2026, 3, 3, 23, 30, tzinfo=UTC), "Tue 02:10", "on Tue at 02:10"),
        (datetime(2026, 3, 20, tzinfo=UTC), "3 March, 02:10", "on 3 March at 02:10"),
        (datetime(2027, 1, 1, tzinfo=UTC), "3 March 2026, 02:10", "on 3 March 2026 at 02:10"),
        (None, "3 March 2026, 02:10", "on 3 March 2026 at 02:10"),
    ],
)
def test_times_are_as_short_as_they_can_be(now: datetime | None, short: str, when: str):
    clock = Clock.of("Europe/Berlin", now)
    assert (clock.short(BEGAN), clock.when(BEGAN)) == (short, when)


def test_the_hour_that_comes_twice_is_told_apart():
    clock = Clock.of("Europe/Berlin", None)
    twice = [clock.full(datetime(2026, 10, 25, hour, 30, tzinfo=UTC)) for hour in (0, 1)]
    assert twice == ["Sunday 25 October 2026, 02:30 CEST", "Sunday 25 October 2026, 02:30 CET"]


@pytest.mark.parametrize("zone", ["", "Mars/Base", "Europe", "../../etc/passwd", "\0", "/etc/localtime"])
def test_an_unknown_zone_is_utc_and_says_so(zone: str):
    clock = Clock.of(zone, BEGAN)
    assert clock.when(BEGAN) + clock.named == "at 01:10 UTC"


def test_spans_and_ordinals():
    spans = [timedelta(seconds=-5), timedelta(seconds=59), timedelta(minutes=59), timedelta(hours=3, minutes=5), timedelta(days=2, hours=4)]
    assert [duration(span) for span in spans] == ["0 s", "59 s", "59 min", "3 h 5 min", "2 d 4 h"]
    assert [ordinal(number) for number in (1, 2, 3, 4, 11, 12, 13, 21, 101, 111)] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "101st", "111th"
    ]  # fmt: skip
