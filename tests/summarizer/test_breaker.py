"""When a server is left alone, and when it is tried again."""

from summarizer.breaker import TROUBLES, Breaker


def opened(now: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(TROUBLES):
        breaker = breaker.troubled(now)
    return breaker


def test_it_opens_after_so_many_troubles_in_a_row_and_an_answer_starts_the_count_anew() -> None:
    breaker = Breaker()
    for _ in range(TROUBLES - 1):
        breaker = breaker.troubled(0.0)
    assert breaker.lets_through(0.0)
    assert breaker.answered().troubled(0.0).lets_through(0.0)
    assert not breaker.troubled(0.0).lets_through(29.9)


def test_one_question_decides_after_the_pause() -> None:
    breaker = opened()
    assert not breaker.lets_through(29.0)
    assert breaker.lets_through(30.0)
    probing = breaker.asked(30.0)
    assert not probing.lets_through(31.0)
    assert probing.undecided().lets_through(31.0)
    assert probing.answered() == Breaker()
    assert not probing.troubled(31.0).lets_through(31.0 + 59.0)
    assert probing.troubled(31.0).lets_through(31.0 + 60.0)


def test_the_pause_never_exceeds_ten_minutes() -> None:
    breaker, now = opened(), 0.0
    for _ in range(20):
        now = breaker.open_until or now
        breaker = breaker.asked(now).troubled(now, leave_alone=10_000.0)
    assert (breaker.open_until or 0.0) - now == 600.0


def test_a_wish_and_a_wrong_key_open_it_at_once() -> None:
    assert not Breaker().troubled(0.0, 90.0).lets_through(89.0)
    assert Breaker().troubled(0.0, 90.0).lets_through(90.0)
    assert not Breaker().troubled(0.0, at_once=True).lets_through(1.0)
