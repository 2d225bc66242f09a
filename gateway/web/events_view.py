"""What arrived, what became of it, and mapping it again: one event, or all that a filter finds."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from aiohttp import web
from pydantic import BaseModel, ValidationError

from gateway.api import events, sources
from gateway.api.events import EventFilter, EventsQuery, ReplayRequest
from gateway.api.models import TeamQuery
from gateway.api.problem import FieldError, Problem, refused
from gateway.storage.replay import AT_ONCE
from gateway.web.visit import Route, Visit
from gateway.web.words import EVENT_STATUSES

M = TypeVar("M", bound=BaseModel)
_PAGE: Final = 50
_FIELDS: Final = ("status", "source", "team", "since", "until", "conflicting")
_WITHIN: Final = tuple(name for name in _FIELDS if name != "status")
_TIMES: Final = ("since", "until")


@dataclass(frozen=True, slots=True)
class Asked:
    """The filter as an address of the page says it; times without a zone are on the person's own clock."""

    given: Mapping[str, str]
    zone: tzinfo

    @classmethod
    def of(cls, fields: Mapping[str, str], zone: tzinfo) -> "Asked":
        """What a query string or a form asks for."""
        return cls({name: fields[name].strip() for name in _FIELDS if fields.get(name, "").strip()}, zone)

    def model(self, model: type[M], **more: Any) -> M:
        """The same for the API. Raises a 422 that names what cannot be used."""
        values = {name: self._moment(name).isoformat() if name in _TIMES else value for name, value in self.given.items()}
        try:
            return model.model_validate({**values, **{name: value for name, value in more.items() if value is not None}})
        except ValidationError as error:
            raise refused("query", error) from None

    def address(self, path: str = "/events", **more: object) -> str:
        """The address of a page with this filter; `more` comes on top, and what is None there is left out."""
        pairs = {**self.given, **more}
        text = urlencode({name: value for name, value in pairs.items() if value is not None})
        return f"{path}?{text}" if text else path

    def one(self, name: str) -> str:
        """What is asked for under this name; times as an input of the page takes them."""
        if name not in self.given or name not in _TIMES:
            return self.given.get(name, "")
        return self._moment(name).astimezone(self.zone).strftime("%Y-%m-%dT%H:%M")

    @property
    def within(self) -> bool:
        """Whether more than a status is asked for."""
        return any(name in self.given for name in _WITHIN)

    def _moment(self, name: str) -> datetime:
        try:
            moment = datetime.fromisoformat(self.given[name])
            return moment if moment.tzinfo else moment.replace(tzinfo=self.zone)
        except (ValueError, OverflowError):
            message = "write it as 2026-03-02T09:00"
            raise Problem(422, "The time cannot be read.", [FieldError(place=f"query.{name}", message=message)]) from None


async def show(visit: Visit) -> web.Response:
    """What arrived within the filter, newest first."""
    asked, cursor = Asked.of(visit.request.query, visit.clock.zone), visit.request.query.get("cursor") or None
    found = await events.list_events(visit.call(query=asked.model(EventsQuery, limit=_PAGE, cursor=cursor)))
    counts = await events.count_events(visit.call(query=asked.model(EventFilter))) if asked.given else None
    slugs = {row.slug for row in (await sources.list_sources(visit.call(query=TeamQuery()))).items}
    return await visit.page(
        "events.html",
        section="events",
        rows=found.items,
        asked=asked,
        counts=counts,
        replayable=counts.total - counts.by_status["waiting"] if counts else 0,
        tabs=[(name, asked.address(status=name)) for name in EVENT_STATUSES],
        sources=sorted(slugs),
        older=asked.address(cursor=found.next) if found.next else None,
        first_page=cursor is None,
    )


async def one(visit: Visit) -> web.Response:
    """One event with its body."""
    found = await events.show_event(visit.call())
    return await visit.page("event.html", section="events", one=found, indented=laid_out(found.body))


async def replay_one(visit: Visit) -> web.Response:
    """Maps an event again."""
    await events.replay_event(visit.call())
    return visit.redirect(f"/events/{visit.call().id()}", "replayed")


async def replay(visit: Visit) -> web.Response:
    """Begins to map all that the filter finds again, or goes on; how far it came is part of the address."""
    form = await visit.form()
    asked = Asked.of(form, visit.clock.zone)
    done = await events.replay_events(visit.call(body=asked.model(ReplayRequest, cursor=form.get("cursor") or None)))
    queued = _number(form.get("queued")) + done.queued
    started = form.get("started") or visit.now.isoformat()
    return visit.redirect(asked.address("/events/replay", cursor=done.next, queued=queued, of=_number(form.get("of")), started=started))


async def progress(visit: Visit) -> web.Response:
    """How far a replay has come, and in the end what became of it."""
    query = visit.request.query
    asked, cursor = Asked.of(query, visit.clock.zone), query.get("cursor") or None
    everywhere = Asked({name: value for name, value in asked.given.items() if name in ("source", "team")}, asked.zone)
    waiting = (await events.count_events(visit.call(query=everywhere.model(EventFilter, status="waiting")))).replaying
    queued = _number(query.get("queued"))
    return await visit.page(
        "replay.html",
        section="events",
        asked=asked,
        cursor=cursor,
        queued=queued,
        of=max(_number(query.get("of")), queued) if cursor else queued,
        waiting=waiting,
        started=query.get("started", ""),
        body=json.dumps(asked.model(ReplayRequest).model_dump(mode="json", exclude_defaults=True)),
        at_once=AT_ONCE,
        counts_from=everywhere.address("/api/events/counts", status="waiting"),
        outcome=None if cursor or waiting else await _outcome(visit, asked),
    )


async def _outcome(visit: Visit, asked: Asked) -> list[tuple[str, int, str]]:
    """(status, how many, where to see them) of what was there when the replay began and was processed since."""
    started = Asked({"since": visit.request.query.get("started", "")}, asked.zone).model(EventFilter).since
    wanted = asked.model(EventFilter).model_copy(update={"status": None, "processed_since": started})
    if started and not (wanted.until and wanted.until < started):
        wanted = wanted.model_copy(update={"until": started})
    counts = await events.count_events(visit.call(query=wanted))
    return [(status, number, asked.address(status=status)) for status, number in counts.by_status.items() if number]


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 12 else 0


def laid_out(body: str | None) -> str | None:
    """JSON laid out for reading; None where it is none, or looks so already."""
    try:
        text = json.dumps(json.loads(body or ""), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return None
    return text if text != body else None


ROUTES: Final[tuple[Route, ...]] = (
    ("GET", "/events", show),
    ("GET", "/events/replay", progress),
    ("POST", "/events/replay", replay),
    ("GET", "/events/{id}", one),
    ("POST", "/events/{id}/replay", replay_one),
)
