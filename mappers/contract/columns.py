"""Changed tables and columns, whoever noticed them: what to call them, and whether they break readers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mappers.contract.draft import Level

MOST_FACTS: Final = 30


class Verdict(StrEnum):
    """What a change means to whoever reads the table."""

    BREAKS = "breaks readers"
    MAY_BREAK = "may break readers"
    HARMLESS = "harmless"

    @property
    def level(self) -> Level:
        return _LEVELS[self]


_LEVELS: Final = {Verdict.BREAKS: Level.ERROR, Verdict.MAY_BREAK: Level.WARNING, Verdict.HARMLESS: Level.INFO}


@dataclass(frozen=True, slots=True)
class Change:
    """One column, or a whole table: its type before (or by contract) and after, empty where it did not exist."""

    column: str
    """Empty: the table itself, which has no type but what it is: `table`, `view`."""
    before: str
    after: str
    table: str = ""
    """Where a report is of several tables."""
    renamed: str = ""
    """What it is called now."""
    widened: bool = False
    """Whether every value of the type before is one of the type after."""
    nullable: bool | None = None
    """Whether it may be empty since now; None: that did not change."""

    @property
    def name(self) -> str:
        """`public.orders.amount`, or what of it is known."""
        return ".".join(part for part in (self.table, self.column) if part)

    @property
    def verdict(self) -> Verdict:
        """Whatever takes something away or changes it breaks whoever reads it; what is added does not."""
        if not self.before:
            return Verdict.HARMLESS
        if not self.after or self.renamed or (self.is_retyped and not self.widened):
            return Verdict.BREAKS
        return Verdict.MAY_BREAK if self.is_retyped or self.nullable else Verdict.HARMLESS

    @property
    def breaks(self) -> bool:
        return self.verdict is Verdict.BREAKS

    @property
    def is_retyped(self) -> bool:
        """Told without anything else, that is what it is."""
        told = self.before != self.after or (self.nullable is None and not self.renamed)
        return bool(self.column and self.before and self.after) and told

    @property
    def in_words(self) -> str:
        """`column amount removed (was INTEGER)`"""
        what = f"column {self.column}" if self.column else "table"
        if not self.before:
            return f"{what} added ({self.after})" if self.column else f"{self.after} added"
        if not self.after:
            return f"{what} removed (was {self.before})" if self.column else f"{self.before} removed"
        said = [f"likely renamed to {self.renamed}"] if self.renamed else []
        said += [f"changed from {self.before} to {self.after}"] if self.is_retyped else []
        said += [f"may {'now' if self.nullable else 'no longer'} be null"] if self.nullable is not None else []
        return f"{what} {' and '.join(said)}"

    @property
    def fate(self) -> str:
        """`removed, was INTEGER (breaks readers)`"""
        return f"{', '.join(self._fates())} ({self.verdict})"

    def _fates(self) -> list[str]:
        if not self.before:
            return [f"added, {self.after}" if self.column else "added"]
        if not self.after:
            return [f"removed, was {self.before}" if self.column else "removed"]
        found = [f"likely renamed to {self.renamed}"] if self.renamed else []
        found += [f"{self.before} → {self.after}"] if self.is_retyped else []
        return found + ([f"{'null' if self.nullable else 'not null'} from now on"] if self.nullable is not None else [])


def level_of(changes: Iterable[Change]) -> Level:
    """The worst of them."""
    return max((change.verdict.level for change in changes), key=lambda level: level.weight, default=Level.INFO)


def facts_of(changes: Sequence[Change]) -> dict[str, str]:
    """column → what became of it and whether that breaks readers; the first 30."""
    return {change.name: change.fate for change in changes[:MOST_FACTS]}
