"""A large installation, made in the database by set: 500 people with 10,000 entries each, on 100,000 threads of 70 days.

The first people are uncommon on purpose, see `UNCOMMON`. All of it follows from numbers, so that two makings are alike.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, select, text
from sqlalchemy.schema import CreateIndex, DropIndex

from gateway.storage.database import Database
from gateway.storage.tables import inbox_entries, memberships
from gateway.storage.types import microseconds
from mappers.contract.signature import digest
from tests.bench import configuration

PEOPLE: Final = 500
EACH: Final = 10_000
PIPELINES: Final = 2_000
MINUTES: Final = 70 * 24 * 60
UNCOMMON: Final = (
    "all unread", "all archived but the oldest 300", "all muted but the oldest 300", "all snoozed but the oldest 300",
    "50,000 entries, all unread", "every open thread", "may not see most of it",
)  # fmt: skip
"""Persons 1, 2, … in this order; 0 and all others are common: three of ten unread, some archived, few muted or snoozed."""
UNREAD, ARCHIVED, MUTED, SNOOZED, HUGE, OPEN, BARRED = range(1, 8)
_OLDEST: Final = 300


@dataclass(frozen=True, slots=True)
class _Dialect:
    """What is spelled differently."""

    now: str
    minute: str
    yes: str
    no: str
    document: str
    links: str

    def numbers(self, most: int) -> str:
        """A table `n` of 1 … most."""
        if self.minute == "60000000":
            return f"(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {most}) SELECT n FROM s)"
        return f"(SELECT n FROM generate_series(CAST(1 AS bigint), {most}) AS s(n))"

    def at(self, minutes: str) -> str:
        """So many minutes before now."""
        return f"({self.now} - {self.minute} * ({minutes}))"


def _dialect(database: Database, now: datetime) -> _Dialect:
    if database.is_sqlite:
        return _Dialect(str(microseconds(now)), "60000000", "1", "0", "'{}'", """'{"Run": "/runs/' || t.n || '"}'""")
    links = "jsonb_build_object('Run', '/runs/' || t.n)"
    return _Dialect(f"timestamptz '{now.isoformat()}'", "interval '1 minute'", "true", "false", "'{}'::jsonb", links)


def fill(database: Database, *, now: datetime, threads: int = 100_000) -> None:
    """Makes it in an installation that has its team. Persons 0 to 9 are those of the bench's configuration."""
    say = _dialect(database, now)
    with database.writing() as connection:
        team = connection.scalar(select(memberships.c.team_id).limit(1))
        for statement in (*_people(say, team), *_threads(say, team, threads)):
            connection.execute(text(statement))
        _hand_out_tokens(connection, now)
        with _without_indexes(connection):
            for statement in _entries(say, team, threads):
                connection.execute(text(statement))


@contextmanager
def _without_indexes(connection: Connection) -> Iterator[None]:
    """Many rows are made sooner when their indexes come after them."""
    is_postgresql = connection.dialect.name == "postgresql"
    for index in inbox_entries.indexes:
        connection.execute(DropIndex(index))
    if is_postgresql:
        connection.execute(text("SET LOCAL maintenance_work_mem = '512MB'"))
        connection.execute(text("ALTER TABLE inbox_entries DROP CONSTRAINT pk_inbox_entries"))
    yield
    if is_postgresql:
        connection.execute(text("ALTER TABLE inbox_entries ADD CONSTRAINT pk_inbox_entries PRIMARY KEY (user_id, notification_id)"))
    for index in inbox_entries.indexes:
        connection.execute(CreateIndex(index))


def _hand_out_tokens(connection: Connection, now: datetime) -> None:
    """Every person gets the token of its number."""
    kinds = {"kind": "token", "name": "bench", "at": microseconds(now) if connection.dialect.name == "sqlite" else now}
    connection.execute(
        text(
            "INSERT INTO credentials (user_id, kind, digest, name, created_at) VALUES (:user, :kind, :digest, :name, :at)"
            " ON CONFLICT DO NOTHING"
        ),
        [{"user": number + 1, "digest": digest(configuration.token(number)), **kinds} for number in range(PEOPLE)],
    )


def _people(say: _Dialect, team: int) -> list[str]:
    new = f"FROM {say.numbers(PEOPLE)} AS t WHERE t.n > (SELECT max(user_id) FROM memberships WHERE role = 'admin')"
    everyone = f"FROM {say.numbers(PEOPLE)} AS t"
    return [
        (
            "INSERT INTO users (id, email, name, settings, created_at) "
            f"SELECT t.n, 'person-' || (t.n - 1) || '@acme.test', 'P', {say.document}, {say.now} {new}"
        ),
        f"INSERT INTO memberships (team_id, user_id, role) SELECT {team}, t.n, 'member' {new}",
        f"INSERT INTO membership_permissions SELECT {team}, t.n, 'role:member' {new}",
        f"INSERT INTO membership_permissions SELECT {team}, t.n, 'pipelines.view' {everyone} WHERE t.n <> {BARRED + 1}",
        *(
            "INSERT INTO sources (team_id, slug, kind, auth, settings, created_at)"
            f" VALUES ({team}, 'source-{number}', 'prefect', '[]', {say.document}, {say.now})"
            for number in range(20)
        ),
    ]


def _threads(say: _Dialect, team: int, most: int) -> list[str]:
    every = f"FROM {say.numbers(most)} AS t"
    ago = say.at(f"({most} - t.n) * {MINUTES} / {most}")
    is_open = "t.n % 50 = 0"
    level = "CASE WHEN t.n / 7 % 10 < 6 THEN 'error' WHEN t.n / 7 % 10 < 9 THEN 'warning' ELSE 'info' END"
    weight = "CASE WHEN t.n / 7 % 10 < 6 THEN 3 WHEN t.n / 7 % 10 < 9 THEN 2 ELSE 1 END"
    category = "CASE t.n / 3 % 4 WHEN 0 THEN 'job_failure' WHEN 1 THEN 'incident' WHEN 2 THEN 'dbt_test_failure' ELSE 'late_run' END"
    urgent = f"(t.n / 7 % 10 < 6 AND t.n / 3 % 4 < 3 AND {is_open})"
    message = "'Flow run ' || t.n || ' failed: ' || " + " || ".join(["'connection to the warehouse was reset while reading orders; '"] * 8)
    columns = {
        "id": "t.n", "identity": "'thread-' || t.n", "team_id": str(team), "source_id": "(SELECT min(id) FROM sources) + t.n / 11 % 21",
        "conversation_id": f"CASE WHEN {is_open} THEN t.n / 50 % {PIPELINES} + 1 END", "environment": "'prod'", "slug": "'flow-run-failed'",
        "category": category, "status": f"CASE WHEN {is_open} THEN 'open' ELSE 'resolved' END", "level": level, "weight": weight,
        "urgent": f"CASE WHEN {urgent} THEN {say.yes} ELSE {say.no} END", "title": "'Flow run failed: nightly orders of shop ' || t.n",
        "message": message, "links": say.links, "pipeline": f"'pipeline-' || (t.n % {PIPELINES})", "episode": "1", "count": "1",
        "first_at": ago, "opened_at": ago, "last_at": ago, "resolved_at": f"CASE WHEN NOT ({is_open}) THEN {ago} END",
        "expires_at": f"CASE WHEN t.n % 100 = 3 THEN {say.at('(t.n / 100 % 2) * 2000 - 1000')} END",
    }  # fmt: skip
    return [
        (
            "INSERT INTO conversations (id, team_id, identity, subject, opened_at) "
            f"SELECT t.n, {team}, 'c' || t.n, 'pipeline ' || t.n, {say.now} FROM {say.numbers(PIPELINES)} AS t"
        ),
        f"INSERT INTO notifications ({', '.join(columns)}) SELECT {', '.join(columns.values())} {every}",
        f"INSERT INTO notification_owners SELECT t.n, 'owner-' || (t.n / 13 % 50), {say.no} {every}",
        f"INSERT INTO notification_owners SELECT t.n, 'tag-' || (t.n / 17 % 10), {say.yes} {every}",
        f"INSERT INTO notification_permissions SELECT t.n, 'pipelines.view' {every} WHERE t.n % 5 < 3",
        f"INSERT INTO notification_permissions SELECT t.n, 'payroll.view' {every} WHERE t.n % 200 = 7",
        f"INSERT INTO notification_permissions SELECT t.n, 'role:member' {every} WHERE t.n % 10 = 2",
    ]


def _entries(say: _Dialect, team: int, most: int) -> list[str]:
    """A thread goes to every tenth person; in the order of threads, as they are told."""
    readers = PEOPLE * EACH // most
    apart = PEOPLE // readers
    mixed = "(t.n * 48271 + k.n * 69621 + t.n / 10 * 16807) / 64"
    person = f"((t.n * 17 + {apart} * k.n + {mixed} % {apart}) % {PEOPLE})"
    one = f"SELECT t.n AS n, {person} AS p FROM {say.numbers(most)} AS t CROSS JOIN {say.numbers(readers)} AS k"
    of_everyone = f"SELECT o.n, o.p FROM ({one}) AS o WHERE o.p NOT IN ({HUGE}, {OPEN})"
    of_huge = f"SELECT t.n, {HUGE} FROM {say.numbers(most)} AS t WHERE t.n % 2 = 0"
    of_open = f"SELECT t.n, {OPEN} FROM {say.numbers(most)} AS t WHERE t.n % 50 = 0"
    draw = "(e.n * 48271 + e.p * 69621) / 32 % 100"
    ago = say.at(f"({most} - e.n) * {MINUTES} / {most}")
    later = say.at("-60000")
    old = f"e.n <= {most * _OLDEST // EACH}"
    columns = {
        "user_id": "e.p + 1", "notification_id": "e.n", "team_id": str(team), "category": "x.category", "episode": "1", "reason": "'first'",
        "listed": f"CASE WHEN {draw} = 99 THEN {say.no} ELSE {say.yes} END", "first_at": ago, "last_at": ago,
        "read_at": f"CASE WHEN e.p NOT IN ({UNREAD}, {HUGE}) AND {draw} >= 30 THEN {ago} END",
        "archived_at": f"CASE WHEN {draw} IN (50, 51, 52, 53, 54) OR e.p = {ARCHIVED} AND NOT {old} THEN {ago} END",
        "muted_until": f"CASE WHEN {draw} = 60 OR e.p = {MUTED} AND NOT {old} THEN {later} END",
        "snoozed_until": f"CASE WHEN {draw} = 61 OR e.p = {SNOOZED} AND NOT {old} THEN {later} END",
    }  # fmt: skip
    everything = f"({of_everyone} UNION ALL {of_huge} UNION ALL {of_open}) AS e JOIN notifications AS x ON x.id = e.n"
    return [f"INSERT INTO inbox_entries ({', '.join(columns)}) SELECT {', '.join(columns.values())} FROM {everything}"]


def analyze(database: Database) -> None:
    """What autovacuum does by itself after a while; nobody does it on SQLite."""
    if not database.is_sqlite:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


def entries(connection: Connection) -> int:
    """How many there are."""
    return int(connection.scalar(select(func.count()).select_from(inbox_entries)) or 0)
