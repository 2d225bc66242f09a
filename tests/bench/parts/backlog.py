"""How fast a backlog is worked off, and whether senders notice that there is one."""

import json
import sys
import time
from collections.abc import Sequence
from typing import Final

from tests.bench import configuration
from tests.bench.bench import Bench
from tests.bench.counters import Counters, counters
from tests.bench.engines import Engine
from tests.bench.figures import Figure
from tests.bench.knobs import DRAIN_FOR, FILL_WITHIN, PEOPLE
from tests.bench.server import NotServed, Server
from tests.bench.wrk import load

LEAST: Final = 20_000
"""Events that must wait while the constant load is measured beside them."""
TOGETHER_FOR: Final = 8


def measure(bench: Bench) -> list[Figure]:
    """For each engine: the constant load without a backlog, filling, the same load with it, then only working off."""
    return [figure for engine in bench.engines for figure in _measure(bench, engine)]


def _measure(bench: Bench, engine: Engine) -> list[Figure]:
    name, rate = f"backlog {engine.name}", bench.knobs.rate
    with bench.installed(engine) as installation, installation.serving() as server:
        bench.constant_load(server, bench.dealer.deal(rate))  # a second of warming up
        without = bench.constant_load(server, bench.dealer.deal(rate * TOGETHER_FOR))
        filled = _fill(bench, server)
        begun = counters(server)
        with_it = bench.constant_load(server, bench.dealer.deal(rate * TOGETHER_FOR))
        ended = counters(server)
        per_second, drained = _drain(server)
        if not drained.processed:
            raise NotServed("/metrics counts no event as processed")
        _reached_everyone(server)
    beside = (ended.processed - begun.processed) / TOGETHER_FOR
    detail = {
        "filled_in_seconds": filled, "waiting_before": begun.waiting, "waiting_after": ended.waiting, "without": without, "with": with_it,
        "outcomes": drained.outcomes,
        "waiting_at_the_end": drained.waiting,
    }  # fmt: skip
    if begun.waiting < LEAST or ended.waiting <= 0:
        sys.stderr.write(f"{name}: after {filled} s of filling {begun.waiting} events waited, {ended.waiting} in the end: too few\n")
    return [
        Figure(f"{name}: processed", per_second, "/s", detail=detail),
        Figure(f"{name}: processed beside {rate}/s", beside, "/s"),
        Figure(f"{name}: waiting, before the load beside it", begun.waiting, ""),
        *(Figure(f"{name}: ack {one} without it", without["ack_ms"][one], "ms") for one in ("p50", "p99")),
        *(Figure(f"{name}: ack {one} with it", with_it["ack_ms"][one], "ms") for one in ("p50", "p99")),
    ]


def _fill(bench: Bench, server: Server) -> float:
    """Sends until enough events wait; gives how many seconds that took."""
    began = time.monotonic()
    deck = bench.dealer.deal(bench.knobs.requests)
    load(server, deck, FILL_WITHIN, enough=lambda: counters(server).waiting >= bench.knobs.backlog)
    deck.path.unlink()
    return round(time.monotonic() - began, 1)


def _drain(server: Server) -> tuple[float, Counters]:
    """Events processed in a second while nothing arrives, and the counters at the end."""
    began, first = time.monotonic(), counters(server)
    seen: list[tuple[float, Counters]] = [(began, first)]
    while time.monotonic() - began < DRAIN_FOR and seen[-1][1].waiting > 0:
        time.sleep(0.25)
        seen.append((time.monotonic(), counters(server)))
    return _rate(seen), seen[-1][1]


def _rate(seen: Sequence[tuple[float, Counters]]) -> float:
    """Over the time in which something waited still."""
    busy = [seen[0], *(one for one in seen[1:] if one[1].waiting > 0)]
    (began, first), (ended, last) = busy[0], busy[-1]
    return (last.processed - first.processed) / (ended - began) if ended > began else 0.0


def _reached_everyone(server: Server) -> None:
    """Raises where the fan-out that was measured did not reach all ten."""
    for number in range(PEOPLE):
        page = json.loads(server.get("/api/notifications/v1?limit=1", configuration.token(number)))
        if not page["items"]:
            raise NotServed(f"person {number} has an empty inbox")
