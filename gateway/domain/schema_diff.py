"""What became of a database's tables between two looks at it: added, removed, retyped, and likely renamed."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from gateway.domain.tables import UNKNOWN, Column, Snapshot, Table
from mappers.contract.columns import Change, Verdict

SAME_TABLE: Final = 0.8
"""From which share of common columns on a table that is gone and one that is new are likely one."""
_ORDER: Final = {Verdict.BREAKS: 0, Verdict.MAY_BREAK: 1, Verdict.HARMLESS: 2}
_WHOLE: Final = ("tinyint", "smallint", "integer", "bigint", "hugeint")
_INEXACT: Final = ("real", "double")
_SAME: Final = {
    "int": "integer", "int2": "smallint", "int4": "integer", "int8": "bigint", "float4": "real", "float8": "double",
    "double precision": "double", "float": "double", "decimal": "numeric", "character varying": "varchar", "string": "text",
}  # fmt: skip
_TYPE: Final = re.compile(r"([a-z][a-z0-9_ ]{0,60}?) ?(?:\( ?(\d{1,5}) ?(?:, ?(\d{1,5}) ?)?\))?")


def changes(before: Snapshot, after: Snapshot) -> list[Change]:
    """What breaks readers first, then by name. Nothing where both say the same."""
    gone = [name for name in before.tables if name not in after.tables]
    new = [name for name in after.tables if name not in before.tables]
    renamed = _renamed_tables({name: before.tables[name] for name in gone}, {name: after.tables[name] for name in new})
    found: list[Change] = []
    for name, old in before.tables.items():
        now = renamed.get(name, name)
        if name in renamed:
            found.append(Change("", old.kind, old.kind, table=name, renamed=now))
        if now in after.tables:
            found += (replace(change, table=name) for change in _of_columns(old.columns, after.tables[now].columns))
        else:
            found.append(Change("", old.kind, "", table=name))
    found += (Change("", "", after.tables[name].kind, table=name) for name in new if name not in renamed.values())
    return sorted(found, key=lambda change: (_ORDER[change.verdict], change.table, change.column))


def is_widened(before: str, after: str) -> bool:
    """Whether every value of one type is one of the other: INTEGER and BIGINT, VARCHAR(20) and TEXT, NUMERIC(8,2) and NUMERIC(10,2)."""
    old, new = _read(before), _read(after)
    if old is None or new is None:
        return False
    (kind, size, scale), (wider, larger, finer) = old, new
    if kind in _WHOLE and wider in _WHOLE:
        return _WHOLE.index(wider) > _WHOLE.index(kind)
    if kind in _INEXACT and wider in _INEXACT:
        return _INEXACT.index(wider) > _INEXACT.index(kind)
    if kind == wider == "numeric" and size is not None:
        return larger is None or (larger - (finer or 0) >= size - (scale or 0) and (finer or 0) >= (scale or 0))
    if kind == "varchar" and wider in ("varchar", "text"):
        return larger is None or (size is not None and larger >= size)
    return False


def _read(said: str) -> tuple[str, int | None, int | None] | None:
    """A type with its length, or its precision and scale."""
    found = _TYPE.fullmatch(said.casefold().strip()[:100])
    if found is None:
        return None
    name, size, scale = found.groups()
    return _SAME.get(name, name), int(size) if size else None, int(scale) if scale else None


def _of_columns(before: Sequence[Column], after: Sequence[Column]) -> Iterator[Change]:
    now = {column.name: column for column in after}
    kept = {column.name for column in before}
    renamed = _renamed_columns(before, after)
    for old in before:
        new = now.get(renamed.get(old.name, old.name))
        if new is None:
            yield Change(old.name, old.type, "")
        elif old.name in renamed or not _is_same(old.type, new.type) or old.nullable != new.nullable:
            yield Change(
                old.name,
                old.type,
                old.type if _is_same(old.type, new.type) else new.type,
                renamed=renamed.get(old.name, ""),
                widened=is_widened(old.type, new.type),
                nullable=new.nullable if old.nullable != new.nullable else None,
            )
    taken = set(renamed.values())
    for new in after:
        if new.name not in kept and new.name not in taken:
            yield Change(new.name, "", new.type)


def _renamed_columns(before: Sequence[Column], after: Sequence[Column]) -> dict[str, str]:
    """A column that is gone and one that is new in its place, of its type: between the same neighbours, and as many new as gone."""
    common = {column.name for column in before} & {column.name for column in after}
    gone, new = _between(before, common), _between(after, common)
    return {
        old: now
        for place, old_names in gone.items()
        if len(old_names) == len(new.get(place, ()))
        for old, now in zip(old_names, new[place], strict=True)
    }


def _between(columns: Sequence[Column], common: set[str]) -> dict[tuple[str, str], list[str]]:
    """(the last column before it that stayed, its type) → names, in their order."""
    places: dict[tuple[str, str], list[str]] = defaultdict(list)
    last = ""
    for column in columns:
        if column.name in common:
            last = column.name
        else:
            places[last, column.type.casefold()].append(column.name)
    return places


def _renamed_tables(gone: dict[str, Table], new: dict[str, Table]) -> dict[str, str]:
    """Pairs that have most columns in common, each with nobody else as near."""
    where: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, table in new.items():
        for one in _outline(table):
            where[one].append(name)
    near: dict[str, list[str]] = {}
    for name, table in gone.items():
        outline = _outline(table)
        hits = Counter(other for one in outline if len(where.get(one, ())) <= 50 for other in where[one])
        near[name] = [other for other in hits if _overlap(outline, _outline(new[other])) >= SAME_TABLE]
    claimed = Counter(other for others in near.values() for other in others)
    return {name: others[0] for name, others in near.items() if len(others) == 1 and claimed[others[0]] == 1}


def _outline(table: Table) -> set[tuple[str, str]]:
    return {(column.name.casefold(), column.type.casefold()) for column in table.columns}


def _overlap(one: set[tuple[str, str]], other: set[tuple[str, str]]) -> float:
    return len(one & other) / max(len(one | other), 1)


def _is_same(one: str, other: str) -> bool:
    """A type that one of the two looks could not name is no other type."""
    return one.casefold() == other.casefold() or UNKNOWN in (one, other)
