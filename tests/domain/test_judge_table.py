"""The table of docs/judging.md, row by row."""

from datetime import timedelta

import pytest

from gateway.domain.judge import ALERTS, STALE_AFTER, Alert, Reason, Verdict, due, judge
from gateway.domain.thread import EMPTY, WHOLE, Occurrence, Thread, fold
from mappers.contract import Level, State
from tests.builders import at, firing, note, resolved

LATER = at(10_000)


def play(*occurrences: Occurrence, now: float = 0) -> list[Verdict]:
    """The verdicts on these occurrences, each judged as it arrives."""
    thread, known, verdicts = EMPTY, dict[str, Occurrence](), list[Verdict]()
    for one in occurrences:
        verdict = judge(thread, one, known.get(one.key), known.values, at(now))
        assert verdict.occurrence is not None
        known[one.key], thread = verdict.occurrence, verdict.thread
        verdicts.append(verdict)
    return verdicts


def reasons(*occurrences: Occurrence, now: float = 0) -> list[str]:
    return [verdict.reason.value for verdict in play(*occurrences, now=now)]


def last(*occurrences: Occurrence, now: float = 0) -> Verdict:
    return play(*occurrences, now=now)[-1]


def test_a_failure_of_a_thread_never_open_is_first() -> None:
    verdict = last(firing("f1", 1, run="r1"))
    assert (verdict.reason, verdict.alert) == (Reason.FIRST, Alert.AUDIENCE)
    assert (verdict.thread.episode, verdict.thread.count, verdict.thread.opened_at) == (1, 1, at(1))
    assert verdict.thread.is_open
    assert verdict.thread.resolved_at is None


def test_a_failure_after_a_recovery_is_reopened_and_begins_a_new_episode() -> None:
    verdict = last(firing("f1", 1), firing("f2", 2), resolved("r1", 3), firing("f3", 4))
    assert (verdict.reason, verdict.alert) == (Reason.REOPENED, Alert.AUDIENCE)
    assert (verdict.thread.episode, verdict.thread.count, verdict.thread.opened_at) == (2, 1, at(4))
    assert verdict.thread.resolved_at is None


@pytest.mark.req("R43")
def test_a_risen_level_is_escalated() -> None:
    verdict = last(firing("f1", 1, a=Level.WARNING), firing("f2", 2, a=Level.ERROR))
    assert (verdict.reason, verdict.alert, verdict.thread.level) == (Reason.ESCALATED, Alert.AUDIENCE, Level.ERROR)


@pytest.mark.req("R43")
def test_a_worse_new_member_is_escalated_rather_than_grown() -> None:
    assert reasons(firing("f1", 1, a=Level.WARNING), firing("f2", 2, b=Level.ERROR)) == ["first", "escalated"]


@pytest.mark.req("R43")
def test_a_new_member_at_the_same_or_a_lower_level_is_grew() -> None:
    verdict = last(firing("f1", 1, a=Level.ERROR), firing("f2", 2, b=Level.WARNING))
    assert (verdict.reason, verdict.alert) == (Reason.GREW, Alert.AUDIENCE)
    assert verdict.thread.shown == {"a", "b"}
    assert verdict.thread.level is Level.ERROR


def test_info_and_success_weigh_the_same_so_neither_escalates_the_other() -> None:
    assert reasons(firing("f1", 1, a=Level.INFO), firing("f2", 2, a=Level.SUCCESS)) == ["first", "repeat"]


@pytest.mark.req("R41")
def test_another_failure_of_the_same_members_is_a_repeat_and_counts() -> None:
    verdict = last(firing("f1", 1), firing("f2", 2))
    assert (verdict.reason, verdict.alert) == (Reason.REPEAT, Alert.READERS)
    assert (verdict.thread.episode, verdict.thread.count, verdict.thread.opened_at) == (1, 2, at(1))


def test_a_member_fails_since_its_first_failure_and_anew_after_it_recovered() -> None:
    failing = [firing("f1", 1, run="r1", a=Level.ERROR, b=Level.ERROR), firing("f2", 2, run="r2", a=Level.ERROR)]
    member = last(*failing).thread.firing["a"]
    assert (member.since, member.run) == (at(1), "r2")
    assert last(*failing, resolved("r3", 3, "a"), firing("f4", 4, a=Level.ERROR)).thread.firing["a"].since == at(4)


def test_a_repeat_at_a_lower_level_lowers_the_level_without_an_alert_to_all() -> None:
    verdict = last(firing("f1", 1, a=Level.ERROR), firing("f2", 2, a=Level.WARNING))
    assert (verdict.reason, verdict.thread.level) == (Reason.REPEAT, Level.WARNING)


@pytest.mark.req("R46")
def test_the_recovery_of_the_last_member_is_resolved_and_tells_those_who_were_told() -> None:
    verdict = last(firing("f1", 1, a=Level.ERROR, b=Level.ERROR), resolved("r1", 2, "a"), resolved("r2", 3, "b"))
    assert (verdict.reason, verdict.alert) == (Reason.RESOLVED, Alert.TOLD)
    assert (verdict.thread.is_open, verdict.thread.resolved_at, verdict.thread.episode) == (False, at(3), 1)


@pytest.mark.req("R10")
def test_the_recovery_of_some_members_is_shrank_and_tells_nobody() -> None:
    verdict = last(firing("f1", 1, a=Level.ERROR, b=Level.WARNING), resolved("r1", 2, "a"))
    assert (verdict.reason, verdict.alert) == (Reason.SHRANK, Alert.NOBODY)
    assert (verdict.thread.shown, verdict.thread.level) == ({"b"}, Level.WARNING)


def test_a_recovery_of_the_whole_ends_every_member() -> None:
    assert reasons(firing("f1", 1, a=Level.ERROR, b=Level.ERROR), resolved("r1", 2, WHOLE)) == ["first", "resolved"]


def test_a_recovery_of_a_member_ends_a_failure_that_named_none() -> None:
    assert reasons(firing("f1", 1), resolved("r1", 2, "a")) == ["first", "resolved"]


def test_a_recovery_of_an_unknown_member_resolves_nothing() -> None:
    verdict = last(firing("f1", 1, a=Level.ERROR), resolved("r1", 2, "z"))
    assert (verdict.reason, verdict.alert, verdict.thread.shown) == (Reason.NOTHING_OPEN, Alert.NOBODY, {"a"})


def test_a_recovery_of_what_does_not_fire_is_nothing_open() -> None:
    verdict = last(resolved("r1", 1))
    assert (verdict.reason, verdict.alert) == (Reason.NOTHING_OPEN, Alert.NOBODY)
    assert (verdict.thread.episode, verdict.thread.count, verdict.thread.is_open) == (0, 0, False)


@pytest.mark.req("R47")
def test_a_failure_older_than_a_known_recovery_has_passed_and_alerts_quietly() -> None:
    verdict = last(resolved("r1", 2), firing("f1", 1))
    assert (verdict.reason, verdict.alert) == (Reason.PASSED, Alert.QUIETLY)
    assert (verdict.thread.is_open, verdict.thread.episode, verdict.thread.count) == (False, 1, 1)
    assert (verdict.thread.opened_at, verdict.thread.resolved_at) == (at(1), at(2))


@pytest.mark.req("R47")
def test_a_failure_of_an_episode_that_is_over_has_passed_though_a_later_one_is_open() -> None:
    verdict = last(resolved("r1", 2), firing("f3", 3), firing("f1", 1))
    assert (verdict.reason, verdict.alert) == (Reason.PASSED, Alert.QUIETLY)
    assert (verdict.thread.is_open, verdict.thread.episode, verdict.thread.opened_at) == (True, 2, at(3))


def test_an_older_failure_of_the_open_episode_is_a_repeat_and_counts() -> None:
    verdict = last(firing("f3", 3), firing("f1", 1))
    assert (verdict.reason, verdict.thread.count, verdict.thread.opened_at) == (Reason.REPEAT, 2, at(1))


@pytest.mark.req("R47")
def test_at_the_same_instant_the_failure_comes_before_the_recovery() -> None:
    for before, after in (("a", "b"), ("b", "a")):
        assert reasons(resolved(before, 1), firing(after, 1)) == ["nothing-open", "passed"]
        assert reasons(firing(before, 1), resolved(after, 1)) == ["first", "resolved"]


def test_a_failure_with_a_hold_is_held_and_seen_by_nobody() -> None:
    verdict = last(firing("f1", 1, hold=60))
    assert (verdict.reason, verdict.alert) == (Reason.HELD, Alert.NOBODY)
    assert not verdict.thread.is_open
    assert verdict.thread.firing


def test_a_hold_that_is_over_is_due_as_first() -> None:
    before = last(firing("f1", 1, hold=60)).thread
    assert due(before, at(59)) is None
    verdict = due(before, at(60))
    assert verdict is not None
    assert (verdict.reason, verdict.alert, verdict.thread.is_open) == (Reason.FIRST, Alert.AUDIENCE, True)
    assert due(verdict.thread, at(61)) is None


def test_a_hold_that_is_over_in_a_later_episode_is_due_as_reopened() -> None:
    before = last(firing("f1", 1), resolved("r1", 2), firing("f2", 3, hold=60)).thread
    verdict = due(before, at(60))
    assert verdict is not None
    assert verdict.reason is Reason.REOPENED


@pytest.mark.req("R43")
@pytest.mark.parametrize(("held", "reason"), [(Level.ERROR, Reason.ESCALATED), (Level.WARNING, Reason.GREW)])
def test_a_hold_that_is_over_beside_an_open_member_is_escalated_or_grew(held: Level, reason: Reason) -> None:
    verdicts = play(firing("f1", 1, a=Level.WARNING), firing("f2", 2, hold=60, b=held))
    assert [verdict.reason for verdict in verdicts] == [Reason.FIRST, Reason.HELD]
    verdict = due(verdicts[-1].thread, at(60))
    assert verdict is not None
    assert verdict.reason is reason


def test_what_recovers_before_its_hold_is_over_never_existed_for_anyone() -> None:
    verdict = last(firing("f1", 1, hold=60), resolved("r1", 2))
    assert (verdict.reason, verdict.alert) == (Reason.NOTHING_OPEN, Alert.NOBODY)
    assert due(verdict.thread, LATER) is None


def test_a_failure_without_a_hold_ends_the_hold_of_its_member() -> None:
    assert reasons(firing("f1", 1, hold=60), firing("f2", 2)) == ["held", "first"]


def test_a_hold_on_what_is_known_to_fail_hides_nothing() -> None:
    verdict = last(firing("f1", 1), firing("f2", 2, hold=60))
    assert (verdict.reason, verdict.thread.is_open) == (Reason.REPEAT, True)


def test_a_failure_whose_hold_is_over_when_it_is_judged_alerts_at_once() -> None:
    assert reasons(firing("f1", 1, hold=60), now=61) == ["first"]


@pytest.mark.req("R15")
def test_the_same_occurrence_again_changes_nothing_and_alerts_nobody() -> None:
    first, again = play(firing("f1", 1), firing("f1", 1))
    assert (again.reason, again.alert) == (Reason.SAME_OCCURRENCE, Alert.NOBODY)
    assert again.thread == first.thread


@pytest.mark.req("R43")
def test_the_same_occurrence_with_a_further_member_grew() -> None:
    verdict = last(firing("f1", 1, a=Level.ERROR), firing("f1", 1, b=Level.ERROR))
    assert verdict.reason is Reason.GREW
    assert (verdict.thread.shown, verdict.thread.count) == ({"a", "b"}, 1)


@pytest.mark.req("R43")
def test_the_same_occurrence_at_a_worse_level_is_escalated() -> None:
    verdict = last(firing("f1", 1, a=Level.WARNING), firing("f1", 1, a=Level.ERROR))
    assert (verdict.reason, verdict.thread.count, verdict.thread.level) == (Reason.ESCALATED, 1, Level.ERROR)


def test_the_same_occurrence_at_a_milder_level_keeps_the_worse() -> None:
    verdict = last(firing("f1", 1, a=Level.ERROR), firing("f1", 1, a=Level.WARNING))
    assert (verdict.reason, verdict.thread.level) == (Reason.SAME_OCCURRENCE, Level.ERROR)


@pytest.mark.req("R43")
def test_a_recovery_reported_more_fully_recovers_what_it_adds() -> None:
    verdict = last(firing("f1", 1, a=Level.ERROR, b=Level.ERROR), resolved("r1", 2, "a"), resolved("r1", 2, "b"))
    assert verdict.reason is Reason.RESOLVED


@pytest.mark.req("R9", "R47")
@pytest.mark.parametrize("turned", [False, True])
def test_two_reports_of_one_happening_at_different_times_mean_the_earlier_in_either_order(turned: bool) -> None:
    reports = [firing("f1", 5), firing("f1", 7)]
    verdict = last(*(reversed(reports) if turned else reports))
    assert (verdict.reason, verdict.alert) == (Reason.SAME_OCCURRENCE, Alert.NOBODY)
    assert (verdict.thread.opened_at, verdict.thread.count) == (at(5), 1)


def test_a_second_report_of_a_happening_that_asks_for_no_hold_ends_the_hold() -> None:
    assert reasons(firing("f1", 1, hold=60), firing("f1", 1)) == ["held", "first"]
    assert reasons(firing("f1", 1), firing("f1", 1, hold=60)) == ["first", "same-occurrence"]


def test_a_second_report_of_a_note_at_another_time_is_the_same_occurrence() -> None:
    assert reasons(note("n1", 2), note("n1", 1)) == ["first", "same-occurrence"]


def test_a_note_opens_and_closes_at_once_and_alerts_everyone() -> None:
    first, second = play(note("n1", 1), note("n2", 2))
    assert (first.reason, first.alert, first.thread.is_open) == (Reason.FIRST, Alert.AUDIENCE, False)
    assert (first.thread.opened_at, first.thread.resolved_at, first.thread.level) == (at(1), at(1), Level.INFO)
    assert (second.reason, second.thread.episode) == (Reason.REOPENED, 2)


def test_a_note_on_an_open_thread_is_a_repeat_that_neither_counts_nor_closes() -> None:
    verdict = last(firing("f1", 1), note("n1", 2))
    assert (verdict.reason, verdict.thread.is_open, verdict.thread.count) == (Reason.REPEAT, True, 1)


def test_a_recovery_that_spares_its_own_run_leaves_what_that_run_reported() -> None:
    failing = firing("f1", 1, run="r1", a=Level.ERROR)
    assert reasons(failing, resolved("c1", 2, run="r1", spares=True)) == ["first", "nothing-open"]
    assert reasons(failing, resolved("c2", 2, run="r2", spares=True)) == ["first", "resolved"]


@pytest.mark.req("R46")
def test_a_late_failure_that_lets_a_known_recovery_end_the_episode_resolves_it() -> None:
    """The member belongs to another run than was thought, so that run's recovery does not spare it."""
    known = [firing("f1", 1, run="r1", a=Level.ERROR), resolved("c1", 5, run="r1", spares=True)]
    verdict = last(*known, firing("f2", 3, run="r2", a=Level.ERROR))
    assert (verdict.reason, verdict.alert, verdict.thread.is_open) == (Reason.RESOLVED, Alert.TOLD, False)


@pytest.mark.req("R43")
def test_a_recovery_that_proves_to_be_older_than_the_last_failure_reopens_it() -> None:
    assert reasons(firing("f1", 1), resolved("r1", 5), firing("f2", 4), resolved("r1", 3)) == ["first", "resolved", "passed", "reopened"]


@pytest.mark.req("R42", "R47")
def test_a_late_recovery_splits_an_episode_where_it_happened() -> None:
    verdict = last(firing("f1", 1), firing("f2", 5), resolved("r1", 3))
    assert (verdict.alert, verdict.thread.is_open) == (Alert.NOBODY, True)
    assert (verdict.thread.episode, verdict.thread.count, verdict.thread.opened_at) == (2, 1, at(5))


def test_every_reason_says_whom_it_alerts() -> None:
    assert set(ALERTS) == set(Reason)
    assert timedelta(hours=24) == STALE_AFTER


def test_folding_is_the_steps_in_order_of_time_then_failures_before_recoveries_then_keys() -> None:
    occurrences = [resolved("r1", 2), firing("f1", 1), firing("f3", 3), firing("f2", 2)]
    assert fold(occurrences) == fold(reversed(occurrences))
    assert fold(occurrences).episode == 2
    assert fold([]) == EMPTY == Thread()


@pytest.mark.parametrize("state", State)
def test_an_occurrence_is_remembered_as_the_last_folded(state: State) -> None:
    one = Occurrence("k", at(1), state, {WHOLE: Level.ERROR})
    assert fold([one]).last == one.order
