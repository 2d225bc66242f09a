"""`tocsin cleanup` beside a gateway under load, killed again and again: what is old goes, what is new stays, and no sender is held up."""

import hashlib
import json
import random
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, func, insert, select

from gateway.storage import arrivals
from gateway.storage.arrivals import Arrival
from gateway.storage.database import Database
from gateway.storage.migrate import migrate
from gateway.storage.tables import events, processing, request_keys
from tests.acceptance.conftest import ROOT, Mailbox, eventually
from tests.faults.conftest import ROUNDS
from tests.faults.record import check, rows, settle
from tests.faults.running import Gateway
from tests.faults.senders import Load

pytestmark = pytest.mark.faults
SEED = 20260430
OLD = 4000
AGO = timedelta(days=130)
HEADERS = [["Content-Type", "application/json"]]


def grown_old(url: str) -> None:
    """So many requests came long ago, and were processed."""
    database, then, body = Database(url), datetime.now(UTC) - AGO, b"x" * 900
    digest = hashlib.sha256(body).digest()
    try:
        migrate(database)
        for start in range(0, OLD, 500):
            sent = [Arrival(1, f"old-{start + place}", digest, "POST", "", "", HEADERS, body, then) for place in range(500)]
            with database.appending() as transaction:
                ids = [receipt.event_id for receipt in arrivals.append(transaction, sent)]
            done = {"status": "mapped", "due_at": then, "processed_at": then, "attempts": 1}
            with database.writing() as transaction:
                transaction.execute(delete(processing).where(processing.c.event_id.in_(ids)))
                transaction.execute(insert(processing), [{"event_id": one, **done} for one in ids])
    finally:
        database.close()


def old_left(url: str) -> list[int]:
    """How many of their events, and of their keys, are there still."""
    old = (select(func.count()).where(table.c.request_key.like("old-%")) for table in (events, request_keys))
    return [rows(url, one)[0][0] for one in old]


@pytest.mark.req("R18", "R92")
def test_what_is_old_goes_beside_a_load_that_does_not_notice(gateway: Gateway, mails: Mailbox) -> None:
    grown_old(gateway.database_url)
    gateway.start()
    instants = random.Random(SEED)
    print(f"seed {SEED}")
    load = Load((gateway.port,), pause=0.05)
    with load.sending():
        eventually(lambda: len(load.accepted) > 20)
        for _ in range(ROUNDS):
            process = cleanup(gateway)
            time.sleep(instants.uniform(0.6, 2.5))
            process.kill()
            process.communicate()
        out, trouble = cleanup(gateway).communicate(timeout=60)
        assert out, trouble
    assert "events" in json.loads(out)["removed"]
    assert old_left(gateway.database_url) == [0, 0]
    assert {one.status for one in load.noted} == {202}
    settle(gateway.database_url)
    check(gateway.database_url, load, mails)


def cleanup(gateway: Gateway) -> "subprocess.Popen[str]":
    """Begins it."""
    command = [sys.executable, "-m", "gateway", "cleanup", "--json"]
    environment = {"PYTHONPATH": str(ROOT), "TOCSIN_DATABASE_URL": gateway.database_url, "TOCSIN_SECRET_KEY": "0123456789abcdef" * 2}
    return subprocess.Popen(command, cwd=gateway.directory, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
