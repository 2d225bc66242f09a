"""For admins of a team: where senders point and what was refused; what arrived has a room of its own."""

from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from gateway.api import admin, sources
from gateway.api.admin import RejectionsQuery
from gateway.api.models import TeamQuery
from gateway.web import events_view
from gateway.web.visit import Route, Visit

_REJECTIONS: Final = 20


async def show_sources(visit: Visit) -> web.Response:
    """Every source with its address, its last event and what was refused lately."""
    cursor, source = visit.request.query.get("cursor") or None, visit.request.query.get("source") or None
    found = await sources.list_sources(visit.call(query=TeamQuery()))
    refusals = await admin.list_rejections(visit.call(query=RejectionsQuery(limit=_REJECTIONS, cursor=cursor, source=source)))
    return await visit.page(
        "sources.html",
        section="sources",
        sources=found.items,
        rejections=refusals.items,
        wanted=source,
        newest=_address(source),
        older=_address(source, refusals.next) if refusals.next else None,
        first_page=cursor is None,
    )


def _address(source: str | None, cursor: str | None = None) -> str:
    query = urlencode({name: value for name, value in (("source", source), ("cursor", cursor)) if value})
    return f"/sources{'?' if query else ''}{query}#refused"


ROUTES: Final[tuple[Route, ...]] = (("GET", "/sources", show_sources), *events_view.ROUTES)
