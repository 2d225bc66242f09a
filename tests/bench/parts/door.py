"""How much of an empty handler's speed the door keeps: both under the same load, in turn, for the machine is noisy."""

import statistics
import sys
from contextlib import nullcontext
from itertools import chain
from typing import Final

from tests.bench import profile
from tests.bench.bench import Bench
from tests.bench.counters import counters
from tests.bench.deck import Deck
from tests.bench.engines import Engine
from tests.bench.figures import Figure, median
from tests.bench.server import Server, empty
from tests.bench.wrk import Load, LoadFailed, load

WARM_UP: Final = 1


def measure(bench: Bench) -> list[Figure]:
    """Each round: empty, first engine, empty, second engine, empty. A ratio is to the mean of its two neighbours."""
    deck = bench.dealer.deal(bench.knobs.requests)
    empties: list[Load] = []
    doors: dict[str, list[Load]] = {engine.name: [] for engine in bench.engines}
    ratios: dict[str, list[float]] = {engine.name: [] for engine in bench.engines}
    with empty() as handler:
        for number in range(bench.knobs.rounds):
            before = _warm(handler, deck, bench.knobs.seconds)
            empties.append(before)
            for engine in bench.engines:
                through = _door(bench, engine, deck, profiled=bench.profile and number == 0)
                after = _warm(handler, deck, bench.knobs.seconds)
                empties.append(after)
                doors[engine.name].append(through)
                ratios[engine.name].append(through.per_second / statistics.mean([before.per_second, after.per_second]))
                before = after
    deck.path.unlink()
    figures = [median("door empty handler", [one.per_second for one in empties], "/s", **_shares(empties))]
    for name, loads in doors.items():
        figures.append(median(f"door {name}", [one.per_second for one in loads], "/s", **_shares(loads)))
        figures.append(median(f"door {name}: of the empty handler", ratios[name], ""))
    figures.append(median("door: wrk's share of a core", [one.client_cpu for one in chain(empties, *doors.values())], ""))
    return figures


def _warm(server: Server, deck: Deck, seconds: int) -> Load:
    first = load(server, deck, WARM_UP).taken
    return load(server, deck, seconds, first=first)


def _door(bench: Bench, engine: Engine, deck: Deck, *, profiled: bool) -> Load:
    with bench.installed(engine) as installation, installation.serving() as server:
        with profile.recording(server.pid, engine.name, bench.knobs.seconds) if profiled else nullcontext():
            through = _warm(server, deck, bench.knobs.seconds)
        counted = counters(server)
        if counted.duplicates or counted.accepted < through.answers:
            raise LoadFailed(f"{through.answers} requests were answered, but the gateway counts {counted}")
        sys.stderr.write(f"door {engine.name}: {through.per_second:.0f}/s, {counted.waiting} events wait\n")
        return through


def _shares(loads: list[Load]) -> dict[str, float]:
    """Shares of one core, and what an answer cost the server."""
    return {
        "client_cpu": round(statistics.median([one.client_cpu for one in loads]), 3),
        "server_cpu": round(statistics.median([one.server_cpu for one in loads]), 3),
        "database_cpu": round(statistics.median([one.database_cpu for one in loads]), 3),
        "server_microseconds_per_answer": round(statistics.median([one.server_cpu / one.per_second * 1e6 for one in loads]), 1),
    }
