"""Open pages, while processes die and databases go away: they are told to look at everything, and of what comes after."""

import os
import signal
import time
from collections.abc import Callable

import pytest

from tests.acceptance.conftest import eventually
from tests.acceptance.streaming import Heard, streaming
from tests.faults.running import Gateway
from tests.faults.servers import Postgresql

pytestmark = pytest.mark.faults
FAILED = "prefect/webhook-ui-flowrun-headers-failed"


def fails(gateway: Gateway, flow: str) -> None:
    assert gateway.send("prefect", FAILED, lambda body: body.replace('"orders-etl"', f'"{flow}"')).status == 202


def tells(page: Heard, since: float, unread: int) -> bool:
    """Whether it was told that so many are unread; of what is read of a failure it is told as well."""
    return any(said["counts"]["total"] == unread for said in page.since(since, "changed"))


@pytest.mark.req("R67", "R93")
def test_a_working_process_that_was_killed_leaves_no_page_behind(on_sqlite: Gateway) -> None:
    on_sqlite.start()
    with streaming(on_sqlite) as ana:
        began = time.monotonic()
        fails(on_sqlite, "first")
        ana.next(began, "changed")
        began = time.monotonic()
        os.kill(on_sqlite.children("work")[0], signal.SIGKILL)
        ana.next(began, "resync", 30)
        began = time.monotonic()
        fails(on_sqlite, "second")
        eventually(lambda: tells(ana, began, 2), 30)


@pytest.mark.req("R67", "R93")
def test_pages_at_any_gateway_hear_of_what_any_worker_records(on_postgresql: Gateway, another: Callable[..., Gateway]) -> None:
    on_postgresql.arguments = ("--role", "web")
    on_postgresql.start()
    beside, worker = another(on_postgresql, "--processes", "2"), another(on_postgresql, "--role", "work")
    beside.start()
    worker.start()
    with streaming(on_postgresql) as here, streaming(beside) as there:
        for number in range(5):
            began = time.monotonic()
            fails(on_postgresql, f"flow-{number}")
            for page in (here, there):
                eventually(lambda page=page, number=number, began=began: tells(page, began, number + 1))
        began = time.monotonic()
        marked = on_postgresql.api("/api/notifications/read-all", method="POST")
        assert marked.status == 200
        eventually(lambda: tells(there, began, 0))  # what is done at one is told at the other


@pytest.mark.req("R67", "R93")
def test_pages_are_told_when_the_database_is_away_and_look_at_everything_afterwards(on_postgresql: Gateway, postgresql: Postgresql) -> None:
    on_postgresql.start()
    with streaming(on_postgresql) as ana:
        began = time.monotonic()
        postgresql.stop("immediate")
        try:
            eventually(lambda: {"ok": False} in ana.since(began, "beat"), 40)
        finally:
            began = time.monotonic()
            postgresql.start()
        ana.next(began, "resync", 60)
        eventually(lambda: {"ok": True} in ana.since(began, "beat"), 40)
        began = time.monotonic()
        fails(on_postgresql, "after")
        ana.next(began, "changed", 30)
