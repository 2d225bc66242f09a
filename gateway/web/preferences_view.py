"""What I want to hear: a plain form over the API's own operations."""

import functools
import zoneinfo
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any, Final

from aiohttp import web
from pydantic import ValidationError

from gateway.api import notifications, preferences
from gateway.api.models import FilterQuery, TeamQuery
from gateway.api.preferences import Preferences, PreferencesChange
from gateway.api.preview import Preview
from gateway.api.preview import preview as rehearse
from gateway.api.problem import Problem, refused
from gateway.domain.rhythm import DAILY_AT
from gateway.storage import refused_addresses
from gateway.web.visit import Route, Visit
from mappers.contract import Category

_OWN: Final = ""
"""What the form says for "the channel's own minimum"."""
_MORNING: Final = time(8)


async def show(visit: Visit) -> web.Response:
    """The form as things are."""
    team = _team(visit, visit.request.query.get("team"))
    return await _form(visit, team, await preferences.show(visit.call(query=TeamQuery(team=team))), None)


async def _form(visit: Visit, team: str | None, found: Preferences, preview: Preview | None) -> web.Response:
    everywhere = await preferences.show(visit.call(query=TeamQuery())) if team else found
    held = {"": everywhere.do_not_disturb_until, **({team: found.do_not_disturb_until} if team else {})}
    return await visit.page(
        "preferences.html",
        section="preferences",
        found=found,
        team=team,
        refused=await visit.database.read(refused_addresses.of_person, visit.person.id),
        zones=_zones(found.timezone),
        held={place: until for place, until in held.items() if until},
        muted=await notifications.filtered(visit.call(query=FilterQuery(muted=True, limit=100))),
        preview=preview,
        daily_at=DAILY_AT,
        max_retention_days=preferences.MAX_RETENTION_DAYS,
    )


async def save(visit: Visit) -> web.Response:
    """Changes what differs from what is in force, and nothing else: an untouched default stays a default."""
    form = await visit.form()
    team = _team(visit, form.get("team"))
    change = await _change(visit, team, form)
    if change.model_fields_set:
        await preferences.change(visit.call(query=TeamQuery(team=team), body=change))
    return visit.redirect(_address(visit, team), "saved" if change.model_fields_set else "unchanged")


async def preview(visit: Visit) -> web.Response:
    """What would have reached the person last week, were the form saved: as a page with the form, or that part alone."""
    form = await visit.form()
    team = _team(visit, form.get("team"))
    found = await rehearse(visit.call(query=TeamQuery(team=team), body=await _change(visit, team, form)))
    if "part" in visit.request.query:
        return visit.fragment("preview.html", preview=found)
    return await _form(visit, team, found.preferences, found)


async def _change(visit: Visit, team: str | None, form: Mapping[str, str]) -> PreferencesChange:
    found = await preferences.show(visit.call(query=TeamQuery(team=team)))
    try:
        return PreferencesChange.model_validate(differences(found, form))
    except ValidationError as error:
        raise refused("form", error) from None


async def do_not_disturb(visit: Visit) -> web.Response:
    """Holds mail for a while, of one team or of all (`place` is empty), or no longer."""
    form = await visit.form()
    place, spans = form.get("place") or None, _spans(visit)
    if form.get("for") not in spans:
        raise Problem(422, "There is no such button.")
    until = spans[form["for"]]
    query = TeamQuery(team=_team(visit, place) if place else None)
    await preferences.change(visit.call(query=query, body=PreferencesChange(do_not_disturb_until=until)))
    return visit.redirect(_address(visit, _team(visit, form.get("team"))), "held" if until else "released")


def _spans(visit: Visit) -> dict[str, datetime | None]:
    tomorrow = visit.now.astimezone(visit.clock.zone).date() + timedelta(days=1)
    morning = datetime.combine(tomorrow, _MORNING, visit.clock.zone)
    return {"1h": visit.now + timedelta(hours=1), "4h": visit.now + timedelta(hours=4), "tomorrow": morning, "off": None}


def _address(visit: Visit, team: str | None) -> str:
    return f"/preferences?team={team}" if team and len(visit.person.teams) > 1 else "/preferences"


def differences(found: Preferences, form: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a `PreferencesChange` that the form wants otherwise."""
    changes: dict[str, Any] = {}
    _put(changes, "enabled", found.enabled, "enabled" in form)
    _put(changes, "shortcuts", found.shortcuts, "shortcuts" in form)
    _put(changes, "timezone", found.timezone, form.get("timezone", found.timezone))
    _put(changes, "urgent_breaks_through", found.urgent_breaks_through, "urgent_breaks_through" in form)
    hours = {name: form.get(f"quiet_hours.{name}", "") for name in ("from", "until")} if "quiet_hours" in form else None
    _put(changes, "quiet_hours", found.quiet_hours and found.quiet_hours.model_dump(), hours)
    days = form.get("retention_days", "").strip()
    _put(changes, "retention_days", str(found.retention_days or "") or None, days or None)
    for name, channel in (("in_app", found.in_app), ("email", found.email)):
        wanted: dict[str, Any] = {}
        _put(wanted, "enabled", channel.enabled, f"{name}.enabled" in form)
        _put(wanted, "min_level", channel.min_level.value, form.get(f"{name}.min_level", channel.min_level.value))
        if name == "email":
            _put(wanted, "digest", found.email.digest.value, form.get("email.digest", found.email.digest.value))
        if wanted:
            changes[name] = wanted
    categories = {category.value: wanted for category in Category if (wanted := _category(found, category, form))}
    return changes | ({"categories": categories} if categories else {})


def _category(found: Preferences, category: Category, form: Mapping[str, str]) -> dict[str, Any]:
    choice, wanted = found.categories[category], dict[str, Any]()
    for name, is_on, level in (("in_app", choice.in_app, choice.in_app_min_level), ("email", choice.email, choice.email_min_level)):
        _put(wanted, name, is_on, f"{category.value}.{name}" in form)
        _put(wanted, f"{name}_min_level", level.value if level else None, form.get(f"{category.value}.{name}.min_level", _OWN) or None)
    _put(wanted, "scope", choice.scope, "owned" if f"{category.value}.owned" in form else "all")
    return wanted


def _put(changes: dict[str, Any], name: str, is_now: object, wanted: object) -> None:
    if wanted != is_now:
        changes[name] = wanted


def _team(visit: Visit, asked: str | None) -> str | None:
    """The team whose categories are shown: the one asked for, else the first; None where there is none."""
    if asked and asked not in visit.person.teams:
        raise Problem(404, "You have no such team.")
    return asked or min(visit.person.teams, default=None)


def _zones(current: str) -> list[str]:
    return sorted({current, *_known_zones()})


@functools.cache
def _known_zones() -> frozenset[str]:
    return frozenset(name for name in zoneinfo.available_timezones() if "/" in name or name == "UTC")


ROUTES: Final[tuple[Route, ...]] = (
    ("GET", "/preferences", show),
    ("POST", "/preferences", save),
    ("POST", "/preferences/preview", preview),
    ("POST", "/preferences/do-not-disturb", do_not_disturb),
)
