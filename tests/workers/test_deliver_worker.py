"""Mail leaves once, whatever the server does; what cannot leave waits, and what is too much becomes one mail."""

import asyncio
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from sqlalchemy import text

from gateway.channels.email.failures import PermanentFailure, TemporaryFailure, UnreachableFailure
from gateway.storage import refused_addresses, tables
from gateway.workers.deliver import DeliverWorker
from tests.builders import DESK, House, failure, recovery
from tests.conftest import Clock
from tests.workers.outgoing import Made, Server, account, jobs, sends, statuses


@pytest.mark.req("R80")
async def test_each_reader_gets_their_own_mail_of_the_same_news(house: House, server: Server, made: Made) -> None:
    for name in ("ana", "ben", "cy"):
        house.user(name)
    house.say(failure(run="r"))
    await sends(made())
    assert sorted(address for address, _ in server.accepted) == ["ana@acme.test", "ben@acme.test", "cy@acme.test"]
    mails = [message_from_bytes(raw, policy=policy.default) for _, raw in server.accepted]
    assert len({mail["Message-ID"] for mail in mails}) == 3
    assert len({mail["List-Unsubscribe"] for mail in mails}) == 3
    for (address, raw), mail in zip(server.accepted, mails, strict=True):
        assert mail["To"].addresses[0].addr_spec == address
        link = mail["List-Unsubscribe"].strip("<>")
        assert link in mail.get_body(("plain",)).get_content(), raw
    assert statuses(house) == ["sent"] * 3
    assert account(house, 1) == [(1, "sent", "250 OK")]


@pytest.mark.req("R80")
async def test_one_slow_recipient_holds_up_no_other_batch(house: House, server: Server, made: Made) -> None:
    house.user("ana")
    server.held["ana@acme.test"] = asyncio.Event()
    house.say(failure(run="r1"))
    worker = made()
    await worker.step()
    await server.is_reached.wait()
    house.user("ben")
    house.set_user(1, email_enabled=False)
    house.say(failure(run="r2", slug="other"))
    assert await worker.step() == 1
    await asyncio.wait(worker._batches, return_when=asyncio.FIRST_COMPLETED)
    assert statuses(house) == ["waiting", "sent"]
    server.held["ana@acme.test"].set()
    await worker.idle()
    assert statuses(house) == ["sent", "sent"]


@pytest.mark.req("R81")
async def test_while_the_server_is_gone_one_mail_is_tried_now_and_then_and_nothing_is_lost(
    house: House, server: Server, made: Made, clock: Clock
) -> None:
    for number in range(30):
        house.user(f"user{number}")
    house.say(failure(run="r"))
    server.down = UnreachableFailure("smtp://mail.acme.test:25: connection refused")
    worker = made()
    await sends(worker)
    first = server.asked
    assert await worker.step() == 0, "the server is left alone"
    for _ in range(60):
        clock.advance(seconds=60)
        await worker.step()
        await worker.idle()
    assert server.asked - first <= 60, "one mail at a time"
    assert set(statuses(house)) == {"waiting"}
    assert {row["attempts"] for row in house.rows(tables.deliveries)} == {0}, "no mail was tried"
    assert any(row["last_answer"] and "refused" in row["last_answer"] for row in house.rows(tables.deliveries))
    server.down = None
    clock.advance(minutes=2)
    await sends(worker)
    clock.advance(minutes=2)
    await sends(worker)
    assert len(server.accepted) == 30
    assert set(statuses(house)) == {"sent"}


@pytest.mark.req("R46", "R81")
async def test_what_recovered_while_the_server_was_gone_is_mailed_to_nobody(house: House, server: Server, made: Made, clock: Clock) -> None:
    house.user("ana")
    house.say(failure(run="r1"))
    server.down = UnreachableFailure("gone")
    await sends(made())
    house.say(recovery(run="r2"))
    server.down = None
    clock.advance(minutes=5)
    await sends(made())
    assert server.accepted == []
    assert statuses(house) == ["cancelled"]


@pytest.mark.req("R81")
async def test_the_server_is_waited_for_a_day(house: House, server: Server, made: Made, clock: Clock) -> None:
    house.user("ana")
    house.say(failure(run="r1"))
    server.down = UnreachableFailure("gone")
    worker = made()
    await sends(worker)
    clock.advance(hours=23)
    await sends(worker)
    assert statuses(house) == ["waiting"]
    clock.advance(hours=2)
    await sends(worker)
    assert statuses(house) == ["failed"]
    assert account(house, 1) == [(1, "failed", "given up after a day: gone")]


@pytest.mark.req("R81")
async def test_a_refusal_for_now_is_tried_again_with_the_same_bytes_and_each_attempt_is_kept(
    house: House, server: Server, made: Made, clock: Clock
) -> None:
    house.user("ana")
    house.say(failure(run="r1"))
    server.answers["ana@acme.test"] = TemporaryFailure("451 greylisted")
    worker = made()
    await sends(worker)
    first = house.rows(tables.deliveries)[0]["mail"]
    clock.advance(seconds=30)
    server.answers.clear()
    await sends(worker)
    assert account(house, 1) == [(2, "sent", "250 OK"), (1, "retry", "451 greylisted")]
    assert server.accepted == [("ana@acme.test", first)]


@pytest.mark.req("R80", "R81")
async def test_an_address_that_takes_no_mail_gets_none_until_an_admin_clears_it(
    house: House, server: Server, made: Made, clock: Clock
) -> None:
    ana = house.user("ana")
    house.user("ben")
    server.answers["ana@acme.test"] = PermanentFailure("550 5.1.1 no such user", no_such_address=True)
    house.say(failure(run="r1"))
    await sends(made())
    assert [address for address, _ in server.accepted] == ["ben@acme.test"]
    assert house.rows(tables.users)[0]["refused_why"] == "550 5.1.1 no such user"
    house.say(failure(run="r2", slug="other"))
    assert [row["user_id"] for row in house.rows(tables.deliveries)].count(ana) == 1, "nothing more is queued"
    assert len(house.inbox(ana)) == 2, "the record is untouched"
    with house.database.writing() as transaction:
        assert refused_addresses.clear(transaction, user_id=ana)
        assert not refused_addresses.clear(transaction, user_id=ana)
    server.answers.clear()
    house.say(failure(run="r3", slug="third"))
    await sends(made())
    assert [address for address, _ in server.accepted].count("ana@acme.test") == 1


async def test_a_mail_refused_for_what_it_says_does_not_speak_of_the_address(house: House, server: Server, made: Made) -> None:
    house.user("ana")
    server.answers["ana@acme.test"] = PermanentFailure("554 5.7.1 message rejected")
    house.say(failure(run="r1"))
    await sends(made())
    assert statuses(house) == ["failed"]
    assert house.rows(tables.users)[0]["refused_at"] is None


async def test_urgent_mail_leaves_before_what_was_there_first(house: House, server: Server, made: Made) -> None:
    for number in range(70):
        house.user(f"user{number}")
    house.say(failure(run="r1", slug="mild", level="warning", urgent=False))
    house.say(failure(run="r2", slug="bad", urgent=True, pipeline="other"))
    worker = made()
    await worker.step()
    await worker.idle()
    assert len(server.accepted) == 64
    assert all(message_from_bytes(raw, policy=policy.default)["Importance"] == "high" for _, raw in server.accepted)


@pytest.mark.req("R57")
async def test_a_storm_becomes_one_mail_that_says_so(house: House, server: Server, made: Made, clock: Clock) -> None:
    house.user("ana")
    jobs(house, 60, urgent=False)
    worker = made()
    await sends(worker)
    assert len(server.accepted) == 10
    clock.advance(minutes=10)
    await sends(worker)
    assert len(server.accepted) == 11
    storm = message_from_bytes(server.accepted[-1][1], policy=policy.default)
    said = storm.get_body(("plain",)).get_content()
    assert said.startswith("A lot happened at once: this one mail stands for 50. 50 open.")
    assert "job 59 failed" in said
    assert storm["Subject"] == "[acme] digest"
    ends = {row["last_answer"] for row in house.rows(tables.deliveries) if row["status"] == "cancelled"}
    assert ends == {"too many mails at once: told in one mail instead"}
    assert await worker.step() == 0


@pytest.mark.req("R57")
async def test_in_a_storm_what_is_urgent_leaves_by_itself_and_the_rest_of_it_within_a_minute(
    house: House, server: Server, made: Made, clock: Clock
) -> None:
    house.user("ana")
    jobs(house, 40, urgent=False)
    worker = made()
    await sends(worker)
    before = len(server.accepted)
    house.say(failure(run="x", slug="urgent", pipeline="urgent", urgent=True))
    await sends(worker)
    assert len(server.accepted) == before + 1, "a flood of warnings keeps no failure"
    for number in range(20):
        house.say(failure(run="y", event_data={"job": f"u{number}"}, pipeline=f"u{number}", urgent=True))
    await sends(worker)
    assert len(server.accepted) == before + 10
    clock.advance(minutes=1)
    await sends(worker)
    storm = message_from_bytes(server.accepted[-1][1], policy=policy.default)
    assert storm["Importance"] == "high"
    assert "41 open" in storm.get_body(("plain",)).get_content()


async def test_recoveries_of_what_a_storm_told_reach_those_who_read_it(house: House, server: Server, made: Made, clock: Clock) -> None:
    house.user("ana")
    jobs(house, 15)
    worker = made()
    await sends(worker)
    clock.advance(minutes=10)
    await sends(worker)
    told = len(server.accepted)
    clock.advance(minutes=10)
    house.say(recovery(run="s", event_data={"job": 14}, pipeline="job-14"))
    await sends(worker)
    assert len(server.accepted) == told + 1
    assert "RESOLVED" in message_from_bytes(server.accepted[-1][1], policy=policy.default).get_body(("plain",)).get_content()


async def test_what_recovers_before_the_one_mail_leaves_is_told_in_it_as_recovered(
    house: House, server: Server, made: Made, clock: Clock
) -> None:
    house.user("ana")
    jobs(house, 15)
    worker = made()
    await sends(worker)
    clock.advance(minutes=3)
    house.say(recovery(run="s", event_data={"job": 14}, pipeline="job-14"))
    clock.advance(minutes=7)
    await sends(worker)
    said = message_from_bytes(server.accepted[-1][1], policy=policy.default).get_body(("plain",)).get_content()
    assert "4 open, 1 failed and recovered" in said


async def test_another_persons_storm_is_nobody_elses(house: House, server: Server, made: Made, clock: Clock) -> None:
    ana = house.user("ana")
    house.user("ben")
    jobs(house, 12)
    house.set_user(ana, email_enabled=False)
    await sends(made())
    assert {address for address, _ in server.accepted} == {"ben@acme.test"}
    assert len(server.accepted) == 10


async def test_two_workers_send_each_mail_once(house: House, server: Server, made: Made) -> None:
    for number in range(100):
        house.user(f"user{number}")
    house.say(failure(run="r"))
    first, second = made(), made()
    await asyncio.gather(sends(first), sends(second))
    assert len({address for address, _ in server.accepted}) == len(server.accepted) == 100


async def test_killed_after_sending_it_leaves_once_more_with_the_same_id(house: House, server: Server, made: Made, clock: Clock) -> None:
    house.user("ana")
    house.say(failure(run="r"))
    await sends(made())
    with house.database.writing() as transaction:
        transaction.execute(text("UPDATE deliveries SET status = 'waiting', finished_at = NULL, lease = 'dead'"))
        transaction.execute(text("DELETE FROM delivery_attempts"))
    clock.advance(minutes=2)
    await sends(made())
    (_, first), (_, again) = server.accepted
    assert first == again


async def test_stopping_gives_back_what_was_not_tried(house: House, server: Server, made: Made) -> None:
    for number in range(8):
        house.user(f"user{number}")
    server.held["user0@acme.test"] = asyncio.Event()
    house.say(failure(run="r"))
    worker = made()
    await worker.step()
    await server.is_reached.wait()
    worker.stop()
    server.held["user0@acme.test"].set()
    await worker.finish()
    assert {row["lease"] for row in house.rows(tables.deliveries)} == {None}
    assert len(server.accepted) + statuses(house).count("waiting") == 8


async def test_without_a_mail_server_everything_is_kept(house: House, clock: Clock) -> None:
    house.user("ana")
    house.say(failure(run="r"))
    worker = DeliverWorker(house.database, None, clock, mail_from="alerts@acme.test", desk=DESK)
    await sends(worker)
    (row,) = house.rows(tables.deliveries)
    assert row["status"] == "kept"
    assert b"nightly failed" in row["mail"]


async def test_next_due_waits_for_the_server(house: House, server: Server, made: Made, clock: Clock) -> None:
    house.user("ana")
    house.say(failure(run="r"))
    server.down = UnreachableFailure("gone")
    worker = made()
    await sends(worker)
    due = await worker.next_due()
    assert due is not None
    assert timedelta(seconds=3) < due - clock() < timedelta(seconds=7)


LATE = {"slug": "late", "event_data": {"job": "nightly"}, "category": "late_run", "level": "warning", "pipeline": "nightly"}


@pytest.mark.req("R57", "R90")
async def test_a_late_run_that_comes_and_fails_is_one_mail(house: House, server: Server, made: Made) -> None:
    house.user("ana")
    house.say(failure(**LATE, run="r7", member="r7", title="nightly is late"))
    await sends(made())
    house.say(failure(run="r7", attempt=1), recovery(**LATE, run="r7", member="r7", title="nightly ran late"))
    await sends(made())
    late, failed = (message_from_bytes(raw, policy=policy.default) for _, raw in server.accepted)
    assert failed["In-Reply-To"] == late["References"]
    assert failed.get_body(("plain",)).get_content().startswith("FAILED")
    assert sorted(statuses(house)) == ["cancelled", "sent", "sent"]


@pytest.mark.req("R57", "R90")
async def test_that_a_run_came_is_not_told_after_the_mail_that_it_failed(house: House, server: Server, made: Made) -> None:
    house.user("ana")
    house.say(failure(**LATE, title="nightly is late"))
    house.say(failure(run="r7", attempt=1))
    await sends(made())
    house.say(recovery(**LATE, run="r7", title="nightly ran, 12 min late"))
    await sends(made())
    assert statuses(house) == ["sent", "sent", "cancelled"]


@pytest.mark.req("R57", "R90")
@pytest.mark.parametrize("failed", ["another run", "nothing"])
async def test_that_a_run_came_is_told_where_no_mail_says_what_became_of_it(house: House, server: Server, made: Made, failed: str) -> None:
    house.user("ana")
    house.say(failure(**LATE, run="r7", member="r7", title="nightly is late"))
    if failed == "another run":
        house.say(failure(run="r70"))
    await sends(made())
    house.say(recovery(**LATE, run="r7", member="r7", title="nightly ran, 12 min late"))
    await sends(made())
    assert set(statuses(house)) == {"sent"}
    assert message_from_bytes(server.accepted[-1][1], policy=policy.default).get_body(("plain",)).get_content().startswith("RESOLVED")


@pytest.mark.req("R57")
async def test_that_part_of_it_recovered_is_told_with_what_still_fails(house: House, server: Server, made: Made, clock: Clock) -> None:
    house.user("ana")
    house.say(*(failure(f"test_{number}", run="r1", category="dbt_test_failure") for number in range(40)))
    await sends(made())
    with house.database.writing() as transaction:
        transaction.execute(tables.inbox_entries.update().values(read_at=clock()))
    clock.advance(hours=20)
    house.say(
        *(failure(f"test_{n}", run="r2", category="dbt_test_failure") for n in range(2)),
        *(recovery(f"test_{n}", run="r2") for n in range(2, 40)),
    )
    await sends(made())
    began, left = (message_from_bytes(raw, policy=policy.default) for _, raw in server.accepted)
    assert left["In-Reply-To"] == began["References"]
    assert left.get_body(("plain",)).get_content().startswith("2 of 40 still failing")
    house.say(recovery("test_0", run="r3"))
    await sends(made())
    assert len(server.accepted) == 2
