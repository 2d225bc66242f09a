"""Contract violations: a run result whose message holds dbt's table of the columns that do not agree.

https://docs.getdbt.com/docs/mesh/govern/model-contracts
"""

from collections.abc import Iterable
from typing import Final

from mappers.contract import Draft, Level, State
from mappers.contract.columns import Change, facts_of, level_of
from mappers.contract.text import clean
from mappers.dbt_core.columns import against_contract
from mappers.dbt_core.nodes import label
from mappers.dbt_core.threads import CONTRACTS, Report

_SAYS_SO: Final = "enforced contract that failed"
_HEADER: Final = ("column_name", "definition_type", "contract_type", "mismatch_reason")
_MOST_COLUMNS: Final = 500


def is_violation(message: str) -> bool:
    """Whether an error is a broken contract. Looks no further than dbt's own preamble."""
    return _SAYS_SO in message[:5000]


def violation(report: Report, unique_id: str, message: str) -> Draft:
    """The broken contract of one model, naming each column. The table was not built: readers still see the old one."""
    changes = list(_changes(message))
    said = "; ".join(against_contract(change) for change in changes) or message
    return report.draft(
        CONTRACTS,
        unique_id,
        State.FIRING,
        level_of(changes) if changes else Level.ERROR,
        f"{label(unique_id)} does not match its contract: {said}",
        facts=facts_of(changes),
        impact=report.downstream(unique_id),
        excerpt=message,
    )


def _changes(message: str) -> Iterable[Change]:
    """`| amount | VARCHAR | INTEGER | data type mismatch |`; either type is empty where the column is missing there."""
    for line in clean(message[:100_000]).split("\n")[:_MOST_COLUMNS]:
        cells = tuple(cell.strip() for cell in line.split("|")[1:-1])
        if len(cells) == len(_HEADER) and cells != _HEADER and cells[0].strip("-"):
            column, defined, agreed, _ = cells
            yield Change(column, before=agreed, after=defined)
