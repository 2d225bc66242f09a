"""Episodes: what counts as one, when it ends and who said so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.episode import Ending, Episode, Heard, carried, episodes
from gateway.domain.thread import Occurrence
from mappers.contract import Level, State
from tests.builders import at, firing, note, resolved

pytestmark = pytest.mark.req("R94")
LATER = at(30 * 86_400)


def closing(how: str, when: float) -> Occurrence:
    return Occurrence(f"{how}/{when}", at(when), State.RESOLVED, {"": Level.SUCCESS}, final=True)


def test_an_episode_lasts_from_the_failure_to_the_recovery_and_counts_what_repeats() -> None:
    said = [firing("a", 0), firing("b", 60), resolved("c", 100), firing("d", 200)]
    assert episodes(said, LATER) == [Episode(at(0), at(100), Ending.SENDER, 2), Episode(at(200))]


@given(st.permutations([firing("a", 0), resolved("b", 100), firing("c", 200), resolved("d", 300), firing("e", 400)]))
def test_the_order_in_which_it_is_heard_changes_nothing(said: list[Occurrence]) -> None:
    assert [one.opened_at for one in episodes(said, LATER)] == [at(0), at(200), at(400)]


@pytest.mark.parametrize("how", ["hand", "silence"])
def test_it_is_known_who_said_that_it_is_over(how: str) -> None:
    assert [one.ended_by for one in episodes([firing("a", 0), closing(how, 50)], LATER)] == [Ending(how)]


def test_a_sender_cannot_pass_for_a_person() -> None:
    assert episodes([firing("a", 0), resolved("hand", 50)], LATER)[0].ended_by is Ending.SENDER


def test_a_note_is_none_and_neither_is_what_recovers_before_its_hold_is_over() -> None:
    assert episodes([note("a", 0)], LATER) == []
    assert episodes([firing("a", 0, hold=300), resolved("b", 200)], LATER) == []
    assert episodes([firing("a", 0, hold=300), resolved("b", 400)], LATER) == [Episode(at(0), at(400), Ending.SENDER)]


def test_what_flaps_is_one_episode_from_then_on_over_with_its_last_transition() -> None:
    said = [one for n in range(6) for one in (firing(f"f{n}", 100 * n), resolved(f"r{n}", 100 * n + 50))]
    found = episodes(said, LATER)
    assert [one.flapped for one in found] == [False, False, True]
    assert found[-1].resolved_at == at(550)


def test_what_people_did_stays_with_the_episode_in_which_they_did_it() -> None:
    known = {at(0): Heard(at(250), alerts=3)}
    anew = [Episode(at(0), at(100), Ending.SENDER), Episode(at(200))]
    assert carried(known, anew) == {at(0): Heard(alerts=3), at(200): Heard(at(250))}
    assert carried({at(50): Heard(at(60), 1)}, [Episode(at(70))]) == {at(70): Heard(at(60), 1)}
    assert carried(known, []) == {}
