"""What holds for every history, in whatever order and however often it is told."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.judge import NEW_EPISODE, Alert, Reason, due
from gateway.domain.thread import WHOLE, Firing, Occurrence, fold
from mappers.contract import Level, State
from tests.builders import at
from tests.domain.receiver import Receiver, after, facts

MEMBERS = (WHOLE, "a", "b", "c")
LEVELS = (Level.INFO, Level.WARNING, Level.ERROR)
RUNS = (None, "r1", "r2")
EXAMPLES = settings(max_examples=80, deadline=None, derandomize=True)
RISES = NEW_EPISODE | {Reason.ESCALATED, Reason.GREW}


@st.composite
def happenings(draw: st.DrawFn, number: int, holds: bool) -> Occurrence:
    state = draw(st.sampled_from([State.FIRING] * 4 + [State.RESOLVED] * 3 + [State.NOTE]))
    keys = draw(st.lists(st.sampled_from(MEMBERS), min_size=1, max_size=3, unique=True))
    levels = {key: Level.SUCCESS if state is State.RESOLVED else draw(st.sampled_from(LEVELS)) for key in keys}
    when = draw(st.integers(0, 6))
    return Occurrence(
        key=f"k{number}/{state}",
        at=at(when),
        state=state,
        members=levels,
        run=draw(st.sampled_from(RUNS)),
        held_until=at(when + 100) if holds and state is State.FIRING and draw(st.booleans()) else None,
        spares_own_run=state is State.RESOLVED and draw(st.integers(0, 4)) == 0,
    )


@st.composite
def reports(draw: st.DrawFn, whole: Occurrence) -> list[Occurrence]:
    """One or several reports that together say what `whole` says, some of them later or with fewer members."""
    if draw(st.integers(0, 2)):
        return [whole]
    keys = sorted(whole.members)
    parts = draw(st.lists(st.lists(st.sampled_from(keys), min_size=1, unique=True), min_size=1, max_size=2))
    partial = [
        replace(
            whole, members={key: whole.members[key] for key in part}, at=at((whole.at - at(0)).total_seconds() + draw(st.integers(0, 4)))
        )
        for part in parts
    ]
    return [whole, *partial]


@st.composite
def tellings(draw: st.DrawFn, *, holds: bool = False) -> tuple[list[Occurrence], list[Occurrence], list[Occurrence]]:
    """A set of occurrences, and two orders in which reports of it arrive, with repetitions."""
    truth = [draw(happenings(number, holds)) for number in range(draw(st.integers(1, 6)))]
    said = [report for one in truth for report in draw(reports(one))]
    again = draw(st.lists(st.sampled_from(said), max_size=4))
    return truth, draw(st.permutations(said)), draw(st.permutations([*said, *again]))


@pytest.mark.req("R47")
@EXAMPLES
@given(tellings())
def test_any_order_and_any_repetition_ends_in_the_fold_of_the_set(case: tuple[list[Occurrence], ...]) -> None:
    truth, one_order, another = case
    assert facts(after(one_order).thread) == facts(after(another).thread) == fold(truth)


@pytest.mark.req("R47")
@EXAMPLES
@given(tellings(holds=True))
def test_with_holds_any_order_ends_in_the_same_state_and_all_is_known_once_they_are_over(case: tuple[list[Occurrence], ...]) -> None:
    truth, one_order, another = case
    first, second = after(one_order).thread, after(another).thread
    assert facts(first) == facts(second) == facts(fold(truth))
    for thread in (first, second):
        verdict = due(thread, at(10_000))
        final = verdict.thread if verdict else thread
        assert final.shown == fold(truth).firing.keys()
        assert due(final, at(10_000)) is None


@pytest.mark.req("R47")
@EXAMPLES
@given(tellings(holds=True))
def test_no_transition_is_told_twice(case: tuple[list[Occurrence], ...]) -> None:
    """Everyone is told only of what shows more than before, those who were told only of what is over."""
    receiver = after(case[2])
    for before, verdict in receiver.verdicts:
        note = verdict.occurrence is not None and verdict.occurrence.state is State.NOTE
        if verdict.reason in NEW_EPISODE:
            assert not before.is_open
            assert verdict.thread.is_open or note
        elif verdict.reason is Reason.ESCALATED:
            assert before.is_open
            assert verdict.thread.weight() > before.weight()
        elif verdict.reason is Reason.GREW:
            assert before.is_open
            assert verdict.thread.shown > before.shown or verdict.thread.shown - before.shown
        elif verdict.reason is Reason.RESOLVED:
            assert before.is_open
            assert not verdict.thread.is_open
        elif verdict.reason is Reason.PASSED:
            assert verdict.thread.shown == before.shown
            assert verdict.thread.count == before.count or not before.is_open


@pytest.mark.req("R43")
@EXAMPLES
@given(tellings(holds=True))
def test_nothing_that_opens_closes_or_worsens_a_thread_is_swallowed(case: tuple[list[Occurrence], ...]) -> None:
    for before, verdict in after(case[2]).verdicts:
        thread = verdict.thread
        if thread.is_open and (not before.is_open or thread.weight() > before.weight() or thread.shown - before.shown):
            assert verdict.reason in RISES
            assert verdict.alert is Alert.AUDIENCE
        if before.is_open and not thread.is_open:
            assert verdict.alert is Alert.TOLD


@pytest.mark.req("R15", "R47")
@EXAMPLES
@given(tellings(holds=True), st.data())
def test_what_is_known_already_is_the_same_occurrence_and_changes_nothing(case: tuple[list[Occurrence], ...], data: st.DataObject) -> None:
    receiver = after(case[2])
    before = receiver.thread
    verdict = receiver.take(data.draw(st.sampled_from(case[2])))
    assert verdict.reason is Reason.SAME_OCCURRENCE
    assert verdict.thread == before


@pytest.mark.req("R43")
@EXAMPLES
@given(tellings(holds=True))
def test_only_what_is_known_with_all_its_members_is_the_same_occurrence(case: tuple[list[Occurrence], ...]) -> None:
    receiver = Receiver()
    for occurrence in case[2]:
        known = receiver.known.get(occurrence.key)
        verdict = receiver.take(occurrence)
        if verdict.reason is Reason.SAME_OCCURRENCE:
            assert known is not None
            assert occurrence.members.items() <= known.members.items()
        if known is None:
            assert verdict.reason is not Reason.SAME_OCCURRENCE


@pytest.mark.req("R47")
@EXAMPLES
@given(tellings())
def test_in_order_each_opening_is_followed_by_its_end_before_the_next(case: tuple[list[Occurrence], ...]) -> None:
    receiver = after(sorted(case[0], key=lambda one: one.order))
    told = [
        verdict.reason
        for _, verdict in receiver.verdicts
        if verdict.reason in NEW_EPISODE | {Reason.RESOLVED} and verdict.occurrence and verdict.occurrence.state is not State.NOTE
    ]
    assert all((reason is Reason.RESOLVED) == bool(place % 2) for place, reason in enumerate(told))
    assert Reason.PASSED not in [verdict.reason for _, verdict in receiver.verdicts]


@EXAMPLES
@given(tellings(holds=True))
def test_the_level_is_the_worst_of_the_firing_members(case: tuple[list[Occurrence], ...]) -> None:
    thread = after(case[1]).thread
    if thread.firing:
        assert thread.level is not None
        assert thread.level.weight == max(member.level.weight for member in thread.firing.values())
        assert thread.resolved_at is None
    assert all(isinstance(member, Firing) for member in thread.firing.values())
