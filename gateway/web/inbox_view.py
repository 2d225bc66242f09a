"""The inbox: the list within its filters, and the urgent bar that stands above it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from aiohttp import web

from gateway.api import notifications
from gateway.api.models import Item, Page
from gateway.web.filters import TABS, Filters
from gateway.web.groups import Group, grouped
from gateway.web.visit import Route, Visit

_TAB_LABELS: Final = {
    "all": "All",
    "unread": "Unread",
    "urgent": "Urgent",
    "snoozed": "Snoozed",
    "archived": "Archived",
    "muted": "Muted",
}
_HINT: Final = "/api/notifications/filtered"
_COUNTS: Final = "/api/notifications/counts"
_WITHOUT_NEWS: Final = ("snoozed", "archived", "muted")


async def show(visit: Visit) -> web.Response:
    """A page of the inbox, newest first."""
    filters = Filters.of(visit.request.query, visit.clock.zone)
    found = await notifications.filtered(visit.call(query=filters.query()))
    counts = await notifications.counts(visit.call(query=filters.criteria))
    return await visit.page(
        "inbox.html",
        section="inbox",
        filters=filters,
        tabs=[(tab, _TAB_LABELS[tab], filters.in_tab(tab), getattr(counts, tab)) for tab in TABS],
        counts=counts,
        counts_from=filters.counts_address(_COUNTS),
        days=_by_day(found.items, visit),
        older=filters.older(found.next) if found.next else None,
        until=_until(filters, found, visit.now).isoformat(),
        news=_news(filters, found),
        is_admin=bool(visit.person.admin_of),
    )


async def urgent_bar(visit: Visit) -> web.Response:
    """The bar alone, for the script that keeps it fresh; `short` is the one line other pages have."""
    return visit.fragment("bar.html", bar=await visit.bar(), section="other" if "short" in visit.request.query else "inbox")


def _by_day(items: list[Item], visit: Visit) -> list[tuple[str, Sequence[Group]]]:
    return [(day, grouped(group)) for day, group in groupby(items, key=lambda item: visit.clock.day(item.last_at))]


def _until(filters: Filters, found: Page, now: datetime) -> datetime:
    """Just behind the newest that the person can see: what "mark all as read" may touch."""
    return found.items[0].last_at + timedelta(microseconds=1) if found.items and not filters.cursor else now


def _news(filters: Filters, found: Page) -> tuple[str, str] | None:
    """(where the script asks for what is newer than this page, what it knows of that moment); None where nothing new belongs here."""
    if filters.cursor or filters.tab in _WITHOUT_NEWS:
        return None
    if not found.items:
        return filters.api_address(_HINT, limit="100"), ""
    newest: datetime = found.items[0].last_at
    known = [f"{item.id}@{item.model_dump(mode='json')['last_at']}" for item in found.items if item.last_at == newest]
    return filters.api_address(_HINT, since=newest.isoformat(), limit="100"), " ".join(known)


ROUTES: Final[tuple[Route, ...]] = (("GET", "/", show), ("GET", "/urgent-bar", urgent_bar))
