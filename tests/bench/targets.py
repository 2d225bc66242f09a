"""What is aimed at, by the name of the figure. `{}` stands for the engine."""

from dataclasses import dataclass
from typing import Final

from tests.bench.figures import Figure


@dataclass(frozen=True, slots=True)
class Target:
    """A bound that is met from one side."""

    bound: float
    at_least: bool = False

    def met(self, value: float) -> bool:
        """Whether this value keeps it."""
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.bound:g}"


TARGETS: Final = {
    "door sqlite: of the empty handler": Target(0.60, at_least=True),
    "door postgresql: of the empty handler": Target(0.65, at_least=True),
    "latency {}: ack p95": Target(3),
    "latency {}: ack p99": Target(6),
    "backlog {}: processed": Target(1500, at_least=True),
    "visible {}: p95": Target(50),
    "fan-out postgresql 10000: failure, all told": Target(1),
    "mail {}: of the loop that builds each": Target(2, at_least=True),
    "first view {}: answers to a key": Target(1),
    **{f"reading {{}}: {question}: p99": Target(10) for question in ("inbox", "inbox, a later page", "unread count", "urgent bar")},
}


def target(figure: Figure) -> Target | None:
    """The target of this figure, None where there is none."""
    named = figure.name
    for engine in ("sqlite", "postgresql"):
        named = named.replace(f" {engine}:", " {}:")
    return TARGETS.get(figure.name) or TARGETS.get(named)
