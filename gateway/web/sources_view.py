"""For admins: their sources, each with what to look at; a new one, a new secret, a test."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from gateway.api import admin, sources
from gateway.api.admin import RejectionsQuery
from gateway.api.models import TeamQuery
from gateway.api.problem import FieldError, Problem, refused
from gateway.api.source_models import Connecting, NewSource, Rotation, SourceChange, SourceWhole
from gateway.web import settings_text
from gateway.web.visit import Route, Visit

M = TypeVar("M", bound=BaseModel)
_REFUSED: Final = 5
SPANS: Final[Mapping[str, tuple[str, timedelta]]] = {
    "7d": ("in a week", timedelta(days=7)),
    "1d": ("in a day", timedelta(days=1)),
    "30d": ("in a month", timedelta(days=30)),
    "now": ("now", timedelta()),
}
"""For how long old secrets stay valid beside a new one."""
_OF_A_SOURCE: Final = ("team", "slug", "kind", "environment", "scheme")


async def show(visit: Visit) -> web.Response:
    """Every source with its address and what to look at."""
    found = await sources.list_sources(visit.call(query=TeamQuery()))
    return await visit.page("sources.html", section="sources", sources=found.items)


async def show_new(visit: Visit) -> web.Response:
    """What a new source may be: first of which kind, then the rest."""
    return await _form(visit, visit.request.query)


async def create(visit: Visit) -> web.Response:
    """Makes a source and shows, this once, what its sender must know."""
    form = await visit.form()
    try:
        values: dict[str, Any] = {name: form[name].strip() for name in _OF_A_SOURCE if form.get(name, "").strip()}
        if secret := form.get("secret", "").strip():
            values["secret"] = secret
        options = {"name" if form.get("scheme") == "header" else "header": form["header"].strip()} if form.get("header", "").strip() else {}
        wanted = _model(NewSource, {**values, "options": options, "settings": settings_text.read(form.get("settings", ""))})
        made = await sources.create_source(visit.call(body=wanted))
    except Problem as problem:
        if problem.status not in (409, 422):
            raise
        return await _form(visit, form, problem)
    return await _connected(visit, made, "New source")


async def one(visit: Visit) -> web.Response:
    """One source: how it does, its secrets, its settings, its steps."""
    return await _one(visit)


async def change(visit: Visit) -> web.Response:
    """Changes environment and settings."""
    form = await visit.form()
    try:
        found = await sources.show_source(visit.call())
        settings = settings_text.change(found.settings, settings_text.read(form.get("settings", "")))
        wanted = _model(SourceChange, {"environment": form.get("environment", "").strip(), "settings": settings})
        await sources.change_source(visit.call(body=wanted))
    except Problem as problem:
        if problem.status not in (409, 422):
            raise
        return await _one(visit, problem, form)
    return visit.redirect(_address(visit), "saved")


async def disable(visit: Visit) -> web.Response:
    """Takes no more of it."""
    await sources.disable_source(visit.call())
    return visit.redirect(_address(visit), "disabled")


async def enable(visit: Visit) -> web.Response:
    """Takes what it sends again."""
    await sources.change_source(visit.call(body=SourceChange(enabled=True)))
    return visit.redirect(_address(visit), "enabled")


async def delete(visit: Visit) -> web.Response:
    """Deletes a disabled source."""
    try:
        await sources.delete_source(visit.call())
    except Problem as problem:
        if problem.status != 409:
            raise
        return await _one(visit, problem)
    return visit.redirect("/sources", "source-deleted")


async def rotate(visit: Visit) -> web.Response:
    """Makes a secret and shows it this once; a form that was sent twice makes one."""
    form = await visit.form()
    found = await sources.show_source(visit.call())
    if form.get("newest", "") != _newest(found):
        raise Problem(409, "A secret was made or ended since you looked, perhaps by this very form. Open the source anew.")
    _, span = SPANS.get(form.get("others", ""), SPANS["7d"])
    values: dict[str, Any] = {"others_until": visit.now + span}
    if form.get("scheme"):
        values["scheme"] = form["scheme"]
    if secret := form.get("secret", "").strip():
        values["secret"] = secret
    try:
        made = await sources.rotate_secret(visit.call(body=_model(Rotation, values)))
    except Problem as problem:
        if problem.status not in (409, 422):
            raise
        return await _one(visit, problem)
    return await _connected(visit, made, "New secret")


async def end_secret(visit: Visit) -> web.Response:
    """Ends a secret at once."""
    await sources.end_secret(visit.call())
    return visit.redirect(_address(visit), "secret-ended")


async def test(visit: Visit) -> web.Response:
    """Sends the example of the source's kind, and shows what it would become."""
    sent = await sources.send_test(visit.call())
    return visit.redirect(f"/events/{sent.event_id}", "test-refused" if sent.warning else "tested")


async def _form(visit: Visit, given: Mapping[str, str], problem: Problem | None = None) -> web.Response:
    kinds = (await sources.list_kinds(visit.call())).items
    kind = next((one for one in kinds if one.kind == given.get("kind")), None)
    return await visit.page(
        "source-new.html",
        section="sources",
        status=problem.status if problem else 200,
        kinds=kinds,
        kind=kind,
        given={name: given.get(name, "") for name in (*_OF_A_SOURCE, "header", "settings")},
        teams=sorted(slug for slug, team_id in visit.person.teams.items() if team_id in visit.person.admin_of),
        problem=problem,
    )


async def _one(visit: Visit, problem: Problem | None = None, given: Mapping[str, str] | None = None) -> web.Response:
    found = await sources.show_source(visit.call())
    refusals = await admin.list_rejections(visit.call(query=RejectionsQuery(team=found.team, source=found.slug, limit=_REFUSED)))
    kind = next((one for one in (await sources.list_kinds(visit.call())).items if one.kind == found.kind), None)
    return await visit.page(
        "source.html",
        section="sources",
        status=problem.status if problem else 200,
        one=found,
        kind=kind,
        refused=refusals.items,
        settings=given["settings"] if given and "settings" in given else settings_text.written(found.settings),
        environment=given["environment"] if given and "environment" in given else found.environment,
        newest=_newest(found),
        ways=list(dict.fromkeys([*found.schemes, *(kind.schemes if kind else ())])),
        usual=timedelta(seconds=found.health.usual_pause) if found.health.usual_pause else None,
        spans=SPANS,
        problem=problem,
    )


async def _connected(visit: Visit, made: Connecting, title: str) -> web.Response:
    """The one page that shows a credential: an answer to what was posted, so that no address ever holds it."""
    return await visit.page("connected.html", section="sources", made=made, title=title)


def _model(model: type[M], values: Mapping[str, Any]) -> M:
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        found = refused("body", error)
        raise Problem(422, found.detail, [FieldError(place=one.place, message=one.message) for one in found.errors]) from None


def _newest(found: SourceWhole) -> str:
    return str(found.secrets[-1].id) if found.secrets else ""


def _address(visit: Visit) -> str:
    return f"/sources/{visit.call().id()}"


ROUTES: Final[tuple[Route, ...]] = (
    ("GET", "/sources", show),
    ("GET", "/sources/new", show_new),
    ("POST", "/sources/new", create),
    ("GET", "/sources/{id}", one),
    ("POST", "/sources/{id}", change),
    ("POST", "/sources/{id}/disable", disable),
    ("POST", "/sources/{id}/enable", enable),
    ("POST", "/sources/{id}/delete", delete),
    ("POST", "/sources/{id}/secrets", rotate),
    ("POST", "/sources/{id}/secrets/{secret}/end", end_secret),
    ("POST", "/sources/{id}/test", test),
)
