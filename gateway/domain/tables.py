"""The tables of a database as they were seen at one moment."""

import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final, Self

UNKNOWN: Final = "?"
"""A type that nobody could name."""
MOST_TABLES: Final = 10_000
MOST_COLUMNS: Final = 200_000
LARGEST: Final = 64 * 1024 * 1024
"""Bytes of a snapshot, unpacked."""


class TooMany(ValueError):
    """More tables or columns than are kept; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column, its type in the words of its database."""

    name: str
    type: str
    nullable: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """A table or a view with its columns in their order."""

    kind: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Snapshot:
    """Tables by their full names (`public.orders`). Two that say the same have one digest."""

    tables: Mapping[str, Table]

    @property
    def columns(self) -> int:
        """How many there are."""
        return sum(len(table.columns) for table in self.tables.values())

    @property
    def digest(self) -> str:
        """What it is, as 64 characters."""
        return hashlib.sha256(self._text()).hexdigest()

    def packed(self) -> bytes:
        """It as it is kept."""
        return zlib.compress(self._text(), 6)

    @classmethod
    def unpacked(cls, raw: bytes) -> Self:
        """A snapshot that was packed. Raises ValueError for anything else."""
        try:
            unpacking = zlib.decompressobj()
            text = unpacking.decompress(raw, LARGEST)
            tables: dict[str, Any] = json.loads(text)
            return cls({name: Table(kind, tuple(Column(*column) for column in columns)) for name, (kind, columns) in tables.items()})
        except (zlib.error, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"is no snapshot: {error}") from None

    def _text(self) -> bytes:
        tables = {
            name: [table.kind, [[column.name, column.type, column.nullable] for column in table.columns]]
            for name, table in self.tables.items()
        }
        return json.dumps(tables, sort_keys=True, separators=(",", ":")).encode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which tables are looked at, by patterns as in a shell: `analytics.*`, `*.stg_*`, or `orders` in any schema."""

    include: Sequence[str] = ()
    """Empty: all."""
    exclude: Sequence[str] = ()

    def has(self, name: str) -> bool:
        """Whether this table is looked at. Letters of either case are the same."""
        return (not self.include or _matches(name, self.include)) and not _matches(name, self.exclude)

    def may_have(self, schema: str) -> bool:
        """Whether a schema may hold one of them: the others need not be asked about."""
        return not any(_plain(pattern) == f"{_plain(schema)}.*" for pattern in self.exclude)


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(_plain(name), one) for pattern in patterns for one in _meant(_plain(pattern)))


def _meant(pattern: str) -> Iterator[str]:
    yield pattern
    if "." not in pattern:
        yield f"*.{pattern}"


def _plain(name: str) -> str:
    return name.casefold()
