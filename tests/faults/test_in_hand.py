"""What a worker holds when storage fails is done as soon as storage is back, not when its lease ends."""

import os
import signal
import time
from collections.abc import Callable

import pytest

from tests.acceptance.conftest import Mailbox
from tests.faults.disk import SmallDisk
from tests.faults.record import check, settle
from tests.faults.running import Gateway
from tests.faults.senders import Load
from tests.faults.servers import Postgresql

pytestmark = pytest.mark.faults
LEASE, SOON, OUT_OF_ORDER = 120, 30, 3
"""Seconds."""


@pytest.mark.req("R93", "R18")
@pytest.mark.parametrize("place", ["mapped", "sent"])
def test_what_was_in_hand_when_the_disk_filled_is_done_once_there_is_room(
    on_sqlite: Gateway, small_disk: SmallDisk, mails: Mailbox, place: str
) -> None:
    on_sqlite.environment = {"TOCSIN_DATABASE_URL": f"sqlite:///{small_disk.path / 'tocsin.db'}"}
    _fails_while_in_hand(on_sqlite, place, small_disk.fill, small_disk.clear, mails)


@pytest.mark.req("R93", "R18")
@pytest.mark.parametrize("place", ["mapped", "sent"])
def test_what_was_in_hand_when_postgresql_stopped_is_done_once_it_is_back(
    on_postgresql: Gateway, postgresql: Postgresql, mails: Mailbox, place: str
) -> None:
    _fails_while_in_hand(on_postgresql, place, lambda: postgresql.stop("immediate"), postgresql.start, mails)


def _fails_while_in_hand(gateway: Gateway, place: str, fail: Callable[[], None], mend: Callable[[], None], mails: Mailbox) -> None:
    gateway.wrapper = "sleepy.py"
    gateway.environment = {**gateway.environment, "FAULT_ASLEEP_AT": place, "FAULT_LEASE": str(LEASE)}
    gateway.start()
    load = Load((gateway.port,), most=1, senders=1)
    with load.sending():
        pass
    sleeper = gateway.asleep()
    fail()
    try:
        os.kill(sleeper, signal.SIGCONT)
        time.sleep(OUT_OF_ORDER)
    finally:
        mend()
    settle(gateway.database_url, SOON)
    check(gateway.database_url, load, mails)
    subjects = [str(mail["Subject"]) for mail in mails.all()]
    assert len([one for one in subjects if not one.endswith(": system")]) == 1, "beside what it may say of its own disk"
