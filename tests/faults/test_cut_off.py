"""A gateway is cut off from the database by the network, and the cut is healed: the other takes over, and nothing is done twice."""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from gateway.storage.tables import events, processing
from tests.acceptance.conftest import ROOT, Mailbox, call, eventually, free_port
from tests.faults.conftest import CONFIGURATION, on_database
from tests.faults.networks import DATABASE, HERE, Cluster, cluster
from tests.faults.record import check, rows, settle
from tests.faults.running import Gateway
from tests.faults.senders import Load
from tests.faults.servers import Postgresql

pytestmark = pytest.mark.faults
PATIENCE = 5
"""Seconds within which senders are answered, also on a busy machine: it is not the network's patience, which is minutes."""
CUT_FOR = 8
"""Seconds, longer than the leases of this test."""


@dataclass
class Apart:
    """A database and two gateways, each on a machine of its own."""

    net: Cluster
    a: Gateway
    b: Gateway
    mails: Mailbox


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Apart]:
    """The database runs; the gateways do not yet."""
    home, postbox = Path(tempfile.mkdtemp(prefix="tocsin-faults-")), tmp_path / "mail"
    postbox.mkdir()
    with cluster() as net:
        server = Postgresql.made(home)
        server.address, server.within = net.behind(DATABASE), (*net.within(DATABASE), "runuser", "-u", "postgres", "--")
        with (home / "data" / "pg_hba.conf").open("a", encoding="utf-8") as rules:
            rules.write(f"host all all {net.net}.0.0/24 trust\n")
        server.start()
        smtp_port, ours = free_port(), net.before("a", HERE)
        program = [sys.executable, str(ROOT / "tests" / "acceptance" / "smtp_server.py"), str(postbox), str(smtp_port), ours]
        mail_server = subprocess.Popen(program, stdout=subprocess.PIPE, text=True)
        assert mail_server.stdout
        assert mail_server.stdout.readline().strip() == "ready"
        environment = on_database(server.database("cluster")) | {
            "TOCSIN_SMTP_URL": f"smtp://{ours}:{smtp_port}", "FAULT_LEASE": "4", "TOCSIN_PUBLIC_URL": "https://tocsin.acme.test"
        }  # fmt: skip
        gateways = []
        for machine in ("a", "b"):
            directory = tmp_path / machine
            directory.mkdir()
            (directory / "tocsin.toml").write_text(CONFIGURATION, encoding="utf-8")
            gateways.append(Gateway(directory, 8080, smtp_port, environment, within=net.within(machine), address=net.before(machine)))
            gateways[-1].wrapper = "short_lease.py"
        try:
            yield Apart(net, *gateways, Mailbox(postbox))
        finally:
            for one in gateways:
                one.end()
            mail_server.terminate()
            mail_server.wait(10)
            server.stop("immediate")
    shutil.rmtree(home, ignore_errors=True)


def took(gateway: Gateway) -> int:
    """How many requests it accepted since its start."""
    exposition = call(f"{gateway.url}/metrics").body
    return int(sum(float(one) for one in re.findall(r"^tocsin_events_accepted_total\{.*\} (\S+)$", exposition, re.MULTILINE)))


def unprocessed(url: str, before: datetime) -> int:
    """How many of the events that had come by then are not processed yet."""
    came = (
        select(func.count()).select_from(processing).join(events, events.c.id == processing.c.event_id).where(events.c.received_at < before)
    )
    return int(rows(url, came.where(processing.c.status == "waiting"))[0][0])


@pytest.mark.req("R18", "R45", "R93")
def test_a_gateway_cut_off_says_so_the_other_takes_over_and_healed_it_goes_on(apart: Apart) -> None:
    for one in (apart.a, apart.b):
        one.start()
    database = apart.a.database_url
    load = Load((8080,), addresses=(apart.a.address, apart.b.address), pause=0.05)
    with load.sending():
        eventually(lambda: took(apart.a) > 30 and took(apart.b) > 30, 30)
        with apart.net.cut("b"):
            cut, then, before = time.monotonic(), datetime.now(UTC), took(apart.a)
            time.sleep(CUT_FOR)
            assert call(f"{apart.b.url}/healthz").status == 200, "it lives"
            assert call(f"{apart.b.url}/readyz").status == 503, "and says that it can do nothing"
            assert took(apart.a) > before + 30, "the other goes on"
            eventually(lambda: unprocessed(database, then) == 0, 40)  # what the one that is away held as well
        healed, before = time.monotonic(), took(apart.b)
        eventually(lambda: took(apart.b) > before + 30, 40)
    refused = [one for one in load.noted if one.status == 503]
    assert {one.status for one in load.noted} <= {200, 202, 503}
    assert [one for one in refused if cut < one.began < healed]
    assert [one for one in refused if not one.retry_after] == []
    assert max(one.seconds for one in load.noted) < PATIENCE, "nobody waits for the network"
    settle(database)
    check(database, load, apart.mails)
    assert call(f"{apart.b.url}/readyz").status == 200, "healed by itself"
    for one in (apart.a, apart.b):
        assert one.stop() == 0
