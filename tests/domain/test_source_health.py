"""How a source is doing, by what it sent lately."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.domain.source_health import Finding, Health, Sent, examine

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def ago(*minutes: float, status: str = "mapped") -> list[Sent]:
    return [Sent(NOW - timedelta(minutes=one), status) for one in minutes]


def examined(*sent: Sent, looked_at: int = 50, usable: bool = True, refused: float | None = None, trouble: str | None = None) -> Health:
    refused_at = None if refused is None else NOW - timedelta(minutes=refused)
    lately = sorted(sent, key=lambda one: one.at, reverse=True)
    return examine(lately, looked_at=looked_at, now=NOW, usable=usable, refused_at=refused_at, trouble=trouble)


def test_nothing_is_said_of_what_is_well() -> None:
    health = examined(*ago(*range(1, 20)), refused=30)
    assert health.findings == ()
    assert (health.today, health.more_today, health.longest_pause) == (19, False, timedelta(minutes=1))


@pytest.mark.parametrize(
    ("minutes", "silent"),
    [
        (range(181, 200), True),
        (range(59, 80), False),
        (range(61, 80), True),
        (range(181, 189), False),
        ([181, *range(260, 280)], False),
        ([250, *range(330, 350)], True),
    ],
)
def test_silence_is_longer_than_three_of_its_longest_pauses_and_than_an_hour(minutes: list[int], silent: bool) -> None:
    assert (Finding.SILENT in examined(*ago(*minutes)).findings) is silent


def test_tests_are_no_news() -> None:
    tests = [Sent(NOW, "ignored", is_test=True)]
    health = examined(*tests)
    assert health.findings == (Finding.NEVER,)
    assert (health.last_at, health.last_test_at, health.today) == (None, NOW, 0)
    assert Finding.SILENT in examined(*tests, *ago(*range(200, 220))).findings


def test_the_worst_is_said_first() -> None:
    sent = [*ago(*range(300, 320)), *ago(300, status="unmapped"), *ago(301, status="quarantined")]
    health = examined(*sent, usable=False, refused=1, trouble="answered 503")
    assert health.findings == tuple(one for one in Finding if one is not Finding.NEVER)
    assert (health.unmapped, health.quarantined) == (1, 1)


def test_only_today_counts_and_more_is_said_where_more_was_not_looked_at() -> None:
    old = ago(25 * 60, status="unmapped")
    assert examined(*ago(1), *old).findings == ()
    assert examined(*ago(1), *old).today == 1
    assert examined(*ago(1, 2, 3), looked_at=3).more_today
    assert not examined(*ago(1, 2), *old, looked_at=3).more_today


def test_a_refusal_before_the_last_event_is_history() -> None:
    assert Finding.REFUSED not in examined(*ago(1), refused=2).findings
    assert Finding.REFUSED in examined(*ago(3), refused=2).findings
    assert Finding.REFUSED in examined(refused=2).findings
