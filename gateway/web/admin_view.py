"""For admins of a team: what was refused, and who changed what. Sources, events and people have rooms of their own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from aiohttp import web
from pydantic import BaseModel, ValidationError

from gateway.api import admin, sources
from gateway.api.admin import ChangesQuery, RejectionsQuery
from gateway.api.models import TeamQuery
from gateway.api.problem import refused
from gateway.api.refusals import REFUSALS
from gateway.web import events_view, people_view, sources_view
from gateway.web.visit import Route, Visit

M = TypeVar("M", bound=BaseModel)
_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Sieve:
    """What a list is asked for, as its address says it."""

    path: str
    given: Mapping[str, str]

    @classmethod
    def of(cls, path: str, query: Mapping[str, str], names: tuple[str, ...]) -> "Sieve":
        """What a query string asks for, of these names."""
        return cls(path, {name: query[name].strip() for name in names if query.get(name, "").strip()})

    def model(self, model: type[M], cursor: str | None, **more: Any) -> M:
        """The same for the API, of a list. Raises a 422 that names what cannot be used."""
        return self.plain(model, limit=_PAGE, **more, **({"cursor": cursor} if cursor else {}))

    def plain(self, model: type[M], **more: Any) -> M:
        """The same for the API. Raises a 422 that names what cannot be used."""
        try:
            return model.model_validate({**self.given, **more})
        except ValidationError as error:
            raise refused("query", error) from None

    def address(self, **more: str | None) -> str:
        """The address of a page with this filter, and more."""
        text = urlencode({name: value for name, value in {**self.given, **more}.items() if value is not None})
        return f"{self.path}?{text}" if text else self.path

    def one(self, name: str) -> str:
        """What is asked for under a name; empty where nothing is."""
        return self.given.get(name, "")


async def rejections(visit: Visit) -> web.Response:
    """What was refused at the door, why, and what to do."""
    sieve, cursor = Sieve.of("/rejections", visit.request.query, ("source", "reason", "team")), visit.request.query.get("cursor") or None
    found = await admin.list_rejections(visit.call(query=sieve.model(RejectionsQuery, cursor)))
    slugs = {row.slug for row in (await sources.list_sources(visit.call(query=TeamQuery()))).items}
    return await visit.page(
        "rejections.html",
        section="sources",
        rows=found.items,
        sieve=sieve,
        sources=sorted(slugs),
        reasons={reason: one.title for reason, one in REFUSALS.items()},
        teams=administered(visit),
        older=sieve.address(cursor=found.next) if found.next else None,
        first_page=cursor is None,
    )


async def changes(visit: Visit) -> web.Response:
    """Who changed what."""
    sieve = Sieve.of("/audit", visit.request.query, ("action", "actor", "target", "team", "since", "until"))
    cursor = visit.request.query.get("cursor") or None
    days = {name: _begins(sieve.one(name), visit.clock.zone) for name in ("since", "until") if sieve.one(name)}
    found = await admin.list_changes(visit.call(query=sieve.model(ChangesQuery, cursor, **days)))
    return await visit.page(
        "audit.html",
        section="people",
        rows=found.items,
        sieve=sieve,
        teams=administered(visit),
        older=sieve.address(cursor=found.next) if found.next else None,
        first_page=cursor is None,
    )


def _begins(day: str, zone: tzinfo) -> str:
    """When a day begins on the person's own clock; anything else is left to the API to refuse."""
    try:
        return datetime.combine(date.fromisoformat(day), time(), zone).isoformat()
    except ValueError:
        return day


def administered(visit: Visit) -> list[str]:
    """The slugs of the teams that the person administers."""
    return sorted(slug for slug, team_id in visit.person.teams.items() if team_id in visit.person.admin_of)


ROUTES: Final[tuple[Route, ...]] = (
    *sources_view.ROUTES,
    ("GET", "/rejections", rejections),
    *events_view.ROUTES,
    *people_view.ROUTES,
    ("GET", "/audit", changes),
)
