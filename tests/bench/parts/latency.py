"""How long a sender waits for its 202 at a constant load, with the engine at work on what it sends."""

from tests.bench.bench import Bench
from tests.bench.counters import counters
from tests.bench.figures import Figure


def measure(bench: Bench) -> list[Figure]:
    """p50, p95 and p99 on each engine."""
    figures: list[Figure] = []
    for engine in bench.engines:
        with bench.installed(engine) as installation, installation.serving() as server:
            bench.constant_load(server, bench.dealer.deal(bench.knobs.rate))  # a second of warming up
            found = bench.constant_load(server, bench.dealer.deal(bench.knobs.rate * bench.knobs.steady))
            found["waiting_afterwards"] = counters(server).waiting
        figures += [Figure(f"latency {engine.name}: ack {one}", found["ack_ms"][one], "ms", detail=found) for one in ("p50", "p95", "p99")]
        figures.append(Figure(f"latency {engine.name}: client's own lateness p99", found["client_lateness_ms"]["p99"], "ms"))
        figures.append(Figure(f"latency {engine.name}: events left waiting", found["waiting_afterwards"], ""))
    return figures
