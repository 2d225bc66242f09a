"""What holds for every history that is long enough to flap, in whatever order and however often it is told."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.judge import NEW_EPISODE, Alert, Reason, Verdict
from gateway.domain.thread import WHOLE, Occurrence, Thread, fold, settled
from mappers.contract import Level, State
from tests.domain.oracle import Plain
from tests.domain.receiver import Receiver, facts, minutes

EXAMPLES = settings(max_examples=100, deadline=None, derandomize=True)
FAR = minutes(1_000_000)
GAPS = (5, 1, 2, 3, 5, 7, 10, 15, 20, 30, 5, 10, 0, 59, 60, 200)
MEMBERS = ((WHOLE,), (WHOLE,), (WHOLE,), ("a",), ("a",), ("b",), ("a", "b"))
LEVELS = (Level.ERROR, Level.ERROR, Level.WARNING, Level.INFO)
ODD = (*[""] * 24, "hold", "hold", "long hold", "again", "again", "again", "note", "spares", "final")

Step = tuple[int, tuple[str, ...], Level, str, str | None]
steps = st.tuples(
    st.sampled_from(GAPS), st.sampled_from(MEMBERS), st.sampled_from(LEVELS), st.sampled_from(ODD),
    st.sampled_from((None, "own", "own", "r1", "r2")),
)  # fmt: skip


def history(drawn: Sequence[Step]) -> list[Occurrence]:
    """Ups and downs in turn, apart from what is odd."""
    told, minute, is_up = list[Occurrence](), 0, False
    for number, (gap, members, level, odd, run) in enumerate(drawn):
        minute += gap
        is_up = is_up if odd in {"again", "note"} else not is_up
        state = State.NOTE if odd == "note" else State.FIRING if is_up else State.RESOLVED
        hold = {"hold": 5, "long hold": 100}.get(odd) if is_up else None
        told.append(
            Occurrence(
                key=f"k{number:02}/{state}",
                at=minutes(minute),
                state=state,
                members=dict.fromkeys(members if is_up or odd == "spares" else (*members, WHOLE), level if is_up else Level.SUCCESS),
                run=f"run-{number}" if run == "own" else run,
                held_until=minutes(minute + hold) if hold else None,
                spares_own_run=odd == "spares" and state is State.RESOLVED,
                final=odd == "final" and state is State.RESOLVED,
            )
        )
    return told


histories = st.integers(8, 24).flatmap(lambda number: st.lists(steps, min_size=number, max_size=number)).map(history)


@st.composite
def reports(draw: st.DrawFn, told: list[Occurrence]) -> list[Occurrence]:
    """What is said of these: each once in full, some of them again, later or with fewer members."""
    said = list(told)
    for whole in draw(st.lists(st.sampled_from(told), max_size=6)):
        keys = draw(st.lists(st.sampled_from(sorted(whole.members)), min_size=1, unique=True))
        later = whole.at + timedelta(minutes=draw(st.sampled_from((0, 0, 7, 90))))
        said.append(replace(whole, members={key: whole.members[key] for key in keys}, at=later))
    return said


@st.composite
def tellings(draw: st.DrawFn) -> tuple[list[Occurrence], Receiver]:
    """A history, and one whom reports of it reach soon or late, or in any order at all; time alone acts in between, if it is in time."""
    told = draw(histories)
    said = draw(reports(told))
    some = st.lists(st.sampled_from((0, 0, 0, 0, 0, 0, 3, 12, 70, 300)), min_size=len(said), max_size=len(said))
    arrivals = [(one.at + timedelta(minutes=lag), one) for one, lag in zip(said, draw(some), strict=True)]
    in_time = draw(st.lists(st.sampled_from((True, True, False)), min_size=len(said), max_size=len(said)))
    if draw(st.integers(0, 3)) == 0:
        arrivals = draw(st.permutations(arrivals))
    else:
        arrivals.sort(key=lambda arrival: (arrival[0], arrival[1].order))
    receiver = Receiver()
    for (arrives, one), waits in zip(arrivals, in_time, strict=True):
        if waits:
            receiver.wait(max(receiver.now, arrives))
        receiver.take(one, now=max(receiver.now, arrives))
    return told, receiver


def shown(thread: Thread) -> dict[str, int]:
    return {key: member.level.weight for key, member in thread.firing.items() if member.held_until is None}


def is_note(verdict: Verdict) -> bool:
    return verdict.occurrence is not None and verdict.occurrence.state is State.NOTE


@pytest.mark.req("R47", "R48")
@EXAMPLES
@given(tellings())
def test_any_order_any_repetition_and_any_passing_of_time_ends_in_the_fold_of_the_set(case: tuple[list[Occurrence], Receiver]) -> None:
    told, receiver = case
    receiver.wait(FAR)
    assert facts(receiver.thread) == facts(settled(fold(told), FAR))
    assert receiver.thread.shown == receiver.thread.firing.keys()
    assert not receiver.thread.is_flapping
    assert not receiver.thread.swings.known
    assert (receiver.thread.resolved_at is None) == receiver.thread.is_open


@pytest.mark.req("R47", "R48")
@EXAMPLES
@given(tellings())
def test_no_transition_is_told_twice(case: tuple[list[Occurrence], Receiver]) -> None:
    case[1].wait(FAR)
    for before, verdict in case[1].verdicts:
        after = verdict.thread
        is_calm = before.is_flapping and not after.is_flapping
        if verdict.reason is Reason.FLAPPING:
            assert after.is_flapping
            assert (verdict.alert is Alert.NOBODY) == before.is_flapping
        elif verdict.reason in NEW_EPISODE:
            assert (not before.is_open and (after.is_open or is_note(verdict))) or (is_calm and after.is_open)
        elif verdict.reason is Reason.RESOLVED:
            assert before.is_open
            assert not after.is_open
        elif verdict.reason in {Reason.GREW, Reason.ESCALATED}:
            assert before.is_open
            known = before.swings.known if before.is_flapping else shown(before)
            assert any(weight > known.get(key, 0) for key, weight in shown(after).items())


@pytest.mark.req("R43", "R48")
@EXAMPLES
@given(tellings())
def test_flapping_swallows_no_new_member_no_worse_level_and_nothing_that_lasts(case: tuple[list[Occurrence], Receiver]) -> None:
    """Whoever hears only what alerts everyone has heard of all that fires, at its worst."""
    case[1].wait(FAR)
    heard: dict[str, int] = {}
    for before, verdict in case[1].verdicts:
        after = verdict.thread
        if verdict.alert is Alert.AUDIENCE:
            named = (shown(before), shown(after)) if verdict.reason is Reason.FLAPPING else (shown(after),)
            for members in named:
                heard |= {key: max(weight, heard.get(key, 0)) for key, weight in members.items()}
        if before.is_flapping and not after.is_flapping:
            assert verdict.alert is (Alert.AUDIENCE if after.is_open else Alert.TOLD)
        if not after.is_flapping:
            heard = shown(after)
        assert all(weight <= heard.get(key, 0) for key, weight in shown(after).items())


@pytest.mark.req("R47", "R48")
@EXAMPLES
@given(histories)
def test_in_order_people_hear_what_the_table_says(told: list[Occurrence]) -> None:
    receiver = Receiver()
    receiver.live(*sorted(told, key=lambda one: one.order))
    receiver.wait(FAR)
    said = ["quietly flapping" if verdict.quiet else verdict.reason.value for _, verdict in receiver.verdicts]
    assert said == Plain().hear(told, FAR)


@pytest.mark.req("R47", "R48")
@EXAMPLES
@given(histories, st.data())
def test_in_order_repetitions_change_nothing_of_what_is_told(told: list[Occurrence], data: st.DataObject) -> None:
    told = sorted(told, key=lambda one: one.order)
    once, often = Receiver(), Receiver()
    for number, one in enumerate(told):
        once.live(one)
        often.live(one)
        for again in data.draw(st.lists(st.sampled_from(told[: number + 1]), max_size=2)):
            later = replace(again, at=data.draw(st.sampled_from((again.at, often.now))))
            assert often.take(later, now=often.now).reason is Reason.SAME_OCCURRENCE
    once.wait(FAR)
    often.wait(FAR)
    assert once.told == often.told
    assert once.thread == often.thread


def test_these_histories_flap_and_settle_often_enough_to_prove_something() -> None:
    seen = list[Reason]()

    @settings(max_examples=100, deadline=None, derandomize=True, database=None)
    @given(tellings())
    def look(case: tuple[list[Occurrence], Receiver]) -> None:
        case[1].wait(FAR)
        seen.extend(v.reason for before, v in case[1].verdicts if before.is_flapping != v.thread.is_flapping or v.reason in HEARD)

    look()
    assert {reason: seen.count(reason) > 5 for reason in HEARD} == dict.fromkeys(HEARD, True)


HEARD = (Reason.FLAPPING, Reason.RESOLVED, Reason.REOPENED, Reason.GREW, Reason.ESCALATED)
