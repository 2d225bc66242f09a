"""Credentials and memberships in the database: what the door asks is cheap however many tokens there are."""

from typing import Any

import pytest
from sqlalchemy import event, text

from gateway.storage import credentials, members, people, tables
from gateway.storage.database import Database
from mappers.contract.signature import digest
from tests.builders import House
from tests.conftest import NOW, Clock

PEOPLE = 3000


@pytest.fixture
def crowd(database: Database, clock: Clock) -> House:
    """A team of many people, each with a token that is not for the door, and two tokens that are."""
    house = House(database, clock)
    document = "'{}'" if database.is_sqlite else "'{}'::jsonb"
    moment = "0" if database.is_sqlite else "now()"
    numbers = f"WITH RECURSIVE a(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM a WHERE n < {PEOPLE}) SELECT n FROM a"
    blob = "CAST('u' || id AS BLOB)" if database.is_sqlite else "convert_to('u' || id, 'UTF8')"
    with database.writing() as transaction:
        for table, rows in {
            "users (email, name, settings, created_at)": f"SELECT 'u' || n, 'u', {document}, {moment} FROM ({numbers}) AS t",
            "memberships (team_id, user_id, role)": f"SELECT {house.team_id}, id, 'member' FROM users",
            "credentials (user_id, kind, digest, name, created_at)": f"SELECT id, 'token', {blob}, 'x', {moment} FROM users",
        }.items():
            transaction.execute(text(f"INSERT INTO {table} {rows}"))
        for name in ("one", "two"):
            credentials.put(
                transaction, user_id=7, kind="token", digest=digest(name), name=name, now=NOW, expires_at=None, scopes=["ingest"]
            )
    if not database.is_sqlite:  # which counts what it has by itself, a little later; SQLite never does
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))
    return house


def test_the_door_finds_its_few_tokens_by_their_own_index(crowd: House) -> None:
    asked: list[tuple[str, Any]] = []
    with crowd.database.reading() as connection:
        event.listen(connection, "before_cursor_execute", lambda *one: asked.append((one[2], one[3])))
        found = credentials.door_tokens(connection, team_id=crowd.team_id)
        ((statement, parameters),) = asked
        explain = "EXPLAIN QUERY PLAN " if crowd.database.is_sqlite else "EXPLAIN "
        plan = "\n".join(str(row[-1]) for row in connection.exec_driver_sql(explain + statement, parameters).all())
    assert [one.digest for one in found] == [digest("one"), digest("two")]
    assert "ix_credentials_ingest" in plan
    assert "SCAN" not in plan.replace("Index Scan", "").replace("Index Only Scan", "").upper(), plan


@pytest.mark.req("R36")
def test_somebody_is_identified_with_every_team_in_one_question(database: Database, clock: Clock) -> None:
    house = House(database, clock)
    house.user("ana", role="viewer")
    other = house.team("other")
    house.user("ana", team_id=other, role="admin")
    with database.reading() as connection:
        ana = credentials.identify(connection, digest=digest("ana-token"), kind="token", now=NOW)
        assert credentials.identify(connection, digest=digest("ana-token"), kind="session", now=NOW) is None
    assert ana is not None
    assert (ana.teams, ana.admin_of) == ({"acme": house.team_id, "other": other}, {other})
    assert ana.is_at_least("viewer", house.team_id)
    assert not ana.is_at_least("member", house.team_id)
    assert ana.is_at_least("admin")
    assert not ana.is_at_least("viewer", 999)


def test_the_same_digest_again_changes_what_the_credential_is_for(database: Database, clock: Clock) -> None:
    house = House(database, clock)
    ana = house.user("ana")
    with database.writing() as transaction:
        credentials.put(
            transaction,
            user_id=ana,
            kind="token",
            digest=digest("ana-token"),
            name="less",
            now=NOW,
            expires_at=None,
            scopes=["write", "read"],
        )
        (token,) = credentials.tokens(transaction, user_id=ana)
    assert (token["name"], token["scopes"]) == ("less", ["read", "write"])


def test_memberships_that_the_configuration_owns_are_told_apart(database: Database, clock: Clock) -> None:
    house = House(database, clock)
    own, kept = house.user("own", permissions=["b", "a"]), house.user("kept")
    with database.writing() as transaction:
        people.put_membership(
            transaction, team_id=house.team_id, user_id=kept, role="viewer", permissions=["z.view", "B.view"], managed=True
        )
        assert members.managed(transaction) == {(house.team_id, kept): members.Membership("viewer", True, ("B.view", "z.view"))}
        assert members.teams_of(transaction, user_id=own) == {house.team_id}
        people.end_membership(transaction, team_id=house.team_id, user_id=own)
        assert members.teams_of(transaction, user_id=own) == frozenset()
    assert not house.rows(tables.membership_permissions, tables.membership_permissions.c.user_id == own)
