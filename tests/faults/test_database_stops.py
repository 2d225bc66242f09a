"""PostgreSQL crashes or hangs up under load, and comes back: senders are told so in time, and nothing that was taken is lost."""

import random
import time

import pytest

from tests.acceptance.conftest import Mailbox, eventually
from tests.faults.conftest import ROUNDS
from tests.faults.record import check, settle
from tests.faults.running import Gateway
from tests.faults.senders import Load
from tests.faults.servers import Postgresql

pytestmark = pytest.mark.faults
SEED = 20260303
PATIENCE = 2.5
"""Seconds within which senders are answered: Prefect and dbt wait longer, but not much."""


def _taken(load: Load, more: int) -> None:
    """Returns once so many more were taken."""
    before = len(load.accepted)
    eventually(lambda: len(load.accepted) > before + more, 20)


@pytest.mark.req("R18", "R81")
@pytest.mark.parametrize("mode", ["immediate", "fast"])
def test_a_database_that_stops_and_comes_back_loses_nothing(
    on_postgresql: Gateway, postgresql: Postgresql, mails: Mailbox, mode: str
) -> None:
    gateway = on_postgresql
    gateway.wrapper, gateway.environment = "short_lease.py", {**gateway.environment, "FAULT_LEASE": "5"}
    gateway.start()
    instants = random.Random(SEED)
    print(f"seed {SEED}")
    load = Load((gateway.port,))
    with load.sending():
        for _ in range(max(ROUNDS // 2, 1)):
            _taken(load, 20)
            time.sleep(instants.uniform(0.05, 0.5))
            postgresql.stop(mode)
            try:
                time.sleep(instants.uniform(0.5, 2.5))
            finally:
                postgresql.start()
    settle(gateway.database_url)
    assert {one.status for one in load.noted} <= {200, 202, 503}
    refused = [one for one in load.noted if one.status == 503]
    assert refused
    assert [one for one in refused if not one.retry_after] == []
    assert max(one.seconds for one in load.noted) < PATIENCE
    check(gateway.database_url, load, mails)
    assert gateway.stop() == 0


@pytest.mark.req("R18")
def test_a_database_that_says_nothing_keeps_nobody_waiting(on_postgresql: Gateway, postgresql: Postgresql, mails: Mailbox) -> None:
    on_postgresql.start()
    load = Load((on_postgresql.port,))
    with load.sending():
        eventually(lambda: len(load.accepted) > 20, 20)
        with postgresql.frozen():
            time.sleep(4)
    settle(on_postgresql.database_url)
    assert {one.status for one in load.noted} <= {200, 202, 503}
    assert [one for one in load.noted if one.status == 503]
    assert max(one.seconds for one in load.noted) < PATIENCE
    check(on_postgresql.database_url, load, mails)
