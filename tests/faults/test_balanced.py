"""Two gateways on PostgreSQL, with PgBouncer behind them and a balancer before them."""

import http.client
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.acceptance.conftest import Mailbox, call, eventually
from tests.acceptance.streaming import streaming
from tests.faults import balancers
from tests.faults.conftest import CONFIGURATION, on_database
from tests.faults.record import check, settle
from tests.faults.running import Gateway
from tests.faults.senders import PATH, Load
from tests.faults.servers import Postgresql, pgbouncer

pytestmark = pytest.mark.faults
DRAINS = 4
"""Seconds; the balancer looks each second and believes the second failure."""
SIGNED = 'auth = { hmac = { header = "X-Signature", secrets = ["env:HOOK"] } }'
BALANCERS = pytest.mark.parametrize("balancer", [balancers.haproxy, balancers.nginx], ids=["haproxy", "nginx"])
Balancer = Callable[..., AbstractContextManager[int]]


@pytest.fixture
def pair(on_postgresql: Gateway, another: Callable[..., Gateway], postgresql: Postgresql) -> Iterator[tuple[Gateway, Gateway]]:
    """Two gateways that run, behind one pooler, whose senders sign."""
    direct, signed = on_postgresql.database_url, CONFIGURATION.replace('auth = { bearer = ["env:HOOK"] }', SIGNED)
    assert signed != CONFIGURATION
    (on_postgresql.directory / "tocsin.toml").write_text(signed, encoding="utf-8")
    with pgbouncer(postgresql, connections=10) as pooler:
        on_postgresql.environment = on_database(f"{pooler}/{direct.rpartition('/')[2]}") | {
            "TOCSIN_DATABASE_LISTEN_URL": direct, "TOCSIN_TRUSTED_PROXIES": "127.0.0.1/32", "TOCSIN_DRAIN_SECONDS": str(DRAINS),
            "FAULT_LEASE": "4",
        }  # fmt: skip
        both = on_postgresql, another(on_postgresql)
        for one in both:
            one.wrapper = "short_lease.py"
            one.start()
        yield both
        for one in both:
            one.end()


def ready(gateway: Gateway) -> int:
    """How `/readyz` answers; 0 where nothing does."""
    try:
        return call(f"{gateway.url}/readyz").status
    except OSError:
        return 0


@pytest.mark.req("R15", "R18", "R45", "R93")
def test_a_restart_that_rolls_through_both_under_load_is_noticed_by_no_sender(
    pair: tuple[Gateway, Gateway], tmp_path: Path, mails: Mailbox, postgresql: Postgresql
) -> None:
    with balancers.haproxy(tmp_path, [one.port for one in pair]) as port:
        load = Load((port,), signs=True, pause=0.05)
        with load.sending():
            for one in pair:
                before = len(load.accepted)
                eventually(lambda before=before: len(load.accepted) > before + 50, 30)
                assert one.stop() == 0
                assert one.left() == []
                one.start()
                eventually(lambda one=one: ready(one) == 200)
                time.sleep(3)  # until the balancer believes it
        direct = pair[0].environment["TOCSIN_DATABASE_LISTEN_URL"]
        settle(direct)
    assert {one.status for one in load.noted} == {202}, "each was taken, at once, and told so"
    check(direct, load, mails)


@pytest.mark.req("R18", "R93")
def test_before_it_ends_it_says_so_and_takes_what_still_comes(on_postgresql: Gateway) -> None:
    on_postgresql.environment = {**on_postgresql.environment, "TOCSIN_DRAIN_SECONDS": "3"}
    on_postgresql.start()
    assert ready(on_postgresql) == 200
    assert on_postgresql.process
    on_postgresql.process.terminate()
    eventually(lambda: ready(on_postgresql) == 503, 2)
    assert call(f"{on_postgresql.url}/healthz").status == 200
    assert on_postgresql.send("prefect", "prefect/webhook-event-tojson-failed").status == 202
    assert on_postgresql.process.wait(15) == 0
    assert ready(on_postgresql) == 0


@pytest.mark.req("R93")
@BALANCERS
def test_a_gateway_that_is_killed_costs_no_sender_more_than_a_repeat(
    pair: tuple[Gateway, Gateway], tmp_path: Path, mails: Mailbox, balancer: Balancer
) -> None:
    with balancer(tmp_path, [one.port for one in pair]) as port:
        load = Load((port,), signs=True, pause=0.02)
        with load.sending():
            eventually(lambda: len(load.accepted) > 100, 30)
            pair[1].kill_all()
            before = len(load.accepted)
            eventually(lambda: len(load.accepted) > before + 100, 30)
            pair[1].start()
        settle(pair[0].environment["TOCSIN_DATABASE_LISTEN_URL"], 120)
    assert {one.status for one in load.noted} <= {0, 200, 202, 502, 503}, "0: hung up on, on a connection that served before"
    check(pair[0].environment["TOCSIN_DATABASE_LISTEN_URL"], load, mails)


@pytest.mark.req("R99")
@BALANCERS
def test_the_sender_is_who_the_balancer_saw_whatever_the_sender_claims(
    pair: tuple[Gateway, Gateway], tmp_path: Path, balancer: Balancer
) -> None:
    with balancer(tmp_path, [one.port for one in pair]) as port:
        for place in ("127.0.0.7", "127.0.0.8"):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10, source_address=(place, 0))
            connection.request("POST", PATH, body=b"{}", headers={"X-Signature": "00", "X-Forwarded-For": "203.0.113.9, 127.0.0.1"})
            assert connection.getresponse().status == 401
            connection.close()
        refused = eventually(lambda: (found := pair[0].api("/api/rejections").body["items"]) and len(found) == 2 and found)
        assert {one["remote"] for one in refused} == {"127.0.0.7", "127.0.0.8"}
        assert call(f"http://127.0.0.1:{port}/metrics").status == 404, "what names the sources stays inside"


@pytest.mark.req("R67", "R93")
@BALANCERS
def test_open_pages_hear_through_the_balancer_and_are_handed_over_when_a_gateway_ends(
    pair: tuple[Gateway, Gateway], tmp_path: Path, balancer: Balancer
) -> None:
    with balancer(tmp_path, [one.port for one in pair]) as port:
        front = replace(pair[0], port=port, sessions=[])
        with streaming(front) as ana:
            began, load = time.monotonic(), Load((port,), senders=1, most=1, signs=True)
            with load.sending():
                pass
            ana.next(began, "changed", 20)
            began = time.monotonic()
            ana.next(began, "beat", 40)  # nothing in between held it up or hung up
            for one in pair:
                assert one.process
                one.process.terminate()  # both, for who knows where this page's stream is
            assert [one.process.wait(20) for one in pair if one.process] == [0, 0]
            eventually(lambda: ana.ended, 10)
            for one in pair:
                one.start()
            eventually(lambda: call(f"http://127.0.0.1:{port}/healthz").status == 200)  # once the balancer believes it
        with streaming(front) as again:
            assert again.since(0, "resync"), "and looks at everything"
