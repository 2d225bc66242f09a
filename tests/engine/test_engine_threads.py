"""From events to threads: folding, recovering, holding, arriving late; on both engines."""

import itertools
from datetime import timedelta
from typing import Any

import pytest

from gateway.storage import replay, tables, threads
from gateway.storage.database import Database
from tests.builders import House, at, failure, recovery
from tests.conftest import Clock

HISTORIES: dict[str, list[list[dict[str, Any]]]] = {
    "fail and recover": [[failure(run="r1", when=1)], [recovery(run="r2", when=2)]],
    "fail, fail again, recover": [[failure(run="r1", when=1)], [failure(run="r2", when=2, message="again")], [recovery(run="r3", when=3)]],
    "fail, recover, fail": [[failure(run="r1", when=1)], [recovery(run="r2", when=2)], [failure(run="r3", when=3)]],
    "a member each": [[failure("a", run="r1", when=1)], [failure("b", run="r2", when=2)], [recovery("a", run="r3", when=3)]],
    "worse and better": [
        [failure("a", run="r1", when=1, level="warning")],
        [failure("b", run="r2", when=2)],
        [failure("a", run="r3", when=3, level="warning")],
    ],
    "split by a recovery": [[failure("a", run="r1", when=1)], [failure("a", run="r3", when=3)], [recovery("a", run="r2", when=2)]],
}
STATE = ("status", "level", "weight", "firing", "episode", "count", "opened_at", "resolved_at", "first_at", "last_at", "title")
MEMBER = ("key", "level", "since", "run", "firing")


@pytest.fixture
def house(database: Database, clock: Clock) -> House:
    return House(database, clock)


@pytest.mark.req("R15", "R40")
def test_a_redelivered_event_folds_into_what_is_known(house: House) -> None:
    ana = house.user("ana")
    house.say(failure(run="r1", when=1))
    house.say(failure(run="r1", when=1))
    assert (house.thread()["count"], house.thread()["episode"]) == (1, 1)
    assert len(house.rows(tables.occurrences)) == 1
    assert house.mails(ana) == [("failing", "waiting")]


@pytest.mark.req("R40")
def test_key_order_of_the_identity_is_irrelevant_and_other_data_is_another_thread(house: House) -> None:
    house.say(failure(event_data={"a": 1, "b": 2}))
    house.say(failure(event_data={"b": 2, "a": 1}))
    house.say(failure(event_data={"a": 1, "b": 3}))
    assert [row["count"] for row in house.rows(tables.notifications)] == [2, 1]


@pytest.mark.req("R10")
def test_a_run_with_forty_failing_tests_is_one_thread_with_forty_members_and_one_mail_each(house: House) -> None:
    ana, ben = house.user("ana"), house.user("ben")
    house.say(*(failure(f"test-{number}", run="r1", when=number) for number in range(40)))
    thread = house.thread()
    assert (thread["firing"], thread["members_total"], thread["count"]) == (40, 40, 1)
    assert len(house.rows(tables.members)) == 40
    assert [len(house.mails(user)) for user in (ana, ben)] == [1, 1]
    assert [len(house.inbox(user)) for user in (ana, ben)] == [1, 1]


@pytest.mark.req("R10")
def test_a_partial_fix_shows_what_is_left_and_mails_nobody(house: House) -> None:
    ana = house.user("ana")
    house.say(*(failure(f"test-{number}", run="r1", when=1) for number in range(40)))
    house.deliver()
    fixed = [recovery(f"test-{number}", run="r2", when=2) for number in range(38)]
    house.say(*fixed, *(failure(f"test-{number}", run="r2", when=2) for number in (38, 39)))
    thread = house.thread()
    assert (thread["status"], thread["firing"], thread["members_total"]) == ("open", 2, 40)
    assert [row["key"] for row in house.rows(tables.members) if row["firing"]] == ["test-38", "test-39"]
    assert house.mails(ana) == [("failing", "sent")]


def test_what_still_fires_speaks_for_the_thread(house: House) -> None:
    house.user("ana")
    house.say(failure("a", run="r1", when=1, message="a is down"), failure("b", run="r1", when=1, message="b is down"))
    house.say(recovery("a", run="r2", when=2))
    assert (house.thread()["status"], house.thread()["message"]) == ("open", "b is down")


def test_members_of_one_episode_that_came_and_went_in_one_batch_are_counted(house: House) -> None:
    house.user("ana")
    for drafts in ([failure("a", run="r1", when=1)], [failure("b", run="r2", when=2)], [recovery("b", run="r3", when=3)]):
        house.send(*drafts)
    house.process()
    assert (house.thread()["firing"], house.thread()["members_total"]) == (1, 2)


@pytest.mark.req("R49")
@pytest.mark.parametrize("given", [{"environment": "staging"}, {}])
def test_another_environment_or_source_never_resolves(house: House, given: dict[str, str]) -> None:
    other = house.source("other", environment="prod")
    house.say(failure(run="r1", when=1))
    house.say(recovery(run="r2", when=2, **given), source_id=house.source_id if given else other)
    failing = [row for row in house.rows(tables.notifications) if row["source_id"] == house.source_id and row["environment"] == "prod"]
    assert [row["status"] for row in failing] == ["open"]


def test_the_same_failure_in_two_environments_is_two_threads_in_two_conversations(house: House) -> None:
    house.user("ana")
    house.say(failure(run="r1", when=1), failure(run="r1", when=1, environment="staging"))
    assert len({row["conversation_id"] for row in house.rows(tables.notifications)}) == 2
    assert [row["subject"] for row in house.rows(tables.conversations)].count("[acme/staging] nightly: job failure") == 1


@pytest.mark.req("R47")
@pytest.mark.parametrize("batch", [1, 1000], ids=["one by one", "in one batch"])
@pytest.mark.parametrize("name", HISTORIES)
def test_any_order_of_arrival_gives_the_same_rows(house: House, clock: Clock, name: str, batch: int) -> None:
    house.user("ana")
    seen = []
    for number, order in enumerate(itertools.permutations(HISTORIES[name])):
        for drafts in order:
            house.send(*({**draft, "event_data": {"job": f"job-{number}"}} for draft in drafts))
        house.process(limit=batch)
        thread = house.rows(tables.notifications)[-1]
        members = house.rows(tables.members, tables.members.c.notification_id == thread["id"], tables.members.c.firing)
        seen.append(({key: thread[key] for key in STATE}, [{key: row[key] for key in MEMBER} for row in members]))
        assert {row["episode"] for row in members} <= {thread["episode"]}
    assert all(one == seen[0] for one in seen)


@pytest.mark.req("R42")
def test_occurrences_are_kept_with_their_reason_event_and_time(house: House) -> None:
    one, two = house.say(failure(run="r1", when=1)), house.say(failure(run="r2", when=2))
    kept = [(row["key"], row["reason"], row["event_id"], row["occurred_at"]) for row in house.rows(tables.occurrences)]
    assert kept == [("r1#0/firing", "first", one, at(1)), ("r2#0/firing", "repeat", two, at(2))]


def test_a_sender_whose_clock_runs_ahead_is_not_believed(house: House, clock: Clock) -> None:
    house.say(failure(run="r1", when=1_000_000))
    assert house.thread()["opened_at"] == clock.now


@pytest.mark.req("R8")
def test_a_held_failure_is_seen_by_nobody_until_it_is_due(house: House, clock: Clock) -> None:
    ana = house.user("ana")
    house.say(failure(run="r1", when=1, hold=300))
    assert house.thread()["status"] == "unseen"
    assert (house.inbox(ana), house.bar(ana), house.mails(ana)) == ([], [], [])
    clock.advance(seconds=299)
    house.settle()
    assert house.inbox(ana) == []
    clock.advance(seconds=1)
    house.settle()
    house.settle()
    assert [row["reason"] for row in house.inbox(ana)] == ["first"]
    assert len(house.bar(ana)) == 1
    assert house.mails(ana) == [("failing", "waiting")]


@pytest.mark.req("R8")
def test_what_recovers_before_its_hold_is_over_was_never_there_for_anyone(house: House, clock: Clock) -> None:
    ana = house.user("ana")
    house.say(failure(run="r1", when=1, hold=300))
    house.say(recovery(run="r2", when=2))
    clock.advance(seconds=600)
    house.settle()
    assert house.thread()["status"] == "unseen"
    assert (house.inbox(ana), house.mails(ana)) == ([], [])


def test_what_is_due_after_a_hold_speaks_in_an_open_conversation(house: House, clock: Clock) -> None:
    """So that its recovery, and what else fails in the pipeline, is said in the same mail thread."""
    house.user("ana")
    house.say(failure(run="r1", when=1, hold=300))
    clock.advance(seconds=300)
    house.settle()
    house.say(failure(run="r1", when=1, slug="other-failed"))
    (conversation,) = {row["conversation_id"] for row in house.rows(tables.notifications)}
    assert [row["closed_at"] for row in house.rows(tables.conversations, tables.conversations.c.id == conversation)] == [None]


def test_the_hold_of_a_source_overrides_the_mappers(house: House) -> None:
    ana = house.user("ana")
    patient, hasty = house.source("patient", hold="60s"), house.source("hasty", hold=0)
    house.say(failure(run="r1", when=1), source_id=patient)
    assert house.inbox(ana) == []
    house.say(failure(run="r1", when=1, hold=300), source_id=hasty)
    assert [row["source"] for row in house.inbox(ana)] == ["hasty"]


@pytest.mark.req("R49")
def test_what_nothing_can_resolve_closes_after_a_silence_saying_so(house: House, clock: Clock) -> None:
    ana = house.user("ana")
    house.say(failure(run="r1", when=1, closes_itself=True))
    house.deliver()
    clock.advance(days=6)
    house.say(failure(run="r2", when=2, closes_itself=True))
    clock.advance(days=6)
    house.settle()
    assert house.thread()["status"] == "open"
    clock.advance(days=1)
    house.settle()
    assert (house.thread()["status"], house.thread()["resolved_at"], house.thread()["firing"]) == ("resolved", clock.now, 0)
    assert "Closed by itself" in house.rows(tables.occurrences)[-1]["message"]
    assert house.mails(ana)[-1] == ("resolved", "waiting")


def test_silence_closes_nothing_that_can_be_resolved(house: House, clock: Clock) -> None:
    house.say(failure(run="r1", when=1))
    clock.advance(days=30)
    house.settle()
    assert house.thread()["status"] == "open"


@pytest.mark.req("R17")
def test_unmapped_ignored_and_failing_mappers_end_with_their_reason(house: House) -> None:
    for body in ({"unmapped": "what is this"}, {"ignored": "a test ping"}, {"raises": "a bug"}):
        house.send(**body)
    house.process()
    ended = [(row["status"], row["reason"]) for row in house.rows(tables.processing)]
    assert ended == [("unmapped", "what is this"), ("ignored", "a test ping"), ("unmapped", "the mapper failed: RuntimeError: a bug")]


@pytest.mark.req("R18", "R93")
def test_a_commit_under_a_lost_lease_records_nothing(house: House, clock: Clock) -> None:
    house.send(failure(run="r1", when=1))
    slow, taken = house.claim()
    clock.advance(seconds=61)
    fast, again = house.claim()
    assert [event.id for event in again] == [event.id for event in taken]
    assert house.commit(slow, taken) == 0
    assert house.rows(tables.notifications) == []
    assert house.commit(fast, again) == 1
    assert house.commit(slow, taken) == 0
    assert house.thread()["count"] == 1


@pytest.mark.req("R22")
def test_a_replayed_event_alerts_nobody_twice(house: House) -> None:
    ana = house.user("ana")
    event_id = house.say(failure(run="r1", when=1))
    house.deliver()
    house.mark(ana, read=True)
    with house.database.writing() as transaction:
        assert replay.replay(transaction, team_ids=[house.team_id], event_id=event_id, now=house.clock())
    house.process()
    assert house.thread()["count"] == 1
    assert house.entry(ana)["read_at"] is not None
    assert house.mails(ana) == [("failing", "sent")]


@pytest.mark.req("R22")
def test_what_is_first_processed_a_day_after_it_came_is_recorded_in_app_only(house: House, clock: Clock) -> None:
    ana = house.user("ana")
    house.send(failure(run="r1", when=1))
    clock.advance(hours=24, seconds=1)
    house.process()
    assert len(house.inbox(ana)) == 1
    assert house.mails(ana) == []


@pytest.mark.req("R22")
def test_what_is_processed_within_a_day_is_mailed(house: House, clock: Clock) -> None:
    ana = house.user("ana")
    house.send(failure(run="r1", when=1))
    clock.advance(hours=23, minutes=59)
    house.process()
    assert house.mails(ana) == [("failing", "waiting")]


def test_a_fresh_failure_beside_a_stale_one_in_the_same_batch_is_mailed(house: House, clock: Clock) -> None:
    ana = house.user("ana")
    house.send(failure("a", run="r1", when=1))
    clock.advance(hours=25)
    house.send(failure("b", run="r2", when=2))
    house.process()
    assert house.mails(ana) == [("failing", "waiting")]


@pytest.mark.req("R58")
def test_owners_come_from_the_drafts_else_from_the_source_and_tags_beside_them(house: House) -> None:
    owned = house.source("owned", owners=["team-x"])
    house.say(failure(run="r1", when=1, owners=["ana"], tags=["gold"]), source_id=owned)
    house.say(failure(run="r1", when=1, slug="other-failed"), source_id=owned)
    kept = [(row["notification_id"], row["owner"], row["is_tag"]) for row in house.rows(tables.notification_owners)]
    assert kept == [(1, "ana", False), (1, "gold", True), (2, "team-x", False)]


def test_an_older_failure_that_comes_late_does_not_replace_the_newer_words(house: House) -> None:
    house.user("ana")
    house.say(failure(run="r2", when=2, message="newer"))
    house.say(failure(run="r1", when=1, message="older"))
    assert (house.thread()["message"], house.thread()["count"], house.thread()["opened_at"]) == ("newer", 2, at(1))
    assert [row["details"]["message"] for row in house.rows(tables.members)] == ["newer"]


def test_the_worst_failure_speaks_for_the_thread(house: House) -> None:
    house.say(failure("a", run="r1", when=1, message="bad"), failure("b", run="r1", when=1, level="warning", message="less bad"))
    house.say(failure("c", run="r2", when=2, level="warning", message="less bad"))
    assert (house.thread()["message"], house.thread()["level"]) == ("bad", "error")


@pytest.mark.req("R47")
@pytest.mark.parametrize("runs", [(2, 1), (1, 3, 2)], ids=["passed", "split"])
def test_a_watermark_that_met_a_failure_out_of_order_is_not_forgotten(house: House, clock: Clock, runs: tuple[int, ...]) -> None:
    """Without it that failure would be open again as soon as anything else comes late."""
    for run in runs:
        house.say((recovery if run == 2 else failure)(run=f"r{run}", when=run))
    before = house.thread()
    clock.advance(days=4)
    with house.database.writing() as transaction:
        assert threads.forget_watermarks(transaction, now=clock.now, older_than=timedelta(days=3), limit=10) == 0
    house.say(recovery(run="r0", when=0))
    house.say(failure(run="r1", when=1, message="known already"))
    after = house.thread()
    assert [after[name] for name in ("status", "episode", "opened_at")] == [before[name] for name in ("status", "episode", "opened_at")]


def test_watermarks_are_forgotten_after_a_while_but_not_what_fired(house: House, clock: Clock) -> None:
    house.say(recovery(run="r1", when=1))
    clock.advance(seconds=1)
    house.say(failure(run="r2", when=2))
    clock.advance(days=4)
    with house.database.writing() as transaction:
        assert threads.forget_watermarks(transaction, now=clock.now, older_than=timedelta(days=3), limit=10) == 1
    assert [row["reason"] for row in house.rows(tables.occurrences)] == ["first"]


@pytest.mark.req("R9")
def test_another_report_of_the_same_happening_adds_what_the_first_did_not_say(house: House) -> None:
    ana = house.user("ana")
    house.say(failure(run="r1", when=1, message="Run r1 failed.", links={"Open run": "https://dbt.test/r1"}))
    house.say(failure(run="r1", when=1, message="Run r1 failed: relation orders does not exist", facts={"Project": "shop"}))
    house.say(failure(run="r1", when=1, message="short"))
    thread = house.thread()
    assert (thread["count"], thread["message"]) == (1, "Run r1 failed: relation orders does not exist")
    assert (thread["links"], thread["facts"]) == ({"Open run": "https://dbt.test/r1"}, {"Project": "shop"})
    assert house.mails(ana) == [("failing", "waiting")]


@pytest.mark.req("R14")
def test_a_repeat_that_says_nothing_leaves_what_was_said(house: House) -> None:
    house.say(failure(when=1, message="disk full"))
    house.say(failure(when=2, message=""))
    assert (house.thread()["count"], house.thread()["message"]) == (2, "disk full")


@pytest.mark.req("R33")
def test_a_note_of_several_members_says_what_each_of_them_says(house: House) -> None:
    house.user("ana")
    told = {"state": "note", "category": "schema_change", "slug": "tables-changed"}
    house.say(
        failure("customers", **told, level="warning", message="customers: column note added", facts={"Project": "shop", "note": "added"}),
        failure("orders", **told, message="orders: column total removed", facts={"Project": "shop"}, impact=["revenue"]),
    )
    thread = house.thread()
    assert thread["message"] == "orders: column total removed\ncustomers: column note added", "worst first"
    assert (thread["level"], thread["impact"]) == ("error", ["revenue"])
    assert thread["facts"] == {"Project": "shop", "customers · note": "added"}
