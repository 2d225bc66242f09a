"""Monitors: what is waited for, how each stands, and what might be watched."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from gateway.api import habits, monitors
from gateway.api.models import TeamQuery
from gateway.api.monitor_models import MonitorChange, MonitorRequest, Pause
from gateway.api.problem import Problem, refused
from gateway.storage import sources
from gateway.web.visit import Route, Visit
from mappers.contract.source import parse_span

PAUSES: Final = {"1h": timedelta(hours=1), "8h": timedelta(hours=8), "1d": timedelta(days=1), "1w": timedelta(days=7), "": None}
_SPANS: Final = ("interval_seconds", "grace_seconds", "max_duration_seconds")
_FORM: Final = ("team", "source", "pipeline", "environment", "cron", "timezone", *_SPANS)
Made = TypeVar("Made", bound=BaseModel)


async def show(visit: Visit) -> web.Response:
    """Every monitor of my teams, what might be watched, and a form for one more."""
    query = TeamQuery()
    found = (await monitors.list_monitors(visit.call(query=query))).items
    worst_first = {"missing": 0, "late": 1}
    offered = (await habits.list_suggestions(visit.call(query=query))).items
    writable = set(visit.call().teams_as("member"))
    senders = await visit.database.read(sources.senders, sorted(writable))
    slugs = {team_id: slug for slug, team_id in visit.person.teams.items()}
    return await visit.page(
        "monitors.html",
        section="monitors",
        monitors=sorted(found, key=lambda one: (worst_first.get(one.state, 1 if one.overrun else 2), one.team, one.pipeline)),
        offered=[one for one in offered if visit.person.teams[one.team] in writable],
        places=sorted((slugs[team_id], slug) for team_id, slug in senders),
        teams=sorted({one.team for one in found} | set(visit.person.teams)),
    )


async def show_one(visit: Visit) -> web.Response:
    """One monitor, with its runs and what people were told."""
    found = await monitors.show(visit.call())
    return await visit.page(
        "monitor.html", section="monitors", one=found, may_act=visit.person.is_at_least("member", visit.person.teams[found.team])
    )


async def create(visit: Visit) -> web.Response:
    """Watches what the form says. `place`: `team/source`."""
    form = await visit.form()
    team, _, source = form.get("place", "").partition("/")
    made = await monitors.create(visit.call(body=_read(MonitorRequest, {**form, "team": team, "source": source})))
    return visit.redirect(f"/monitors/{made.id}", "watched")


async def change(visit: Visit) -> web.Response:
    """Expects what the form says from now on."""
    form = await visit.form()
    limit = {} if form.get("max_duration_seconds") else {"max_duration_seconds": None}
    values = {name: value for name, value in form.items() if name in ("cron", "timezone", *_SPANS)}
    body = _read(MonitorChange, values, **limit)
    await monitors.change(visit.call(body=body))
    return visit.redirect(f"/monitors/{visit.call().id()}", "saved")


async def pause(visit: Visit) -> web.Response:
    """Waits for nothing for as long as the button says."""
    form = await visit.form()
    if form.get("for", "-") not in PAUSES:
        raise Problem(422, "There is no such button.")
    span = PAUSES[form["for"]]
    await monitors.pause(visit.call(body=Pause(until=visit.now + span if span else None)))
    return visit.redirect(visit.came_from, "paused")


async def resume(visit: Visit) -> web.Response:
    """Waits again."""
    await monitors.resume(visit.call())
    return visit.redirect(visit.came_from, "resumed")


async def remove(visit: Visit) -> web.Response:
    """Watches it no more."""
    await monitors.delete(visit.call())
    return visit.redirect("/monitors", "unwatched")


async def accept(visit: Visit) -> web.Response:
    """Watches a pipeline by its habit."""
    made = await monitors.accept(visit.call())
    return visit.redirect(f"/monitors/{made.id}", "watched")


async def refuse(visit: Visit) -> web.Response:
    """Asks no more about a pipeline."""
    await habits.refuse_suggestion(visit.call())
    return visit.redirect("/monitors", "refused")


def _read(model: type[Made], form: Mapping[str, Any], **more: Any) -> Made:
    """What a form says: empty fields say nothing, spans are written as in `20m`."""
    values = {name: form[name].strip() for name in _FORM if str(form.get(name) or "").strip()}
    values |= {name: parse_span(values[name]) for name in _SPANS if name in values}
    try:
        return model.model_validate({**values, **more})
    except ValidationError as error:
        raise refused("form", error) from None


ROUTES: Final[tuple[Route, ...]] = (
    ("GET", "/monitors", show),
    ("POST", "/monitors", create),
    ("GET", "/monitors/{id}", show_one),
    ("POST", "/monitors/{id}", change),
    ("POST", "/monitors/{id}/pause", pause),
    ("POST", "/monitors/{id}/resume", resume),
    ("POST", "/monitors/{id}/remove", remove),
    ("POST", "/monitors/suggestions/{id}/accept", accept),
    ("POST", "/monitors/suggestions/{id}/dismiss", refuse),
)
