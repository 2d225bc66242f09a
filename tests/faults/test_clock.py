"""The clock steps back by an hour, or an hour ahead, under load: what comes in is told at once all the same."""

import pytest
from sqlalchemy import select

from gateway.storage.tables import events
from tests.acceptance.conftest import Mailbox, eventually
from tests.faults.record import check, rows, settle
from tests.faults.running import Gateway
from tests.faults.senders import Load

pytestmark = pytest.mark.faults
HOUR = 3600
SOON = 10.0
"""Seconds; far less than the clock stepped."""


@pytest.mark.req("R18")
@pytest.mark.parametrize("step", [-HOUR, HOUR], ids=["back", "ahead"])
def test_a_clock_that_steps_holds_up_nothing(gateway: Gateway, mails: Mailbox, step: int) -> None:
    gateway.wrapper = "shifted_clock.py"
    gateway.start()
    load = Load((gateway.port,))
    clock = gateway.directory / "clock"
    with load.sending():
        eventually(lambda: len(load.accepted) > 50, 20)
        clock.with_suffix(".new").write_text(str(step), encoding="utf-8")
        clock.with_suffix(".new").rename(clock)
        stepped = len(load.accepted)
        eventually(lambda: len(load.accepted) > stepped + 50, 20)
    settle(gateway.database_url, SOON)
    check(gateway.database_url, load, mails)
    received = sorted(row.received_at for row in rows(gateway.database_url, select(events)))
    assert (received[-1] - received[0]).total_seconds() > HOUR / 2, "the clock did step"
    assert {one.status for one in load.noted} == {202}
    assert gateway.stop() == 0
