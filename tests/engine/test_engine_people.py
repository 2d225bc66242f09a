"""From events to people: who is told what, once, over which channel; on both engines."""

import pytest
from sqlalchemy import update

from gateway.domain.judge import Alert
from gateway.storage import audience, deliveries, tables
from gateway.storage.audience import Moment
from gateway.storage.database import Database
from tests.builders import House, at, ended, failure, recovery
from tests.conftest import Clock

SENT, WAITING, CANCELLED = ("failing", "sent"), ("failing", "waiting"), ("failing", "cancelled")


@pytest.fixture
def house(database: Database, clock: Clock) -> House:
    return House(database, clock)


@pytest.mark.req("R41")
def test_a_repeat_while_unread_alerts_nobody_again(house: House) -> None:
    ana = house.user("ana")
    house.say(failure(run="r1", when=1))
    house.deliver()
    house.say(failure(run="r2", when=2))
    assert house.mails(ana) == [SENT]
    assert house.inbox(ana)[0]["count"] == 2


@pytest.mark.req("R41")
def test_a_repeat_after_reading_is_unread_and_mailed_to_the_reader_only(house: House) -> None:
    ana, ben = house.user("ana"), house.user("ben")
    house.say(failure(run="r1", when=1))
    house.deliver()
    house.mark(ana, read=True)
    house.say(failure(run="r2", when=2))
    assert (house.entry(ana)["read_at"], house.mails(ana)) == (None, [SENT, WAITING])
    assert house.mails(ben) == [SENT]


@pytest.mark.req("R46")
def test_a_recovery_resolves_clears_the_bar_and_mails_exactly_those_who_were_mailed(house: House) -> None:
    ana, ben, cy = house.user("ana"), house.user("ben"), house.user("cy")
    house.set_user(ben, email_enabled=False)
    house.set_user(cy, email_weight=3)
    house.say(failure(run="r1", when=1, level="warning"))
    assert house.deliver() == [ana]
    house.set_user(ana, email_weight=3)  # whatever the level setting: who was told hears that it is over
    house.mark(ana, read=True)
    house.say(recovery(run="r2", when=2))
    assert [row["status"] for row in house.inbox(ana)] == ["resolved"]
    assert house.bar(ana) == []
    assert house.deliver() == [ana]
    assert (house.mails(ana)[-1], house.mails(ben), house.mails(cy)) == (("resolved", "sent"), [], [])
    assert (house.entry(ana)["read_at"], house.entry(ana)["reason"]) == (None, "resolved")


@pytest.mark.req("R46")
def test_who_joined_after_the_failure_hears_nothing_of_its_recovery(house: House) -> None:
    house.user("ana")
    house.say(failure(run="r1", when=1))
    house.deliver()
    late = house.user("late")
    house.say(recovery(run="r2", when=2))
    assert (house.inbox(late), house.mails(late)) == ([], [])


@pytest.mark.req("R46")
def test_who_was_mailed_of_an_earlier_episode_only_is_not_mailed_the_end_of_this_one(house: House) -> None:
    ana = house.user("ana")
    house.say(failure(run="r1", when=1))
    house.deliver()
    house.say(recovery(run="r2", when=2))
    house.deliver()
    house.say(failure(run="r3", when=3, level="info"))
    house.say(recovery(run="r4", when=4))
    assert house.mails(ana) == [SENT, ("resolved", "sent")]
    assert house.entry(ana)["reason"] == "resolved"


@pytest.mark.req("R46")
def test_a_failing_mail_not_sent_when_the_recovery_comes_is_cancelled_and_nobody_gets_the_recovery_mail(house: House) -> None:
    ana = house.user("ana")
    house.say(failure(run="r1", when=1))
    house.say(recovery(run="r2", when=2))
    assert house.mails(ana) == [CANCELLED]
    assert house.deliver() == []
    assert [(row["status"], row["reason"]) for row in house.inbox(ana)] == [("resolved", "resolved")]


@pytest.mark.req("R46")
def test_failure_and_recovery_in_one_batch_mail_nobody(house: House) -> None:
    ana = house.user("ana")
    house.send(failure(run="r1", when=1))
    house.send(recovery(run="r2", when=2))
    house.process()
    assert house.mails(ana) == [CANCELLED]
    assert [row["status"] for row in house.inbox(ana)] == ["resolved"]


@pytest.mark.req("R46")
def test_a_mail_in_the_hands_of_a_worker_is_not_cancelled_and_its_recovery_is_mailed(house: House) -> None:
    ana = house.user("ana")
    house.say(failure(run="r1", when=1))
    with house.database.writing() as transaction:
        (taken,) = deliveries.claim(transaction, now=house.clock(), lease="slow", lease_for=house.clock() - at(0), limit=10)
    house.say(recovery(run="r2", when=2))
    with house.database.writing() as transaction:
        assert deliveries.record(transaction, [ended(taken.id, "slow", house.clock())]) == {taken.id}
    assert house.mails(ana) == [SENT, ("resolved", "waiting")]


@pytest.mark.req("R46")
def test_a_mail_with_two_threads_loses_only_what_recovered(house: House) -> None:
    ana = house.user("ana")
    house.say(failure(run="r1", when=1), failure(run="r1", when=1, slug="other-failed"))
    assert house.mails(ana) == [WAITING]
    house.say(recovery(run="r2", when=2))
    assert house.mails(ana) == [WAITING]
    assert sorted(item["cancelled"] for item in house.rows(tables.delivery_items)) == [False, True]
    house.say(recovery(run="r2", when=2, slug="other-failed"))
    assert house.mails(ana) == [CANCELLED]


@pytest.mark.req("R47")
def test_a_failure_after_its_recovery_is_recorded_unread_not_urgent_and_not_mailed(house: House) -> None:
    ana = house.user("ana")
    house.say(recovery(run="r2", when=2))
    assert (house.inbox(ana), house.thread()["status"]) == ([], "unseen")
    house.say(failure(run="r1", when=1))
    (item,) = house.inbox(ana)
    assert (item["reason"], item["status"], item["urgent"], item["read_at"]) == ("passed", "resolved", False, None)
    assert (house.bar(ana), house.mails(ana)) == ([], [])


@pytest.mark.req("R47")
def test_a_failure_of_an_episode_that_is_over_mails_nobody_and_leaves_the_open_one_on_the_bar(house: House) -> None:
    ana = house.user("ana")
    house.say(recovery(run="r2", when=2))
    house.say(failure(run="r3", when=3))
    house.deliver()
    house.mark(ana, read=True)
    house.say(failure(run="r1", when=1))
    (item,) = house.bar(ana)
    assert (item["reason"], item["read_at"], item["urgent"]) == ("passed", None, True)
    assert house.mails(ana) == [SENT]


@pytest.mark.req("R43", "R64")
def test_an_escalation_takes_back_what_was_put_aside_but_not_mute(house: House, clock: Clock) -> None:
    ana, ben = house.user("ana"), house.user("ben")
    house.say(failure("a", run="r1", when=1, level="warning"))
    house.deliver()
    for user in (ana, ben):
        house.mark(user, read=True, archived=True, dismissed=True)
        house.set_entry(user, snoozed_until=at(1_000_000))
    house.set_entry(ben, muted_until=at(1_000_000))
    with house.database.writing() as transaction:
        transaction.execute(update(tables.notifications).values(acknowledged_at=clock.now, acknowledged_by=ana))
    house.say(failure("a", run="r2", when=2))
    aside = ("read_at", "archived_at", "dismissed_at", "snoozed_until")
    assert [house.entry(ana)[name] for name in aside] == [None] * 4
    assert all(house.entry(ben)[name] for name in aside)
    assert (house.thread()["acknowledged_at"], house.thread()["acknowledged_by"]) == (None, None)
    assert (house.mails(ana), house.mails(ben)) == ([SENT, WAITING], [SENT])
    assert len(house.bar(ana)) == 1


@pytest.mark.req("R64")
def test_a_new_episode_takes_back_what_was_put_aside(house: House, clock: Clock) -> None:
    ana = house.user("ana")
    house.say(failure(run="r1", when=1))
    house.mark(ana, read=True, archived=True, dismissed=True)
    with house.database.writing() as transaction:
        transaction.execute(update(tables.notifications).values(acknowledged_at=clock.now, acknowledged_by=ana))
    house.say(recovery(run="r2", when=2))
    assert house.entry(ana)["archived_at"]
    house.say(failure(run="r3", when=3))
    assert (house.entry(ana)["archived_at"], house.entry(ana)["dismissed_at"], house.entry(ana)["reason"]) == (None, None, "reopened")
    assert house.thread()["acknowledged_at"] is None
    assert len(house.bar(ana)) == 1


def test_growth_makes_it_unread_but_leaves_it_dismissed_and_archived(house: House) -> None:
    ana = house.user("ana")
    house.say(failure("a", run="r1", when=1))
    house.mark(ana, read=True, archived=True, dismissed=True)
    house.say(failure("b", run="r2", when=2))
    entry = house.entry(ana)
    assert (entry["read_at"], entry["reason"]) == (None, "grew")
    assert entry["archived_at"]
    assert entry["dismissed_at"]


@pytest.mark.req("R43")
def test_growth_and_escalation_in_one_batch_take_back_what_was_put_aside(house: House) -> None:
    ana = house.user("ana")
    house.say(failure("a", run="r1", when=1, level="warning"))
    house.mark(ana, read=True, dismissed=True)
    house.send(failure("b", run="r2", when=2, level="warning"))
    house.send(failure("b", run="r3", when=3))
    house.process()
    assert len(house.bar(ana)) == 1


@pytest.mark.req("R43", "R47")
def test_a_failure_that_passed_does_not_swallow_a_new_one_in_the_same_batch(house: House) -> None:
    ana = house.user("ana")
    house.send(recovery(run="r2", when=2))
    house.send(failure(run="r1", when=1))
    house.send(failure(run="r3", when=3))
    house.process()
    assert house.mails(ana) == [WAITING]
    assert [row["reason"] for row in house.bar(ana)] == ["reopened"]


@pytest.mark.req("R43", "R47")
def test_a_failure_that_passed_does_not_swallow_growth_in_the_same_batch(house: House) -> None:
    ana = house.user("ana")
    house.say(recovery(run="r2", when=2))
    house.say(failure("a", run="r3", when=3))
    house.deliver()
    house.send(failure("a", run="r1", when=1))
    house.send(failure("b", run="r4", when=4))
    house.process()
    assert house.mails(ana) == [SENT, WAITING]


@pytest.mark.req("R46", "R47")
@pytest.mark.parametrize("late", [{"run": "r0", "when": 0}, {"run": "r1b", "when": 5, "state": "resolved"}], ids=["before", "between"])
def test_who_was_told_hears_of_the_recovery_though_something_older_came_late(house: House, late: dict[str, object]) -> None:
    """A late happening gives the episode another number; it is the same failure for those who were told of it."""
    ana = house.user("ana")
    house.say(recovery(run="r0", when=0.5))
    house.say(failure(run="r1", when=1))
    house.say(failure(run="r2", when=9))
    house.deliver()
    house.say(failure(**late))
    assert house.thread()["episode"] == 2
    house.mark(ana, read=True)
    house.say(recovery(run="r9", when=10))
    assert house.mails(ana, "waiting") == [("resolved", "waiting")]
    assert house.entry(ana)["read_at"] is None


@pytest.mark.req("R71")
def test_members_stay_visible_when_their_episode_gets_another_number(house: House) -> None:
    house.user("ana")
    house.say(failure("a", run="r1", when=1), failure("b", run="r1", when=1))
    house.say(recovery(run="r0", when=0.5))
    house.say(failure("a", run="r0", when=0))
    thread = house.thread()
    assert (thread["episode"], thread["members_total"]) == (2, 2)
    assert {row["episode"] for row in house.rows(tables.members)} == {2}


@pytest.mark.req("R43")
def test_a_hold_that_ended_unnoticed_is_told_once(house: House, clock: Clock) -> None:
    """Something else happens on the thread between the end of the hold and the worker that looks for it."""
    ana = house.user("ana")
    house.say(failure("a", run="r1", when=1, hold=60))
    clock.advance(seconds=60)
    house.say(failure("b", run="r2", when=2, hold=600))
    assert [row["reason"] for row in house.inbox(ana)] == ["first"]
    house.mark(ana, read=True)
    house.settle()
    house.say(failure("c", run="r3", when=3, hold=600))
    assert house.entry(ana)["read_at"] is not None
    assert house.mails(ana) == [WAITING]
    assert [(row["key"], row["held_until"] is None) for row in house.rows(tables.members)] == [("a", True), ("b", False), ("c", False)]


@pytest.mark.req("R82")
def test_one_run_and_conversation_is_one_mail_with_both_threads_in_it(house: House) -> None:
    ana = house.user("ana")
    house.say(failure(run="r1", when=1), failure("t", run="r1", when=1, slug="test-failed", category="dbt_test_failure"))
    assert house.mails(ana) == [WAITING]
    assert len(house.rows(tables.delivery_items)) == 2
    assert len(house.bar(ana)) == 2
    assert len({row["conversation_id"] for row in house.bar(ana)}) == 1


@pytest.mark.req("R82")
def test_the_parts_of_one_run_that_come_in_separate_events_share_a_mail_until_it_leaves(house: House) -> None:
    ana = house.user("ana")
    house.say(failure(run="r1", when=1))
    house.say(failure("t", run="r1", when=1, slug="test-failed"))
    assert (house.mails(ana), len(house.rows(tables.delivery_items))) == ([WAITING], 2)
    house.deliver()
    house.say(failure("u", run="r1", when=1, slug="third-failed"))
    assert house.mails(ana) == [SENT]


def test_another_run_is_another_mail_in_the_same_conversation(house: House) -> None:
    house.user("ana")
    house.say(failure("a", run="r1", when=1))
    house.deliver()
    house.say(failure("b", run="r2", when=2))
    mails = house.rows(tables.deliveries)
    assert len(mails) == 2
    assert len({mail["conversation_id"] for mail in mails}) == 1


def test_a_conversation_ends_with_its_last_open_thread_and_a_new_failure_begins_another(house: House) -> None:
    house.user("ana")
    house.say(failure(run="r1", when=1), failure(run="r1", when=1, slug="other-failed"))
    house.say(recovery(run="r2", when=2))
    assert [row["closed_at"] for row in house.rows(tables.conversations)] == [None]
    house.say(recovery(run="r2", when=2, slug="other-failed"))
    assert all(row["closed_at"] for row in house.rows(tables.conversations))
    house.say(failure(run="r3", when=3))
    assert [row["closed_at"] is None for row in house.rows(tables.conversations)] == [False, True]


@pytest.mark.req("R10", "R58")
def test_what_a_person_wants_decides_who_is_told(house: House) -> None:
    loud, quiet, owner = house.user("loud"), house.user("quiet"), house.user("owner", owns=["ana"])
    nothing = {"in_app": False, "email": False, "chosen": True, "team_id": house.team_id, "category": "job_failure"}
    with house.database.writing() as transaction:
        transaction.execute(tables.subscriptions.insert(), [{**nothing, "user_id": quiet, "scope": "all"}])
        transaction.execute(tables.subscriptions.insert(), [{**nothing, "user_id": owner, "scope": "owned", "in_app": True, "email": True}])
    house.say(failure(run="r1", when=1))
    assert [len(house.inbox(user)) for user in (loud, quiet, owner)] == [1, 0, 0]
    house.say(failure(run="r1", when=1, slug="owned-failed", tags=["ana"]))
    assert [len(house.inbox(user)) for user in (loud, quiet, owner)] == [2, 0, 1]
    assert house.mails(quiet) == []


def test_who_hears_by_mail_only_has_no_entry_in_lists_but_may_open_the_thread(house: House) -> None:
    ana = house.user("ana")
    house.set_user(ana, in_app_enabled=False)
    house.say(failure(run="r1", when=1))
    assert (house.inbox(ana), house.mails(ana), house.entry(ana)["listed"]) == ([], [WAITING], False)
    house.set_user(ana, in_app_enabled=True)
    house.say(recovery(run="r2", when=2))
    house.say(failure(run="r3", when=3))
    assert len(house.inbox(ana)) == 1


@pytest.mark.req("R32")
@pytest.mark.parametrize(
    ("given", "urgent"),
    [
        ({"category": "job_failure"}, True),
        ({"category": "incident"}, True),
        ({"category": "dbt_test_failure"}, True),
        ({"category": "late_run"}, False),
        ({"category": "job_failure", "level": "warning"}, False),
        ({"category": "late_run", "urgent": True}, True),
        ({"category": "incident", "urgent": False}, False),
    ],
    ids=str,
)
def test_urgent_is_what_was_said_else_an_error_in_a_category_where_someone_must_act(
    house: House, given: dict[str, str], urgent: bool
) -> None:
    ana = house.user("ana")
    house.say(failure(run="r1", when=1, **given))
    assert bool(house.bar(ana)) is urgent


@pytest.mark.req("R37")
def test_who_lacks_a_permission_hears_nothing(house: House) -> None:
    lacking, holding = house.user("lacking", permissions=["a"]), house.user("holding", permissions=["a", "b"])
    house.say(failure(run="r1", when=1, permissions=["a", "b"]))
    assert [len(house.inbox(user)) for user in (lacking, holding)] == [0, 1]
    house.deliver()
    with house.database.writing() as transaction:
        transaction.execute(tables.membership_permissions.delete().where(tables.membership_permissions.c.user_id == holding))
    house.say(recovery(run="r2", when=2))
    assert house.mails(holding) == [SENT]


def test_telling_nobody_of_nothing_is_fine(house: House) -> None:
    with house.database.writing() as transaction:
        for alert in Alert:
            assert audience.tell(transaction, alert, [], Moment(house.clock(), by_mail=True)) == 0
