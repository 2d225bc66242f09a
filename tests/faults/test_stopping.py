"""SIGTERM under load: what was taken is kept, who comes late is refused, and it is over within ten seconds."""

import time

import pytest

from tests.acceptance.conftest import Mailbox, eventually
from tests.faults.record import check, settle
from tests.faults.running import Gateway
from tests.faults.senders import Load

pytestmark = pytest.mark.faults


@pytest.mark.req("R18")
def test_stopping_under_load_keeps_what_was_taken_and_refuses_the_rest(gateway: Gateway, mails: Mailbox) -> None:
    gateway.start()
    load = Load((gateway.port,), insists=False, pause=0.005)
    with load.sending():
        eventually(lambda: len(load.accepted) > 100)
        began = time.monotonic()
        assert gateway.stop() == 0
        ended = time.monotonic()
        time.sleep(0.5)
    assert ended - began < 10
    assert gateway.left() == []
    assert [one for one in load.noted if one.status >= 500 and not one.retry_after] == []
    assert {one.status for one in load.noted} <= {202, 503, 0}
    late = [one for one in load.noted if one.began > ended]
    assert late
    assert {one.status for one in late} == {0}
    assert max(one.seconds for one in late) < 1, "refused, not left waiting"
    gateway.start()
    settle(gateway.database_url)
    check(gateway.database_url, load, mails)
