"""The results as a table for people and as bench-results.json for programs."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench.figures import Figure
from tests.bench.targets import target


def table(figures: Sequence[Figure]) -> str:
    """One line for each figure, its target beside it."""
    rows = [("", "measured", "spread", "target", "")]
    for figure in figures:
        aim = target(figure)
        spread = f"{_short(figure.spread[0])} … {_short(figure.spread[1])}" if figure.spread else ""
        met = "" if aim is None else "met" if aim.met(figure.value) else "NOT MET"
        rows.append((figure.name, f"{_short(figure.value)} {figure.unit}".strip(), spread, str(aim or ""), met))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def save(path: Path, figures: Sequence[Figure], about: Mapping[str, Any]) -> None:
    """Writes what this run measured, and nothing of an earlier one."""
    measured = [
        {
            "name": figure.name,
            "value": round(figure.value, 4),
            "unit": figure.unit,
            "spread": figure.spread and [round(one, 4) for one in figure.spread],
            "target": str(aim) if (aim := target(figure)) else None,
            "met": aim.met(figure.value) if aim else None,
            "detail": figure.detail,
        }
        for figure in figures
    ]
    path.write_text(json.dumps({"about": about, "figures": measured}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
