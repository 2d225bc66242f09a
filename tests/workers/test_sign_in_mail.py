"""Sign-in links by mail: who gets one, how often it is tried, and what is left of it in the database."""

import re
from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from sqlalchemy import insert, select

from gateway.channels.email.failures import PermanentFailure, TemporaryFailure, UnreachableFailure
from gateway.domain.sign_in_link import GOOD_FOR, SignInLinks
from gateway.storage import credentials, people, sessions, sign_in_requests, tables
from gateway.storage.database import StorageUnavailable
from gateway.storage.locks import take_back_leases
from gateway.storage.sign_in_requests import MOST_LINKS, MOST_WAITING
from gateway.workers.lease import LEASE
from gateway.workers.sign_in_mail import SignInMailWorker
from mappers.contract.signature import digest
from tests.builders import House
from tests.conftest import Clock
from tests.workers.outgoing import Server

Makes = Callable[[], SignInMailWorker]
LINK = re.compile(r"https://tocsin\.test/sign-in/([A-Za-z0-9_-]{43})(\S*)")


@pytest.fixture
def makes(house: House, server: Server, clock: Clock) -> Makes:
    return lambda: SignInMailWorker(
        house.database, server, clock, mail_from="Tocsin <alerts@acme.test>", public_url="https://tocsin.test", links=SignInLinks(b"a key")
    )  # fmt: skip


def ask(house: House, email: str, clock: Clock, target: str = "/", salt: str = "salt") -> bool:
    with house.database.writing() as transaction:
        return sign_in_requests.ask(transaction, email=email, target=target, salt=salt, now=clock())


def waiting(house: House) -> int:
    return len(house.rows(tables.sign_in_requests))


def links(server: Server) -> list[str]:
    """The tokens that were mailed, in order."""
    texts = [message_from_bytes(raw, policy=policy.default).get_body(("plain",)).get_content() for _, raw in server.accepted]
    return [found[1] for text in texts if (found := LINK.search(text))]


def signs_in(house: House, token: str, clock: Clock) -> int | None:
    with house.database.writing() as transaction:
        return credentials.take_sign_in(transaction, digest=digest(token), now=clock())


async def test_whoever_is_known_gets_a_link_that_works_once_for_a_quarter_of_an_hour(
    house: House, server: Server, makes: Makes, clock: Clock
) -> None:
    ana = house.user("ana")
    ask(house, "ana@acme.test", clock, target="/notifications/12?a=b")
    ask(house, "ana@acme.test", clock, salt="other")
    assert await makes().step() == 2
    assert [to for to, _ in server.accepted] == ["ana@acme.test"] * 2
    first, second = links(server)
    assert LINK.search(message_from_bytes(server.accepted[0][1], policy=policy.default).get_body(("plain",)).get_content())[2] == (
        "?next=%2Fnotifications%2F12%3Fa%3Db"
    )
    assert waiting(house) == 0
    clock.now += GOOD_FOR - timedelta(seconds=1)
    assert signs_in(house, first, clock) == ana
    assert signs_in(house, first, clock) is None
    clock.advance(seconds=1)
    assert signs_in(house, second, clock) is None


async def test_nobody_else_gets_one_and_nothing_of_the_request_is_left(house: House, server: Server, makes: Makes, clock: Clock) -> None:
    with house.database.writing() as transaction:
        transaction.execute(
            insert(tables.users).values(email="f00@users.invalid", name="Issued", settings={}, mailable=False, created_at=clock())
        )
    for email in ("eve@evil.example", "f00@users.invalid", "ana@acme.test"):
        ask(house, email, clock)
    await makes().step()
    assert server.asked == 0
    assert waiting(house) == 0
    assert house.rows(tables.credentials) == []


async def test_an_address_is_known_in_other_letters_unless_it_could_be_two_peoples(
    house: House, server: Server, makes: Makes, clock: Clock
) -> None:
    with house.database.writing() as transaction:
        for email in ("Cleo@Acme.test", "dan@acme.test", "Dan@acme.test"):
            people.put_user(transaction, email=email, name=email, now=clock())
    for email in ("cleo@acme.test", "DAN@ACME.TEST", "Dan@acme.test"):
        ask(house, email, clock)
    await makes().step()
    assert sorted(to for to, _ in server.accepted) == ["Cleo@Acme.test", "Dan@acme.test"]


@pytest.mark.req("R98")
async def test_a_link_is_stored_nowhere(house: House, server: Server, makes: Makes, clock: Clock) -> None:
    house.user("ana")
    ask(house, "ana@acme.test", clock)
    server.down = TemporaryFailure("451 later")
    worker = makes()
    await worker.step()
    token = SignInLinks(b"a key").token(1, "salt")
    kept = repr([house.rows(table) for table in tables.metadata.sorted_tables])
    assert token not in kept
    assert repr(digest(token)) in kept
    server.down = None
    clock.advance(seconds=10)
    await worker.step()
    assert links(server) == [token]
    assert house.rows(tables.deliveries) == [], "admins read those"


async def test_a_server_in_trouble_is_tried_again_while_it_is_of_use(house: House, server: Server, makes: Makes, clock: Clock) -> None:
    house.user("ana")
    ask(house, "ana@acme.test", clock)
    server.down = UnreachableFailure("gone")
    worker = makes()
    while waiting(house):
        await worker.step()
        clock.advance(seconds=5)
    assert server.asked > 8
    assert timedelta(minutes=8) < clock.now - Clock().now < timedelta(minutes=11)


async def test_an_address_that_takes_no_mail_is_remembered(house: House, server: Server, makes: Makes, clock: Clock) -> None:
    house.user("ana")
    ask(house, "ana@acme.test", clock)
    server.answers["ana@acme.test"] = PermanentFailure("550 5.1.1 no such user", no_such_address=True)
    await makes().step()
    assert waiting(house) == 0
    assert house.rows(tables.users)[0]["refused_why"] == "550 5.1.1 no such user"


async def test_what_a_dead_worker_had_in_hand_is_sent_by_another_the_same_to_the_byte(
    house: House, server: Server, makes: Makes, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.user("ana")
    ask(house, "ana@acme.test", clock)

    def dies(*_: object, **__: object) -> None:
        raise StorageUnavailable("killed before it could note that the mail left")

    with monkeypatch.context() as patch:
        patch.setattr(sign_in_requests, "end", dies)
        with pytest.raises(StorageUnavailable):
            await makes().step()
    assert await makes().step() == 0, "it is held for as long as the lease lasts"
    clock.now += LEASE
    await makes().step()
    assert server.accepted[0] == server.accepted[1]
    assert waiting(house) == 0


async def test_a_used_link_is_never_good_again(house: House, server: Server, makes: Makes, clock: Clock) -> None:
    ana = house.user("ana")
    ask(house, "ana@acme.test", clock)
    server.down = TemporaryFailure("451 it took the mail, and hung up")
    await makes().step()
    token = SignInLinks(b"a key").token(1, "salt")
    assert signs_in(house, token, clock) == ana
    server.down = None
    clock.advance(minutes=1)
    await makes().step()
    assert (server.accepted, waiting(house)) == ([], 0)
    assert signs_in(house, token, clock) is None


async def test_signing_out_everywhere_ends_links_that_are_on_their_way(house: House, server: Server, makes: Makes, clock: Clock) -> None:
    ana = house.user("ana")
    ask(house, "ana@acme.test", clock)
    server.down = TemporaryFailure("451 later")
    await makes().step()
    with house.database.writing() as transaction:
        sessions.end_all(transaction, user_id=ana)
    server.down = None
    clock.advance(minutes=1)
    await makes().step()
    assert server.accepted == []


async def test_nobodys_mailbox_is_flooded_whoever_asks_and_wherever(house: House, server: Server, makes: Makes, clock: Clock) -> None:
    house.user("ana")
    for number in range(MOST_LINKS + 4):
        ask(house, "ana@acme.test", clock, salt=str(number))
    worker = makes()
    while await worker.step():
        pass
    assert len(server.accepted) == MOST_LINKS
    clock.now += GOOD_FOR
    ask(house, "ana@acme.test", clock)
    await worker.step()
    assert len(server.accepted) == MOST_LINKS + 1


def test_strangers_cannot_fill_the_database(house: House, clock: Clock) -> None:
    assert all(ask(house, f"{number}@evil.example", clock) for number in range(MOST_WAITING))
    assert not ask(house, "one@evil.example", clock)


async def test_a_clock_that_steps_back_holds_up_no_link(house: House, server: Server, makes: Makes, clock: Clock) -> None:
    house.user("ana")
    ask(house, "ana@acme.test", clock)
    clock.advance(minutes=-5)
    await makes().step()
    assert len(server.accepted) == 1


def test_who_begins_anew_takes_back_what_a_dead_one_held(house: House, server: Server, clock: Clock) -> None:
    house.user("ana")
    ask(house, "ana@acme.test", clock)
    with house.database.writing() as transaction:
        sign_in_requests.claim(
            transaction, now=clock(), lease="dead", lease_for=LEASE, limit=1, good_for=GOOD_FOR, digest_of=lambda *_: b"x" * 32
        )
        take_back_leases(transaction, clock())
        assert transaction.execute(select(tables.sign_in_requests.c.lease, tables.sign_in_requests.c.due_at)).one() == (None, clock())
