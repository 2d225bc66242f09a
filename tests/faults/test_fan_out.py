"""Killed while a large team is told: nobody is left out, and nobody is told twice."""

import pytest
from sqlalchemy import func, select, update

from gateway.storage.database import Database
from gateway.storage.tables import deliveries, fan_outs, inbox_entries, memberships, users
from tests.acceptance.conftest import Mailbox, eventually
from tests.conftest import NOW
from tests.faults.conftest import ROUNDS
from tests.faults.record import rows
from tests.faults.running import Gateway
from tests.storage.large import join

pytestmark = pytest.mark.faults
TEAM, MAILED = 40_000, 400
"""One of a hundred hears by mail too; who hears in-app cannot be told twice, for there is one entry."""


@pytest.mark.req("R38", "R83")
def test_killed_in_the_middle_a_large_team_is_told_to_the_end_and_once(gateway: Gateway, mails: Mailbox) -> None:
    gateway.wrapper, gateway.environment = "short_lease.py", {**gateway.environment, "FAULT_LEASE": "3"}
    gateway.start()
    database = Database(gateway.database_url)
    try:
        with database.writing() as transaction:
            ((team_id, admin),) = transaction.execute(select(memberships.c.team_id, memberships.c.user_id))
        people = join(database, team_id, TEAM, now=NOW)
        with database.writing() as transaction:
            silent = (users.c.id != admin, users.c.id % (TEAM // MAILED) != 0)
            transaction.execute(update(users).where(*silent).values(email_enabled=False))
        addressed = {row.email for row in rows(gateway.database_url, select(users.c.email).where(users.c.email_enabled))}
    finally:
        database.close()
    url = gateway.database_url
    assert gateway.send("prefect", "prefect/webhook-event-tojson-failed").status == 202
    eventually(lambda: rows(url, select(fan_outs)))
    seen = [0]
    for _ in range(ROUNDS):
        reached = eventually(lambda: found if (found := _reached(url)) > seen[-1] else 0, 30)
        if reached > TEAM:
            break
        seen.append(reached)
        gateway.kill_all()
        gateway.start()
    assert len(seen) > 1, "it was killed on the way"
    eventually(lambda: rows(url, select(fan_outs)) == [], 60)
    ((told, most),) = rows(url, select(func.count(func.distinct(inbox_entries.c.user_id)), func.max(inbox_entries.c.user_id)))
    assert (told, most) == (TEAM + 1, people[-1])
    eventually(lambda: rows(url, select(deliveries.c.id).where(deliveries.c.status == "waiting")) == [], 120)
    sent = rows(url, select(users.c.email).join(deliveries, deliveries.c.user_id == users.c.id))
    assert sorted(row.email for row in sent) == sorted(addressed), "one mail for each who hears by mail"
    took = [mail["X-To"] for mail in mails.all()]
    assert set(took) == addressed
    assert len({mail["Message-ID"] for mail in mails.all()}) == len(addressed), "one that was in flight may come twice, as the same mail"


def _reached(url: str) -> int:
    """Up to whom the team is told; beyond everyone where it is told to the end."""
    found = rows(url, select(fan_outs.c.after_user_id))
    return int(found[0].after_user_id) if found else 2 * TEAM
