"""What is counted, in Prometheus' terms; served at `/metrics`. Labels never hold a secret or a stranger's text.

Processes that are forked count together where `SHARED_BY` names a directory before this module is imported:
https://prometheus.github.io/client_python/multiprocess/
"""

import asyncio
import os
from bisect import bisect_left
from collections import Counter as Counts
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

SHARED_BY: Final = "PROMETHEUS_MULTIPROC_DIR"
TALLIED_FOR: Final = 0.25
"""Seconds."""
REGISTRY: Final = CollectorRegistry()

ACCEPTED: Final = Counter("tocsin_events_accepted", "Requests answered 2xx", ["source", "kind", "answer"], registry=REGISTRY)
REFUSED: Final = Counter(
    "tocsin_requests_refused", "Requests refused for their credential or body", ["source", "kind", "reason"], registry=REGISTRY
)
UNSTORED: Final = Counter("tocsin_requests_unstored", "Requests answered 503 because they could not be stored", registry=REGISTRY)
ANSWER_SECONDS: Final = Histogram(
    "tocsin_answer_seconds", "From the head of a sender's request to its answer", ["source"], registry=REGISTRY,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
)  # fmt: skip
PROCESSED: Final = Counter("tocsin_events_processed", "Events whose processing ended", ["kind", "outcome"], registry=REGISTRY)
EVENT_SECONDS: Final = Histogram(
    "tocsin_event_wait_seconds", "From arrival to record, of events that arrived just now", registry=REGISTRY,
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0),
)  # fmt: skip
DELIVERED: Final = Counter("tocsin_deliveries", "Attempts to deliver", ["channel", "outcome"], registry=REGISTRY)
MAIL_SECONDS: Final = Histogram(
    "tocsin_mail_handover_seconds", "Handing one mail to the mail server", registry=REGISTRY,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0),
)  # fmt: skip
FOLLOWED_UP: Final = Counter(
    "tocsin_follow_ups", "Questions asked of senders' APIs because an event said too little", ["kind", "operation", "outcome"],
    registry=REGISTRY,
)  # fmt: skip
RECONCILED: Final = Counter("tocsin_runs_reconciled", "Ended runs whose webhook never came", ["kind"], registry=REGISTRY)
SIGN_INS: Final = Counter(
    "tocsin_sign_ins", "Attempts to sign in by a link or a provider, and credentials that were refused", ["by", "outcome"],
    registry=REGISTRY,
)  # fmt: skip
READ_SECONDS: Final = Histogram(
    "tocsin_summary_seconds", "Reading one failure, the model's answer included", registry=REGISTRY,
    buckets=(0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)  # fmt: skip
SUMMARIZED: Final = Counter("tocsin_summaries", "Failures that were read", ["origin", "why_not"], registry=REGISTRY)
TOKENS: Final = Counter("tocsin_model_tokens", "Tokens that a model was sent and gave", ["direction"], registry=REGISTRY)
CHECKED: Final = Counter("tocsin_checks", "Looks at watched databases and probed services", ["kind", "outcome"], registry=REGISTRY)
HEARTBEATS: Final = Counter("tocsin_heartbeats", "Heartbeats to the outside monitor", ["outcome"], registry=REGISTRY)
QUEUE_AGE: Final = Gauge(
    "tocsin_processing_lag_seconds", "How long the last processed event had waited", multiprocess_mode="mostrecent", registry=REGISTRY
)
FAN_OUT_AGE: Final = Gauge(
    "tocsin_fan_out_lag_seconds", "How long the oldest news on its way through a large team has been", multiprocess_mode="mostrecent",
    registry=REGISTRY,
)  # fmt: skip
WATCHING: Final = Gauge("tocsin_live_streams", "Open streams of live pages", multiprocess_mode="livesum", registry=REGISTRY)
MONITORS: Final = Gauge(
    "tocsin_monitors", "Monitors by what people were told", ["state"], multiprocess_mode="mostrecent", registry=REGISTRY
)
SCAN_LAG: Final = Gauge(
    "tocsin_monitor_scan_lag_seconds", "How long the monitor that is due the longest has been", multiprocess_mode="mostrecent",
    registry=REGISTRY,
)  # fmt: skip
LATENESS: Final = Counter("tocsin_monitor_verdicts", "What looking at a monitor came to", ["reason"], registry=REGISTRY)
CONNECTIONS: Final = Gauge(
    "tocsin_database_connections", "Connections to the database that are in use", multiprocess_mode="livesum", registry=REGISTRY
)
FAILED_STEPS: Final = Counter("tocsin_worker_failed_steps", "Steps of workers that failed", ["worker"], registry=REGISTRY)
BATCH_SECONDS: Final = Histogram("tocsin_processing_batch_seconds", "Mapping and recording one batch of events", registry=REGISTRY)


class Tally:
    """Counts that are added to a counter together: the counter itself takes a lock and a file, too much while senders wait."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._counts: dict[tuple[str, ...], int] = {}

    def add(self, *labels: str) -> None:
        """One more."""
        if not self._counts:
            asyncio.get_running_loop().call_later(TALLIED_FOR, self._flush)
        self._counts[labels] = self._counts.get(labels, 0) + 1

    def _flush(self) -> None:
        counts, self._counts = self._counts, {}
        for labels, count in counts.items():
            self._counter.labels(*labels).inc(count)


class Durations:
    """Durations that are added to a histogram together, for the same reason."""

    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram
        self._seen: dict[str, list[float]] = {}

    def add(self, label: str, seconds: float) -> None:
        """One more."""
        if not self._seen:
            asyncio.get_running_loop().call_later(TALLIED_FOR, self._flush)
        self._seen.setdefault(label, []).append(seconds)

    def _flush(self) -> None:
        """The library observes one at a time, and writes two values to a file for each; a bucket can be added to at once."""
        seen, self._seen = self._seen, {}
        for label, durations in seen.items():
            child = self._histogram.labels(label)
            counts = Counts(bisect_left(child._upper_bounds, seconds) for seconds in durations)
            child._sum.inc(sum(durations))
            for place, count in counts.items():
                child._buckets[place].inc(count)


def bury(pid: int) -> None:
    """What a process that ended held is held no more; what it counted stays."""
    if SHARED_BY in os.environ:
        mark_process_dead(pid)  # type: ignore[no-untyped-call]


def exposition() -> bytes:
    """All metrics of this process and its siblings in the text format of Prometheus."""
    if SHARED_BY not in os.environ:
        return generate_latest(REGISTRY)
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return generate_latest(together)
