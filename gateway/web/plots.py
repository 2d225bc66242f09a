"""Small plots as the numbers of an SVG: bars by day, stacked where a day has several. What they show is a table beside them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 600
HEIGHT: Final = 100
"""In units of the drawing, which is stretched to where it stands."""
_FEW: Final = 0.001


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, in units of the drawing."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    label: str


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing, and what is said of it."""

    id: str
    title: str
    says: str
    """What it shows, in a sentence, for whoever does not see it."""
    bars: Sequence[Bar]
    most: str
    """What its upper edge stands for."""
    first: str
    last: str
    keys: Sequence[tuple[str, str]] = ()
    """(kind, label) where there are several kinds."""
    width: int = WIDTH
    height: int = HEIGHT


def by_day(
    name: str, title: str, labels: Sequence[str], series: Sequence[tuple[str, str, Sequence[float]]], *, write: Callable[[float], str]
) -> Plot | None:
    """A plot with a bar for each day; `series`: (kind, label, values), stacked in this order. None where there is nothing to draw."""
    totals = [sum(values) for values in zip(*(values for _, _, values in series), strict=True)]
    most = max(totals, default=0)
    if most <= 0:
        return None
    step = WIDTH / len(labels)
    bars: list[Bar] = []
    for number, label in enumerate(labels):
        ground = float(HEIGHT)
        for kind, word, values in series:
            height = values[number] / most * HEIGHT
            if height < _FEW:
                continue
            ground -= height
            about = f"{label}: {write(values[number])}" + (f" {word}" if len(series) > 1 else "")
            bars.append(Bar(round((number + 0.09) * step, 2), round(ground, 2), round(step * 0.82, 2), round(height, 2), kind, about))
    worst = totals.index(most)
    says = f"{labels[0]} to {labels[-1]}; the most on {labels[worst]}: {write(most)}."
    keys = [(kind, word) for kind, word, values in series if any(values)] if len(series) > 1 else []
    return Plot(name, title, says, bars, write(most), labels[0], labels[-1], keys)
