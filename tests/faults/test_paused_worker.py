"""A worker that sleeps through its lease: another takes over, and what the first writes when it wakes is refused."""

import os
import random
import signal
import time

import pytest
from sqlalchemy import text

from gateway.storage.database import IDLE_IN_TRANSACTION_MS
from gateway.workers.settle import LOOK_EVERY
from tests.acceptance.conftest import Mailbox, eventually
from tests.faults.conftest import ROUNDS
from tests.faults.record import check, rows, settle
from tests.faults.running import Gateway
from tests.faults.senders import Load

pytestmark = pytest.mark.faults
SEED = 20260304
BETWEEN_STATEMENTS = text(
    "SELECT pid, state_change FROM pg_stat_activity WHERE datname = current_database() AND backend_xid IS NOT NULL"
    " AND state = 'active' AND wait_event = 'ClientRead'"
)
HANGS_UP_WITHIN = 3 * (IDLE_IN_TRANSACTION_MS / 1000 + LOOK_EVERY)
"""Seconds. A session ends once it said nothing for so long: PostgreSQL ends one that idles, the next look of another worker
one that stopped between statements. What it held is then free. The rest is for a machine that does much else: a stall has no end."""


@pytest.mark.req("R93", "R45")
@pytest.mark.parametrize("place", ["mapped", "sent"])
def test_what_a_worker_writes_after_its_lease_was_taken_over_is_refused(on_postgresql: Gateway, mails: Mailbox, place: str) -> None:
    gateway = on_postgresql
    gateway.wrapper, gateway.arguments = "sleepy.py", ("--processes", "2")
    gateway.environment = {**gateway.environment, "FAULT_ASLEEP_AT": place, "FAULT_LEASE": "1"}
    gateway.start()
    load = Load((gateway.port,), most=1, senders=1)
    with load.sending():
        pass
    sleeper = gateway.asleep()
    load.most = 6
    with load.sending():
        pass
    settle(gateway.database_url)  # the other does it all
    check(gateway.database_url, load, mails)
    os.kill(sleeper, signal.SIGCONT)
    awake = gateway.directory / "awake"
    assert eventually(lambda: awake.exists() and awake.read_text(encoding="utf-8")) == "0", "its late write counted"
    check(gateway.database_url, load, mails)
    assert gateway.stop() == 0


@pytest.mark.req("R93")
def test_a_worker_that_sleeps_within_a_transaction_holds_up_nobody_for_long(on_postgresql: Gateway, mails: Mailbox) -> None:
    gateway = on_postgresql
    gateway.wrapper, gateway.arguments = "sleepy.py", ("--processes", "2")
    gateway.environment = {**gateway.environment, "FAULT_ASLEEP_AT": "recording", "FAULT_LEASE": "1"}
    gateway.start()
    load = Load((gateway.port,), most=6, senders=1)
    with load.sending():
        pass
    sleeper = gateway.asleep()
    try:
        settle(gateway.database_url, HANGS_UP_WITHIN)
    finally:
        os.kill(sleeper, signal.SIGCONT)
    check(gateway.database_url, load, mails)


@pytest.mark.req("R93")
def test_a_worker_that_sleeps_between_statements_sent_in_one_go_holds_up_nobody_for_long(on_postgresql: Gateway, mails: Mailbox) -> None:
    """PostgreSQL does not call that idle, and would wait for the rest without end."""
    gateway = on_postgresql
    gateway.wrapper, gateway.arguments = "short_lease.py", ("--processes", "2")
    gateway.environment = {**gateway.environment, "FAULT_LEASE": "1"}
    gateway.start()
    sleeper = eventually(lambda: gateway.children("work"))[0]
    load = Load((gateway.port,))
    with load.sending():
        eventually(lambda: _caught_between_statements(gateway, sleeper), 120)
    try:
        settle(gateway.database_url, HANGS_UP_WITHIN)
    finally:
        os.kill(sleeper, signal.SIGCONT)
    assert "held what others wait for and said nothing more" in gateway.log
    check(gateway.database_url, load, mails)


def _caught_between_statements(gateway: Gateway, worker: int) -> bool:
    """Stops this worker, and lets it go on unless it stopped there: about every tenth time it does."""
    os.kill(worker, signal.SIGSTOP)
    before = set(rows(gateway.database_url, BETWEEN_STATEMENTS))
    time.sleep(0.3)  # the other worker, which works, is somewhere else by then
    if before & set(rows(gateway.database_url, BETWEEN_STATEMENTS)):
        return True
    os.kill(worker, signal.SIGCONT)
    time.sleep(0.1)
    return False


@pytest.mark.req("R93", "R45")
def test_workers_that_sleep_at_any_instant_lose_nothing_and_tell_nothing_twice(on_postgresql: Gateway, mails: Mailbox) -> None:
    gateway = on_postgresql
    gateway.wrapper, gateway.arguments = "short_lease.py", ("--processes", "2")
    gateway.environment = {**gateway.environment, "FAULT_LEASE": "1"}
    gateway.start()
    workers = eventually(lambda: pair if len(pair := gateway.children("work")) == 2 else None)
    assert workers
    instants = random.Random(SEED)
    print(f"seed {SEED}")
    load = Load((gateway.port,), pause=0.05)
    for number in range(ROUNDS):
        with load.sending():
            time.sleep(instants.uniform(0.1, 0.5))
            os.kill(workers[number % 2], signal.SIGSTOP)
            time.sleep(2.2)
            os.kill(workers[number % 2], signal.SIGCONT)
    settle(gateway.database_url)
    check(gateway.database_url, load, mails)
