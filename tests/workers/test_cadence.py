"""What comes round again and again."""

from datetime import timedelta

from gateway.workers.cadence import Cadence
from tests.conftest import NOW

MINUTE = timedelta(minutes=1)


def test_it_comes_round_once_in_its_time() -> None:
    cadence = Cadence(MINUTE, NOW + MINUTE / 2)
    assert not cadence.comes_round(NOW)
    assert cadence.comes_round(NOW + MINUTE / 2)
    assert not cadence.comes_round(NOW + MINUTE)
    assert cadence.next_at == NOW + 1.5 * MINUTE
    assert cadence.comes_round(NOW + 5 * MINUTE), "what was missed is not made up for"
    assert not cadence.comes_round(NOW + 5.5 * MINUTE)


def test_a_clock_that_is_set_back_does_not_hold_it_up() -> None:
    cadence = Cadence(MINUTE, NOW)
    assert cadence.comes_round(NOW)
    assert cadence.comes_round(NOW - timedelta(hours=1))
    assert not cadence.comes_round(NOW - timedelta(hours=1) + MINUTE / 2)
