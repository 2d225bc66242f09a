"""The audience that the database computes is the one that a plain reading of the rules gives."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from gateway.domain.judge import Alert
from gateway.storage import audience, people, tables
from gateway.storage.audience import Moment, News
from gateway.storage.database import Database
from tests.conftest import NOW

LEVELS = {1: "info", 2: "warning", 3: "error"}
CATEGORIES = ("job_failure", "late_run")
WORDS = ("x", "y")
NUMBERS = count(1)


@dataclass(frozen=True)
class Subscription:
    in_app: bool
    email: bool
    in_app_weight: int | None
    email_weight: int | None
    scope: str


@dataclass(frozen=True)
class Someone:
    member: bool
    role: str
    permissions: frozenset[str]
    owns: frozenset[str]
    enabled: bool
    in_app_enabled: bool
    email_enabled: bool
    in_app_weight: int
    email_weight: int
    subscription: Subscription | None
    subscribed_to: str
    muted: timedelta | None
    """How long from now; None: has no entry yet."""


@dataclass(frozen=True)
class Happened:
    category: str
    weight: int
    permissions: frozenset[str]
    owners: frozenset[tuple[str, bool]]


mostly = st.sampled_from([True, True, True, False])
weights = st.sampled_from([1, 2, 3])
subscription = st.builds(
    Subscription,
    in_app=mostly,
    email=mostly,
    in_app_weight=st.none() | weights,
    email_weight=st.none() | weights,
    scope=st.sampled_from(["all", "owned"]),
)
someone = st.builds(
    Someone,
    member=mostly,
    role=st.sampled_from(people.ROLES),
    permissions=st.frozensets(st.sampled_from(["p", "q"])),
    owns=st.frozensets(st.sampled_from(WORDS)),
    enabled=mostly,
    in_app_enabled=mostly,
    email_enabled=mostly,
    in_app_weight=weights,
    email_weight=weights,
    subscription=st.none() | subscription,
    subscribed_to=st.sampled_from(CATEGORIES),
    muted=st.sampled_from([None, None, None, timedelta(hours=-1), timedelta(0), timedelta(hours=1)]),
)
happened = st.builds(
    Happened,
    category=st.sampled_from(CATEGORIES),
    weight=weights,
    permissions=st.frozensets(st.sampled_from(["p", "q", "role:admin"]), max_size=2),
    owners=st.frozensets(st.tuples(st.sampled_from(WORDS), st.booleans())),
)


def hears(one: Someone, what: Happened, channel: str) -> bool:
    """The rules of the audience, as they are written."""
    choice = one.subscription if one.subscription and one.subscribed_to == what.category else None
    enabled, weight = (one.in_app_enabled, one.in_app_weight) if channel == "in_app" else (one.email_enabled, one.email_weight)
    subscribed, own_weight = (True, None)
    if choice:
        subscribed, own_weight = (choice.in_app, choice.in_app_weight) if channel == "in_app" else (choice.email, choice.email_weight)
    floors = {f"role:{role}" for role in people.ROLES[: people.ROLES.index(one.role) + 1]}
    return (
        one.member
        and one.enabled
        and enabled
        and subscribed
        and what.weight >= (weight if own_weight is None else own_weight)
        and what.permissions <= one.permissions | floors
        and (choice is None or choice.scope == "all" or bool(one.owns & {word for word, _ in what.owners}))
        and not (one.muted is not None and one.muted > timedelta(0))
    )


class Stage:
    """Puts people and threads into a fresh team."""

    def __init__(self, database: Database) -> None:
        self.database, self.number = database, next(NUMBERS)
        with database.writing() as transaction:
            self.team_id, self.other_id = (
                people.put_team(transaction, slug=f"{word}-{self.number}", name=word, base_url=None, now=NOW) for word in ("mine", "other")
            )

    def put(self, crowd: list[Someone], threads: list[Happened]) -> tuple[list[int], list[int]]:
        """The ids of the people and of the threads."""
        with self.database.writing() as transaction:
            conversation = transaction.execute(
                insert(tables.conversations)
                .values(team_id=self.team_id, identity=f"c{self.number}", subject="s", opened_at=NOW)
                .returning(tables.conversations.c.id)
            ).scalar_one()
            thread_ids = [
                transaction.execute(
                    insert(tables.notifications)
                    .values(
                        identity=f"{self.number}/{place}", team_id=self.team_id, conversation_id=conversation, category=one.category,
                        weight=one.weight, level=LEVELS[one.weight], status="open", episode=1,
                    )
                    .returning(tables.notifications.c.id)
                ).scalar_one()
                for place, one in enumerate(threads)
            ]  # fmt: skip
            for thread_id, one in zip(thread_ids, threads, strict=True):
                rows = [{"notification_id": thread_id, "permission": word} for word in one.permissions]
                owners = [{"notification_id": thread_id, "owner": word, "is_tag": is_tag} for word, is_tag in one.owners]
                for table, wanted in ((tables.notification_permissions, rows), (tables.notification_owners, owners)):
                    if wanted:
                        transaction.execute(insert(table), wanted)
            user_ids = []
            for place, one in enumerate(crowd):
                user_id = people.put_user(transaction, email=f"{self.number}-{place}@acme.test", name="x", now=NOW)
                user_ids.append(user_id)
                transaction.execute(
                    tables.users.update()
                    .where(tables.users.c.id == user_id)
                    .values(
                        enabled=one.enabled, in_app_enabled=one.in_app_enabled, email_enabled=one.email_enabled,
                        in_app_weight=one.in_app_weight, email_weight=one.email_weight,
                    )
                )  # fmt: skip
                team_id = self.team_id if one.member else self.other_id
                people.put_membership(transaction, team_id=team_id, user_id=user_id, role=one.role, permissions=one.permissions)
                people.put_owns(transaction, user_id=user_id, owns=one.owns)
                if one.subscription:
                    values = {name: getattr(one.subscription, name) for name in Subscription.__dataclass_fields__}
                    people.put_default_subscription(
                        transaction, user_id=user_id, team_id=self.team_id, category=one.subscribed_to, values=values
                    )
                if one.muted is not None:
                    for thread_id, thread in zip(thread_ids, threads, strict=True):
                        transaction.execute(
                            insert(tables.inbox_entries).values(**entry(user_id, thread_id, self.team_id, thread, one.muted))
                        )
        return user_ids, thread_ids


def entry(user_id: int, thread_id: int, team_id: int, thread: Happened, muted: timedelta) -> dict[str, object]:
    before = NOW - timedelta(days=1)
    return {
        "user_id": user_id, "notification_id": thread_id, "team_id": team_id, "category": thread.category, "episode": 0, "reason": "first",
        "listed": True, "first_at": before, "last_at": before, "read_at": before, "muted_until": NOW + muted,
    }  # fmt: skip


def told(database: Database, thread_ids: list[int]) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    """(user, thread) with an unread listed entry of now, and with a mail."""
    items, mails, entries = tables.delivery_items.c, tables.deliveries.c, tables.inbox_entries.c
    with database.reading() as transaction:
        listed = transaction.execute(
            tables.inbox_entries.select().where(entries.notification_id.in_(thread_ids), entries.listed, entries.last_at == NOW)
        ).all()
        mailed = transaction.execute(
            tables.deliveries.join(tables.delivery_items, items.delivery_id == mails.id)
            .select()
            .where(items.notification_id.in_(thread_ids))
        ).all()
    assert all(row.read_at is None and row.episode == 1 for row in listed)
    return {(row.user_id, row.notification_id) for row in listed}, {(row.user_id, row.notification_id) for row in mailed}


@pytest.mark.req("R37", "R38", "R50", "R52", "R53", "R54", "R58")
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(crowd=st.lists(someone, min_size=3, max_size=6), threads=st.lists(happened, min_size=1, max_size=2))
def test_the_database_tells_exactly_those_whom_the_rules_name(database: Database, crowd: list[Someone], threads: list[Happened]) -> None:
    user_ids, thread_ids = Stage(database).put(crowd, threads)
    with database.writing() as transaction:
        audience.tell(transaction, Alert.AUDIENCE, [News(one, "first", "n") for one in thread_ids], Moment(NOW, by_mail=True))
    expected = [
        {
            (user_id, thread_id)
            for user_id, one in zip(user_ids, crowd, strict=True)
            for thread_id, what in zip(thread_ids, threads, strict=True)
            if hears(one, what, channel)
        }
        for channel in ("in_app", "email")
    ]
    assert told(database, thread_ids) == tuple(expected)


def everyone(number: int) -> list[Someone]:
    return [Someone(True, "member", frozenset(), frozenset(), True, True, True, 1, 1, None, "late_run", None) for _ in range(number)]


THREAD = Happened("job_failure", 3, frozenset(), frozenset())


def test_quiet_news_is_not_mailed_and_leaves_no_entry_for_those_who_hear_by_mail_only(database: Database) -> None:
    stage = Stage(database)
    user_ids, thread_ids = stage.put(everyone(2), [THREAD])
    with database.writing() as transaction:
        transaction.execute(tables.users.update().where(tables.users.c.id == user_ids[1]).values(in_app_enabled=False))
        audience.tell(transaction, Alert.QUIETLY, [News(thread_ids[0], "passed", "n")], Moment(NOW, by_mail=True))
    assert told(database, thread_ids) == ({(user_ids[0], thread_ids[0])}, set())
    with database.reading() as transaction:
        assert len(transaction.execute(tables.inbox_entries.select()).all()) == 1


@pytest.mark.req("R54")
def test_who_muted_a_thread_hears_neither_repeats_nor_its_recovery(database: Database) -> None:
    stage = Stage(database)
    (muted, other), thread_ids = stage.put(everyone(2), [THREAD])
    news = [News(thread_ids[0], "first", "n")]
    with database.writing() as transaction:
        audience.tell(transaction, Alert.AUDIENCE, news, Moment(NOW, by_mail=True))
        entries = tables.inbox_entries
        transaction.execute(entries.update().values(read_at=NOW))
        transaction.execute(entries.update().where(entries.c.user_id == muted).values(muted_until=NOW + timedelta(hours=1)))
        transaction.execute(tables.deliveries.update().values(status="sent"))
    for later, alert, kind in ((1, Alert.READERS, "failing"), (2, Alert.TOLD, "resolved")):
        with database.writing() as transaction:
            moment = Moment(NOW + timedelta(minutes=later), by_mail=True)
            audience.tell(transaction, alert, [News(thread_ids[0], "x", f"n{later}")], moment)
        assert unread(database, thread_ids[0]) == {other}
        with database.reading() as transaction:
            mails = transaction.execute(tables.deliveries.select().where(tables.deliveries.c.news == f"n{later}")).all()
        assert [(mail.user_id, mail.kind) for mail in mails] == [(other, kind)]
        with database.writing() as transaction:
            transaction.execute(tables.inbox_entries.update().values(read_at=NOW))


def unread(database: Database, thread_id: int) -> set[int]:
    entries = tables.inbox_entries.c
    with database.reading() as transaction:
        rows = transaction.execute(tables.inbox_entries.select().where(entries.notification_id == thread_id, entries.read_at.is_(None)))
        return {row.user_id for row in rows}


def test_the_oracle_itself_knows_both_outcomes() -> None:
    (one,) = everyone(1)
    assert hears(one, THREAD, "email")
    assert not hears(one, Happened("job_failure", 3, frozenset({"p"}), frozenset()), "email")
    assert isinstance(NOW, datetime)
