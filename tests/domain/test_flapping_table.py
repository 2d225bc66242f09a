"""Flapping, as docs/judging.md tells it, row by row."""

from dataclasses import replace

import pytest

from gateway.domain.judge import CLEARS_PUT_ASIDE, Alert, Reason, due
from gateway.domain.thread import WHOLE, Occurrence, Thread, fold, settled
from mappers.contract import Level
from tests.builders import firing, note, resolved
from tests.domain.receiver import Receiver, facts, minutes

HOUR = 60
WARNING, ERROR = Level.WARNING, Level.ERROR


def up(minute: float, *, run: str | None = None, hold: float | None = None, **members: Level) -> Occurrence:
    return firing(f"u{minute}", 60 * minute, run=run, hold=None if hold is None else 60 * hold, **members)


def down(minute: float, *members: str, run: str | None = None, final: bool = False) -> Occurrence:
    return replace(resolved(f"d{minute}", 60 * minute, *members, run=run), final=final)


def swings(number: int, *, start: float = 0, every: float = 5) -> list[Occurrence]:
    """So many transitions, an opening first."""
    return [(down if place % 2 else up)(start + place * every) for place in range(number)]


def flapping() -> Receiver:
    """A thread that flaps since minute 25, when nothing fires."""
    receiver = Receiver()
    receiver.live(*swings(6))
    return receiver


@pytest.mark.req("R48")
def test_the_sixth_transition_in_a_row_is_told_to_everyone_in_the_place_of_the_recovery() -> None:
    receiver = flapping()
    assert receiver.told == [
        ("first", "audience"), ("resolved", "told"), ("reopened", "audience"), ("resolved", "told"), ("reopened", "audience"),
        ("flapping", "audience"),
    ]  # fmt: skip
    assert receiver.thread.is_flapping


def test_five_transitions_are_not_flapping() -> None:
    receiver = Receiver()
    receiver.live(*swings(5))
    assert not receiver.thread.is_flapping
    assert Reason.FLAPPING not in receiver.reasons


@pytest.mark.req("R48")
def test_what_flaps_stays_open_while_nothing_fires() -> None:
    thread = flapping().thread
    assert (thread.is_open, thread.firing, thread.resolved_at) == (True, {}, None)


@pytest.mark.req("R48")
def test_further_ups_and_downs_alert_nobody_and_name_flapping_as_their_reason() -> None:
    receiver = flapping()
    verdicts = receiver.live(*swings(20, start=30))
    assert {(verdict.reason, verdict.alert) for verdict in verdicts} == {(Reason.FLAPPING, Alert.NOBODY)}
    assert receiver.thread.is_flapping


def test_while_flapping_the_episode_stays_and_failures_count() -> None:
    receiver = flapping()
    before = receiver.thread
    receiver.live(*swings(4, start=30))
    assert (before.episode, before.count) == (3, 1)
    assert (receiver.thread.episode, receiver.thread.count, receiver.thread.opened_at) == (3, 3, before.opened_at)


@pytest.mark.req("R48")
def test_an_hour_without_a_transition_while_nothing_fires_is_resolved_for_those_who_were_told() -> None:
    receiver = flapping()
    assert due(receiver.thread, minutes(25 + HOUR - 1)) is None
    (verdict,) = receiver.wait(minutes(25 + HOUR))
    assert (verdict.reason, verdict.alert) == (Reason.RESOLVED, Alert.TOLD)
    assert (verdict.thread.is_open, verdict.thread.resolved_at, verdict.thread.episode) == (False, minutes(25), 3)
    assert due(verdict.thread, minutes(10_000)) is None


@pytest.mark.req("R48")
def test_an_hour_without_a_transition_while_something_fires_alerts_everyone() -> None:
    receiver = flapping()
    receiver.live(up(30))
    (verdict,) = receiver.wait(minutes(30 + HOUR))
    assert (verdict.reason, verdict.alert) == (Reason.REOPENED, Alert.AUDIENCE)
    assert (verdict.thread.is_open, verdict.thread.is_flapping, verdict.thread.resolved_at) == (True, False, None)
    assert verdict.thread.episode == 3
    assert due(verdict.thread, minutes(10_000)) is None


@pytest.mark.req("R48")
@pytest.mark.parametrize(
    ("further", "reason", "alert"),
    [
        ([down(30, run="r1"), down(31, run="r2"), down(32, run="r3")], Reason.RESOLVED, Alert.TOLD),
        ([up(30, run="r1"), up(31, run="r2"), up(32, run="r3"), up(33, run="r4")], Reason.REOPENED, Alert.AUDIENCE),
    ],
    ids=["three that went well", "three that failed after the one that opened it"],
)
def test_the_third_run_without_a_transition_ends_it(further: list[Occurrence], reason: Reason, alert: Alert) -> None:
    *quiet, last = flapping().live(*further)
    assert {(verdict.reason, verdict.alert) for verdict in quiet} == {(Reason.FLAPPING, Alert.NOBODY)}
    assert (last.reason, last.alert, last.thread.is_flapping) == (reason, alert, False)
    assert last.thread.resolved_at == (None if last.thread.is_open else minutes(25))


def test_one_run_that_says_several_things_and_things_without_a_run_are_no_three_runs() -> None:
    receiver = flapping()
    receiver.live(*(down(minute, run="r1") for minute in (30, 31, 32, 33)), *(down(minute) for minute in (34, 35, 36)))
    assert receiver.thread.is_flapping


def test_runs_are_counted_from_the_last_transition() -> None:
    receiver = flapping()
    receiver.live(down(30, run="r1"), down(31, run="r2"), up(32, run="r3"), up(33, run="r4"), up(34, run="r5"))
    assert receiver.thread.is_flapping
    receiver.live(up(35, run="r6"))
    assert not receiver.thread.is_flapping


@pytest.mark.req("R43", "R48")
def test_a_new_member_while_flapping_is_told_once() -> None:
    receiver = flapping()
    new, *again = receiver.live(up(30, a=WARNING), down(35), up(40, a=WARNING), down(45), up(50))
    assert (new.reason, new.alert) == (Reason.GREW, Alert.AUDIENCE)
    assert {(verdict.reason, verdict.alert) for verdict in again} == {(Reason.FLAPPING, Alert.NOBODY)}


@pytest.mark.req("R43", "R48")
def test_a_worse_level_while_flapping_is_told_once() -> None:
    receiver = Receiver()
    receiver.live(*(up(minute, a=WARNING) if minute % 10 == 0 else down(minute) for minute in range(0, 30, 5)))
    worse, *again = receiver.live(up(30, a=ERROR), down(35), up(40, a=WARNING), down(45), up(50, a=ERROR))
    assert (worse.reason, worse.alert) == (Reason.ESCALATED, Alert.AUDIENCE)
    assert {verdict.alert for verdict in again} == {Alert.NOBODY}


@pytest.mark.req("R43", "R48")
def test_a_member_on_hold_that_outlives_its_hold_while_flapping_is_told() -> None:
    receiver = flapping()
    (held,) = receiver.live(up(30, hold=35, a=ERROR))
    assert held.alert is Alert.NOBODY
    (verdict,) = receiver.wait(minutes(36))
    assert (verdict.reason, verdict.alert) == (Reason.GREW, Alert.AUDIENCE)


def test_a_known_member_that_outlives_its_hold_while_flapping_is_told_to_nobody_again() -> None:
    receiver = flapping()
    receiver.live(up(30, hold=35))
    (verdict,) = receiver.wait(minutes(36))
    assert (verdict.reason, verdict.alert, verdict.thread.shown) == (Reason.FLAPPING, Alert.NOBODY, {WHOLE})


@pytest.mark.req("R43", "R48")
def test_a_member_reported_on_hold_and_then_without_is_told() -> None:
    _, verdict = flapping().live(up(30, hold=60, a=ERROR), up(31, a=ERROR))
    assert (verdict.reason, verdict.alert) == (Reason.GREW, Alert.AUDIENCE)


@pytest.mark.req("R43", "R48")
def test_a_member_that_came_late_and_had_passed_is_told_when_it_really_fires() -> None:
    receiver = flapping()
    receiver.live(up(30), down(35))
    late = receiver.take(up(31, a=ERROR))
    assert late.alert is Alert.NOBODY
    (verdict,) = receiver.live(up(40, a=ERROR))
    assert (verdict.reason, verdict.alert) == (Reason.GREW, Alert.AUDIENCE)


@pytest.mark.req("R48")
def test_an_opening_is_never_called_flapping_so_that_what_was_put_aside_comes_back() -> None:
    receiver = Receiver()
    receiver.live(up(0))
    *_, sixth, seventh = receiver.live(*(up(minute) if minute % 2 else down(minute) for minute in range(200, 207)))
    assert sixth.reason in CLEARS_PUT_ASIDE
    assert (sixth.reason, sixth.alert, sixth.thread.is_flapping) == (Reason.REOPENED, Alert.AUDIENCE, False)
    assert (seventh.reason, seventh.alert) == (Reason.FLAPPING, Alert.AUDIENCE)


@pytest.mark.req("R48")
def test_what_comes_once_an_hour_is_news_each_time() -> None:
    receiver = Receiver()
    receiver.live(*swings(40, every=HOUR))
    assert set(receiver.reasons) == {Reason.FIRST, Reason.REOPENED, Reason.RESOLVED}


def test_a_transition_an_hour_after_the_last_starts_a_new_count() -> None:
    receiver = Receiver()
    receiver.live(*swings(4), up(15 + HOUR), down(16 + HOUR))
    assert not receiver.thread.is_flapping
    assert receiver.thread.swings.count == 2


def test_transitions_just_within_the_hour_are_in_a_row() -> None:
    receiver = Receiver()
    receiver.live(*swings(6, every=HOUR - 1))
    assert receiver.thread.is_flapping


@pytest.mark.req("R48")
def test_after_it_was_stable_a_new_failure_begins_a_new_episode_and_a_new_count() -> None:
    receiver = flapping()
    (verdict,) = receiver.live(up(200))
    assert (verdict.reason, verdict.thread.episode, verdict.thread.count, verdict.thread.opened_at) == (Reason.REOPENED, 4, 1, minutes(200))
    receiver.live(*(down(minute) if minute % 2 else up(minute) for minute in range(201, 205)))
    assert not receiver.thread.is_flapping
    (sixth,) = receiver.live(down(205))
    assert (sixth.reason, sixth.alert) == (Reason.FLAPPING, Alert.AUDIENCE)


def test_what_was_stable_while_it_fired_counts_its_closing() -> None:
    receiver = flapping()
    receiver.live(up(30), down(200))
    assert receiver.thread.swings.count == 1
    receiver.live(*(up(minute) if minute % 2 else down(minute) for minute in range(201, 207)))
    assert receiver.thread.is_flapping


@pytest.mark.parametrize("held", [30, 1000], ids=["over soon", "never over"])
def test_openings_on_hold_and_their_closings_do_not_count(held: float) -> None:
    receiver = Receiver()
    receiver.live(*(down(minute) if minute % 10 else up(minute, hold=minute + held) for minute in range(0, 100, 5)))
    assert receiver.thread.swings.count == 0
    assert Reason.FLAPPING not in receiver.reasons


def test_notes_do_not_count_and_change_nothing_while_flapping() -> None:
    receiver = Receiver()
    receiver.live(*(note(f"n{number}", 60 * number) for number in range(20)))
    assert not receiver.thread.is_flapping
    receiver = flapping()
    before = receiver.thread
    (verdict,) = receiver.live(note("n", 60 * 30))
    assert verdict.alert is Alert.NOBODY
    assert replace(verdict.thread, last=before.last) == before


def test_a_member_that_comes_and_goes_while_another_fires_is_no_transition() -> None:
    receiver = Receiver()
    receiver.live(up(0, a=ERROR), *(down(minute, "b") if minute % 2 else up(minute, b=ERROR) for minute in range(2, 20)))
    assert receiver.thread.swings.count == 1


@pytest.mark.req("R48", "R49")
@pytest.mark.parametrize("fires", [False, True])
def test_closing_by_hand_or_by_silence_ends_flapping_and_the_count(fires: bool) -> None:
    receiver = flapping()
    if fires:
        receiver.live(up(30))
    (verdict,) = receiver.live(down(31, final=True))
    assert (verdict.reason, verdict.alert) == (Reason.RESOLVED, Alert.TOLD)
    assert (verdict.thread.is_open, verdict.thread.resolved_at) == (False, minutes(31))
    assert receiver.wait(minutes(10_000)) == []
    receiver.live(*swings(5, start=10_001))
    assert not receiver.thread.is_flapping


def test_a_closing_by_hand_of_what_is_over_resolves_nothing() -> None:
    receiver = Receiver()
    receiver.live(*swings(2))
    (verdict,) = receiver.live(down(6, final=True))
    assert (verdict.reason, verdict.thread.resolved_at) == (Reason.NOTHING_OPEN, minutes(5))


def settled_at_the_end(receiver: Receiver) -> Thread:
    receiver.wait(minutes(10_000))
    return receiver.thread


@pytest.mark.req("R47", "R48")
@pytest.mark.parametrize("now", [40, 86, 1000], ids=["before it is stable", "just after", "long after"])
@pytest.mark.parametrize(
    "late",
    [up(12), down(12), down(24), down(30), up(30), up(40, hold=45), note("n", 60 * 30), down(30, final=True)],
    ids=["a repeat", "nothing", "an end", "nothing since", "an opening since", "a held one since", "a note since", "by hand"],
)
def test_what_arrives_late_ends_in_the_same_state_whether_it_was_stable_by_then(now: int, late: Occurrence) -> None:
    receiver = flapping()
    receiver.wait(minutes(now))
    receiver.take(late, now=minutes(now))
    assert facts(settled_at_the_end(receiver)) == facts(settled(fold([*swings(6), late]), minutes(10_000)))


@pytest.mark.req("R47", "R48")
def test_what_arrives_late_of_what_is_stable_does_not_name_it_again() -> None:
    receiver = flapping()
    receiver.wait(minutes(200))
    verdicts = [receiver.take(one, now=minutes(200)) for one in (up(12), down(13), down(30))]
    assert Reason.FLAPPING not in [verdict.reason for verdict in verdicts]
    assert (receiver.thread.is_open, receiver.thread.resolved_at) == (False, minutes(25))


@pytest.mark.req("R47", "R48")
def test_a_late_transition_that_makes_it_flap_names_it_once() -> None:
    receiver = Receiver()
    receiver.live(*(one for one in swings(6) if one.at not in {minutes(5), minutes(10)}))
    late = [receiver.take(one) for one in (down(5), up(10))]
    assert [verdict.reason for verdict in late].count(Reason.FLAPPING) == 1
    assert receiver.thread.is_flapping


@pytest.mark.req("R47", "R48")
def test_a_late_transition_that_makes_it_flap_while_something_fires_names_it_too() -> None:
    receiver = Receiver()
    receiver.live(*(one for one in swings(7) if one.at not in {minutes(5), minutes(10)}))
    assert [receiver.take(one).reason for one in (down(5), up(10))][-1] is Reason.FLAPPING
    assert receiver.told[-1] == ("flapping", "audience")
    assert receiver.thread.shown == {WHOLE}


@pytest.mark.req("R15")
def test_a_second_report_of_a_happening_while_it_flaps_is_the_same_occurrence() -> None:
    receiver = flapping()
    receiver.live(up(30))
    again = receiver.take(replace(up(30), at=minutes(29)))
    assert (again.reason, again.alert) == (Reason.SAME_OCCURRENCE, Alert.NOBODY)


@pytest.mark.req("R43", "R47", "R48")
def test_what_was_stable_and_turns_out_to_flap_still_is_named_again_and_knows_nobody() -> None:
    receiver = flapping()
    receiver.live(up(30, a=ERROR), down(35))
    receiver.wait(minutes(100))
    assert not receiver.thread.is_flapping
    late, new = receiver.take(up(90), now=minutes(100)), receiver.take(up(91, a=ERROR), now=minutes(100))
    assert [(one.reason, one.alert) for one in (late, new)] == [(Reason.FLAPPING, Alert.AUDIENCE), (Reason.GREW, Alert.AUDIENCE)]


@pytest.mark.req("R47", "R48")
def test_a_late_correction_after_which_it_never_flapped_says_how_things_stand() -> None:
    """A recovery proves to be older than thought: two transitions fewer."""
    receiver = flapping()
    verdict = receiver.take(replace(down(15), at=minutes(6)))
    assert (verdict.reason, verdict.alert, verdict.thread.is_flapping) == (Reason.RESOLVED, Alert.TOLD, False)


@pytest.mark.req("R47")
@pytest.mark.parametrize("turned", [False, True])
def test_a_happening_of_which_one_report_is_final_is_final_whichever_came_first(turned: bool) -> None:
    receiver = flapping()
    reports = [down(31, final=True), replace(down(31), at=minutes(30))]
    for one in reversed(reports) if turned else reports:
        receiver.take(one)
    assert not receiver.thread.is_open
