"""`catalog.json` against the one before it: tables and columns that came, went or changed their type.

https://docs.getdbt.com/reference/artifacts/catalog-json
"""

from collections.abc import Iterator
from typing import Any, Final

from mappers.contract import Draft, Level, Mapped, State
from mappers.contract.text import one_line
from mappers.dbt_core.bundle import Artifact
from mappers.dbt_core.columns import Change, facts_of, level_of
from mappers.dbt_core.nodes import label
from mappers.dbt_core.shapes import table, text
from mappers.dbt_core.threads import CATALOG, Report

_DATA: Final = ("model.", "seed.", "snapshot.", "source.")
"""What has readers. Tests have tables too (`store_failures`), which come and go."""

Columns = dict[str, str]
"""column → type"""


def read_catalog(report: Report, previous: Artifact | None, partial: bool) -> Mapped:
    """What changed since `previous`. With `partial` (only some nodes were asked), a missing table says nothing."""
    now = _tables(report.artifact)
    if previous is None:
        return Mapped(ignored="catalog kept: the next one will be compared with it")
    if _is_older(report.artifact, previous):
        return Mapped(ignored="the catalog is older than the one already compared")
    before = _tables(previous)
    if not now or not before:
        return Mapped(ignored="one of the two catalogs has no tables: nothing to compare")
    drafts = tuple(_drafts(report, before, now, partial or bool(report.artifact.body.get("errors"))))
    return Mapped(drafts=drafts, ignored=None if drafts else "no table or column changed since the last catalog")


def _is_older(artifact: Artifact, previous: Artifact) -> bool:
    """A `target/` left over from an earlier run may be sent again after a newer one."""
    ours, theirs = artifact.written_at, previous.written_at
    return ours is not None and theirs is not None and ours < theirs


def _tables(artifact: Artifact) -> dict[str, Columns]:
    found = {**table(artifact.body.get("nodes")), **table(artifact.body.get("sources"))}
    return {unique_id: _columns(table(node)) for unique_id, node in found.items() if unique_id.startswith(_DATA)}


def _columns(node: dict[str, Any]) -> Columns:
    columns = table(node.get("columns"))
    return {one_line(column[:500], 120): one_line(text(table(known).get("type"))[:500], 120) or "?" for column, known in columns.items()}


def _drafts(report: Report, before: dict[str, Columns], now: dict[str, Columns], partial: bool) -> Iterator[Draft]:
    for unique_id, columns in before.items():
        if unique_id in now:
            changes = _changes(columns, now[unique_id])
            if changes:
                yield _changed(report, unique_id, changes)
        elif not partial:
            yield _note(report, unique_id, Level.ERROR, f"{label(unique_id)}: table removed", {"Table": "removed (breaks readers)"})
    for unique_id in now:
        if unique_id not in before:
            yield _note(report, unique_id, Level.INFO, f"{label(unique_id)}: table added", {"Table": "added (harmless)"})


def _changes(before: Columns, now: Columns) -> list[Change]:
    """In the order of the old table, additions last. Types are compared without regard to case."""
    kept = [Change(column, kind, now.get(column, "")) for column, kind in before.items()]
    changed = [change for change in kept if change.before.casefold() != change.after.casefold()]
    return [*changed, *(Change(column, "", kind) for column, kind in now.items() if column not in before)]


def _changed(report: Report, unique_id: str, changes: list[Change]) -> Draft:
    message = f"{label(unique_id)}: {'; '.join(change.in_words for change in changes)}"
    return _note(report, unique_id, level_of(changes), message, facts_of(changes))


def _note(report: Report, unique_id: str, level: Level, message: str, facts: dict[str, str]) -> Draft:
    """A note: one happening that nothing recovers."""
    return report.draft(CATALOG, unique_id, State.NOTE, level, message, facts=facts, impact=report.downstream(unique_id))
