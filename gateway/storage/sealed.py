"""Everything that is kept encrypted, wherever it stands: counted, and sealed anew with another key."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, Connection, Table, and_, select, update

from gateway.storage.tables import checks, issuers, sources

SEALED: Final[Mapping[Table, tuple[Column[Any], ...]]] = {
    sources: (sources.c.auth, sources.c.settings),
    issuers: (issuers.c.secret,),
    checks: (checks.c.sealed,),
}
"""The columns that hold sealed values, alone or within a document."""
BATCH: Final = 100
"""Rows of one transaction."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed value stands."""

    table: str
    row: int
    column: str


@dataclass(slots=True)
class Account:
    """What was found, and what of it was sealed anew."""

    current: int = 0
    anew: int = 0
    unreadable: int = 0
    places: tuple[Place, ...] = ()
    """Where what cannot be read stands."""


Reseal = Callable[[str], str | None]
"""A sealed value, sealed with the key of today; the same where it is; None where it cannot be read."""


def batch(
    connection: Connection, table: Table, *, after: int, reseal: Reseal, looks: Callable[[str], bool], account: Account
) -> int | None:
    """Seals what the next rows of a table hold; gives the last row, None at the end. The same again finds nothing to do."""
    columns = SEALED[table]
    rows = connection.execute(
        select(table.c.id, *columns).where(table.c.id > after).order_by(table.c.id).limit(BATCH).with_for_update()
    ).all()
    for row in rows:
        changed: dict[str, Any] = {}
        for column in columns:
            kept = row._mapping[column]
            fresh = _walked(kept, Place(table.name, row.id, column.name), reseal, looks, account)
            if fresh != kept:
                changed[column.name] = fresh
        if changed:
            connection.execute(update(table).where(and_(table.c.id == row.id)).values(**changed))
    return int(rows[-1].id) if len(rows) == BATCH else None


def values(connection: Connection, looks: Callable[[str], bool]) -> Iterator[tuple[Place, str]]:
    """Every sealed value with its place."""
    for table, columns in SEALED.items():
        for row in connection.execute(select(table.c.id, *columns).order_by(table.c.id)):
            for column in columns:
                for value in _leaves(row._mapping[column]):
                    if looks(value):
                        yield Place(table.name, row.id, column.name), value


def _walked(kept: Any, place: Place, reseal: Reseal, looks: Callable[[str], bool], account: Account) -> Any:
    if isinstance(kept, dict):
        return {name: _walked(value, place, reseal, looks, account) for name, value in kept.items()}
    if isinstance(kept, list):
        return [_walked(value, place, reseal, looks, account) for value in kept]
    if not isinstance(kept, str) or not looks(kept):
        return kept
    fresh = reseal(kept)
    if fresh is None:
        account.unreadable += 1
        account.places += (place,)
        return kept
    if fresh == kept:
        account.current += 1
    else:
        account.anew += 1
    return fresh


def _leaves(kept: Any) -> Iterator[str]:
    if isinstance(kept, str):
        yield kept
    elif isinstance(kept, dict | list):
        for value in kept.values() if isinstance(kept, dict) else kept:
            yield from _leaves(value)
