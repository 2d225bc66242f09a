"""The disk is full: senders are told to come back, and once there is room they are taken, with nothing lost or broken."""

import sqlite3

import pytest

from tests.acceptance.conftest import Mailbox, eventually
from tests.faults.disk import SmallDisk
from tests.faults.record import check, settle
from tests.faults.running import Gateway
from tests.faults.senders import Load

pytestmark = pytest.mark.faults


@pytest.mark.req("R18")
@pytest.mark.parametrize("shared", [False, True], ids=["data-alone", "temporary-files-too"])
def test_a_full_disk_refuses_senders_until_there_is_room_and_loses_nothing(
    on_sqlite: Gateway, small_disk: SmallDisk, mails: Mailbox, shared: bool
) -> None:
    gateway = on_sqlite
    gateway.environment = {"TOCSIN_DATABASE_URL": f"sqlite:///{small_disk.path / 'tocsin.db'}"}
    if shared:
        gateway.environment["TMPDIR"] = str(small_disk.path)
    gateway.start()
    load = Load((gateway.port,))
    with load.sending():
        eventually(lambda: len(load.accepted) > 20, 20)
        before = gateway.children()
        small_disk.fill()
        eventually(lambda: len([one for one in load.noted if one.status == 503]) > 30, 20)
        assert gateway.is_healthy()
        small_disk.clear()
        there_is_room = len(load.accepted)
        eventually(lambda: len(load.accepted) > there_is_room + 20, 20)
    assert gateway.children() == before, "nobody died of it"
    settle(gateway.database_url, 90)
    assert {one.status for one in load.noted} <= {200, 202, 503}
    assert [one for one in load.noted if one.status == 503 and not one.retry_after] == []
    check(gateway.database_url, load, mails)
    assert gateway.stop() == 0
    for name in ("tocsin.db", "tocsin.journal.db"):
        with sqlite3.connect(small_disk.path / name) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
