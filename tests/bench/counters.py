"""The gateway's own `/metrics`, as far as they are measured with."""

import re
from dataclasses import dataclass

from tests.bench.server import Server


@dataclass(frozen=True, slots=True)
class Counters:
    """How many events were taken, turned away as known, and processed."""

    accepted: int
    duplicates: int
    processed: int
    outcomes: dict[str, int]
    """How processing ended."""

    @property
    def waiting(self) -> int:
        """Accepted and not processed yet."""
        return self.accepted - self.processed


def counters(server: Server) -> Counters:
    """What the gateway counts now."""
    exposition = server.get("/metrics")
    answers = _by_label(exposition, "tocsin_events_accepted_total", "answer")
    outcomes = _by_label(exposition, "tocsin_events_processed_total", "outcome")
    return Counters(answers.get("accepted", 0), answers.get("duplicate", 0), sum(outcomes.values()), outcomes)


def _by_label(exposition: str, name: str, label: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for labels, value in re.findall(rf"^{name}\{{(.*)\}} (\S+)$", exposition, re.MULTILINE):
        key = re.search(rf'{label}="([^"]*)"', labels)
        if key:
            found[key[1]] = found.get(key[1], 0) + int(float(value))
    return found
