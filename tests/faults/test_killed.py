"""Killed at any instant under load, whoever it is: what was answered 2xx is told once, and nobody is left behind."""

import os
import random
import signal
import time
from collections.abc import Callable

import pytest

from tests.acceptance.conftest import Mailbox, eventually
from tests.faults.conftest import ROUNDS
from tests.faults.record import check, settle
from tests.faults.running import Gateway
from tests.faults.senders import Load

pytestmark = pytest.mark.faults
SEED = 20260302


def _kill_supervisor(gateway: Gateway) -> None:
    assert gateway.process
    others = gateway.children()
    gateway.process.kill()
    gateway.process.wait()
    gateway.start()
    eventually(lambda: not set(others) & set(gateway.left()), 5)


def _kill_web(gateway: Gateway) -> None:
    _kill_child(gateway, "web")


def _kill_work(gateway: Gateway) -> None:
    _kill_child(gateway, "work")


def _kill_child(gateway: Gateway, role: str) -> None:
    (pid,) = eventually(lambda: gateway.children(role))
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: gateway.children(role) not in ([], [pid]), 10)


def _kill_all(gateway: Gateway) -> None:
    gateway.kill_all()
    gateway.start()


VICTIMS: tuple[Callable[[Gateway], None], ...] = (_kill_supervisor, _kill_web, _kill_work, _kill_all)


@pytest.mark.req("R18", "R93", "R83")
def test_killed_at_any_instant_nothing_acknowledged_is_lost_and_nothing_is_told_twice(gateway: Gateway, mails: Mailbox) -> None:
    gateway.wrapper, gateway.environment = "short_lease.py", {**gateway.environment, "FAULT_LEASE": "3"}
    gateway.start()
    instants = random.Random(SEED)
    print(f"seed {SEED}")
    load = Load((gateway.port,), pause=0.02)
    for number in range(ROUNDS):
        pause = instants.uniform(0.05, 1.0)
        victim = VICTIMS[number % len(VICTIMS)]
        print(f"round {number}: {victim.__name__} after {pause:.3f} s")
        with load.sending():
            eventually(gateway.is_healthy)
            time.sleep(pause)
            victim(gateway)
    settle(gateway.database_url)
    check(gateway.database_url, load, mails)
    assert gateway.stop() == 0
    assert eventually(lambda: gateway.left() == [], 5)
    gateway.start()  # on the same port
    assert gateway.stop() == 0
