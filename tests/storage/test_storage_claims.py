"""A claim takes no more than it was asked for, whatever plan the database makes of it."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from sqlalchemy import text

from gateway.storage import deliveries, follow_ups, readings, sign_in_requests
from gateway.storage.database import Database, Transaction
from tests.builders import LEASE, House, failure
from tests.conftest import Clock
from tests.workers.outgoing import jobs

_OTHER_PLANS = ("hashjoin", "mergejoin", "hashagg", "material", "sort", "bitmapscan")
"""Without these PostgreSQL is left with nested loops, which ask what is inside them again for each row outside."""
_LIMIT = 3
_HOUR = timedelta(hours=1)
Claim = Callable[[Transaction], Sequence[object]]


def _mail(house: House) -> Claim:
    for number in range(12):
        house.user(f"user{number}")
    house.say(failure(run="r", urgent=True))
    house.read()
    return lambda transaction: deliveries.claim(transaction, now=house.clock(), lease="one", lease_for=LEASE, limit=_LIMIT)


def _documents(house: House) -> Claim:
    house.say(failure(run="r"))
    wanted = [
        follow_ups.Wanted(house.source_id, 1, f"document {number}", "dbt-cloud", "run", {}, [], house.clock() + _HOUR)
        for number in range(12)
    ]
    with house.database.writing() as transaction:
        follow_ups.ask(transaction, wanted, house.clock())
    return lambda transaction: follow_ups.claim(transaction, now=house.clock(), lease="one", lease_for=LEASE, limit=_LIMIT)


def _summaries(house: House) -> Claim:
    jobs(house, 12)
    with house.database.writing() as transaction:
        readings.ask(transaction, [readings.Wanted(number, 1, "r", None) for number in range(1, 13)], house.clock())
    return lambda transaction: readings.claim(transaction, now=house.clock(), lease="one", lease_for=LEASE, limit=_LIMIT)


def _links(house: House) -> Claim:
    house.user("ana")
    with house.database.writing() as transaction:
        for _ in range(12):
            sign_in_requests.ask(transaction, email="ana@acme.test", target="/", salt="salt", now=house.clock())
    return lambda transaction: sign_in_requests.claim(
        transaction, now=house.clock(), lease="one", lease_for=LEASE, limit=_LIMIT, good_for=_HOUR, digest_of=lambda *_: b"x" * 32
    )


@pytest.mark.req("R80", "R93")
@pytest.mark.parametrize("prepared", [_mail, _documents, _summaries, _links])
def test_no_more_than_its_limit(database: Database, clock: Clock, prepared: Callable[[House], Claim]) -> None:
    claim = prepared(House(database, clock))
    with database.writing() as transaction:
        if transaction.dialect.name == "postgresql":
            for plan in _OTHER_PLANS:
                transaction.execute(text(f"SET LOCAL enable_{plan} = off"))
        assert len(claim(transaction)) == _LIMIT
