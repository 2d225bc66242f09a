"""`sources.json`: how old the newest row of each source is.

https://docs.getdbt.com/reference/artifacts/sources-json
"""

from collections.abc import Iterator
from typing import Any, Final

from mappers.contract import Draft, Level, Mapped, State, Unmapped, parse_time
from mappers.dbt_core.nodes import label
from mappers.dbt_core.shapes import table, text
from mappers.dbt_core.threads import FRESHNESS, Report

_LEVELS: Final = {
    "error": Level.ERROR,
    "runtime error": Level.ERROR,  # the age could not be asked; dbt 1.11 leaves such a source out instead
    "warn": Level.WARNING,
    "pass": Level.SUCCESS,
}
_UNITS: Final = ((86400, "day"), (3600, "hour"), (60, "minute"))


def read_sources(report: Report) -> Mapped:
    """Stale sources and recoveries of exactly the sources that were asked."""
    drafts = tuple(_drafts(report))
    if report.artifact.body.get("results") and not drafts:
        raise Unmapped("no result in it has a unique_id and a freshness status known here")
    return Mapped(drafts=drafts, ignored=None if drafts else "no source was asked for its freshness")


def _drafts(report: Report) -> Iterator[Draft]:
    for row in report.artifact.results:
        unique_id, level = text(row.get("unique_id")), _LEVELS.get(text(row.get("status")))
        if unique_id and level is Level.SUCCESS:
            yield report.recovery(FRESHNESS, unique_id, f"{label(unique_id)} is fresh")
        elif unique_id and level:
            yield _stale(report, unique_id, level, row)


def _stale(report: Report, unique_id: str, level: Level, row: dict[str, Any]) -> Draft:
    error = text(row.get("error"))[:20_000]
    message = f"{label(unique_id)}: {error or _age(row, level)}"
    impact = report.downstream(unique_id)
    return report.draft(FRESHNESS, unique_id, State.FIRING, level, message, facts=_facts(row), impact=impact, excerpt=error)


def _age(row: dict[str, Any], level: Level) -> str:
    allowed = _threshold(row, "error_after" if level is Level.ERROR else "warn_after")
    age = _span(row.get("max_loaded_at_time_ago_in_s"))
    return (f"newest row is {age} old" if age else "too old") + (f", {allowed} allowed" if allowed else "")


def _facts(row: dict[str, Any]) -> dict[str, str]:
    loaded = parse_time(row.get("max_loaded_at"))
    return {
        "Newest row": f"{loaded:%Y-%m-%d %H:%M} UTC" if loaded else "",
        "Warns after": _threshold(row, "warn_after"),
        "Fails after": _threshold(row, "error_after"),
    }


def _threshold(row: dict[str, Any], name: str) -> str:
    """`{"count": 24, "period": "hour"}` as `24 hours`; both are null where nothing was configured."""
    threshold = table(table(row.get("criteria")).get(name))
    count, period = threshold.get("count"), text(threshold.get("period"))[:20]
    return _plural(count, period) if type(count) is int and period else ""


def _span(seconds: object) -> str:
    if not isinstance(seconds, int | float) or not 0 <= seconds < 10**12:
        return ""
    size, unit = next((known for known in _UNITS if seconds >= 2 * known[0]), _UNITS[-1])
    return _plural(int(seconds // size), unit)


def _plural(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
