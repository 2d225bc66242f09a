"""Many processes on one PostgreSQL: the same request at several doors at once is one event, told once, and without delay."""

import time
from collections.abc import Callable

import pytest

from tests.acceptance.conftest import Mailbox, eventually
from tests.faults.record import check, settle
from tests.faults.running import Gateway
from tests.faults.senders import Load

pytestmark = pytest.mark.faults
TRIES, MOST, SOON = 20, 15, 0.5
"""At least 15 of 20 within half a second: by the poll alone it would be half of them."""


@pytest.mark.req("R15", "R45", "R93")
def test_the_same_request_at_many_doors_at_once_is_one_event_told_once(
    on_postgresql: Gateway, another: Callable[..., Gateway], mails: Mailbox
) -> None:
    on_postgresql.arguments = ("--processes", "3")
    on_postgresql.start()
    beside = another(on_postgresql, "--processes", "2")
    beside.start()
    load = Load((on_postgresql.port, beside.port), copies=8, most=150, pause=0)
    with load.sending():
        pass
    settle(on_postgresql.database_url)
    check(on_postgresql.database_url, load, mails)
    answers = [one.status for one in load.noted]
    assert answers.count(202) == 150, "one of eight is told that it is new"
    assert answers.count(200) == 150 * 7
    assert {(one.number, one.event_id) for one in load.noted} == set(load.accepted.items()), "and all are told the same id"
    for one in (on_postgresql, beside):
        assert one.stop() == 0
        assert one.left() == []


@pytest.mark.req("R93")
def test_roles_are_served_apart_and_wake_each_other(on_postgresql: Gateway, another: Callable[..., Gateway], mails: Mailbox) -> None:
    web, work = on_postgresql, another(on_postgresql, "--role", "work")
    web.arguments = ("--role", "web")
    web.start()
    work.start()
    assert work.send("prefect", "prefect/webhook-event-tojson-failed").status == 404, "who works takes nothing in"
    prompt = 0
    load = Load((web.port,), senders=1, most=0)
    for number in range(TRIES):
        load.most = number + 1
        with load.sending():
            pass
        began = time.monotonic()
        eventually(lambda: web.api("/api/events?status=waiting").body["items"] == [])
        prompt += time.monotonic() - began < SOON
        time.sleep(0.05)
    assert prompt >= MOST
    settle(web.database_url)
    check(web.database_url, load, mails)
    assert [one.stop() for one in (web, work)] == [0, 0]
