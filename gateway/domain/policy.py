"""What a team calls urgent, and when it wants to be reminded of what stays open."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, Self

from mappers.contract import Category, Level

URGENT: Final[Mapping[Category, Level]] = MappingProxyType(
    dict.fromkeys((Category.INCIDENT, Category.JOB_FAILURE, Category.DBT_TEST_FAILURE), Level.ERROR)
)
"""An error where somebody must act."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of one team; the defaults are those of a team that said nothing."""

    urgent: Mapping[Category, Level] = field(default_factory=lambda: URGENT)
    """From which level on a category is urgent, where nobody said so explicitly."""
    remind_every: timedelta = timedelta(days=1)
    urgent_after: timedelta = timedelta(minutes=30)
    """The first reminder of what is urgent and not acknowledged."""
    urgent_every: timedelta = timedelta(hours=4)
    """And the ones after it."""

    @classmethod
    def of(cls, document: Mapping[str, Any] | None) -> Self:
        """The policy kept as this document; what it leaves out has its default."""
        given = document or {}
        stated = given.get("urgent")
        urgent = URGENT if stated is None else {Category(name): Level(level) for name, level in stated.items()}
        return cls(urgent, *(timedelta(seconds=given[name]) if name in given else getattr(DEFAULT, name) for name in SPANS))

    def is_urgent(self, stated: bool | None, category: Category, level: Level) -> bool:
        """What the mapper or creator said, else what the team says of this category."""
        if stated is not None:
            return stated
        least = self.urgent.get(category)
        return least is not None and level.weight >= least.weight

    def remind_at(self, told_at: datetime, *, urgent: bool, acknowledged: bool, reminded: int) -> datetime:
        """When to remind of what is still open. `told_at`: when people last heard of it; `reminded`: how often since the last alert."""
        if not urgent or acknowledged:
            return told_at + self.remind_every
        return told_at + (self.urgent_every if reminded else self.urgent_after)


SPANS: Final = ("remind_every", "urgent_after", "urgent_every")
DEFAULT: Final = Policy()
