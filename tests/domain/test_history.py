"""What a pipeline's latest runs say."""

from datetime import timedelta

import pytest

from gateway.domain.history import History, RunEnd, history
from tests.builders import at


def end(run: str, phase: str, minutes: int, took: int | None = 10) -> RunEnd:
    ended = at(60 * minutes)
    return RunEnd(run, phase, None if took is None else ended - timedelta(minutes=took), ended)


@pytest.mark.req("R97")
def test_a_third_failure_in_a_row() -> None:
    ends = [
        end("r4", "failed", 40, 3),
        end("r3", "failed", 30),
        end("r2", "failed", 20),
        end("r1", "succeeded", 10),
        end("r0", "failed", 0),
    ]
    minutes = timedelta(minutes=1)
    assert history(ends) == History(last_success=at(600), failed_in_a_row=3, usual=10 * minutes, last=3 * minutes)


@pytest.mark.req("R97")
def test_attempts_of_one_run_are_one_failure_and_what_was_cancelled_is_none() -> None:
    ends = [end("r2", "failed", 30), end("r2", "failed", 25), end("x", "cancelled", 22), end("r1", "failed", 20)]
    assert history(ends).failed_in_a_row == 2
    assert history(ends).last_success is None


@pytest.mark.req("R97")
def test_the_usual_time_is_the_middle_one_of_those_that_succeeded() -> None:
    ends = [end(str(number), "succeeded", -number, took) for number, took in enumerate((9, 11, 300, 10, 10))]
    assert history(ends).usual == timedelta(minutes=10)
    assert history([end("1", "succeeded", 0, None)]).usual is None


def test_nothing_known_says_nothing() -> None:
    assert history([]) == History()
