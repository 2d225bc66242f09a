"""What is counted, in Prometheus' terms; served at `/metrics`. Labels never hold a secret or a stranger's text.

Processes that are forked count together where `SHARED_BY` names a directory before this module is imported:
https://prometheus.github.io/client_python/multiprocess/
"""

import asyncio
import os
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

SHARED_BY: Final = "PROMETHEUS_MULTIPROC_DIR"
TALLIED_FOR: Final = 0.25
"""Seconds."""
REGISTRY: Final = CollectorRegistry()

ACCEPTED: Final = Counter("tocsin_events_accepted", "Requests answered 2xx", ["kind", "answer"], registry=REGISTRY)
REFUSED: Final = Counter("tocsin_requests_refused", "Requests refused for their credential or body", ["kind", "reason"], registry=REGISTRY)
PROCESSED: Final = Counter("tocsin_events_processed", "Events whose processing ended", ["kind", "outcome"], registry=REGISTRY)
DELIVERED: Final = Counter("tocsin_deliveries", "Attempts to deliver", ["channel", "outcome"], registry=REGISTRY)
FOLLOWED_UP: Final = Counter(
    "tocsin_follow_ups", "Questions asked of senders' APIs because an event said too little", ["kind", "operation", "outcome"],
    registry=REGISTRY,
)  # fmt: skip
RECONCILED: Final = Counter("tocsin_runs_reconciled", "Ended runs whose webhook never came", ["kind"], registry=REGISTRY)
SIGN_INS: Final = Counter(
    "tocsin_sign_ins", "Attempts to sign in by a link or a provider, and credentials that were refused", ["by", "outcome"],
    registry=REGISTRY,
)  # fmt: skip
SUMMARIZED: Final = Counter("tocsin_summaries", "Failures that were read", ["origin", "why_not"], registry=REGISTRY)
TOKENS: Final = Counter("tocsin_model_tokens", "Tokens that a model was sent and gave", ["direction"], registry=REGISTRY)
QUEUE_AGE: Final = Gauge(
    "tocsin_processing_lag_seconds", "How long the last processed event had waited", multiprocess_mode="mostrecent", registry=REGISTRY
)
FAN_OUT_AGE: Final = Gauge(
    "tocsin_fan_out_lag_seconds", "How long the oldest news on its way through a large team has been", multiprocess_mode="mostrecent",
    registry=REGISTRY,
)  # fmt: skip
WATCHING: Final = Gauge("tocsin_live_streams", "Open streams of live pages", multiprocess_mode="livesum", registry=REGISTRY)
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


def exposition() -> bytes:
    """All metrics of this process and its siblings in the text format of Prometheus."""
    if SHARED_BY not in os.environ:
        return generate_latest(REGISTRY)
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return generate_latest(together)
