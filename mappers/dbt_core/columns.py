"""The columns that a catalog has, and those that a contract wants."""

from typing import Any, Final

from mappers.contract.columns import Change
from mappers.contract.text import one_line
from mappers.dbt_core.bundle import Artifact
from mappers.dbt_core.shapes import table, text

_DATA: Final = ("model.", "seed.", "snapshot.", "source.")
"""What has readers. Tests have tables too (`store_failures`), which come and go."""

Columns = dict[str, str]
"""column → type"""


def against_contract(change: Change) -> str:
    """A column that is not what the contract, its type before, says."""
    if not change.before:
        return f"column {change.column} ({change.after}) is not in the contract"
    if not change.after:
        return f"column {change.column} ({change.before}) is missing"
    return f"column {change.column} is {change.after}, the contract says {change.before}"


def tables(artifact: Artifact) -> dict[str, Columns]:
    """unique_id → its columns, of every table in a catalog."""
    found = {**table(artifact.body.get("nodes")), **table(artifact.body.get("sources"))}
    return {unique_id: _columns(table(node)) for unique_id, node in found.items() if unique_id.startswith(_DATA)}


def _columns(node: dict[str, Any]) -> Columns:
    columns = table(node.get("columns"))
    return {one_line(column[:500], 120): one_line(text(table(known).get("type"))[:500], 120) or "?" for column, known in columns.items()}
