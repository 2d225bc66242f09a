"""What is measured in the database when somebody asks: the queues, and who works. The same on every machine of an installation."""

import asyncio
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.storage import queues, working
from gateway.storage.database import Database, StorageUnavailable, Transaction
from gateway.storage.queues import Mails, Queue
from gateway.storage.working import Seen

FRESH_FOR: Final = 5.0
"""Seconds for which what was measured is given again: however many ask, the database is asked once."""
WITHIN: Final = 2.0
"""Seconds within which it must be measured."""
ALIVE_WITHIN: Final = timedelta(seconds=45)
"""How long ago the last sign of life of a process that lives may be: three were missed then."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found."""

    queues: list[Queue]
    mails: list[Mails]
    alive: list[Seen]


class Gauges:
    """Measures at most once in five seconds."""

    def __init__(self, database: Database, clock: Callable[[], datetime], version: str) -> None:
        self._database, self._clock, self._version = database, clock, version
        self._measured: Measured | None = None
        self._measured_at = -FRESH_FOR
        self._turn = asyncio.Lock()

    async def exposition(self) -> bytes:
        """In the text format of Prometheus. Where storage is in trouble, only that."""
        async with self._turn:
            if time.monotonic() - self._measured_at >= FRESH_FOR:
                try:
                    self._measured = await asyncio.wait_for(self._database.read(_measure, self._clock()), WITHIN)
                except (StorageUnavailable, TimeoutError):
                    self._measured = None
                self._measured_at = time.monotonic()
        registry = CollectorRegistry()
        registry.register(_Collector(self._measured, self._version))
        return generate_latest(registry)


class _Collector(Collector):
    def __init__(self, measured: Measured | None, version: str) -> None:
        self._measured, self._version = measured, version

    def collect(self) -> Iterator[Metric]:
        build = GaugeMetricFamily("tocsin_build_info", "Always 1", labels=["version", "python"])
        build.add_metric([self._version, platform.python_version()], 1)
        yield build
        yield GaugeMetricFamily("tocsin_storage_up", "Whether the database could be asked", value=float(self._measured is not None))
        if self._measured is not None:
            yield from _of_queues(self._measured)
            yield from _of_workers(self._measured.alive)


def _of_queues(measured: Measured) -> Iterator[Metric]:
    depth = GaugeMetricFamily("tocsin_queue_depth", "How many wait, counted up to 100,000", labels=["queue"])
    age = GaugeMetricFamily("tocsin_queue_age_seconds", "How long the first that is due has waited", labels=["queue"])
    for queue in measured.queues:
        depth.add_metric([queue.name], queue.depth)
        age.add_metric([queue.name], queue.age.total_seconds())
    mails = GaugeMetricFamily("tocsin_mails_waiting", "Mails that wait", labels=["kind", "urgent"])
    mail_age = GaugeMetricFamily("tocsin_mails_waiting_age_seconds", "How long the first that is due has waited", labels=["kind", "urgent"])
    for mail in measured.mails:
        labels = [mail.kind, "yes" if mail.urgent else "no"]
        mails.add_metric(labels, mail.depth)
        mail_age.add_metric(labels, mail.age.total_seconds())
    yield from (depth, age, mails, mail_age)


def _of_workers(alive: list[Seen]) -> Iterator[Metric]:
    yield GaugeMetricFamily("tocsin_working_processes", "Processes that gave a sign of life within 45 seconds", value=float(len(alive)))
    idle: dict[str, timedelta] = {}
    for one in alive:
        for worker, span in one.idle.items():
            idle[worker] = max(idle.get(worker, timedelta()), span)
    steps = GaugeMetricFamily(
        "tocsin_worker_last_step_seconds", "How long ago a worker last ended a step, where it hangs longest", labels=["worker"]
    )
    for worker, span in sorted(idle.items()):
        steps.add_metric([worker], span.total_seconds())
    yield steps


def _measure(transaction: Transaction, now: datetime) -> Measured:
    waiting, mails = queues.waiting(transaction, now)
    return Measured(waiting, mails, [one for one in working.seen(transaction, now) if one.ago <= ALIVE_WITHIN])
