"""What is wrong with the gateway itself, of counted figures; and when nobody may be told that all is well."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.domain.heartbeat import why_not
from gateway.domain.pauses import Pauses
from gateway.domain.self_watch import Figures, Sender, troubles
from mappers.contract import Level
from tests.conftest import NOW

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
GIB = 1024**3


def found(figures: Figures, *open_ones: str) -> list[tuple[str, Level, bool]]:
    return [(one.name, one.level, one.urgent) for one in troubles(figures, NOW, frozenset(open_ones))]


def sender(**given: object) -> Figures:
    return Figures(senders=(Sender(7, "etl", **given),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        (Figures(), []),
        (Figures(events_waiting=3, oldest_event=4 * MINUTE), []),
        (Figures(events_waiting=3, oldest_event=6 * MINUTE), [("processing", Level.WARNING, False)]),
        (Figures(events_waiting=3, oldest_event=31 * MINUTE), [("processing", Level.ERROR, True)]),
        (Figures(mails_put_off=1, put_off_for=9 * MINUTE), []),
        (Figures(mails_put_off=1, put_off_for=11 * MINUTE), [("mail", Level.WARNING, False)]),
        (Figures(mails_put_off=1, put_off_for=2 * HOUR), [("mail", Level.ERROR, True)]),
        (Figures(mails_put_off=1, put_off_for=2 * HOUR, since_last_sent=MINUTE), []),
        (Figures(mails_put_off=9, put_off_for=2 * HOUR, since_last_sent=HOUR), [("mail", Level.ERROR, True)]),
        (Figures(mails_waiting=2, oldest_mail=9 * MINUTE), []),
        (Figures(mails_waiting=2, oldest_mail=11 * MINUTE), [("delivery", Level.ERROR, True)]),
        (Figures(disk_free=50 * GIB, disk_size=1000 * GIB), []),
        (Figures(disk_free=4 * GIB, disk_size=100 * GIB), [("storage", Level.WARNING, False)]),
        (Figures(disk_free=4 * GIB, disk_size=20 * GIB), []),
        (Figures(disk_free=GIB // 8, disk_size=1 * GIB), [("storage", Level.ERROR, True)]),
        (sender(read=50, put_aside=4), []),
        (sender(read=50, put_aside=20), []),
        (sender(read=50, put_aside=25), [("source/7/unmapped", Level.WARNING, False)]),
        (sender(read=6, put_aside=6), [("source/7/unmapped", Level.ERROR, False)]),
        (sender(api_failures=4, api_trouble="401"), []),
        (sender(api_failures=5, api_trouble="401"), [("source/7/api", Level.WARNING, False)]),
    ],
)
def test_what_is_wrong_and_how_bad_it_is(figures: Figures, expected: list[tuple[str, Level, bool]]) -> None:
    assert found(figures) == expected


@pytest.mark.parametrize(
    ("figures", "name"),
    [
        (Figures(events_waiting=3, oldest_event=4 * MINUTE), "processing"),
        (Figures(mails_waiting=2, oldest_mail=6 * MINUTE), "delivery"),
        (Figures(disk_free=6 * GIB, disk_size=100 * GIB), "storage"),
        (sender(read=50, put_aside=15), "source/7/unmapped"),
    ],
)
def test_what_is_open_is_over_only_when_it_is_clearly_better(figures: Figures, name: str) -> None:
    assert found(figures) == []
    assert [one[0] for one in found(figures, name)] == [name]


def test_every_trouble_says_what_to_do_and_that_mail_cannot_tell_of_mail() -> None:
    silent = Sender(7, "etl", 50, 50, 9, "401", listened([1.0] * 10))
    everything = Figures(10, HOUR, 10, HOUR, 10, HOUR * 2, "550 no", None, GIB // 9, 9 * GIB, (silent,))
    all_of_them = list(troubles(everything, NOW + 2 * DAY))
    assert len(all_of_them) == 7
    assert all(one.mend and one.message for one in all_of_them)
    (mail,) = (one for one in all_of_them if one.name == "mail")
    assert "550 no" in mail.message
    assert "Nobody hears of this by mail" in mail.message


def listened(pauses: list[float], began: int | None = None) -> Pauses:
    """A sender whose longest pause of each of the last days was so many hours."""
    days = {(NOW - index * DAY).date(): hours * 3600 for index, hours in enumerate(pauses)}
    return Pauses(NOW - (began or len(pauses)) * DAY, NOW, NOW - (began or len(pauses)) * DAY, NOW, days)


def limit_in_hours(pauses: list[float]) -> float | None:
    limit = listened(pauses).limit
    return limit.total_seconds() / 3600 if limit else None


@pytest.mark.parametrize(
    ("pauses", "limit"),
    [
        ([1.0] * 2, None),
        ([1.0] * 5, 72),
        ([1.0] * 10, 5),
        ([0.01] * 10, 1),
        ([24.0] * 10, 48),
        ([1, 1, 1, 1, 63, 1, 1, 1, 1, 1, 63], 94.5),
        ([168.0, 168.0, 168.0], 252),
    ],
)
def test_silence_is_many_times_the_usual_pause_and_more_than_ever_before(pauses: list[float], limit: float | None) -> None:
    assert limit_in_hours(pauses) == limit


def test_a_sender_that_was_never_heard_is_not_silent() -> None:
    assert not Pauses.new(NOW).heard(None, NOW + 30 * DAY).is_silent(NOW + 30 * DAY)


def test_it_falls_silent_while_somebody_listens_and_not_because_nobody_did() -> None:
    pauses = listened([1.0] * 10)
    listening = pauses
    for minute in range(5 * 60 + 2):
        listening = listening.heard(NOW, NOW + minute * MINUTE)
    assert listening.is_silent(NOW + 5 * HOUR + MINUTE)
    assert not listening.is_silent(NOW + 5 * HOUR)
    after_an_outage_of_ours = pauses.heard(NOW, NOW + 20 * HOUR)
    assert not after_an_outage_of_ours.is_silent(NOW + 20 * HOUR)


def test_what_nobody_listened_to_is_no_pause_of_theirs() -> None:
    pauses = listened([1.0] * 10).heard(NOW, NOW + 20 * HOUR).heard(NOW + 20 * HOUR, NOW + 20 * HOUR + MINUTE)
    assert pauses.longest == HOUR


def test_a_habit_remembers_four_weeks_and_survives_being_kept() -> None:
    pauses = listened([float(index + 1) for index in range(28)])
    later = NOW + 3 * DAY
    pauses = replace(pauses, looked_at=later - MINUTE).heard(later, later)
    assert len(pauses.of_day) == 28
    assert pauses.longest == 72 * HOUR
    assert Pauses.of(pauses.document()) == pauses


@pytest.mark.parametrize(
    ("idle", "figures", "why"),
    [
        ({"deliver": MINUTE}, Figures(), None),
        ({"process": MINUTE, "deliver": 6 * MINUTE}, Figures(), "the deliver loop has not come round for 6 min"),
        ({}, Figures(oldest_event=16 * MINUTE), "an event has waited for 16 min"),
        ({}, Figures(oldest_mail=11 * MINUTE), "a mail has been due for 11 min"),
        ({}, Figures(put_off_for=11 * MINUTE), "the mail server takes nothing"),
        ({}, Figures(put_off_for=HOUR, since_last_sent=MINUTE), None),
        ({}, Figures(oldest_event=MINUTE, oldest_mail=MINUTE, put_off_for=MINUTE), None),
    ],
)
def test_the_heartbeat_stops_where_the_work_does(idle: dict[str, timedelta], figures: Figures, why: str | None) -> None:
    assert why_not(idle, [figures]) == why
