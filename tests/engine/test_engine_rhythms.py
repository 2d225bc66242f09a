"""Quiet hours, digests, do-not-disturb and snoozes hold mail, and lose none of it; on both engines."""

from collections import defaultdict
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from gateway.channels.message import Kind
from gateway.domain.rhythm import Digest, Rhythm
from gateway.storage import deliveries, preferences, tables
from gateway.storage.database import Database
from gateway.workers.letters import letter
from tests.builders import DESK, LEASE, House, ended, failure, recovery
from tests.conftest import NOW, Clock

NIGHT = Rhythm("Europe/Berlin", time(22), time(7))
QUIET: dict[str, Any] = {"urgent": False}


@pytest.fixture
def house(database: Database, clock: Clock) -> House:
    return House(database, clock)


def disturb(house: House, user_id: int, until: datetime | None, team_id: int | None = None) -> None:
    with house.database.writing() as transaction:
        preferences.do_not_disturb(transaction, user_id=user_id, team_id=team_id, until=until)
        preferences.hold_anew(transaction, user_id=user_id, now=house.clock())


def parts(house: House, user_id: int) -> list[list[tuple[int, str, bool]]]:
    """What each mail to a person that is not cancelled tells: (thread, reason, whether it is taken out)."""
    mails = house.rows(tables.deliveries, tables.deliveries.c.user_id == user_id, tables.deliveries.c.status != "cancelled")
    items = house.rows(tables.delivery_items)
    return [
        [(item["notification_id"], item["reason"], item["cancelled"]) for item in items if item["delivery_id"] == mail["id"]]
        for mail in mails
    ]


@pytest.mark.req("R55")
def test_do_not_disturb_records_silently_and_mails_once_when_it_ends(house: House, clock: Clock) -> None:
    ana = house.user("ana")
    disturb(house, ana, NOW + timedelta(hours=2))
    house.say(failure(run="r1"))
    house.say(failure(run="r1", slug="other-failed"))
    assert len(house.inbox(ana)) == len(house.bar(ana)) == 2
    assert (house.deliver(), house.mails(ana)) == ([], [("digest", "waiting")])
    clock.advance(hours=2)
    assert house.deliver() == [ana]
    assert [len(mail) for mail in parts(house, ana)] == [2]


@pytest.mark.req("R55")
def test_do_not_disturb_of_one_team_holds_that_team_alone_and_can_be_taken_back(house: House) -> None:
    ana = house.user("ana")
    other = house.team("other")
    house.user("ana", team_id=other)
    disturb(house, ana, NOW + timedelta(hours=2), house.team_id)
    house.say(failure(run="r1"))
    house.say(failure(run="r1"), source_id=house.source("theirs", team_id=other))
    assert house.deliver() == [ana]
    assert house.mails(ana) == [("digest", "waiting"), ("failing", "sent")]
    disturb(house, ana, None, house.team_id)
    assert house.deliver() == [ana]


@pytest.mark.req("R55", "R56")
def test_do_not_disturb_that_ends_within_quiet_hours_holds_until_those_end(house: House, clock: Clock) -> None:
    ana = house.user("ana")
    house.set_user(ana, rhythm=NIGHT.key)
    disturb(house, ana, NOW + timedelta(hours=14))
    house.say(failure(run="r1", **QUIET))
    house.say(failure(run="r1", slug="other-failed", **QUIET))
    clock.advance(hours=14, minutes=1)
    assert house.deliver() == []
    clock.now = datetime.fromisoformat("2026-03-03T06:00:00Z")
    assert house.deliver() == [ana]


@pytest.mark.req("R55", "R56")
def test_what_is_urgent_waits_for_do_not_disturb_only_and_takes_along_what_was_collected(house: House, clock: Clock) -> None:
    ana = house.user("ana")
    house.set_user(ana, rhythm=Rhythm("UTC", digest=Digest.DAILY).key)
    disturb(house, ana, NOW + timedelta(hours=2))
    house.say(failure(run="r1", slug="other-failed", **QUIET))
    house.say(failure(run="r1", urgent=True))
    clock.advance(hours=2)
    assert house.deliver() == [ana]
    assert [len(mail) for mail in parts(house, ana)] == [2]


@pytest.mark.req("R56")
@pytest.mark.parametrize(("urgent", "breaks_through", "at_once"), [(True, True, True), (True, False, False), (False, True, False)])
def test_quiet_hours_hold_mail_over_midnight_and_urgent_things_break_through(
    house: House, clock: Clock, *, urgent: bool, breaks_through: bool, at_once: bool
) -> None:
    ana = house.user("ana")
    house.set_user(ana, rhythm=NIGHT.key, urgent_breaks_through=breaks_through)
    clock.now = datetime.fromisoformat("2026-03-28T23:30:00Z")  # clocks are set forward in this night
    house.say(failure(run="r1", urgent=urgent))
    assert house.deliver() == ([ana] if at_once else [])
    clock.now = datetime.fromisoformat("2026-03-29T04:59:59Z")
    assert house.deliver() == []
    clock.now = datetime.fromisoformat("2026-03-29T05:00:00Z")
    assert house.deliver() == ([] if at_once else [ana])


@pytest.mark.req("R57")
def test_an_hourly_digest_is_one_mail_of_everything(house: House, clock: Clock) -> None:
    ana, ben = house.user("ana"), house.user("ben")
    house.set_user(ana, rhythm=Rhythm("UTC", digest=Digest.HOURLY).key)
    for number in range(3):
        house.say(failure(run=f"r{number}", event_data={"job": number}, pipeline=f"p{number}", **QUIET))
        clock.advance(minutes=10)
    assert house.deliver() == [ben] * 3
    clock.now = NOW + timedelta(hours=1)
    assert house.deliver() == [ana]
    assert [len(mail) for mail in parts(house, ana)] == [3]


@pytest.mark.req("R46", "R57")
def test_what_recovers_while_it_is_held_is_told_as_recovered_and_once(house: House, clock: Clock) -> None:
    ana = house.user("ana")
    house.set_user(ana, rhythm=Rhythm("UTC", digest=Digest.HOURLY).key)
    house.say(failure(run="r1", **QUIET))
    house.say(recovery(run="r2"))
    clock.advance(hours=1)
    with house.database.reading() as transaction:
        (mail,) = house.rows(tables.deliveries)
        message = letter(transaction, mail["id"], desk=DESK, now=clock())
    assert message is not None
    assert [(part.is_open, part.reason) for part in message.parts] == [(False, "first")]
    assert house.deliver() == [ana]
    clock.advance(days=1)
    assert house.deliver() == []


@pytest.mark.req("R46", "R56")
def test_who_was_told_of_a_failure_is_told_of_a_recovery_by_night_in_the_morning(house: House, clock: Clock) -> None:
    ana = house.user("ana")
    house.set_user(ana, rhythm=NIGHT.key)
    house.say(failure(run="r1", **QUIET))
    assert house.deliver() == [ana]
    clock.advance(hours=14)
    house.say(recovery(run="r2", urgent=False))
    assert house.deliver() == []
    clock.advance(hours=8)
    assert house.deliver() == [ana]
    assert [reason for mail in parts(house, ana) for _, reason, _ in mail] == ["first", "resolved"]


@pytest.mark.req("R41", "R54", "R56")
def test_a_reminder_waits_for_the_morning_and_leaves_alone_who_snoozed(house: House, clock: Clock) -> None:
    ana, ben, cy = house.user("ana"), house.user("ben"), house.user("cy")
    house.set_user(ben, rhythm=Rhythm("UTC", time(8), time(10)).key)
    clock.advance(hours=2)
    house.say(failure(run="r1", **QUIET))
    assert house.deliver() == [ana, ben, cy]
    clock.now = NOW + timedelta(days=1, hours=2)
    house.set_entry(cy, snoozed_until=clock() + timedelta(hours=1))
    house.set_user(ben, rhythm=Rhythm("UTC", time(8), time(12)).key)
    house.settle()
    assert house.deliver() == [ana]
    clock.advance(hours=1)
    assert house.deliver() == [ben]
    assert [house.mails(one)[1:] for one in (ana, ben, cy)] == [[("reminder", "sent")], [("digest", "sent")], []]


@pytest.mark.req("R54")
def test_a_snoozed_thread_grows_in_silence_and_escalates_aloud(house: House) -> None:
    ana = house.user("ana")
    house.say(failure("a", run="r1", level="warning"))
    house.deliver()
    house.set_entry(ana, snoozed_until=NOW + timedelta(hours=1))
    house.say(failure("b", run="r2", level="warning"))
    assert (house.deliver(), house.inbox(ana), house.entry(ana)["last_at"]) == ([], [], NOW + timedelta(hours=1))
    house.say(failure("c", run="r3", level="error"))
    assert house.deliver() == [ana]
    assert len(house.inbox(ana)) == 1


# ---- whatever happens in whatever order ---------------------------------------------------------------------

WEIGHTS = {"fail": 3, "recover": 3, "pass": 3, "send": 3, "disturb": 2, "die": 1}
VALUES: dict[str, list[Any]] = {"fail": [0, 0, 1], "recover": [0, 0, 1], "pass": [1, 20, 50, 180, 600], "disturb": [None, 30, 400]}
STEPS = st.sampled_from([word for word, weight in WEIGHTS.items() for _ in range(weight)]).flatmap(
    lambda word: st.tuples(st.just(word), st.sampled_from(VALUES.get(word, [None])))
)
MOST_CHANGES = 5
"""Of a thread within a day; more would be flapping."""


class Story:
    """What happened, and what each person was told by mail of each thread: whether it was open."""

    def __init__(self, house: House, clock: Clock) -> None:
        self.house, self.clock = house, clock
        self.told: dict[tuple[int, int], list[bool]] = defaultdict(list)
        self.owed: dict[tuple[int, int], int] = {}
        """How many mails about a thread a person had when one was put into a digest: they must get one more."""
        self.changes, self.died = [0, 0], False
        self.ana, self.ben, self.cy = (house.user(name) for name in ("ana", "ben", "cy"))
        house.set_user(self.ana, rhythm=NIGHT.key)
        house.set_user(self.ben, rhythm=Rhythm("UTC", time(9, 30), time(11), Digest.HOURLY).key, urgent_breaks_through=False)

    def play(self, step: str, value: Any) -> None:
        if step in ("fail", "recover") and self.changes[value] < MOST_CHANGES:
            self.changes[value] += 1
            self.clock.advance(seconds=1)
            draft = failure if step == "fail" else recovery
            job: dict[str, Any] = {"event_data": {"job": value}, "pipeline": f"p{value}", "urgent": bool(value)}
            self.house.say(draft(run=f"r{sum(self.changes)}", **job))
            self._owe()
        elif step == "pass":
            self.clock.advance(minutes=value)
        elif step == "disturb":
            until = None if value is None else self.clock() + timedelta(minutes=value)
            for user_id in (self.ana, self.cy):
                disturb(self.house, user_id, until)
        elif step == "send":
            self.send()
        elif step == "die":
            with self.house.database.writing() as transaction:
                taken = deliveries.claim(transaction, now=self.clock(), lease="dead", lease_for=LEASE, limit=1)
            self.died = self.died or bool(taken)

    def _owe(self) -> None:
        mails = {row["id"]: row for row in self.house.rows(tables.deliveries, tables.deliveries.c.kind == "digest")}
        for item in self.house.rows(tables.delivery_items):
            if item["delivery_id"] in mails and mails[item["delivery_id"]]["status"] == "waiting":
                place = item["user_id"], item["notification_id"]
                self.owed.setdefault(place, len(self.told[place]))

    def send(self) -> int:
        """Everything that is due, as it reads at that moment."""
        with self.house.database.writing() as transaction:
            batch = deliveries.claim(transaction, now=self.clock(), lease="mail", lease_for=LEASE, limit=1000)
            for one in batch:
                message = letter(transaction, one.id, desk=DESK, now=self.clock())
                outcome = "cancelled" if message is None else "sent"
                deliveries.record(transaction, [ended(one.id, "mail", self.clock(), outcome)])
                if message is None:
                    continue
                for part in message.parts:
                    self.told[one.user_id, part.notification_id].append(part.is_open and message.kind is not Kind.RESOLVED)
                    self.owed.pop((one.user_id, part.notification_id), None)
        return len(batch)


@pytest.mark.req("R46", "R55", "R56", "R57")
@settings(max_examples=40, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate), suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEPS, min_size=6, max_size=24))
@example(steps=[("pass", 400), ("fail", 0), ("send", None), ("recover", 0), ("fail", 0), ("die", None), ("send", None)])
def test_in_the_end_everyone_was_told_how_things_stand_and_nothing_twice(database: Database, steps: list[tuple[str, Any]]) -> None:
    clock = Clock()
    with database.writing() as transaction:
        for table in (tables.inbox_entries, tables.users, tables.teams):
            transaction.execute(table.delete())
    story = Story(House(database, clock), clock)
    for step, value in steps:
        story.play(step, value)
    for _ in range(4):  # the longest hold, and the lease of whoever died
        clock.advance(hours=12)
        story.send()
    assert story.send() == 0
    assert story.house.rows(tables.deliveries, tables.deliveries.c.status == "waiting") == []
    threads = story.house.rows(tables.notifications, tables.notifications.c.episode > 0)
    for user_id in (story.ana, story.ben, story.cy):
        for thread in threads:
            told, is_open = story.told[user_id, thread["id"]], thread["status"] == "open"
            assert told[-1:] == ([is_open] if is_open or told else []), "the last word is the truth"
            assert story.died or told.count(True) <= thread["episode"], "no failure is told twice"
            assert story.died or told.count(False) <= thread["episode"], "nor a recovery"
    assert story.owed == {}, "what was held is told, also where it recovered meanwhile"
