"""Mails to people who were added to a team: once each, with no link that signs in, and no more than a team may send."""

from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest

from gateway.channels.email.failures import PermanentFailure, UnreachableFailure
from gateway.domain import limits
from gateway.domain.limits import Limit
from gateway.domain.sign_in_link import SignInLinks
from gateway.storage import credentials, invitations, members, people, sign_in_requests, tables
from gateway.storage.invitations import Invited
from gateway.storage.members import Change
from gateway.storage.people import Person
from gateway.storage.sign_in_requests import MOST_WAITING
from gateway.workers.sign_in_mail import SignInMailWorker
from mappers.contract.signature import digest
from tests.builders import House
from tests.conftest import Clock
from tests.workers.outgoing import Server

Makes = Callable[[], SignInMailWorker]


@pytest.fixture
def makes(house: House, server: Server, clock: Clock) -> Makes:
    return lambda: SignInMailWorker(
        house.database, server, clock, mail_from="Tocsin <alerts@acme.test>", public_url="https://tocsin.test", links=SignInLinks(b"a key")
    )  # fmt: skip


@pytest.fixture
def boss(house: House, clock: Clock) -> Person:
    user_id = house.user("boss", role="admin")
    with house.database.writing() as transaction:
        token = digest("boss-token")
        credentials.put(transaction, user_id=user_id, kind="token", digest=token, name="t", now=clock(), expires_at=None)
        found = credentials.identify(transaction, digest=token, kind="token", now=clock())
    assert found is not None
    return found


def add(house: House, boss: Person, clock: Clock, email: str, name: str | None = None) -> Invited:
    with house.database.writing() as transaction:
        given: Any = {"team_id": house.team_id, "email": email, "name": name, "role": None, "permissions": None, "now": clock()}
        change = members.put(transaction, **given)
        assert isinstance(change, Change)
        return invitations.invite(transaction, team_id=house.team_id, user_id=change.user_id, by=boss, now=clock())


def remove(house: House, email: str) -> None:
    with house.database.writing() as transaction:
        user_id = people.find_user(transaction, email)
        assert user_id is not None
        people.end_membership(transaction, team_id=house.team_id, user_id=user_id)


async def test_who_was_added_is_told_by_whom_and_where_to_sign_in(
    house: House, boss: Person, server: Server, makes: Makes, clock: Clock
) -> None:
    assert add(house, boss, clock, "new@acme.test", "New\r\nBcc: eve@evil.example") is Invited.ASKED
    assert await makes().step() == 1
    ((to, raw),) = server.accepted
    mail = message_from_bytes(raw, policy=policy.default)
    text = mail.get_body(("plain",)).get_content()
    assert (to, mail["Bcc"], mail["Auto-Submitted"]) == ("new@acme.test", None, "auto-generated")
    assert mail["Subject"].startswith("You were added to the team ")
    assert "Boss <boss@acme.test> added you" in text
    assert "https://tocsin.test/sign-in?email=new%40acme.test" in text
    assert "/sign-in/" not in raw.decode(), "nothing in it signs anybody in"
    assert house.rows(tables.credentials, tables.credentials.c.kind == "sign-in") == []
    assert house.rows(tables.sign_in_requests) == []


async def test_who_is_removed_and_added_again_is_told_once_a_week(
    house: House, boss: Person, server: Server, makes: Makes, clock: Clock
) -> None:
    assert add(house, boss, clock, "new@acme.test") is Invited.ASKED
    for _ in range(3):
        remove(house, "new@acme.test")
        assert add(house, boss, clock, "new@acme.test") is Invited.LATELY
    await makes().step()
    assert len(server.accepted) == 1
    clock.advance(days=8)
    remove(house, "new@acme.test")
    assert add(house, boss, clock, "new@acme.test") is Invited.ASKED


async def test_a_team_sends_no_more_than_it_may_in_a_day(house: House, boss: Person, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "INVITATIONS", Limit("mails", 2, "a team", "Wait."))
    said = [add(house, boss, clock, f"p{number}@acme.test") for number in range(4)]
    assert said == [Invited.ASKED, Invited.ASKED, Invited.TOO_MANY, Invited.TOO_MANY]
    assert len(house.rows(tables.memberships)) == 5, "they are members all the same"
    clock.advance(days=1, seconds=1)
    assert add(house, boss, clock, "p9@acme.test") is Invited.ASKED


async def test_who_left_before_it_was_sent_and_whose_address_takes_none_is_not_told(
    house: House, boss: Person, server: Server, makes: Makes, clock: Clock
) -> None:
    add(house, boss, clock, "new@acme.test")
    remove(house, "new@acme.test")
    await makes().step()
    assert (server.accepted, house.rows(tables.sign_in_requests)) == ([], [])
    refused = house.user("refused")
    with house.database.writing() as transaction:
        transaction.execute(
            tables.users.update().where(tables.users.c.id == refused).values(refused_at=clock(), refused_why="no such user")
        )
        assert invitations.invite(transaction, team_id=house.team_id, user_id=refused, by=boss, now=clock()) is Invited.REFUSED


async def test_a_dead_mail_server_costs_a_day_and_not_the_mail(
    house: House, boss: Person, server: Server, makes: Makes, clock: Clock
) -> None:
    add(house, boss, clock, "new@acme.test")
    server.down = UnreachableFailure("connection refused")
    for _ in range(30):
        await makes().step()
        clock.advance(minutes=20)
    server.down = None
    await makes().step()
    assert len(server.accepted) == 1
    add(house, boss, clock, "late@acme.test")
    clock.advance(days=1, seconds=1)
    await makes().step()
    assert (len(server.accepted), house.rows(tables.sign_in_requests)) == (1, [])


async def test_many_invitations_keep_nobody_from_asking_for_a_link(house: House, boss: Person, clock: Clock) -> None:
    with house.database.writing() as transaction:
        rows = [
            {"email": f"p{number}@x.test", "target": "", "salt": "", "due_at": clock(), "asked_at": clock(), "team_id": 1}
            for number in range(MOST_WAITING)
        ]
        transaction.execute(tables.sign_in_requests.insert(), rows)
        assert sign_in_requests.ask(transaction, email="boss@acme.test", target="/", salt="s", now=clock())


async def test_a_refusal_for_good_is_kept_with_the_person(house: House, boss: Person, server: Server, makes: Makes, clock: Clock) -> None:
    add(house, boss, clock, "new@acme.test")
    server.down = PermanentFailure("550 no such user", no_such_address=True)
    await makes().step()
    (row,) = house.rows(tables.users, tables.users.c.email == "new@acme.test")
    assert row["refused_at"] == clock()
    assert clock() - row["created_at"] < timedelta(days=1)
