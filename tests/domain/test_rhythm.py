"""When mail may leave, held against an oracle that walks from minute to minute and knows nothing of clocks being set."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.domain.rhythm import DAILY_AT, Digest, Rhythm

MINUTE = timedelta(minutes=1)
A_DAY = date(2026, 3, 2)
CLOCKS_ARE_SET = {
    "Europe/Berlin": ("2026-03-29T01:00", "2026-10-25T01:00"),
    "America/New_York": ("2026-03-08T07:00", "2026-11-01T06:00"),
    "America/St_Johns": ("2010-03-14T03:31", "2010-11-07T02:31", "2026-03-08T05:30"),
    "Australia/Lord_Howe": ("2026-04-04T15:00", "2026-10-03T15:30"),
    "Asia/Kolkata": ("2026-03-29T01:00",),
    "Pacific/Apia": ("2011-12-30T10:00", "2011-04-02T14:00"),
    "America/Sao_Paulo": ("2018-11-04T03:00", "2018-02-18T02:00"),
    "UTC": ("2026-01-01T00:00",),
}
"""The hard moments of each zone, in UTC; Apia left out a whole day."""

minutes = st.integers(0, 24 * 60 - 1).map(lambda one: time(one // 60, one % 60))
moments = st.tuples(
    st.sampled_from([(zone, text) for zone, texts in CLOCKS_ARE_SET.items() for text in texts]), st.integers(-40 * 3600, 16 * 3600)
).map(lambda one: (one[0][0], datetime.fromisoformat(one[0][1]).replace(tzinfo=UTC) + timedelta(seconds=one[1])))


@st.composite
def rhythms(draw: st.DrawFn) -> tuple[Rhythm, datetime]:
    """A rhythm, and a moment not far from a hard one of its zone."""
    zone, now = draw(moments)
    begin, end = draw(st.one_of(st.none(), st.tuples(minutes, minutes).filter(lambda pair: pair[0] != pair[1]))) or (None, None)
    return Rhythm(zone, begin, end, draw(st.sampled_from(Digest))), now


def quiet_minutes(rhythm: Rhythm) -> set[time]:
    """Every minute that a clock on the wall shows while it is quiet: from the begin on, over midnight if need be, until the end."""
    if rhythm.quiet_from is None or rhythm.quiet_until is None:
        return set()
    shown, found = rhythm.quiet_from, set[time]()
    while shown != rhythm.quiet_until:
        found.add(shown)
        shown = (datetime.combine(A_DAY, shown) + MINUTE).time()
    return found


def wall(rhythm: Rhythm, moment: datetime) -> time:
    """The minute that a clock on the wall shows."""
    return moment.astimezone(ZoneInfo(rhythm.zone)).time().replace(second=0, microsecond=0)


def later(now: datetime) -> Iterator[datetime]:
    """Every whole minute after `now`."""
    minute = now.replace(second=0, microsecond=0)
    while True:
        minute += MINUTE
        yield minute


def first(now: datetime, fits: Callable[[datetime], bool]) -> datetime:
    return next(minute for minute in later(now) if fits(minute))


def oracle(rhythm: Rhythm, now: datetime, held_until: datetime | None = None) -> datetime:
    quiet = quiet_minutes(rhythm)
    offset = now.astimezone(ZoneInfo(rhythm.zone)).utcoffset()
    assert offset is not None
    collected = {
        Digest.IMMEDIATE: lambda: now,
        Digest.HOURLY: lambda: first(now, lambda minute: (minute + offset).minute == 0),
        Digest.DAILY: lambda: first(now, lambda minute: wall(rhythm, minute) == DAILY_AT),
    }[rhythm.digest]()
    begin = max(collected, held_until or collected)
    return first(begin, lambda minute: wall(rhythm, minute) not in quiet) if wall(rhythm, begin) in quiet else begin


@pytest.mark.req("R56")
@pytest.mark.req("R57")
@settings(max_examples=250, deadline=None)
@given(rhythms(), st.one_of(st.none(), st.integers(-3600, 20 * 3600)))
@example((Rhythm("Europe/Berlin", time(22), time(2, 30)), datetime(2026, 3, 29, 0, 40, 7, tzinfo=UTC)), None)
@example((Rhythm("Europe/Berlin", time(2, 30), time(3)), datetime(2026, 10, 25, 0, 40, tzinfo=UTC)), None)
@example((Rhythm("Pacific/Apia", time(22), time(7)), datetime(2011, 12, 30, 9, 30, tzinfo=UTC)), None)
@example((Rhythm("Pacific/Apia", digest=Digest.DAILY), datetime(2011, 12, 30, 3, tzinfo=UTC)), None)
def test_mail_is_free_at_the_first_minute_that_the_wall_clock_allows(given_: tuple[Rhythm, datetime], held_for: int | None) -> None:
    rhythm, now = given_
    held_until = None if held_for is None else now + timedelta(seconds=held_for)
    found = rhythm.free_at(now, held_until)
    assert found == oracle(rhythm, now, held_until)
    assert found >= now
    assert held_until is None or found >= held_until
    assert wall(rhythm, found) not in quiet_minutes(rhythm)
    assert found.tzinfo == UTC


@given(rhythms())
def test_a_rhythm_is_found_again_by_its_key(given_: tuple[Rhythm, datetime]) -> None:
    rhythm, now = given_
    key = rhythm.key
    if key is None:
        assert rhythm.free_at(now) == now, "no key: mail may always leave"
    else:
        assert Rhythm.of(key) == rhythm
        assert len(key) <= 200


@pytest.mark.req("R56")
@pytest.mark.parametrize(
    ("now", "free"),
    [
        ("2026-03-02T20:59:59", "2026-03-02T20:59:59"),
        ("2026-03-02T21:00", "2026-03-03T06:00"),
        ("2026-03-03T05:59:59.5", "2026-03-03T06:00"),
        ("2026-03-03T06:00", "2026-03-03T06:00"),
        ("2026-03-28T23:00", "2026-03-29T05:00"),
        ("2026-10-24T23:00", "2026-10-25T06:00"),
    ],
)
def test_quiet_hours_of_berlin_across_midnight_and_both_changes_of_its_clocks(now: str, free: str) -> None:
    rhythm = Rhythm("Europe/Berlin", time(22), time(7))
    assert rhythm.free_at(datetime.fromisoformat(now).replace(tzinfo=UTC)) == datetime.fromisoformat(free).replace(tzinfo=UTC)
