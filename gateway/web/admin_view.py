"""For admins of a team: where senders point, what arrived, what was refused."""

import json
from typing import Final

from aiohttp import web
from pydantic import ValidationError

from gateway.api import admin
from gateway.api.admin import EventsQuery
from gateway.api.models import ListQuery, TeamQuery
from gateway.api.problem import refused
from gateway.web.mail_view import before
from gateway.web.visit import Route, Visit
from gateway.web.words import EVENT_STATUSES

_EVENTS: Final = 50
_REJECTIONS: Final = 20


async def sources(visit: Visit) -> web.Response:
    """Every source with its address, its last event and what was refused lately."""
    cursor = visit.request.query.get("cursor") or None
    found = await admin.list_sources(visit.call(query=TeamQuery()))
    refusals = await admin.list_rejections(visit.call(query=ListQuery(limit=_REJECTIONS, cursor=cursor)))
    return await visit.page(
        "sources.html",
        section="sources",
        sources=found.items,
        rejections=refusals.items,
        following=refusals.next,
        first_page=cursor is None,
    )


async def events(visit: Visit) -> web.Response:
    """What arrived, newest first."""
    status, cursor = visit.request.query.get("status") or None, visit.request.query.get("cursor") or None
    before(cursor)
    try:
        query = EventsQuery(limit=_EVENTS, status=status, cursor=cursor)
    except ValidationError as error:
        raise refused("query", error) from None
    found = await admin.list_events(visit.call(query=query))
    return await visit.page(
        "events.html",
        section="events",
        rows=found.items,
        following=found.next,
        wanted=status,
        statuses=EVENT_STATUSES,
        first_page=cursor is None,
    )


async def event(visit: Visit) -> web.Response:
    """One event with its body."""
    found = await admin.show_event(visit.call())
    return await visit.page("event.html", section="events", one=found, indented=_indented(found.body))


async def replay(visit: Visit) -> web.Response:
    """Maps an event again."""
    await admin.replay_event(visit.call())
    return visit.redirect(f"/events/{visit.call().id()}", "replayed")


def _indented(body: str | None) -> str | None:
    """JSON laid out for reading; None where it is none, or looks so already."""
    try:
        text = json.dumps(json.loads(body or ""), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return None
    return text if text != body else None


ROUTES: Final[tuple[Route, ...]] = (
    ("GET", "/sources", sources),
    ("GET", "/events", events),
    ("GET", "/events/{id}", event),
    ("POST", "/events/{id}/replay", replay),
)
