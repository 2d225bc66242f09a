"""Token buckets: never more than was promised, never less, whatever the clock and however many strangers come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.intake import limits
from gateway.intake.limits import Limiter
from gateway.listener import counted_as

BURSTS = st.integers(1, 20)
RATES = st.floats(0.01, 100)
PAUSES = st.lists(st.floats(0, 5) | st.just(0.0), min_size=1, max_size=60)
ENOUGH = 1e-6
"""What floating point may be off by."""


def moments(pauses: list[float]) -> list[float]:
    now, found = 1000.0, []
    for pause in pauses:
        now += pause
        found.append(now)
    return found


@pytest.mark.req("R20")
@given(burst=BURSTS, rate=RATES, pauses=PAUSES)
def test_in_no_span_of_time_is_more_taken_than_the_burst_and_what_filled_up_meanwhile(burst: int, rate: float, pauses: list[float]) -> None:
    limiter: Limiter[str] = Limiter()
    taken = [now for now in moments(pauses) if limiter.take("a", now, rate=rate, burst=burst) == 0]
    for first, begin in enumerate(taken):
        for last, end in enumerate(taken[first:], first):
            assert last - first + 1 <= burst + rate * (end - begin) + ENOUGH


@pytest.mark.req("R20")
@given(burst=BURSTS, rate=RATES, pauses=PAUSES)
def test_who_is_told_to_wait_and_does_is_let_through_and_not_made_to_wait_for_nothing(burst: int, rate: float, pauses: list[float]) -> None:
    limiter: Limiter[str] = Limiter()
    for now in moments(pauses):
        if wait := limiter.take("a", now, rate=rate, burst=burst):
            assert limiter.wait("a", now + wait + ENOUGH, rate=rate, burst=burst) == 0
            assert wait <= 1 / rate + 1
            return


@given(burst=BURSTS, rate=RATES, seconds=st.floats(0, 1000))
def test_while_the_clock_stands_still_or_steps_back_the_burst_is_all_there_is(burst: int, rate: float, seconds: float) -> None:
    limiter: Limiter[str] = Limiter()
    assert [limiter.take("a", 1000.0, rate=rate, burst=burst) for _ in range(burst)] == [0] * burst
    assert limiter.take("a", 1000.0, rate=rate, burst=burst) > 0
    assert limiter.take("a", 1000.0 - seconds, rate=rate, burst=burst) > 0


@given(burst=BURSTS, rate=RATES, pauses=PAUSES)
def test_asking_takes_nothing(burst: int, rate: float, pauses: list[float]) -> None:
    asked: Limiter[str] = Limiter()
    unasked: Limiter[str] = Limiter()
    for now in moments(pauses):
        told = asked.wait("a", now, rate=rate, burst=burst)
        assert told == asked.take("a", now, rate=rate, burst=burst) == unasked.take("a", now, rate=rate, burst=burst)


def test_each_key_has_a_bucket_of_its_own() -> None:
    limiter: Limiter[int] = Limiter()
    assert not limiter
    assert limiter.take(1, 0, rate=1, burst=1) == 0
    assert limiter
    assert limiter.take(1, 0, rate=1, burst=1) == 1
    assert limiter.take(2, 0, rate=1, burst=1) == 0


def test_the_bucket_used_longest_ago_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_COUNTED", 3)
    limiter: Limiter[int] = Limiter()
    for key in (1, 2, 3):
        assert limiter.take(key, 0, rate=1, burst=2) == 0
    assert limiter.take(1, 0, rate=1, burst=2) == 0  # used again: now 2 is the oldest
    assert limiter.take(4, 0, rate=1, burst=2) == 0
    assert len(limiter._buckets) == 3
    assert limiter.take(1, 0, rate=1, burst=2) > 0, "still counted"
    assert [limiter.take(2, 0, rate=1, burst=2) for _ in range(3)] == [0, 0, 1], "begins anew, full"


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("unknown", "unknown"),
        ("not:an:address", "not:an:address"),
        ("", ""),
    ],
)
def test_an_ipv6_host_is_counted_by_its_network(address: str, counted: str) -> None:
    assert counted_as(address) == counted
