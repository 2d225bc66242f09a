"""Mail under strain: servers that are slow, silent or gone, mails that cannot be written, people who leave, storms in several hands."""

import asyncio
from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest

from gateway.channels.email.compose import compose_all
from gateway.channels.email.failures import PermanentFailure, TemporaryFailure, UnreachableFailure
from gateway.channels.email.smtp import CONNECTIONS
from gateway.storage import deliveries, mail_choices, members, tables
from gateway.workers import deliver
from gateway.workers.deliver import DeliverWorker
from tests.builders import DESK, LEASE, House, failure, recovery
from tests.conftest import Clock
from tests.workers.outgoing import Made, Server, account, jobs, sends, statuses

CATEGORIES = ("job_failure",)


def answers(house: House) -> list[str]:
    return [row["last_answer"] for row in house.rows(tables.deliveries)]


def text_of(raw: bytes) -> str:
    body = message_from_bytes(raw, policy=policy.default).get_body(("plain",))
    assert body is not None
    return str(body.get_content())


@pytest.mark.req("R80")
async def test_one_mail_that_cannot_be_written_holds_up_no_other(
    house: House, server: Server, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ana", "ben", "cy", "dee", "eve"):
        house.user(name)
    house.say(failure(run="r"))
    whole = compose_all

    def brittle(messages: Any, mail_from: str) -> Any:
        if any(message.to_address == "cy@acme.test" for message in messages):
            raise RuntimeError("a bug")
        return whole(messages, mail_from)

    monkeypatch.setattr(deliver, "compose_all", brittle)
    await sends(made())
    assert sorted(address for address, _ in server.accepted) == [f"{name}@acme.test" for name in ("ana", "ben", "dee", "eve")]
    assert account(house, 3) == [(1, "retry", "an error of the gateway's own: RuntimeError: a bug")]


@pytest.mark.req("R57")
async def test_what_is_under_way_counts_for_a_storm(house: House, server: Server, made: Made) -> None:
    house.user("ana")
    server.held["ana@acme.test"] = asyncio.Event()
    jobs(house, 30, urgent=False)
    first, second = made(), made()
    await first.step()
    jobs(house, 30, urgent=False, slug="other")
    await first.step()
    await second.step()
    server.held["ana@acme.test"].set()
    await asyncio.gather(first.idle(), second.idle())
    assert len(server.accepted) == 10


@pytest.mark.req("R57", "R81")
async def test_a_storm_while_the_server_refuses_everything_for_now_is_told_in_one_mail(
    house: House, server: Server, made: Made, clock: Clock
) -> None:
    house.user("ana")
    server.answers["ana@acme.test"] = TemporaryFailure("451 4.3.0 temporary lookup failure")
    worker = made()
    for number in range(4):
        jobs(house, 15, urgent=False, slug=f"job-{number}")
        await sends(worker)
        clock.advance(minutes=11)
    server.answers.clear()
    clock.advance(hours=2)
    await sends(worker)
    assert len(server.accepted) < 16, "ten that were tried, and what they were folded into"
    assert set(statuses(house)) == {"sent", "cancelled"}


@pytest.mark.req("R57", "R81")
async def test_after_an_outage_each_person_gets_a_few_mails_and_one_for_the_rest(
    house: House, server: Server, made: Made, clock: Clock
) -> None:
    house.user("ana")
    server.down = UnreachableFailure("connection refused")
    worker = made()
    jobs(house, 40, urgent=False)
    for number in range(3):
        house.say(failure(run="x", slug="bad", event_data={"job": number}, pipeline=f"bad-{number}", urgent=True))
    for _ in range(60):
        await sends(worker)
        clock.advance(minutes=2)
    server.down = None
    await sends(worker)
    assert len(server.accepted) == 14
    (storm,) = [text_of(raw) for _, raw in server.accepted if "stands for" in text_of(raw)]
    assert "stands for 30" in storm
    urgent = [message_from_bytes(raw)["Importance"] for _, raw in server.accepted]
    assert urgent[:3] == ["high"] * 3


@pytest.mark.req("R81")
async def test_what_was_never_tried_is_written_as_things_stand_when_it_leaves(
    house: House, server: Server, made: Made, clock: Clock
) -> None:
    house.user("ana")
    house.say(failure("one", run="r1"), failure("two", run="r1"))
    server.down = UnreachableFailure("gone")
    worker = made()
    await sends(worker)
    (row,) = house.rows(tables.deliveries)
    assert (row["mail"], row["message_id"], row["attempts"]) == (None, None, 0)
    house.say(recovery("one", run="r2"))
    server.down = None
    clock.advance(minutes=2)
    await sends(worker)
    ((_, raw),) = server.accepted
    assert "1 of 2" in text_of(raw)


async def test_what_may_have_left_keeps_its_bytes_while_the_server_is_gone(house: House, server: Server, made: Made, clock: Clock) -> None:
    house.user("ana")
    house.say(failure(run="r1"))
    server.answers["ana@acme.test"] = TemporaryFailure("the connection failed while the mail was handed over")
    worker = made()
    await sends(worker)
    (before,) = house.rows(tables.deliveries)
    server.answers.clear()
    server.down = UnreachableFailure("gone")
    clock.advance(minutes=1)
    await sends(worker)
    server.down = None
    clock.advance(minutes=3)
    await sends(worker)
    assert [raw for _, raw in server.accepted] == [before["mail"]]


@pytest.mark.req("R81")
async def test_a_server_that_says_nothing_is_asked_by_a_few_mails_of_all_that_were_taken(house: House, server: Server, made: Made) -> None:
    for number in range(60):
        house.user(f"user{number}")
    house.say(failure(run="r"))

    async def silent(*_: object) -> str:
        server.asked += 1
        await asyncio.sleep(0.05)
        raise UnreachableFailure("no answer in time")

    server.send = silent  # type: ignore[assignment,method-assign]
    await sends(made())
    assert server.asked <= CONNECTIONS, "the rest of the batch does not wait for a silence each"


async def test_stopping_does_not_wait_for_all_that_was_taken(house: House, server: Server, made: Made) -> None:
    for number in range(30):
        house.user(f"user{number}")
        server.held[f"user{number}@acme.test"] = asyncio.Event()
    house.say(failure(run="r"))
    worker = made()
    await worker.step()
    await server.is_reached.wait()
    worker.stop()
    for event in server.held.values():
        event.set()
    await worker.finish()
    assert len(server.accepted) <= CONNECTIONS
    assert statuses(house).count("waiting") == 30 - len(server.accepted)
    assert {row["lease"] for row in house.rows(tables.deliveries)} == {None}


@pytest.mark.req("R80")
async def test_a_slow_server_gets_fewer_at_once_so_that_urgent_mail_is_next(
    house: House, server: Server, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(140):
        house.user(f"user{number}")
    house.say(failure(run="r", level="warning", urgent=False))
    worker = made()
    taken = []
    for longest in (-1.0, -1.0, -1.0, -1.0, -1.0, 60.0, 60.0):
        monkeypatch.setattr(deliver, "LONG", longest)
        taken.append(await worker.step())
        await worker.idle()
    assert taken == [64, 32, 16, 8, 4, 4, 8]
    assert len(server.accepted) == sum(taken)


async def test_what_is_not_begun_for_long_is_given_back(house: House, server: Server, made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(9):
        house.user(f"user{number}")
    house.say(failure(run="r"))
    monkeypatch.setattr(deliver, "TOO_LONG", -1.0)
    worker = made()
    assert await worker.step() == 9
    await worker.idle()
    assert {(row["status"], row["lease"], row["attempts"]) for row in house.rows(tables.deliveries)} == {("waiting", None, 0)}
    monkeypatch.setattr(deliver, "TOO_LONG", 60.0)
    await sends(worker)
    assert len(server.accepted) == 9


@pytest.mark.req("R80", "R81")
async def test_mails_that_wait_for_a_refused_address_end_and_say_why(house: House, server: Server, made: Made, clock: Clock) -> None:
    house.user("ana")
    jobs(house, 9, urgent=False)
    server.answers["ana@acme.test"] = PermanentFailure("550 5.1.1 no such user", no_such_address=True)
    with house.database.writing() as transaction:
        batch = deliveries.claim(transaction, now=clock(), lease="l", lease_for=LEASE, limit=8)
        deliveries.put_back(transaction, [one.id for one in batch], lease="l", due_at=clock() + timedelta(minutes=1))
    worker = made()
    await sends(worker)
    clock.advance(minutes=2)
    await sends(worker)
    assert sorted(answers(house)) == ["550 5.1.1 no such user", *["the address takes no mail"] * 8]
    assert server.asked == 1


@pytest.mark.req("R36")
async def test_who_left_the_team_meanwhile_is_told_nothing(house: House, server: Server, made: Made) -> None:
    ana = house.user("ana")
    house.user("boss", role="admin")
    house.say(failure(run="r"))
    with house.database.writing() as transaction:
        members.end(transaction, team_id=house.team_id, user_id=ana)
    await sends(made())
    assert [address for address, _ in server.accepted] == ["boss@acme.test"]
    assert "the person left the team" in answers(house)


async def test_who_switched_mail_off_meanwhile_is_told_nothing(house: House, server: Server, made: Made) -> None:
    ana = house.user("ana")
    house.say(failure(run="r"))
    house.set_user(ana, email_enabled=False)
    await sends(made())
    assert (server.accepted, answers(house)) == ([], ["the person switched mail off"])


async def test_what_is_muted_meanwhile_is_not_in_the_one_mail_of_a_storm(house: House, server: Server, made: Made, clock: Clock) -> None:
    ana = house.user("ana")
    jobs(house, 13, urgent=False)
    worker = made()
    await sends(worker)
    house.set_entry(ana, muted_until=clock.now.replace(year=2099))
    clock.advance(minutes=10)
    await sends(worker)
    assert len(server.accepted) == 10
    assert answers(house)[-1] == "nothing of it is to be told to this person any more"


@pytest.mark.req("R59")
async def test_who_unsubscribed_meanwhile_is_not_told_of_it_any_more(house: House, server: Server, made: Made, clock: Clock) -> None:
    ana = house.user("ana")
    jobs(house, 13, urgent=False)
    worker = made()
    await sends(worker)
    with house.database.writing() as transaction:
        mail_choices.choose(transaction, user_id=ana, team_id=house.team_id, categories=CATEGORIES, email=False)
    clock.advance(minutes=10)
    await sends(worker)
    assert len(server.accepted) == 10


async def test_what_is_folded_while_the_one_mail_leaves_is_told_in_the_next(house: House, server: Server, made: Made, clock: Clock) -> None:
    house.user("ana")
    jobs(house, 14, urgent=False)
    worker = made()
    await sends(worker)
    clock.advance(minutes=10)
    server.held["ana@acme.test"] = asyncio.Event()
    server.is_reached.clear()
    await worker.step()
    await server.is_reached.wait()
    jobs(house, 12, urgent=False, slug="more")
    second = made()
    await second.step()
    server.held["ana@acme.test"].set()
    await asyncio.gather(worker.idle(), second.idle())
    assert "stands for 4" in text_of(server.accepted[10][1])
    clock.advance(minutes=10)
    await sends(worker)
    assert "stands for 2" in text_of(server.accepted[-1][1])
    told = "\n".join(text_of(raw) for _, raw in server.accepted)
    assert all(f"job {number} failed" in told for number in range(14))


async def test_a_clock_that_steps_back_holds_up_no_mail_and_reopens_no_allowance(
    house: House, server: Server, made: Made, clock: Clock
) -> None:
    house.user("ana")
    jobs(house, 10, urgent=False)
    worker = made()
    await sends(worker)
    clock.advance(hours=-3)
    jobs(house, 5, urgent=False, slug="again")
    house.say(failure(run="x", slug="bad", pipeline="p", urgent=True))
    await sends(worker)
    assert len(server.accepted) == 11, "the urgent one; the others are too many still"


async def test_a_hold_is_for_single_mails_and_survives_a_digest(house: House, server: Server, made: Made, clock: Clock) -> None:
    house.user("ana")
    jobs(house, 12, urgent=False)
    worker = made()
    identities = [row["identity"] for row in house.rows(tables.conversations)]
    with house.database.writing() as transaction:
        deliveries.hold(transaction, identities[:2], until=clock.now.replace(minute=1), now=clock())
    await sends(worker)
    assert len(server.accepted) == 10
    with house.database.writing() as transaction:
        deliveries.release(transaction, identities)
    await sends(worker)
    assert len(server.accepted) == 10, "two too many: folded"
    with house.database.writing() as transaction:
        deliveries.release(transaction, identities)
    await sends(worker)
    assert len(server.accepted) == 10, "a digest waits for its own time"
    clock.advance(minutes=10)
    await sends(worker)
    assert "stands for 2" in text_of(server.accepted[-1][1])


async def test_a_refusal_shows_that_the_server_is_back(house: House, server: Server, made: Made, clock: Clock) -> None:
    for number in range(20):
        house.user(f"user{number}")
        server.answers[f"user{number}@acme.test"] = PermanentFailure("554 rejected")
    house.say(failure(run="r"))
    server.down = UnreachableFailure("gone")
    worker = DeliverWorker(house.database, server, clock, mail_from="Tocsin <alerts@acme.test>", desk=DESK)
    await sends(worker)
    server.down = None
    clock.advance(minutes=1)
    assert await worker.step() == 1
    await worker.idle()
    assert await worker.step() == 19
    await worker.idle()
