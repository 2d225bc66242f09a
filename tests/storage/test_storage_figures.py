"""Figures are what plain Python reckons of the same rows, on both engines."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from gateway.domain.figures import days, nearest_rank, stretches
from gateway.storage import figures, tables
from gateway.storage.database import Database
from gateway.storage.figures import Wanted
from gateway.storage.floods import WHY
from tests.builders import House
from tests.conftest import Clock

pytestmark = pytest.mark.req("R94")
BERLIN = ZoneInfo("Europe/Berlin")
SINCE, UNTIL = datetime(2026, 3, 20, 23, tzinfo=BERLIN), datetime(2026, 4, 3, 1, tzinfo=BERLIN)  # with the change to summer time
Rows = list[dict[str, Any]]
moments = st.builds(lambda minutes: SINCE - timedelta(days=1) + timedelta(minutes=minutes), st.integers(0, 16 * 24 * 60))
later = st.one_of(st.none(), st.integers(-5, 3000).map(lambda minutes: timedelta(minutes=minutes)))
categories = st.sampled_from(["incident", "job_failure"])
threads = st.fixed_dictionaries({
    "category": categories, "source": st.sampled_from([0, 1, None]), "environment": st.sampled_from(["prod", "staging"]),
    "pipeline": st.sampled_from(["orders", "billing", None]), "team": st.sampled_from([0, 0, 0, 1]),
})  # fmt: skip
THREAD = st.integers(0, 5)
PERSON = st.integers(0, 3)
happened = st.lists(
    st.tuples(THREAD, moments, later, later, st.sampled_from(["sender", "sender", "hand", "silence"]), st.booleans(), st.integers(0, 4)),
    max_size=25, unique_by=lambda one: one[:2],
)  # fmt: skip
seen = st.lists(
    st.tuples(
        PERSON, THREAD, moments, st.booleans(), later, st.booleans(), st.sampled_from([None, "episode", "until", "past"])
    ),
    max_size=20, unique_by=lambda one: one[:2],
)  # fmt: skip
sent = st.lists(
    st.tuples(
        PERSON, st.one_of(st.none(), moments), st.sampled_from(["failing", "resolved", "digest"]),
        st.sampled_from(["sent", "kept", "failed", "cancelled", "folded"]), st.sets(THREAD, min_size=1, max_size=3),
    ),
    max_size=15,
)  # fmt: skip
voted = st.lists(st.tuples(PERSON, THREAD, moments, st.booleans()), max_size=8, unique_by=lambda one: one[:2])


class World:
    """The rows, in the database and by themselves."""

    def __init__(self, database: Database, made: Any) -> None:
        house = House(database, Clock(UNTIL))
        self.teams = [house.team_id, house.team("other")]
        self.sources = [house.source_id, house.source("dbt")]
        self.people = [house.user(name) for name in ("ana", "ben", "cy")] + [house.user("zoe", team_id=self.teams[1])]
        self.threads: Rows = [
            {
                "id": n, "identity": f"i{n}", "team_id": self.teams[one["team"]],
                "source_id": None if one["source"] is None else self.sources[one["source"]],
                **{name: one[name] for name in ("category", "environment", "pipeline")},
            }
            for n, one in enumerate(made["threads"], 1)
        ]  # fmt: skip
        self.episodes, self.entries, self.mails, self.items, self.votes = [self._rows(name, made) for name in (
            "episodes", "entries", "mails", "items", "votes"
        )]  # fmt: skip
        with database.writing() as transaction:
            for table, rows in (
                (tables.notifications, self.threads), (tables.episodes, self.episodes), (tables.inbox_entries, self.entries),
                (tables.conversations, [{"id": 1, "identity": "c", "team_id": self.teams[0], "subject": "s", "opened_at": SINCE}]),
                (tables.deliveries, self.mails), (tables.delivery_items, self.items), (tables.votes, self.votes),
            ):  # fmt: skip
                if rows:
                    transaction.execute(insert(table), rows)

    def _rows(self, name: str, made: Any) -> Rows:
        if name == "episodes":
            return [
                {
                    "notification_id": n + 1, **{key: self.threads[n][key] for key in (
                        "team_id", "source_id", "category", "environment", "pipeline"
                    )},
                    "opened_at": at, "resolved_at": None if took is None else at + took, "ended_by": None if took is None else how,
                    "acknowledged_at": None if noticed is None else at + noticed, "happenings": 1 + alerts % 3, "alerts": alerts,
                    "flapped": flapped,
                }
                for n, at, noticed, took, how, flapped, alerts in made["episodes"]
            ]  # fmt: skip
        if name == "entries":
            return [
                {
                    "user_id": self.people[person], "notification_id": n + 1, "team_id": self.threads[n]["team_id"],
                    "category": self.threads[n]["category"], "episode": 1, "reason": "first", "listed": listed, "first_at": at,
                    "last_at": at, "read_at": None if read is None else at + read, "archived_at": at if archived else None,
                    "muted_episode": 1 if muted == "episode" else None,
                    "muted_until": {"until": UNTIL + timedelta(days=1), "past": SINCE}.get(muted),
                }
                for person, n, at, listed, read, archived, muted in made["entries"]
            ]  # fmt: skip
        if name == "mails":
            return [
                {
                    "id": n, "user_id": self.people[person], "team_id": self.threads[min(about)]["team_id"], "conversation_id": 1,
                    "channel": "email", "kind": kind, "news": str(n), "created_at": SINCE, "due_at": SINCE, "finished_at": at,
                    "status": "waiting" if at is None else "cancelled" if fate == "folded" else fate, "attempts": 1,
                    "last_answer": WHY if fate == "folded" else "it recovered",
                }
                for n, (person, at, kind, fate, about) in enumerate(made["mails"], 1)
            ]  # fmt: skip
        if name == "items":
            return [
                {"delivery_id": n, "notification_id": thread + 1, "episode": 1, "reason": "first", "user_id": self.people[person]}
                for n, (person, _, _, _, about) in enumerate(made["mails"], 1)
                for thread in about
            ]
        return [
            {"notification_id": n + 1, "user_id": self.people[person], "useful": useful, "origin": "rules", "at": at}
            for person, n, at, useful in made["votes"]
        ]

    # ---- the oracle: as a person would count by hand

    def slug(self, source_id: int | None) -> str:
        return "api" if source_id is None else ["etl", "dbt"][self.sources.index(source_id)]

    def of(self, thread_id: int) -> dict[str, Any]:
        return self.threads[thread_id - 1]

    def wanted(self, thread: dict[str, Any], asked: Wanted) -> bool:
        return (
            asked.category in (None, thread["category"])
            and asked.source in (None, self.slug(thread["source_id"]))
            and asked.environment in (None, thread["environment"])
        )

    def place(self, thread: dict[str, Any]) -> tuple[str, str, str]:
        return thread["category"], self.slug(thread["source_id"]), thread["environment"]

    def is_mine(self, row: dict[str, Any], asked: Wanted) -> bool:
        member_of = dict.fromkeys(self.people[:3], self.teams[0]) | {self.people[3]: self.teams[1]}
        return row["team_id"] in asked.team_ids and member_of[row["user_id"]] == row["team_id"]

    def grouped(self, asked: Wanted, by: str) -> dict[tuple[Any, ...], Rows]:
        groups: dict[tuple[Any, ...], Rows] = defaultdict(list)
        for one in self.episodes:
            if one["team_id"] in asked.team_ids and SINCE <= one["opened_at"] < UNTIL and self.wanted(one, asked):
                source = self.slug(one["source_id"])
                key = {
                    "all": (), "category": (one["category"],), "source": (source,), "environment": (one["environment"],),
                    "team": ("acme" if one["team_id"] == self.teams[0] else "other",),
                    "pipeline": (source, one["environment"], one["pipeline"]),
                    "day": (day_number(one["opened_at"]),),
                }[by]  # fmt: skip
                groups[key].append(one)
        return groups

    def told(self, asked: Wanted) -> dict[Any, Rows]:
        found: dict[Any, Rows] = defaultdict(list)
        for one in self.entries:
            thread = self.of(one["notification_id"])
            if self.is_mine(one, asked) and SINCE <= one["last_at"] < UNTIL and self.wanted(thread, asked):
                found[self.place(thread)].append(one)
        return found

    def mailed(self, asked: Wanted) -> tuple[Counter[Any], Counter[Any], int]:
        mails, by_mail, waits = Counter[Any](), Counter[Any](), 0
        for mail in self.mails:
            about = [self.of(item["notification_id"]) for item in self.items if item["delivery_id"] == mail["id"]]
            narrow = [thread for thread in about if self.wanted(thread, asked)]
            if not self.is_mine(mail, asked) or not narrow:
                continue
            waits += mail["status"] == "waiting"
            if mail["finished_at"] is None or not SINCE <= mail["finished_at"] < UNTIL:
                continue
            fate = "folded" if mail["status"] == "cancelled" and mail["last_answer"] == WHY else mail["status"]
            mails[day_number(mail["finished_at"]), mail["kind"], fate] += 1
            by_mail.update((self.place(thread), fate) for thread in narrow)
        return mails, by_mail, waits

    def said(self, asked: Wanted) -> Counter[Any]:
        found = Counter[Any]()
        for vote in self.votes:
            thread = self.of(vote["notification_id"])
            row = {"team_id": thread["team_id"], "user_id": vote["user_id"]}
            if self.is_mine(row, asked) and SINCE <= vote["at"] < UNTIL and self.wanted(thread, asked):
                found[self.place(thread), "rules", vote["useful"]] += 1
        return found


def day_number(at: datetime) -> int:
    return (at.astimezone(BERLIN).date() - date(1970, 1, 1)).days


def counted(rows: Rows) -> dict[str, int]:
    return {
        "episodes": len(rows), "open": sum(one["resolved_at"] is None for one in rows),
        "acknowledged": sum(one["acknowledged_at"] is not None for one in rows),
        **{f"by_{how}": sum(one["ended_by"] == how for one in rows) for how in ("sender", "hand", "silence")},
        "flapping": sum(one["flapped"] for one in rows), "alerts": sum(one["alerts"] for one in rows),
        "repeats": sum(one["happenings"] - 1 for one in rows),
    }  # fmt: skip


def took(rows: Rows) -> dict[str, list[float]]:
    ends = {
        "acknowledge": [(one["opened_at"], one["acknowledged_at"]) for one in rows],
        "recover": [(one["opened_at"], one["resolved_at"]) for one in rows if one["ended_by"] == "sender"],
        "by_hand": [(one["opened_at"], one["resolved_at"]) for one in rows if one["ended_by"] == "hand"],
    }
    return {name: [max((end - begin).total_seconds(), 0) for begin, end in pairs if end is not None] for name, pairs in ends.items()}


def engaged(rows: Iterable[dict[str, Any]], asked: Wanted) -> dict[str, int]:
    found: Counter[str] = Counter()
    for one in rows:
        if not one["listed"]:
            found["mail_only"] += 1
            continue
        found["listed"] += 1
        found["muted"] += one["muted_episode"] is not None or (one["muted_until"] is not None and one["muted_until"] > asked.now)
        if one["read_at"] is not None:
            found["read_in_day" if one["read_at"] <= one["last_at"] + timedelta(days=1) else "read_later"] += 1
        else:
            found["archived_unread" if one["archived_at"] is not None else "unread"] += 1
    return {name: found[name] for name in figures.ENTRIES}


@settings(max_examples=40, deadline=None, phases=[Phase.generate], derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    made=st.fixed_dictionaries({
        "threads": st.lists(threads, min_size=6, max_size=6), "episodes": happened, "entries": seen, "mails": sent, "votes": voted,
    }),
    teams=st.sampled_from([(0,), (0, 1), (1,)]),
    category=st.sampled_from([None, None, "incident"]),
    source=st.sampled_from([None, None, "etl", "api"]),
    environment=st.sampled_from([None, None, "prod"]),
)  # fmt: skip
def test_figures_are_what_is_counted_by_hand(
    database: Database, made: Any, teams: Sequence[int], category: str | None, source: str | None, environment: str | None
) -> None:
    with database.writing() as transaction:
        for table in (
            tables.episodes, tables.inbox_entries, tables.votes, tables.deliveries, tables.notifications, tables.users, tables.teams,
        ):  # fmt: skip
            transaction.execute(table.delete())
    world = World(database, made)
    asked = Wanted([world.teams[n] for n in teams], SINCE, UNTIL, UNTIL, category, source, environment)
    clock = stretches(SINCE, UNTIL, BERLIN)
    with database.reading() as connection:
        for by in ("all", "category", "source", "environment", "team", "pipeline", "day"):
            groups = world.grouped(asked, by)
            found = figures.counts(connection, asked, by, clock)
            assert {key: one for key, one in found.items() if one["episodes"]} == {key: counted(rows) for key, rows in groups.items()}, by
            spans = figures.spans(connection, asked, by, clock, list(found) if by == "pipeline" else None)
            expected = {(kind, key): values for key, rows in groups.items() for kind, values in took(rows).items() if values}
            assert {place: one.count for place, one in spans.items()} == {place: len(values) for place, values in expected.items()}
            for place, values in expected.items():
                assert (spans[place].median, spans[place].p90) == (nearest_rank(values, 50), nearest_rank(values, 90))
                assert spans[place].mean == pytest.approx(sum(values) / len(values), abs=0.001)

        assert dict(figures.entries(connection, asked)) == {key: engaged(rows, asked) for key, rows in world.told(asked).items()}
        mails, by_mail, waits = world.mailed(asked)
        assert {row[:3]: row[3] for row in figures.mails(connection, asked, clock)} == mails
        assert {row[:2]: row[2] for row in figures.told_by_mail(connection, asked)} == by_mail
        assert figures.waiting(connection, asked) == waits
        assert {row[:3]: row[3] for row in figures.useful(connection, asked)} == world.said(asked)


def test_of_large_teams_the_entries_of_some_people_are_counted(database: Database) -> None:
    house = House(database, Clock(UNTIL))
    for number in range(120):
        house.user(f"person-{number}")
    with database.writing() as transaction:
        transaction.execute(insert(tables.notifications).values(id=1, identity="i", team_id=house.team_id, category="incident"))
        row = {"notification_id": 1, "team_id": house.team_id, "category": "incident", "episode": 1, "reason": "first", "listed": True}
        whose = [one["id"] for one in house.rows(tables.users)]
        transaction.execute(insert(tables.inbox_entries), [{**row, "user_id": one, "first_at": SINCE, "last_at": SINCE} for one in whose])
    asked = Wanted([house.team_id], SINCE, UNTIL, UNTIL)
    with database.reading() as connection:
        members, every = figures.people(connection, [house.team_id])
        ((_, found),) = figures.entries(connection, asked, every)
    assert (members, every, found["listed"]) == (120, 3, 40)


def test_a_day_is_one_of_the_readers_also_when_the_clocks_change() -> None:
    clock = stretches(SINCE, UNTIL, BERLIN)
    assert [one.offset for one in clock] == [timedelta(hours=1), timedelta(hours=2)]
    assert clock[0].until.astimezone(BERLIN).isoformat() == "2026-03-29T03:00:00+02:00"
    assert (str(days(SINCE, UNTIL, BERLIN)[0]), str(days(SINCE, UNTIL, BERLIN)[-1])) == ("2026-03-20", "2026-04-03")
