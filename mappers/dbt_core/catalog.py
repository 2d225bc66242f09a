"""`catalog.json` against the one before it: tables and columns that came, went or changed their type.

https://docs.getdbt.com/reference/artifacts/catalog-json
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from mappers.contract import Draft, Level, Mapped, State
from mappers.contract.columns import Change, facts_of, level_of
from mappers.dbt_core.bundle import Artifact
from mappers.dbt_core.columns import Columns, tables
from mappers.dbt_core.coverage import Coverage, Evidence, evidence
from mappers.dbt_core.nodes import label
from mappers.dbt_core.threads import CATALOG, Report


def read_catalog(report: Report, earlier: Sequence[Artifact], coverage: Coverage, before_covered: Coverage) -> Mapped:
    """What changed since the earlier ones; the coverages say how much of the project is named now, and was before."""
    now = tables(report.artifact)
    if not earlier:
        return Mapped(ignored="catalog kept: the next one will be compared with it" if now else "the catalog has no tables")
    if any(_is_older(report.artifact, previous) for previous in earlier):
        return Mapped(ignored="the catalog is older than the one already compared")
    before: dict[str, Columns] = {}
    for previous in sorted(earlier, key=lambda one: one.written_at or _LONG_AGO):
        before.update(tables(previous))
    if not now or not before:
        return Mapped(ignored="one of the two catalogs has no tables: nothing to compare")
    drafts = tuple(_drafts(report, before, now, evidence(coverage, before_covered, report.artifact, report.manifest)))
    return Mapped(drafts=drafts, ignored=None if drafts else "no table or column changed since the last catalog")


_LONG_AGO: Final = datetime(1971, 1, 1, tzinfo=UTC)


def _is_older(artifact: Artifact, previous: Artifact) -> bool:
    """A `target/` left over from an earlier run may be sent again after a newer one."""
    ours, theirs = artifact.written_at, previous.written_at
    return ours is not None and theirs is not None and ours < theirs


def _drafts(report: Report, before: dict[str, Columns], now: dict[str, Columns], known: Evidence) -> Iterator[Draft]:
    missing = [unique_id for unique_id in before if unique_id not in now]
    added = [unique_id for unique_id in now if unique_id not in before]
    for unique_id, columns in before.items():
        if unique_id in now:
            changes = _changes(columns, now[unique_id])
            if changes:
                yield _changed(report, unique_id, changes)
        elif known.is_gone(unique_id, len(missing), len(before)):
            yield _note(report, unique_id, Level.ERROR, f"{label(unique_id)}: table removed", {"Table": "removed (breaks readers)"})
    for unique_id in added if known.is_new(len(added), len(now)) else ():
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
