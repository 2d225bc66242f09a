"""From a webhook's scheduled instant to its being in a person's inbox, at a constant load."""

from tests.bench.bench import Bench
from tests.bench.figures import Figure
from tests.bench.knobs import SOLO_EVERY


def measure(bench: Bench) -> list[Figure]:
    """p50 and p95 on each engine, over the requests that are of a flow of their own."""
    figures: list[Figure] = []
    for engine in bench.engines:
        with bench.installed(engine) as installation, installation.serving() as server:
            bench.constant_load(server, bench.dealer.deal(bench.knobs.rate))  # a second of warming up
            deck = bench.dealer.deal(bench.knobs.rate * bench.knobs.steady, solo_every=SOLO_EVERY)
            found = bench.constant_load(server, deck, solo_every=SOLO_EVERY)
        figures += [Figure(f"visible {engine.name}: {one}", found["visible_ms"][one], "ms", detail=found) for one in ("p50", "p95")]
        figures.append(Figure(f"visible {engine.name}: never seen", found["polls"]["never_seen"], f"of {deck.count // SOLO_EVERY}"))
    return figures
