"""The outbox: leases, frozen bytes, and who may still be told when the mail is written."""

from datetime import timedelta

import pytest

from gateway.engine import settle
from gateway.storage import deliveries, mail_contents, people, sent_mail, tables
from gateway.storage.database import Database
from gateway.storage.deliveries import RETRY, Frozen, Result
from gateway.workers.letters import letter
from tests.builders import DESK, LEASE, House, ended, failure, recovery
from tests.conftest import Clock


@pytest.fixture
def house(database: Database, clock: Clock) -> House:
    return House(database, clock)


def claim(house: House, lease: str) -> list[int]:
    house.read()
    with house.database.writing() as transaction:
        return [one.id for one in deliveries.claim(transaction, now=house.clock(), lease=lease, lease_for=LEASE, limit=10)]


def subject_and_titles(house: House, delivery_id: int) -> tuple[str, list[str]] | None:
    with house.database.reading() as transaction:
        message = letter(transaction, delivery_id, desk=DESK, now=house.clock())
    return None if message is None else (message.subject, [part.title for part in message.parts])


@pytest.mark.req("R80", "R93")
def test_a_delivery_is_held_by_one_worker_until_its_lease_ends(house: House, clock: Clock) -> None:
    house.user("ana")
    house.say(failure(run="r"))
    (delivery_id,) = claim(house, "slow")
    assert claim(house, "fast") == []
    clock.advance(seconds=60)
    assert claim(house, "fast") == [delivery_id]
    with house.database.writing() as transaction:
        assert deliveries.freeze(transaction, [Frozen(delivery_id, "<1@x>", b"slow")], lease="slow") == set()
        assert deliveries.freeze(transaction, [Frozen(delivery_id, "<1@x>", b"fast")], lease="fast") == {delivery_id}
        assert deliveries.record(transaction, [Result(delivery_id, "slow", RETRY, "421", clock.now, clock.now)]) == set()
        assert deliveries.record(transaction, [ended(delivery_id, "slow", clock.now)]) == set()
        assert deliveries.record(transaction, [ended(delivery_id, "fast", clock.now)]) == {delivery_id}
        assert deliveries.record(transaction, [ended(delivery_id, "fast", clock.now, "failed", "550")]) == set()
    (row,) = house.rows(tables.deliveries)
    assert (row["status"], row["last_answer"], row["attempts"], row["mail"]) == ("sent", "250 OK", 2, b"fast")


@pytest.mark.req("R81")
def test_a_failed_attempt_is_due_again_at_its_time_with_the_same_bytes(house: House, clock: Clock) -> None:
    house.user("ana")
    house.say(failure(run="r"))
    (delivery_id,) = claim(house, "one")
    due = clock.now + timedelta(seconds=15)
    with house.database.writing() as transaction:
        deliveries.freeze(transaction, [Frozen(delivery_id, "<1@x>", b"bytes")], lease="one")
        assert deliveries.record(transaction, [Result(delivery_id, "one", RETRY, "421 later", clock.now, due)])
        assert deliveries.next_due(transaction) == due
    assert claim(house, "two") == []
    clock.advance(seconds=15)
    with house.database.writing() as transaction:
        (again,) = deliveries.claim(transaction, now=clock.now, lease="two", lease_for=LEASE, limit=10)
    assert (again.id, again.attempts, again.mail, again.message_id) == (delivery_id, 2, b"bytes", "<1@x>")


def test_what_comes_after_the_bytes_are_frozen_is_not_added_to_them(house: House, clock: Clock) -> None:
    house.user("ana")
    house.say(failure(run="r"))
    (delivery_id,) = claim(house, "one")
    with house.database.writing() as transaction:
        deliveries.freeze(transaction, [Frozen(delivery_id, "<1@x>", b"bytes")], lease="one")
    house.say(failure(run="r", slug="other-failed"))
    assert [row["notification_id"] for row in house.rows(tables.delivery_items)] == [1]
    assert clock.now


def test_a_letter_holds_what_it_is_about_as_it_stands_now(house: House) -> None:
    house.user("ana")
    house.say(failure(run="r", title="nightly failed"), failure(run="r", slug="mild", title="mild", level="error"))
    (delivery_id,) = claim(house, "one")
    found = subject_and_titles(house, delivery_id)
    assert found is not None
    assert (found[0], sorted(found[1])) == ("[acme/prod] nightly: job failure", ["mild", "nightly failed"])
    house.say(recovery(run="s", slug="mild"))
    assert house.rows(tables.deliveries)[0]["status"] == "waiting"


@pytest.mark.req("R86")
def test_no_secret_of_a_message_or_a_log_leaves_by_mail(house: House) -> None:
    house.user("ana")
    log = "connecting to postgresql://etl:hunter2hunter2@db.acme.test/raw\nit failed"
    house.say(failure("orders", run="r", message=log, excerpt=log))
    (delivery_id,) = claim(house, "one")
    with house.database.reading() as transaction:
        message = letter(transaction, delivery_id, desk=DESK, now=house.clock())
    assert message is not None
    assert "hunter2" not in repr(message)
    assert "it failed" in message.parts[0].excerpt


def test_no_secret_of_a_title_or_a_fact_leaves_by_mail_either(house: House) -> None:
    house.user("ana")
    facts = {"Target": "https://etl:hunter2hunter2@shop.acme.test/", "password": "hunter2hunter2", "Run": "prompt-frogmouth"}
    house.say(failure(run="r", title="postgresql://etl:hunter2hunter2@db.acme.test/raw is down", facts=facts))
    (delivery_id,) = claim(house, "one")
    with house.database.reading() as transaction:
        message = letter(transaction, delivery_id, desk=DESK, now=house.clock())
    assert message is not None
    assert "hunter2" not in repr(message)
    assert message.parts[0].title.endswith("db.acme.test/raw is down")
    assert message.parts[0].facts["Run"] == "prompt-frogmouth"


@pytest.mark.req("R80")
def test_a_mail_names_the_one_member_that_fails_and_later_that_it_has_recovered(house: House) -> None:
    house.user("ana")

    def title() -> str:
        told = subject_and_titles(house, delivery_id)
        assert told is not None
        return told[1][0]

    dbt = {"title": "dbt tests failing in shop"}
    house.say(failure("not_null_orders_id", run="r1", when=1, **dbt))
    (delivery_id,) = claim(house, "one")
    assert title() == "dbt tests failing in shop: not_null_orders_id"
    house.say(recovery("not_null_orders_id", run="r2", when=2, **dbt))
    assert title() == "dbt tests failing in shop: not_null_orders_id"
    house.say(failure("hop", run="r3", when=3, **dbt))
    assert title() == "dbt tests failing in shop: hop", "an episode of its own"
    house.say(failure("not_null_orders_id", run="r4", when=4, **dbt))
    assert title() == "dbt tests failing in shop", "the mail lists them"


@pytest.mark.req("R80")
def test_a_mail_about_several_members_says_what_is_true_of_all_and_whose_error_it_shows(house: House) -> None:
    house.user("ana")
    about = [{"Command": "dbt build", "File": f"models/{name}.sql"} for name in ("a", "b")]
    house.say(
        failure("a", run="r", message="no such column", excerpt="no such column\nselect x", facts=about[0], impact=["orders", "revenue"]),
        failure("b", run="r", message="no such table", excerpt="no such table\nselect y", facts=about[1], impact=["orders", "stock"]),
    )
    (delivery_id,) = claim(house, "one")
    with house.database.reading() as transaction:
        message = letter(transaction, delivery_id, desk=DESK, now=house.clock())
    assert message is not None
    (part,) = message.parts
    assert part.facts == {"Command": "dbt build"}
    assert sorted(part.impact) == ["orders", "revenue", "stock"]
    assert part.told_by == {"no such column": "a", "no such table": "b"}[part.message]
    house.say(recovery("a", run="s"), recovery("b", run="s"))
    with house.database.reading() as transaction:
        message = letter(transaction, delivery_id, desk=DESK, now=house.clock())
    assert message is not None
    assert (message.parts[0].message, message.parts[0].facts) == ("", {}), "they are of one of those that recovered"


@pytest.mark.req("R80")
def test_a_mail_about_more_that_fails_says_what_is_new(house: House) -> None:
    house.user("ana")
    house.say(failure("a", run="r1", when=1), failure("b", run="r1", when=1))
    assert len(house.deliver()) == 1
    house.say(*(failure(name, run="r2", when=2) for name in "abc"))
    (delivery_id,) = claim(house, "one")
    with house.database.reading() as transaction:
        message = letter(transaction, delivery_id, desk=DESK, now=house.clock())
    assert message is not None
    assert [(one.label, one.is_new) for one in message.parts[0].members] == [("c", True), ("a", False), ("b", False)]


@pytest.mark.parametrize("members", [("orders",), ("orders", "payments")])
def test_a_mail_calls_closed_what_a_person_ended_and_says_who(house: House, clock: Clock, members: tuple[str, ...]) -> None:
    house.user("ana")
    house.say(*(failure(member, run="r") for member in members))
    (delivery_id,) = claim(house, "one")
    with house.database.writing() as transaction:
        settle.close_by_hand(transaction, notification_id=house.thread()["id"], who="Ben", now=clock.advance(minutes=5))
    with house.database.reading() as transaction:
        message = letter(transaction, delivery_id, desk=DESK, now=clock())
    assert message is not None
    assert (message.parts[0].is_closed, message.parts[0].recovery) == (True, "Resolved by Ben.")


@pytest.mark.req("R36")
def test_who_left_the_team_gets_no_letter(house: House) -> None:
    ana = house.user("ana")
    house.say(failure(run="r"))
    (delivery_id,) = claim(house, "one")
    with house.database.writing() as transaction:
        people.end_membership(transaction, team_id=house.team_id, user_id=ana)
    assert subject_and_titles(house, delivery_id) is None


@pytest.mark.req("R37")
def test_who_lost_a_permission_gets_only_what_is_still_theirs(house: House) -> None:
    house.user("ana", permissions=["secret"])
    house.user("ben", permissions=["secret"])
    house.say(failure(run="r", title="open"), failure(run="r", slug="secret", title="secret", permissions=["secret"]))
    first, second = claim(house, "one")
    house.user("ana")
    assert subject_and_titles(house, first) == ("[acme/prod] nightly: job failure", ["open"])
    found = subject_and_titles(house, second)
    assert found is not None
    assert sorted(found[1]) == ["open", "secret"]


def test_the_first_mail_of_a_conversation_is_no_reply_and_the_next_ones_are(house: House) -> None:
    house.user("ana")
    house.say(failure(run="r"))
    house.deliver()
    house.say(recovery(run="s"))
    with house.database.reading() as transaction:
        found = mail_contents.envelopes(transaction, [row["id"] for row in house.rows(tables.deliveries)])
    assert [one["is_reply"] for _, one in sorted(found.items())] == [False, True]


@pytest.mark.req("R36")
def test_a_mail_is_shown_to_its_recipient_and_to_admins_of_its_team_only(house: House) -> None:
    ana, ben = house.user("ana"), house.user("ben")
    house.set_user(ben, email_enabled=False)
    house.say(failure(run="r"))
    house.deliver()
    (row,) = house.rows(tables.deliveries)
    with house.database.reading() as transaction:
        assert sent_mail.mail(transaction, delivery_id=row["id"], user_id=ana, team_ids=[]) == b"mail"
        assert sent_mail.mail(transaction, delivery_id=row["id"], user_id=ben, team_ids=[]) is None
        assert sent_mail.mail(transaction, delivery_id=row["id"], user_id=ben, team_ids=[house.team_id]) == b"mail"
        assert [one["id"] for one in sent_mail.page(transaction, user_id=ben, team_ids=None, before=None, limit=10)] == []
        assert len(sent_mail.page(transaction, user_id=ana, team_ids=None, before=None, limit=10)) == 1
        assert len(sent_mail.page(transaction, user_id=ben, team_ids=[house.team_id], before=None, limit=10)) == 1
