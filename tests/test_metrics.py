"""What is counted: the page says all of it, and what is counted together is counted right."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.parser import text_string_to_metric_families

from gateway import metrics
from gateway.app import add_operating_routes
from gateway.storage import working
from gateway.storage.database import Database
from gateway.storage.working import Process
from tests.builders import House, failure
from tests.conftest import NOW, Clock

pytestmark = pytest.mark.req("R95")
PAGE = Path(__file__).parent.parent / "docs" / "operate.md"


async def scraped(database: Database, clock: Clock) -> str:
    app = web.Application()
    add_operating_routes(app.router, database, clock)
    async with TestClient(TestServer(app)) as client:
        answer = await client.get("/metrics")
        assert answer.status == 200
        return await answer.text()


def families(text: str) -> dict[str, set[str]]:
    """Metric → its labels, as far as it has been counted."""
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        if family.name.endswith("_created"):  # only where one process counts for itself
            continue
        name = f"{family.name}_total" if family.type == "counter" else family.name
        found.setdefault(name, set())
        for sample in family.samples:
            found[name] |= sample.labels.keys() - {"le"}
    return found


def declared() -> dict[str, set[str]]:
    """Metric → its labels, of everything the processes count themselves."""
    found = {}
    for one in vars(metrics).values():
        if isinstance(one, metrics.Counter | metrics.Gauge | metrics.Histogram):
            name = f"{one._name}_total" if isinstance(one, metrics.Counter) else one._name
            found[name] = set(one._labelnames)
    return found


async def test_the_page_names_every_metric_with_its_labels(database: Database, clock: Clock) -> None:
    house = House(database, clock)
    house.user("ana@acme.test")
    house.say(failure())
    with database.writing() as transaction:
        working.live(transaction, Process("p", "host", 1, "1", "k", NOW), idle={"deliver": 1.0}, now=clock())
    exposed = families(await scraped(database, clock))
    told = dict(re.findall(r"^\| `(tocsin_\w+)` \|([^|]*)\|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in told.items()} == {**declared(), **{
        name: labels for name, labels in exposed.items() if name not in declared()
    }}  # fmt: skip


async def test_durations_that_are_added_together_are_as_if_each_had_been_observed(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = [0.0, 0.001, 0.0011, 0.3, 5.0, 99.0]
    together, alone = (
        Histogram("tocsin_of_a_test", "", ["source"], registry=CollectorRegistry(), buckets=(0.001, 0.5, 10.0)) for _ in range(2)
    )
    monkeypatch.setattr(metrics, "TALLIED_FOR", 0.01)
    durations = metrics.Durations(together)
    for seconds in seen:
        durations.add("acme/etl", seconds)
        alone.labels("acme/etl").observe(seconds)
    await asyncio.sleep(0.1)

    def samples(histogram: Histogram) -> list[tuple[str, object, float]]:
        return [(one.name, one.labels, one.value) for family in histogram.collect() for one in family.samples if "_created" not in one.name]

    assert samples(together) == samples(alone)
    assert samples(together)[-1][2] == pytest.approx(sum(seen))


async def test_without_its_database_a_machine_says_so_and_goes_on_counting(tmp_path: Path, clock: Clock) -> None:
    missing = Database(f"sqlite:///{tmp_path / 'nowhere' / 'tocsin.db'}")
    try:
        text = await scraped(missing, clock)
    finally:
        missing.close()
    assert "tocsin_storage_up 0.0" in text
    assert "tocsin_queue_depth" not in text
    assert "tocsin_processing_batch_seconds_count" in text


def test_no_command_counts_before_it_is_said_where() -> None:
    """The library decides when it is imported whether processes count together; and a short command is not to wait for it."""
    script = "import sys, gateway.cli, gateway.storage.database, gateway.cli.common; assert 'prometheus_client' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)
