"""What is counted, in Prometheus' terms; served at `/metrics`. Labels never hold a secret or a stranger's text."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REGISTRY: Final = CollectorRegistry()

ACCEPTED: Final = Counter("tocsin_events_accepted", "Requests answered 2xx", ["kind", "answer"], registry=REGISTRY)
REFUSED: Final = Counter("tocsin_requests_refused", "Requests refused for their credential or body", ["kind", "reason"], registry=REGISTRY)
PROCESSED: Final = Counter("tocsin_events_processed", "Events whose processing ended", ["kind", "outcome"], registry=REGISTRY)
DELIVERED: Final = Counter("tocsin_deliveries", "Attempts to deliver", ["channel", "outcome"], registry=REGISTRY)
QUEUE_AGE: Final = Gauge("tocsin_processing_lag_seconds", "How long the last processed event had waited", registry=REGISTRY)
BATCH_SECONDS: Final = Histogram("tocsin_processing_batch_seconds", "Mapping and recording one batch of events", registry=REGISTRY)


def exposition() -> bytes:
    """All metrics in the text format of Prometheus."""
    return generate_latest(REGISTRY)
