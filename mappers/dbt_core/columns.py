"""Changed columns, however they were noticed: what to call them and whether they break readers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mappers.contract import Level
from mappers.contract.text import one_line
from mappers.dbt_core.bundle import Artifact
from mappers.dbt_core.shapes import table, text

_MOST_FACTS: Final = 30
_DATA: Final = ("model.", "seed.", "snapshot.", "source.")
"""What has readers. Tests have tables too (`store_failures`), which come and go."""

Columns = dict[str, str]
"""column → type"""


@dataclass(frozen=True)
class Change:
    """One column: its type before (or by contract) and after; empty where it did not exist."""

    column: str
    before: str
    after: str

    @property
    def breaks(self) -> bool:
        """Removed and retyped columns break whoever reads them, an added one does not."""
        return bool(self.before)

    @property
    def in_words(self) -> str:
        if not self.before:
            return f"column {self.column} added ({self.after})"
        if not self.after:
            return f"column {self.column} removed (was {self.before})"
        return f"column {self.column} changed from {self.before} to {self.after}"

    @property
    def against_contract(self) -> str:
        if not self.before:
            return f"column {self.column} ({self.after}) is not in the contract"
        if not self.after:
            return f"column {self.column} ({self.before}) is missing"
        return f"column {self.column} is {self.after}, the contract says {self.before}"


def level_of(changes: Iterable[Change]) -> Level:
    return Level.ERROR if any(change.breaks for change in changes) else Level.INFO


def facts_of(changes: Sequence[Change]) -> dict[str, str]:
    """column → what became of it and whether that breaks readers; the first 30."""
    return {change.column: f"{_fate(change)} ({'breaks readers' if change.breaks else 'harmless'})" for change in changes[:_MOST_FACTS]}


def _fate(change: Change) -> str:
    if not change.before:
        return f"added, {change.after}"
    return f"{change.before} → {change.after}" if change.after else f"removed, was {change.before}"


def tables(artifact: Artifact) -> dict[str, Columns]:
    """unique_id → its columns, of every table in a catalog."""
    found = {**table(artifact.body.get("nodes")), **table(artifact.body.get("sources"))}
    return {unique_id: _columns(table(node)) for unique_id, node in found.items() if unique_id.startswith(_DATA)}


def _columns(node: dict[str, Any]) -> Columns:
    columns = table(node.get("columns"))
    return {one_line(column[:500], 120): one_line(text(table(known).get("type"))[:500], 120) or "?" for column, known in columns.items()}
