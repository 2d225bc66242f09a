"""What stands together in a list: neighbours of one conversation or one run fold behind the newest of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.api.models import Item

FOLDED_FROM: Final = 2
"""So many behind the newest are folded; fewer take no more room than the line that would stand for them."""


@dataclass(frozen=True, slots=True)
class Group:
    """An entry, and those behind it that belong to it."""

    lead: Item
    rest: list[Item] = field(default_factory=list)

    @property
    def is_folded(self) -> bool:
        """Whether one line stands for what is behind the lead."""
        return len(self.rest) >= FOLDED_FROM

    @property
    def topic(self) -> str:
        """What they share."""
        return self.lead.pipeline or f"run {self.lead.run}"

    @property
    def open(self) -> int:
        """How many behind the lead are open."""
        return sum(one.status == "open" for one in self.rest)

    @property
    def unread(self) -> int:
        """How many behind the lead are unread."""
        return sum(one.read_at is None for one in self.rest)

    @property
    def worst(self) -> Item:
        """The worst of what is open behind the lead, else of all of it."""
        return max([one for one in self.rest if one.status == "open"] or self.rest, key=lambda one: one.level.weight)


def grouped(items: Iterable[Item]) -> Sequence[Group]:
    """The items in their order, neighbours that belong together in one group."""
    groups: list[Group] = []
    for item in items:
        if groups and _belongs(item, groups[-1].lead):
            groups[-1].rest.append(item)
        else:
            groups.append(Group(item))
    return groups


def _belongs(one: Item, lead: Item) -> bool:
    if one.conversation_id is not None and one.conversation_id == lead.conversation_id:
        return True
    return one.run is not None and (one.run, one.source, one.team) == (lead.run, lead.source, lead.team)
