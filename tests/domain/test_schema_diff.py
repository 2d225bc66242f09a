"""What became of tables and columns, and what of it is only likely."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.schema_diff import changes, is_widened
from gateway.domain.tables import Chosen, Column, Snapshot, Table
from mappers.contract.columns import Change, Verdict


def table(*columns: str, kind: str = "table") -> Table:
    """`amount INTEGER`, `amount INTEGER not null`"""
    made = []
    for one in columns:
        name, _, rest = one.partition(" ")
        made.append(Column(name, rest.removesuffix(" not null"), not rest.endswith(" not null")))
    return Table(kind, tuple(made))


def words(before: dict[str, Table], after: dict[str, Table]) -> list[str]:
    return [f"{change.table}: {change.in_words} ({change.verdict})" for change in changes(Snapshot(before), Snapshot(after))]


ORDERS = table("id BIGINT not null", "customer TEXT", "amount INTEGER", "placed_at TIMESTAMP")


def columns(*after: str) -> list[str]:
    return words({"public.orders": ORDERS}, {"public.orders": table(*after)})


def test_two_looks_that_saw_the_same_say_nothing() -> None:
    assert words({"public.orders": ORDERS}, {"public.orders": ORDERS}) == []


def test_a_column_that_is_added_is_harmless() -> None:
    after = columns("id BIGINT not null", "customer TEXT", "amount INTEGER", "placed_at TIMESTAMP", "note TEXT")
    assert after == ["public.orders: column note added (TEXT) (harmless)"]


def test_a_column_that_is_removed_breaks_readers() -> None:
    after = columns("id BIGINT not null", "customer TEXT", "placed_at TIMESTAMP")
    assert after == ["public.orders: column amount removed (was INTEGER) (breaks readers)"]


def test_a_column_in_the_place_of_another_with_its_type_is_likely_the_same_under_a_new_name() -> None:
    after = columns("id BIGINT not null", "customer TEXT", "total INTEGER", "placed_at TIMESTAMP")
    assert after == ["public.orders: column amount likely renamed to total (breaks readers)"]


def test_a_column_elsewhere_or_of_another_type_is_another_column() -> None:
    elsewhere = columns("id BIGINT not null", "customer TEXT", "placed_at TIMESTAMP", "total INTEGER")
    assert elsewhere == [
        "public.orders: column amount removed (was INTEGER) (breaks readers)",
        "public.orders: column total added (INTEGER) (harmless)",
    ]
    retyped = columns("id BIGINT not null", "customer TEXT", "total NUMERIC", "placed_at TIMESTAMP")
    assert retyped == [
        "public.orders: column amount removed (was INTEGER) (breaks readers)",
        "public.orders: column total added (NUMERIC) (harmless)",
    ]


def test_where_more_came_than_went_nobody_can_say_which_was_renamed() -> None:
    after = columns("id BIGINT not null", "customer TEXT", "net INTEGER", "gross INTEGER", "placed_at TIMESTAMP")
    assert "renamed" not in " ".join(after)
    assert len(after) == 3


def test_several_renamed_at_once_keep_their_order() -> None:
    after = columns("id BIGINT not null", "client TEXT", "total INTEGER", "at TIMESTAMP")
    assert [one.split(": ")[1] for one in after] == [
        "column amount likely renamed to total (breaks readers)",
        "column customer likely renamed to client (breaks readers)",
        "column placed_at likely renamed to at (breaks readers)",
    ]


def test_a_type_that_became_narrower_breaks_readers_and_a_wider_one_may() -> None:
    narrower = columns("id INTEGER not null", "customer TEXT", "amount INTEGER", "placed_at TIMESTAMP")
    assert narrower == ["public.orders: column id changed from BIGINT to INTEGER (breaks readers)"]
    wider = columns("id BIGINT not null", "customer TEXT", "amount BIGINT", "placed_at TIMESTAMP")
    assert wider == ["public.orders: column amount changed from INTEGER to BIGINT (may break readers)"]


def test_what_may_be_null_since_now_may_break_readers() -> None:
    after = columns("id BIGINT", "customer TEXT not null", "amount INTEGER", "placed_at TIMESTAMP")
    assert after == [
        "public.orders: column id may now be null (may break readers)",
        "public.orders: column customer may no longer be null (harmless)",
    ]


def test_a_table_with_the_columns_of_one_that_is_gone_is_likely_that_one_and_its_own_changes_are_told() -> None:
    after = table("id BIGINT not null", "customer TEXT", "amount INTEGER", "placed_at TIMESTAMP", "note TEXT")
    assert words({"public.orders": ORDERS}, {"sales.orders": after}) == [
        "public.orders: table likely renamed to sales.orders (breaks readers)",
        "public.orders: column note added (TEXT) (harmless)",
    ]


def test_of_two_tables_alike_nobody_can_say_which_one_it_became() -> None:
    assert words({"a.orders": ORDERS}, {"b.orders": ORDERS, "c.orders": ORDERS}) == [
        "a.orders: table removed (breaks readers)",
        "b.orders: table added (harmless)",
        "c.orders: table added (harmless)",
    ]


def test_a_view_that_became_a_table_with_the_same_columns_is_nobodys_news() -> None:
    assert words({"v": table("id BIGINT", kind="view")}, {"v": table("id BIGINT")}) == []


def test_types_in_other_letters_are_the_same() -> None:
    assert words({"t": table("id bigint")}, {"t": table("id BIGINT")}) == []


@pytest.mark.parametrize(
    ("before", "after", "widened"),
    [
        ("SMALLINT", "INTEGER", True), ("INTEGER", "BIGINT", True), ("int4", "int8", True), ("BIGINT", "INTEGER", False),
        ("INTEGER", "TEXT", False), ("REAL", "DOUBLE PRECISION", True), ("DOUBLE PRECISION", "REAL", False),
        ("VARCHAR(20)", "VARCHAR(40)", True), ("VARCHAR(40)", "VARCHAR(20)", False), ("VARCHAR(20)", "TEXT", True),
        ("VARCHAR", "VARCHAR(20)", False), ("character varying(20)", "varchar(30)", True), ("TEXT", "VARCHAR(20)", False),
        ("NUMERIC(8, 2)", "NUMERIC(10, 2)", True), ("NUMERIC(10, 2)", "NUMERIC(10, 4)", False), ("NUMERIC(8, 2)", "NUMERIC", True),
        ("NUMERIC", "NUMERIC(8, 2)", False), ("TIMESTAMP", "DATE", False), ("STRUCT(a INTEGER)", "STRUCT(a BIGINT)", False),
        ("INTEGER[]", "BIGINT[]", False), ("", "", False),
    ],
)  # fmt: skip
def test_a_type_is_wider_where_every_value_still_fits(before: str, after: str, widened: bool) -> None:
    assert is_widened(before, after) is widened


TYPES = st.sampled_from(["INTEGER", "BIGINT", "TEXT", "VARCHAR(20)", "NUMERIC(8, 2)"])
COLUMNS = st.lists(st.builds(Column, st.sampled_from("abcdefgh"), TYPES, st.booleans()), max_size=6, unique_by=lambda one: one.name)
SNAPSHOTS = st.dictionaries(
    st.sampled_from(["s.a", "s.b", "t.a", "t.c"]), st.builds(Table, st.sampled_from(["table", "view"]), COLUMNS.map(tuple))
).map(Snapshot)


def after_them(before: Snapshot, told: list[Change]) -> dict[str, dict[str, str]]:
    """A database as somebody imagines it who saw the first and read of the changes."""
    known = {name: {column.name: column.type for column in one.columns} for name, one in before.tables.items()}
    for change in told:
        if change.column and change.before and (not change.after or change.renamed):
            kept = known[change.table].pop(change.column)
            if change.renamed:
                known[change.table][change.renamed] = change.after or kept
        elif change.column and change.before:
            known[change.table][change.column] = change.after
    for change in told:
        if change.column and not change.before:
            known[change.table][change.column] = change.after
    for change in told:
        if not change.column and change.before:
            kept_table = known.pop(change.table)
            if change.renamed:
                known[change.renamed] = kept_table
    return known


@given(SNAPSHOTS, SNAPSHOTS)
@settings(max_examples=300, deadline=None)
def test_whoever_reads_the_changes_knows_the_tables_that_were_there_before_as_they_are_now(before: Snapshot, after: Snapshot) -> None:
    told = changes(before, after)
    known = after_them(before, told)
    added = {change.table for change in told if not change.column and not change.before}
    now = {name: {column.name: column.type for column in one.columns} for name, one in after.tables.items() if name not in added}
    assert known == now


@given(SNAPSHOTS, SNAPSHOTS)
@settings(deadline=None)
def test_nothing_is_told_exactly_where_nothing_changed_for_readers(before: Snapshot, after: Snapshot) -> None:
    def read(snapshot: Snapshot) -> dict[str, set[Column]]:
        return {name: set(one.columns) for name, one in snapshot.tables.items()}

    assert (changes(before, after) == []) == (read(before) == read(after))


@given(SNAPSHOTS)
@settings(deadline=None)
def test_a_snapshot_survives_being_packed(snapshot: Snapshot) -> None:
    again = Snapshot.unpacked(snapshot.packed())
    assert again == snapshot
    assert again.digest == snapshot.digest


@pytest.mark.parametrize("raw", [b"", b"nonsense", Snapshot({}).packed()[:3]])
def test_what_is_no_snapshot_is_said_to_be_none(raw: bytes) -> None:
    with pytest.raises(ValueError, match="no snapshot"):
        Snapshot.unpacked(raw)


def test_changes_that_break_come_first() -> None:
    found = changes(
        Snapshot({"b": table("id BIGINT", "x TEXT"), "z": table("k TEXT")}), Snapshot({"b": table("id BIGINT"), "a": table("q REAL")})
    )
    assert [change.verdict for change in found] == [Verdict.BREAKS, Verdict.BREAKS, Verdict.HARMLESS]


@pytest.mark.parametrize(
    ("include", "exclude", "name", "has"),
    [
        ([], [], "public.orders", True), (["analytics.*"], [], "public.orders", False), (["analytics.*"], [], "Analytics.Orders", True),
        (["orders"], [], "public.orders", True), ([], ["*.stg_*"], "public.stg_orders", False), ([], ["stg_*"], "public.stg_orders", False),
        (["public.*"], ["*.tmp"], "public.tmp", False), (["orders"], [], "orders", True),
    ],
)  # fmt: skip
def test_patterns_choose_tables_as_in_a_shell(include: list[str], exclude: list[str], name: str, has: bool) -> None:
    assert Chosen(include, exclude).has(name) is has
