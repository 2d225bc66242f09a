"""Changed tables and columns in words, and whether they break readers."""

import pytest

from mappers.contract import Level
from mappers.contract.columns import Change, Verdict, facts_of, level_of

CASES = [
    (Change("amount", "", "INTEGER"), "column amount added (INTEGER)", "added, INTEGER (harmless)"),
    (Change("amount", "INTEGER", ""), "column amount removed (was INTEGER)", "removed, was INTEGER (breaks readers)"),
    (Change("amount", "INTEGER", "TEXT"), "column amount changed from INTEGER to TEXT", "INTEGER → TEXT (breaks readers)"),
    (
        Change("amount", "INTEGER", "BIGINT", widened=True),
        "column amount changed from INTEGER to BIGINT", "INTEGER → BIGINT (may break readers)",
    ),
    (Change("amount", "INTEGER", "INTEGER", nullable=True), "column amount may now be null", "null from now on (may break readers)"),
    (Change("amount", "INTEGER", "INTEGER", nullable=False), "column amount may no longer be null", "not null from now on (harmless)"),
    (
        Change("amount", "INTEGER", "TEXT", nullable=False),
        "column amount changed from INTEGER to TEXT and may no longer be null", "INTEGER → TEXT, not null from now on (breaks readers)",
    ),
    (
        Change("amount", "INTEGER", "INTEGER", renamed="total"),
        "column amount likely renamed to total", "likely renamed to total (breaks readers)",
    ),
    (Change("", "", "view"), "view added", "added (harmless)"),
    (Change("", "table", ""), "table removed", "removed (breaks readers)"),
    (
        Change("", "table", "table", renamed="sales.orders"),
        "table likely renamed to sales.orders", "likely renamed to sales.orders (breaks readers)",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("change", "words", "fate"), CASES, ids=lambda value: value if isinstance(value, str) else "")
def test_each_change_has_its_words_and_its_verdict(change: Change, words: str, fate: str) -> None:
    assert (change.in_words, change.fate) == (words, fate)


def test_the_worst_change_is_what_counts() -> None:
    assert level_of([]) is Level.INFO
    assert level_of([CASES[0][0]]) is Level.INFO
    assert level_of([CASES[0][0], CASES[3][0]]) is Level.WARNING
    assert level_of([CASES[3][0], CASES[1][0]]) is Level.ERROR
    assert {verdict.level for verdict in Verdict} == {Level.ERROR, Level.WARNING, Level.INFO}


def test_facts_name_the_table_where_there_are_several_and_are_thirty_at_most() -> None:
    changes = [Change(f"c{number}", "", "TEXT", table="public.orders") for number in range(40)]
    facts = facts_of(changes)
    assert len(facts) == 30
    assert facts["public.orders.c0"] == "added, TEXT (harmless)"
