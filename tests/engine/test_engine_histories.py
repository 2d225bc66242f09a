"""Generated histories of several pipelines, told in order, in disorder and twice, and by two workers: the same threads in the end."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gateway.engine import settle
from gateway.storage import arrivals, tables
from gateway.storage.database import Database
from gateway.storage.processing import Event
from tests.builders import START, House, failure, recovery
from tests.conftest import Clock
from tests.engine.test_engine_workers import together

PLACES = (("etl", "prod", "orders"), ("etl", "staging", "orders"), ("other", "prod", "orders"), ("etl", "prod", "billing"))
STATE = ("status", "level", "weight", "firing", "episode", "count", "opened_at", "resolved_at", "flapping")
MEMBER = ("key", "level", "since", "run")
END = 1400
"""Minutes; longer than a history and a few hours more."""
FEW = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # a smaller example would take minutes to find
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@dataclass(frozen=True)
class Said:
    """One event: where it comes from, when it happened, what it says."""

    place: tuple[str, str, str]
    minute: int
    drafts: tuple[dict[str, Any], ...]


def told_by_run(run: str, place: tuple[str, str, str], minute: int, lasts: int, script: str) -> Iterable[Said]:
    """What one run says of itself, from its start to its end."""
    _, environment, pipeline = place

    def say(when: int, *makes: tuple[Any, str | None], attempt: int = 0) -> Said:
        known = {"run": run, "attempt": attempt, "when": 60 * when, "environment": environment, "pipeline": pipeline}
        return Said(place, when, tuple(make(member, event_data={"job": pipeline}, **known) for make, member in makes))

    end = minute + lasts
    match script:
        case "fails":
            return [say(end, (failure, None))]
        case "succeeds":
            return [say(end, (recovery, None))]
        case "fails and is retried":
            return [say(minute, (failure, None)), say(end, (recovery, None), attempt=1)]
        case "fails for good":
            return [say(minute, (failure, None)), say(end, (failure, None), attempt=1)]
        case "fails in part":
            return [say(end, (failure, "a"), (recovery, "b"))]
        case _:
            return [say(minute, (failure, "b")), say(end, (recovery, "a"), (failure, "b"), attempt=1)]


SCRIPTS = (*["fails and is retried"] * 4, "fails", "fails", "succeeds", "succeeds", "fails for good", "fails in part", "mends in part")


@st.composite
def histories(draw: st.DrawFn) -> list[Said]:
    """What several pipelines say, in the order in which it happened; runs overlap."""
    said, minute = list[Said](), 0
    for number in range(draw(st.integers(6, 16))):
        minute += draw(st.sampled_from((5, 2, 10, 1, 5, 30, 10, 70)))
        place = PLACES[draw(st.sampled_from((0, 0, 0, 0, 0, 0, 1, 2, 3)))]
        said += told_by_run(f"r{number}", place, minute, draw(st.sampled_from((1, 3, 0, 15))), draw(st.sampled_from(SCRIPTS)))
    return sorted(said, key=lambda one: one.minute)


class Room:
    """A team of its own for one telling of a history, in a database that many share."""

    number = 0

    def __init__(self, database: Database) -> None:
        Room.number += 1
        self.clock = Clock(START)
        self.house = House(database, self.clock, slug=f"team-{Room.number}")
        self.sources = {"etl": self.house.source_id, "other": self.house.source("other")}
        self.users = [self.house.user(name, team_id=self.house.team_id) for name in ("ana", "ben")]

    def send(self, said: Sequence[Said]) -> None:
        with self.house.database.appending() as transaction:
            arrivals.append(transaction, [self.house.arrival({"drafts": one.drafts}, source_id=self.sources[one.place[0]]) for one in said])

    def live(self, said: Sequence[Said], again: Sequence[int] = ()) -> None:
        """Takes each the moment it happens and mails at once; those with these places in the history come again, at once and later."""
        for place, one in enumerate(said):
            self.at(one.minute)
            self.house.settle()
            self.send([one, *(said[earlier] for earlier in again if earlier == place or earlier == place - 3)])
            self.house.process(limit=1)
            self.house.deliver()

    def at(self, minute: float) -> None:
        self.clock.now = START + timedelta(minutes=minute)

    def end(self) -> tuple[list[Any], list[Any]]:
        """Lets what flaps become stable, and mails; gives threads and firing members as they are then."""
        self.at(END)
        self.house.settle()
        self.house.deliver()
        threads = self.threads()
        names = {row["id"]: place for place, row in threads.items()}
        firing = self.house.rows(tables.members, tables.members.c.notification_id.in_(list(names)), tables.members.c.firing)
        states = sorted((place, *(row[name] for name in STATE)) for place, row in threads.items())
        return states, sorted((names[row["notification_id"]], *(row[name] for name in MEMBER)) for row in firing)

    def threads(self) -> dict[tuple[str, str, str], dict[str, Any]]:
        slugs = {source_id: slug for slug, source_id in self.sources.items()}
        rows = self.house.rows(tables.notifications, tables.notifications.c.team_id == self.house.team_id)
        return {(slugs[row["source_id"]], row["environment"], row["event_data"]["job"]): row for row in rows}

    def deliveries(self) -> list[dict[str, Any]]:
        return self.house.rows(tables.deliveries, tables.deliveries.c.team_id == self.house.team_id)


def still_failing(said: Iterable[Said], place: tuple[str, str, str]) -> set[str]:
    """The members that fail at the end of what this place, and no other, said; "" stands for the whole."""
    happenings: dict[tuple[int, bool, str], set[str]] = {}
    for one in said:
        for draft in one.drafts if one.place == place else ():
            order = (one.minute, draft["state"] == "resolved", f"{draft['run']}#{draft['attempt']}")
            happenings.setdefault(order, set()).add(draft.get("member", {"key": ""})["key"])
    failing: set[str] = set()
    for (_, recovers, _), members in sorted(happenings.items()):
        if not recovers:
            failing |= members
        else:
            failing = set() if "" in members else failing - members - {""}
    return failing


def commit_all(house: House, batches: Iterable[tuple[str, Sequence[Event]]]) -> None:
    for lease, batch in batches:
        assert house.commit(lease, batch) == len(batch)


def news_of(room: Room) -> list[tuple[Any, ...]]:
    """Every mail: to whom, of which kind, of what, and what became of it; without numbers that differ from room to room."""
    return sorted(
        (row["user_id"], row["kind"], re.sub("^(due|reminder)/.*", r"\1", row["news"]), row["status"]) for row in room.deliveries()
    )


@pytest.mark.req("R45", "R47", "R48", "R49")
@FEW
@given(said=histories(), data=st.data())
def test_in_order_in_disorder_and_by_two_workers_the_threads_end_the_same(
    database: Database, said: list[Said], data: st.DataObject
) -> None:
    in_order = Room(database)
    in_order.live(said)
    expected = in_order.end()
    assert {place: {key for at, key, *_ in expected[1] if at == place} for place in PLACES} == {
        place: still_failing(said, place) for place in PLACES
    }

    mixed = [*said, *data.draw(st.lists(st.sampled_from(said), max_size=5))]
    disorder = Room(database)
    disorder.at(data.draw(st.sampled_from((END - 200, END - 61))))
    disorder.send(data.draw(st.permutations(mixed)))
    while (taken := disorder.house.claim(data.draw(st.integers(1, 6))))[1]:
        disorder.house.commit(*taken)
    assert disorder.end() == expected

    crowded = Room(database)
    crowded.at(END - 200)
    crowded.send(data.draw(st.permutations(mixed)))
    batches = list[Any]()
    while (taken := crowded.house.claim(data.draw(st.integers(1, 3))))[1]:
        batches.append(taken)
    together(lambda: commit_all(crowded.house, batches[::2]), lambda: commit_all(crowded.house, batches[1::2]))
    assert crowded.end() == expected
    for room in (in_order, disorder, crowded):
        mails = [(row["user_id"], row["conversation_id"], row["channel"], row["news"]) for row in room.deliveries()]
        assert len(mails) == len(set(mails))


@pytest.mark.req("R15", "R47", "R48")
@FEW
@given(said=histories(), data=st.data())
def test_in_order_repetitions_mail_nobody_anything_else(database: Database, said: list[Said], data: st.DataObject) -> None:
    once, often = Room(database), Room(database)
    once.live(said)
    expected = once.end()
    often.live(said, again=data.draw(st.lists(st.integers(0, len(said) - 1), min_size=1, max_size=6)))
    assert often.end() == expected
    assert news_of(often) == news_of(once)


@pytest.mark.req("R48")
def test_what_flaps_is_mailed_once_stays_on_the_bar_and_is_told_again_once_it_is_stable(database: Database) -> None:
    room = Room(database)
    (ana, _), house = room.users, room.house
    ups_and_downs = [
        Said(PLACES[0], minute, ((recovery if place % 2 else failure)(run=f"r{place}", when=60 * minute),))
        for place, minute in enumerate(range(0, 100, 5))
    ]
    room.live(ups_and_downs)
    named = ["failing", "resolved", "failing", "resolved", "failing", "failing"]
    assert house.mails(ana) == [(kind, "sent") for kind in named]
    (entry,) = house.bar(ana)
    assert (entry["reason"], house.thread()["status"], house.thread()["firing"]) == ("flapping", "open", 0)
    room.at(95 + 60)
    house.settle()
    assert house.bar(ana) == []
    assert [kind for kind, _ in house.mails(ana)] == [*named, "resolved"]


@pytest.mark.req("R48")
def test_what_flapped_and_still_fires_once_it_is_stable_alerts_everyone_though_they_put_it_aside(database: Database) -> None:
    room = Room(database)
    (ana, _), house = room.users, room.house
    room.live(
        [Said(PLACES[0], minute, ((recovery if minute % 2 else failure)(run=f"r{minute}", when=60 * minute),)) for minute in range(7)]
    )
    house.mark(ana, read=True, dismissed=True)
    assert house.bar(ana) == []
    room.at(6 + 60)
    house.settle()
    assert [entry["reason"] for entry in house.bar(ana)] == ["reopened"]
    assert house.mails(ana)[-1] == ("failing", "waiting")


@pytest.mark.req("R47", "R48", "R49")
@pytest.mark.parametrize("number", [6, 7], ids=["nothing fires", "it fires"])
def test_what_flapped_and_was_closed_by_hand_stays_closed_whatever_arrives_late(database: Database, number: int) -> None:
    room = Room(database)
    (ana, _), house = room.users, room.house
    said = [
        Said(PLACES[0], minute, ((recovery if minute % 2 else failure)(run=f"r{minute}", when=60 * minute),)) for minute in range(number)
    ]
    room.live(said)
    room.at(10)
    with house.database.writing() as transaction:
        assert settle.close_by_hand(transaction, notification_id=house.thread()["id"], who="Ben", now=room.clock())
    assert [house.thread()[name] for name in ("status", "flapping", "resolved_at")] == ["resolved", False, room.clock()]
    assert house.mails(ana, "waiting") == [("resolved", "waiting")]
    room.at(11)
    house.say(recovery(run="late", when=90))
    assert [house.thread()[name] for name in ("status", "flapping")] == ["resolved", False]
    assert house.bar(ana) == []
