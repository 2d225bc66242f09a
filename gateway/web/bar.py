"""The urgent bar: one row per conversation, as the API lists them."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway.api.models import BarSource, Conversation, Item, UrgentBar
from gateway.web.render import first_line, web_links

SHOWN: Final = 3
MOST: Final = 30
"""Rows in all, the folded ones included; the rest is on the page of urgent ones."""


@dataclass(frozen=True, slots=True)
class Row:
    """One conversation."""

    id: int
    ids: tuple[int, ...]
    """Every notification of it: what its buttons act on."""
    level: str
    category: str
    topic: str
    """The pipeline, or what stands for one."""
    place: str
    """`acme/prod`."""
    cause: str
    since: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    link: tuple[str, str] | None
    """(label, URL) of the first link: usually the run."""


@dataclass(frozen=True, slots=True)
class Over:
    """Something that was on the bar and recovered just now."""

    id: int
    topic: str
    place: str
    lasted: timedelta


@dataclass(frozen=True, slots=True)
class Bar:
    """The rows, worst first, then oldest."""

    rows: tuple[Row, ...]
    folded: tuple[Row, ...]
    total: int
    unacknowledged: int
    sources: tuple[BarSource, ...]
    """In a storm: who has how many."""
    over: tuple[Over, ...]
    version: str
    """The same for the same bar, ages aside."""

    @property
    def state(self) -> str:
        """`clear`, `acknowledged` or `active`."""
        return "active" if self.unacknowledged else "acknowledged" if self.total else "clear"

    @property
    def left_out(self) -> int:
        """Rows that are not even folded."""
        return self.total - len(self.rows) - len(self.folded)


def bar(found: UrgentBar) -> Bar:
    """The bar of what the API found."""
    rows = tuple(_row(one) for one in found.items[:MOST])
    over = tuple(_over(one) for one in found.just_resolved)
    version = hashlib.sha256(repr((rows, over, found.counts, found.sources)).encode("utf-8", "replace")).hexdigest()[:16]
    return Bar(rows[:SHOWN], rows[SHOWN:], found.counts.total, found.counts.unacknowledged, tuple(found.sources), over, version)


def _over(one: Item) -> Over:
    lasted = one.resolved_at - one.opened_at if one.resolved_at and one.opened_at else timedelta()
    return Over(one.id, one.pipeline or one.title, _place(one), lasted)


def _place(one: Item | Conversation) -> str:
    return "/".join(filter(None, (one.team, one.environment)))


def _row(one: Conversation) -> Row:
    topic = one.pipeline or one.title
    cause = first_line(one.message) or (one.title if one.title != topic else "")
    links = web_links(one.links)
    return Row(
        id=one.id, ids=tuple(item.id for item in one.items), level=one.level.value, category=one.category.value, topic=topic,
        place=_place(one), cause=cause[:300], since=one.since, acknowledged_at=one.acknowledged_at,
        acknowledged_by=one.acknowledged_by, link=links[0] if links else None,
    )  # fmt: skip
