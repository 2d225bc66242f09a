"""Mute and snooze: what one person puts aside, until when, and that lists, counts and bar agree whatever people do."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import delete, insert

from gateway.api.notifications import PARTS
from gateway.api.put_aside import PERIODS
from gateway.storage import inbox, put_aside, tables
from gateway.storage.database import Database
from gateway.storage.inbox import Filter
from tests.builders import House, failure, recovery
from tests.conftest import NOW, Clock

ROOT = "/api/notifications"
ENDS = {"8h": timedelta(hours=8), "1d": timedelta(days=1), "1w": timedelta(days=7), "1m": timedelta(days=30)}


async def seen(person: Any) -> dict[str, Any]:
    """What a person sees of everything, by the ids."""
    list_, bar = await person.get(f"{ROOT}/v1"), await person.get(f"{ROOT}/urgent-bar")
    count = (await person.get(f"{ROOT}/unread-count"))["total"]
    assert count == sum(item["read_at"] is None for item in list_["items"])
    return {
        "list": [item["id"] for item in list_["items"]],
        "unread": count,
        "bar": [item["id"] for row in bar["items"] for item in row["items"]],
    }


NOTHING = {"list": [], "unread": 0, "bar": []}
ONE = {"list": [1], "unread": 1, "bar": [1]}


@pytest.mark.req("R54", "R65")
@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize("deed", ["mute", "snooze"])
async def test_both_end_by_themselves(house: House, clock: Clock, ana: Any, ben: Any, deed: str, name: str) -> None:
    house.say(failure(run="r", when=3600))
    assert PERIODS[name] == ENDS[name]
    await ana.put(f"{ROOT}/v1", {"ids": [1], "read": True})
    assert await ana.post(f"{ROOT}/1/{deed}", {"for": name}) == {"done": True}
    assert (await seen(ana), await seen(ben)) == (NOTHING, ONE)
    clock.now = NOW + ENDS[name] - timedelta(microseconds=1)
    assert await seen(ana) == NOTHING
    clock.now = NOW + ENDS[name]
    assert await seen(ana) == {**ONE, "unread": 0 if deed == "mute" else 1}
    item = await ana.get(f"{ROOT}/1")
    assert {item[name] for name in ("muted", "snoozed")} == {False}
    assert {item[name] for name in ("muted_until", "snoozed_until")} == {None}


@pytest.mark.req("R54")
async def test_a_time_of_ones_own_and_for_ever(house: House, clock: Clock, ana: Any) -> None:
    house.say(failure(run="r"))
    await ana.post(f"{ROOT}/1/mute", {"until": "2026-03-02T12:00:00+01:00"})
    item = await ana.get(f"{ROOT}/1")
    assert (item["muted"], item["muted_until"], item["snoozed"]) == (True, "2026-03-02T11:00:00Z", False)
    await ana.post(f"{ROOT}/1/mute", {"for": "forever"})
    clock.advance(days=365 * 100)
    assert await seen(ana) == NOTHING
    (item,) = (await ana.get(f"{ROOT}/filtered?muted=true"))["items"]
    assert (item["muted"], item["muted_until"]) == (True, "9999-01-01T00:00:00Z")
    await ana.post(f"{ROOT}/1/unmute")
    await ana.post(f"{ROOT}/1/unmute")
    assert await seen(ana) == ONE
    await ana.post(f"{ROOT}/1/snooze", {"for": "forever"})
    assert await seen(ana) == NOTHING
    assert (await ana.get(f"{ROOT}/1"))["snoozed"] is True
    await ana.post(f"{ROOT}/1/unsnooze")
    assert await seen(ana) == ONE


@pytest.mark.req("R54")
async def test_muted_until_resolved_it_is_not_heard_of_again_before_the_next_episode(house: House, clock: Clock, ana: Any) -> None:
    house.say(failure(run="r1", when=3600))
    house.deliver()
    await ana.post(f"{ROOT}/1/mute", {"for": "until-resolved"})
    item = await ana.get(f"{ROOT}/1")
    assert (item["muted"], item["muted_until"]) == (True, None)
    clock.advance(days=1)
    house.say(failure("more", run="r2", when=3700))
    house.say(recovery(run="r3", when=3800), recovery("more", run="r3", when=3800))
    assert (await seen(ana), house.deliver()) == (NOTHING, [])
    clock.advance(days=1)
    house.say(failure(run="r4", when=3900))
    assert await seen(ana) == ONE
    assert len(house.deliver()) == 1


@pytest.mark.req("R54")
async def test_a_snooze_brings_it_back_unread_and_on_top(house: House, clock: Clock, ana: Any) -> None:
    for job in (1, 2):
        house.say(failure(run="r", event_data={"job": job}))
        clock.advance(minutes=1)
    await ana.put(f"{ROOT}/v1", {"ids": [1], "read": True, "archived": True})
    await ana.post(f"{ROOT}/1/snooze", {"until": "2026-03-02T11:00:00Z"})
    item = await ana.get(f"{ROOT}/1")
    assert (item["snoozed"], item["snoozed_until"], item["archived_at"]) == (True, "2026-03-02T11:00:00Z", None)
    clock.advance(hours=1)
    house.say(failure(run="r", event_data={"job": 3}))
    assert (await seen(ana))["list"] == [3, 2]
    clock.now = NOW + timedelta(hours=2)
    assert {**await seen(ana), "bar": ()} == {"list": [1, 3, 2], "unread": 3, "bar": ()}
    before = await ana.get(f"{ROOT}/v1")
    clock.advance(hours=1)
    await ana.post(f"{ROOT}/1/unsnooze")
    assert await ana.get(f"{ROOT}/v1") == before, "what has ended stays where it is"
    await ana.post(f"{ROOT}/2/snooze", {"for": "1w"})
    clock.advance(hours=1)
    await ana.post(f"{ROOT}/2/unsnooze")
    assert {**await seen(ana), "bar": ()} == {"list": [2, 1, 3], "unread": 3, "bar": ()}


@pytest.mark.req("R54")
async def test_snoozed_until_resolved_it_is_back_with_its_recovery(house: House, clock: Clock, ana: Any) -> None:
    house.say(failure(run="r1", when=3600, event_data={"job": 1}))
    house.say(failure(run="r1", when=3600, event_data={"job": 2}))
    await ana.post(f"{ROOT}/1/snooze", {"for": "until-resolved"})
    item = await ana.get(f"{ROOT}/1")
    assert (item["snoozed"], item["snoozed_until"]) == (True, None)
    clock.advance(days=1)
    house.say(failure(run="r2", when=3700, event_data={"job": 1}))
    assert (await seen(ana))["list"] == [2]
    clock.advance(minutes=1)
    house.say(recovery(run="r3", when=3800, event_data={"job": 1}))
    assert await seen(ana) == {"list": [1, 2], "unread": 2, "bar": [2]}


@pytest.mark.req("R54")
@pytest.mark.parametrize("period", ["1w", "until-resolved", "forever"])
@pytest.mark.parametrize("wakes", ["escalation", "new episode"])
async def test_an_escalation_and_a_new_episode_wake_what_is_snoozed(house: House, clock: Clock, ana: Any, period: str, wakes: str) -> None:
    house.say(failure(run="r1", when=3600, level="warning"))
    await ana.post(f"{ROOT}/1/snooze", {"for": period})
    clock.advance(minutes=1)
    if wakes == "new episode":
        house.say(recovery(run="r2", when=3700))
        clock.advance(minutes=1)
    house.say(failure(run="r3", when=3800, level="error" if wakes == "escalation" else "warning"))
    assert {**await seen(ana), "bar": ()} == {**ONE, "bar": ()}
    (entry,) = house.rows(tables.inbox_entries)
    assert (entry["snoozed_until"], entry["snoozed_episode"]) == (None, None)


@pytest.mark.req("R36", "R54")
async def test_what_is_not_mine_is_404(house: House, ana: Any, zoe: Any) -> None:
    house.say(failure(run="r", permissions=["secret"], event_data={"job": 1}))
    house.say(failure(run="r", event_data={"job": 2}))
    for deed in ("mute", "snooze", "unmute", "unsnooze"):
        body = {} if deed.startswith("un") else {"json": {"for": "8h"}}
        for person, number in ((ana, "1"), (zoe, "2"), (ana, "999"), (ana, "0"), (ana, "none"), (ana, "9" * 18), (ana, "9" * 19)):
            await person.ask("POST", f"{ROOT}/{number}/{deed}", status=404, **body)
    assert {(row["muted_until"], row["snoozed_until"]) for row in house.rows(tables.inbox_entries)} == {(None, None)}


REFUSED: list[tuple[Any, str]] = [
    ({}, "body"),
    ({"for": None}, "body"),
    ({"for": "8h", "until": "2026-03-03T00:00:00Z"}, "body"),
    ({"for": "2h"}, "body.for"),
    ({"name": "8h"}, "body.name"),
    ({"until": "2026-03-02T09:00:00Z"}, "body.until"),
    ({"until": "soon"}, "body.until"),
    ({"until": 1800000000}, "body.until"),
    ({"until": "9999-12-31T23:59:59-12:00"}, "body.until"),
    (["8h"], "body"),
]


async def test_a_refused_period_is_422_and_names_the_place(house: House, ana: Any) -> None:
    house.say(failure(run="r"))
    for deed in ("mute", "snooze"):
        for body, place in REFUSED:
            errors = (await ana.post(f"{ROOT}/1/{deed}", body, status=422))["errors"]
            assert [error["place"] for error in errors] == [place], body
    assert await seen(ana) == ONE


async def test_until_resolved_is_for_what_is_open(house: House, ana: Any) -> None:
    house.say(failure(run="r", state="note"))
    for deed in ("mute", "snooze"):
        assert "not open" in (await ana.post(f"{ROOT}/1/{deed}", {"for": "until-resolved"}, status=409))["detail"]


def queue(house: House, user_id: int, kind: str, *threads: int, **columns: Any) -> int:
    """A mail to this person about these threads; gives its id."""
    row = {
        "user_id": user_id, "team_id": house.team_id, "channel": "email", "kind": kind, "status": "waiting", "due_at": house.clock(),
        "conversation_id": house.rows(tables.conversations)[0]["id"], "created_at": house.clock(), "news": f"{kind}{threads}{columns}",
        **columns,
    }  # fmt: skip
    with house.database.writing() as transaction:
        number: int = transaction.execute(insert(tables.deliveries).values(**row).returning(tables.deliveries.c.id)).scalar_one()
        part = {"delivery_id": number, "user_id": user_id, "episode": 1, "reason": "first"}
        parts = [{**part, "notification_id": thread} for thread in threads]
        transaction.execute(insert(tables.delivery_items), parts)
    return number


@pytest.mark.req("R54")
async def test_a_mute_takes_mail_that_has_not_left_back(house: House, clock: Clock, ana: Any, ben: Any) -> None:
    for job in (1, 2):
        house.say(failure(run="r", event_data={"job": job}))
    house.deliver()
    ids = {row["email"].partition("@")[0]: row["id"] for row in house.rows(tables.users)}
    held = {"due_at": clock.now + timedelta(hours=1)}
    queued = {
        queue(house, ids["ana"], "failing", 1): ("cancelled", {1: True}),
        queue(house, ids["ana"], "reminder", 1): ("cancelled", {1: True}),
        queue(house, ids["ana"], "digest", 1, 2, **held): ("waiting", {1: True, 2: False}),
        queue(house, ids["ana"], "failing", 2): ("waiting", {2: False}),
        queue(house, ids["ana"], "failing", 1, attempts=1, mail=b"told", last_answer="451", news="refused"): ("cancelled", {1: True}),
        queue(house, ids["ana"], "failing", 1, 2, attempts=1, mail=b"told", last_answer="451"): ("waiting", {1: True, 2: False}),
        queue(house, ids["ana"], "failing", 1, attempts=1, lease="l", news="in hand"): ("waiting", {1: False}),
        queue(house, ids["ana"], "failing", 1, attempts=1, mail=b"told", news="may have left"): ("waiting", {1: False}),
        queue(house, ids["ana"], "failing", 1, attempts=1, status="sent", news="sent"): ("sent", {1: False}),
        queue(house, ids["ben"], "failing", 1): ("waiting", {1: False}),
    }
    await ana.post(f"{ROOT}/1/mute", {"for": "8h"})
    items = house.rows(tables.delivery_items)
    for row in house.rows(tables.deliveries, tables.deliveries.c.id.in_(queued)):
        parts = {part["notification_id"]: part["cancelled"] for part in items if part["delivery_id"] == row["id"]}
        assert (row["status"], parts) == queued[row["id"]], row["news"]
        is_anew = parts.get(1) and row["status"] == "waiting"
        assert row["mail"] in ((None,) if is_anew else (None, b"told")), row["news"]
        if row["status"] == "cancelled":
            assert (row["finished_at"], row["last_answer"]) == (clock.now, "muted before it was sent")


# ---- lists, counts and bar agree whatever people do ------------------------------------------------------------

SLUGS = st.sampled_from(["a", "b", "c"])
LEVELS = st.sampled_from(["info", "warning", "error"])


@pytest.mark.req("R54", "R66")
async def test_several_are_put_aside_at_once_and_taken_back(house: House, clock: Clock, ana: Any, ben: Any) -> None:
    for number in (1, 2, 3):
        house.say(failure(slug=f"s{number}", run=f"r{number}", when=0))
    house.say(recovery(slug="s3", run="r4", when=1))
    put = f"{ROOT}/v1"
    assert await ana.put(put, {"ids": [1, 2, 3, 99], "snoozed": {"for": "until-resolved"}}) == {"ids": [1, 2]}, "3 is not open"
    assert [item["id"] for item in (await ana.get(f"{ROOT}/filtered?snoozed=true"))["items"]] == [2, 1]
    assert await ana.get(f"{ROOT}/counts") == {"all": 1, "unread": 1, "urgent": 0, "snoozed": 2, "archived": 0, "muted": 0}
    assert (await ana.get(f"{ROOT}/counts?status=resolved"))["urgent"] == 1
    assert (await ben.get(f"{ROOT}/counts"))["all"] == 3
    assert await ana.put(put, {"ids": [1, 2, 3], "snoozed": False}) == {"ids": [1, 2, 3]}
    assert (await ana.get(f"{ROOT}/counts"))["all"] == 3
    await ana.put(put, {"ids": [1, 2], "muted": {"for": "1d"}, "read": True})
    assert await ana.get(f"{ROOT}/counts") == {"all": 1, "unread": 1, "urgent": 0, "snoozed": 0, "archived": 0, "muted": 2}
    await ana.put(put, {"ids": [1], "archived": True})
    assert [item["id"] for item in (await ana.get(f"{ROOT}/filtered?archived=true"))["items"]] == [1], "muted as it is"
    await ana.put(put, {"ids": [1, 2], "muted": False, "archived": False})
    assert (await ana.get(f"{ROOT}/counts"))["all"] == 3
    for refused in ({"for": "2h"}, {"until": "2020-01-01T00:00:00Z"}, {}, True):
        assert "errors" in await ana.put(put, {"ids": [1], "snoozed": refused}, status=422)


@pytest.mark.req("R66")
async def test_what_was_marked_as_read_at_once_is_unread_again_however_much_it_was(house: House, clock: Clock, ana: Any) -> None:
    for number in range(130):
        house.say(failure(slug=f"s{number}", run=f"r{number}", category="incident" if number % 2 else "job_failure"))
    await ana.put(f"{ROOT}/v1", {"ids": [1], "read": True})
    clock.advance(seconds=1)
    done = await ana.post(f"{ROOT}/read-all?category=job_failure")
    assert len(done["ids"]) == 64
    assert await ana.get(f"{ROOT}/counts?category=job_failure") == {
        "all": 65, "unread": 0, "urgent": 65, "snoozed": 0, "archived": 0, "muted": 0,
    }  # fmt: skip
    clock.advance(minutes=1)
    house.say(failure(slug="s2", run="again", category="job_failure"))
    assert len((await ana.post(f"{ROOT}/unread-all", {"read_at": done["read_at"]}))["ids"]) == 63, "one was unread again by itself"
    assert (await ana.get(f"{ROOT}/counts?category=job_failure"))["unread"] == 64, "what was read before stays read"
    assert await ana.post(f"{ROOT}/unread-all", {"read_at": done["read_at"]}) == {"ids": []}


PEOPLE = st.sampled_from(["ana", "ben"])
PLACES = st.integers(0, 5)


class Inboxes(RuleBasedStateMachine):
    """Two people, a few threads, and everything that can befall their inboxes."""

    database: Database
    count = 0

    def __init__(self) -> None:
        super().__init__()
        Inboxes.count += 1
        self.clock, self.number = Clock(), 0
        self.read_at: dict[str, datetime] = {}
        self.house = House(self.database, self.clock, slug=f"team-{Inboxes.count}")
        self.users = {name: self.house.user(self.named(name), permissions=["secret"]) for name in ("ana", "ben")}

    def named(self, name: str) -> str:
        return f"{name}-{Inboxes.count}"

    def say(self, draft: Mapping[str, Any]) -> None:
        self.number += 1
        self.clock.advance(seconds=1)
        self.house.say({**draft, "run": f"r{self.number}", "occurred_at": self.clock().isoformat()})

    def chosen(self, who: str, place: int) -> int | None:
        """One of a person's entries that they may see, listed or not."""
        user_id = self.users[who]
        entries = self.house.rows(tables.inbox_entries, tables.inbox_entries.c.user_id == user_id)
        with self.database.reading() as transaction:
            mine = [
                entry["notification_id"]
                for entry in entries
                if inbox.one(transaction, user_id=user_id, notification_id=entry["notification_id"], now=self.clock())
            ]
        return mine[place % len(mine)] if mine else None

    @rule(slug=SLUGS, level=LEVELS, member=st.sampled_from([None, "m"]))
    def fails(self, slug: str, level: str, member: str | None) -> None:
        self.say(failure(member, slug=slug, level=level, category="job_failure" if slug == "a" else "incident"))

    @rule(slug=SLUGS, member=st.sampled_from([None, "m"]))
    def recovers(self, slug: str, member: str | None) -> None:
        self.say(recovery(member, slug=slug, category="job_failure" if slug == "a" else "incident"))

    @rule(category=st.sampled_from(["system", "late_run"]), minutes=st.sampled_from([30, 600]))
    def happens_and_expires(self, category: str, minutes: int) -> None:
        expires_at = (self.clock() + timedelta(minutes=minutes)).isoformat()
        self.say(failure(slug="expiring", category=category, expires_at=expires_at))

    @rule()
    def happens_in_secret(self) -> None:
        self.say(failure(slug="secret", permissions=["secret"]))

    @rule(who=PEOPLE, place=PLACES, state=st.sampled_from(["read", "archived", "dismissed"]), on=st.booleans())
    def marks(self, who: str, place: int, state: str, on: bool) -> None:
        number = self.chosen(who, place)
        wanted: dict[str, bool | None] = {**dict.fromkeys(("read", "archived", "dismissed")), state: on}
        if number:
            with self.database.writing() as transaction:
                inbox.mark(transaction, user_id=self.users[who], ids=[number], now=self.clock(), **wanted)

    @rule(who=PEOPLE)
    def reads_all(self, who: str) -> None:
        with self.database.writing() as transaction:
            inbox.read_all(transaction, user_id=self.users[who], wanted=Filter(), now=self.clock())
            self.read_at[who] = self.clock()

    @rule(who=PEOPLE)
    def takes_that_back(self, who: str) -> None:
        if who in self.read_at:
            with self.database.writing() as transaction:
                inbox.unread_again(transaction, user_id=self.users[who], read_at=self.read_at[who])

    @rule(who=PEOPLE, place=PLACES, hours=st.sampled_from([1, 8, 24, None]), deed=st.sampled_from(["mute", "snooze"]))
    def puts_aside(self, who: str, place: int, hours: int | None, deed: str) -> None:
        number = self.chosen(who, place)
        thread = next((row for row in self.threads() if row["id"] == number), None)
        if thread is None or (hours is None and thread["status"] != "open"):
            return
        user_id, until = self.users[who], None if hours is None else self.clock() + timedelta(hours=hours)
        with self.database.writing() as transaction:
            if deed == "mute":
                put_aside.mute(transaction, user_id=user_id, ids=[thread["id"]], until=until, now=self.clock())
            else:
                put_aside.snooze(transaction, user_id=user_id, ids=[thread["id"]], until=until)

    @rule(who=PEOPLE, place=PLACES)
    def takes_back(self, who: str, place: int) -> None:
        number = self.chosen(who, place)
        if number:
            with self.database.writing() as transaction:
                put_aside.unmute(transaction, user_id=self.users[who], ids=[number])
                put_aside.unsnooze(transaction, user_id=self.users[who], ids=[number], now=self.clock())

    @rule(minutes=st.sampled_from([1, 60, 8 * 60, 24 * 60, 8 * 24 * 60]))
    def time_passes(self, minutes: int) -> None:
        self.clock.advance(minutes=minutes)
        self.house.settle()

    @precondition(lambda self: self.number > 2)
    @rule(who=PEOPLE, how=st.sampled_from(["leaves", "loses the secret", "joins"]))
    def changes_teams(self, who: str, how: str) -> None:
        if how == "leaves":
            with self.database.writing() as transaction:
                for table in (tables.membership_permissions, tables.memberships):
                    transaction.execute(delete(table).where(table.c.user_id == self.users[who]))
        else:
            self.house.user(self.named(who), permissions=["secret"] if how == "joins" else [])

    def threads(self) -> list[dict[str, Any]]:
        return self.house.rows(tables.notifications, tables.notifications.c.team_id == self.house.team_id)

    def expected(self, user_id: int) -> dict[str, dict[int, dict[str, Any]]]:
        """The oracle: which entries must be in each part of the inbox, and which threads on the bar."""
        now = self.clock()
        members = tables.memberships.c
        is_member = bool(self.house.rows(tables.memberships, members.user_id == user_id, members.team_id == self.house.team_id))
        held = {
            row["permission"] for row in self.house.rows(tables.membership_permissions, tables.membership_permissions.c.user_id == user_id)
        }
        needed = {(row["notification_id"], row["permission"]) for row in self.house.rows(tables.notification_permissions)}
        threads = {row["id"]: row for row in self.threads()}
        found: dict[str, dict[int, dict[str, Any]]] = {name: {} for name in (*PARTS, "bar")}
        for entry in self.house.rows(tables.inbox_entries, tables.inbox_entries.c.user_id == user_id):
            thread = threads[entry["notification_id"]]
            may_see = is_member and all(word in held for number, word in needed if number == thread["id"])
            expired = thread["expires_at"] is not None and thread["expires_at"] <= now
            snoozed = is_later(entry["snoozed_until"], now) or (
                entry["snoozed_episode"] == thread["episode"] and thread["status"] == "open"
            )
            muted = is_later(entry["muted_until"], now) or entry["muted_episode"] == thread["episode"]
            if not may_see or expired or thread["status"] == "unseen" or not entry["listed"]:
                continue
            part = "archived" if entry["archived_at"] else "muted" if muted else "snoozed" if snoozed else "all"
            found[part][thread["id"]] = entry
            if part == "all":
                if entry["read_at"] is None:
                    found["unread"][thread["id"]] = entry
                if thread["urgent"] and thread["status"] == "open":
                    found["urgent"][thread["id"]] = entry
                    if entry["dismissed_at"] is None:
                        found["bar"][thread["id"]] = entry
        return found

    @invariant()
    def everything_agrees(self) -> None:
        for user_id in self.users.values():
            expected = self.expected(user_id)
            for name, part in PARTS.items():
                wanted = Filter(**part)
                assert self.listed(user_id, wanted) == in_order(expected[name]), name
                with self.database.reading() as transaction:
                    assert inbox.count(transaction, user_id=user_id, wanted=wanted, now=self.clock()) == len(expected[name]), name
            unread = dict(Counter(entry["category"] for entry in expected["unread"].values()))
            with self.database.reading() as transaction:
                assert inbox.unread(transaction, user_id=user_id, wanted=Filter(), now=self.clock()) == unread
            assert {row["id"] for row in self.house.bar(user_id)} == set(expected["bar"])

    def listed(self, user_id: int, wanted: Filter) -> list[int]:
        """All pages of a list."""
        found: list[int] = []
        after: tuple[datetime, int] | None = None
        while True:
            with self.database.reading() as transaction:
                page = inbox.page(transaction, user_id=user_id, wanted=wanted, now=self.clock(), after=after, limit=2)
            if not page:
                return found
            found += [row["id"] for row in page]
            after = page[-1]["last_at"], page[-1]["id"]


def is_later(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and moment > now


def in_order(entries: Mapping[int, Mapping[str, Any]]) -> list[int]:
    return sorted(entries, key=lambda number: (entries[number]["last_at"], number), reverse=True)


@pytest.mark.req("R54", "R63", "R65")
def test_lists_counts_and_bar_agree_in_every_state_that_can_be_reached(database: Database) -> None:
    machine: type[Inboxes] = type("OfThisEngine", (Inboxes,), {"database": database})
    settle = settings(max_examples=12, stateful_step_count=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(machine, settings=settle)
