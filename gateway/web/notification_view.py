"""One notification whole, and what a person does with notifications."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from aiohttp import web
from pydantic import ValidationError

from gateway.api import events, marking, notifications, put_aside
from gateway.api.marking import Marks
from gateway.api.models import Detail, ReadAt, Vote
from gateway.api.operation import Handler
from gateway.api.problem import Problem, refused
from gateway.api.put_aside import UNTIL_RESOLVED, Period
from gateway.storage.types import microseconds
from gateway.web.events_view import laid_out
from gateway.web.filters import Filters
from gateway.web.visit import Route, Visit
from mappers.contract import duration

_MARKS: Final[dict[str, dict[str, Any]]] = {
    "read": {"read": True},
    "unread": {"read": False},
    "archive": {"archived": True},
    "unarchive": {"archived": False},
    "dismiss": {"dismissed": True},
    "undismiss": {"dismissed": False},
    "unsnooze": {"snoozed": False},
    "unmute": {"muted": False},
}
_FOR_A_WHILE: Final = {"snooze": "snoozed", "mute": "muted"}
_OTHERS: Final[dict[str, Handler]] = {
    "acknowledge": notifications.acknowledge,
    "unacknowledge": notifications.unacknowledge,
    "resolve": notifications.resolve,
}
_LEAVES: Final = frozenset({"unread", "archive", "mute", "snooze"})
"""After these the page of the notification is left: it would mark it read again, or it is put away."""
MOST: Final = 500


async def show(visit: Visit) -> web.Response:
    """A notification; looking changes nothing, the script or a button marks it read."""
    found = await notifications.show(visit.call())
    may_act = visit.person.is_at_least("member", visit.person.teams[found.team])
    is_admin = visit.person.teams[found.team] in visit.person.admin_of
    raw = await _raw(visit, found) if is_admin else None
    return await visit.page(
        "notification.html", section="notification", one=found, raw=raw, is_admin=is_admin, may_act=may_act, **_story(found)
    )


async def _raw(visit: Visit, found: Detail) -> dict[str, Any] | None:
    """The event that was last received of it, as it may be shown; None where it is not kept any more, or none brought it."""
    number = next((one.event_id for one in found.timeline if one.event_id), None)
    if number is None:
        return None
    try:
        event = await events.show_event(visit.call(number=number))
    except Problem:
        return None
    text = laid_out(event.body) or event.body
    return {"id": event.id, "received_at": event.received_at, "method": event.method, "size": event.size, "text": text}


def _story(found: Detail) -> dict[str, Any]:
    """What the template should not have to work out."""
    is_open = found.status == "open"
    began, ended = found.opened_at, found.resolved_at
    lasted = ended - began if not is_open and began and ended and ended > began else None
    alone = len(found.member_list) == 1 and not found.member_list[0].key
    return {
        "is_open": is_open,
        "is_note": not is_open and lasted is None and found.reason != "passed",
        "lasted": lasted,
        "members": [] if alone else sorted(found.member_list, key=lambda member: not member.firing),
        "told_by_member": not alone and any(member.message == found.message for member in found.member_list),
        "took": _span(found.history.last_seconds) if found.history else "",
        "usual": _span(found.history.usual_seconds) if found.history else "",
        "excerpt": "" if found.excerpt == found.message else found.excerpt,
    }


def _span(seconds: float | None) -> str:
    return "" if seconds is None else duration(timedelta(seconds=seconds))


async def vote(visit: Visit) -> web.Response:
    """Was the summary of use?"""
    form = await visit.form()
    if form.get("useful") not in ("yes", "no"):
        raise Problem(422, "There is no such button.")
    await notifications.vote(visit.call(body=Vote(useful=form.get("useful") == "yes")))
    return visit.redirect(visit.came_from, "thanks")


async def act(visit: Visit) -> web.Response:
    """One deed on some notifications: `do` says which, `id` (several) on what, `for` how long, where `do` does not."""
    form = await visit.form()
    deed, _, with_it = form.get("do", "").partition(".")  # as in snooze.8h, or `for` says how long
    period, ids = with_it or form.get("for"), _ids(form.getall("id", []))
    if deed not in {*_MARKS, *_FOR_A_WHILE, *_OTHERS}:
        raise Problem(422, "There is no such button.")
    if not ids:
        return visit.redirect(visit.came_from, "nothing")
    if deed in _OTHERS:
        done = await _do_to_each(visit, deed, ids)
    else:
        done = await _mark(visit, ids, _MARKS.get(deed) or {_FOR_A_WHILE[deed]: _period(period)})
    if not done:
        raise Problem(409, put_aside.NOT_OPEN) if period == UNTIL_RESOLVED else Problem(404, "You have no such notification.")
    leaves = deed in _LEAVES and visit.came_from.startswith("/notifications/")
    return visit.redirect("/" if leaves else visit.came_from, deed, done)


async def read_all(visit: Visit) -> web.Response:
    """Marks as read what the filter shows, and nothing that came after the page was made."""
    form = await visit.form()
    wanted = Filters.of(form, visit.clock.zone).query(cursor=None)
    shown = _shown_until(form, visit.now)
    until = min(wanted.until, shown) if wanted.until else shown
    done = await marking.read_all(visit.call(query=wanted.model_copy(update={"until": until})))
    if not done.ids:
        return visit.redirect(visit.came_from, "nothing-unread")
    return visit.redirect(visit.came_from, "read-all", (len(done.ids), microseconds(done.read_at)))


async def unread_all(visit: Visit) -> web.Response:
    """Takes that back."""
    form = await visit.form()
    try:
        read_at = ReadAt.model_validate({"read_at": form.get("read_at")})
    except ValidationError as error:
        raise refused("form", error) from None
    await marking.unread_all(visit.call(body=read_at))
    return visit.redirect(visit.came_from, "unread-all")


async def _mark(visit: Visit, ids: list[int], states: dict[str, Any]) -> list[int]:
    return (await marking.mark(visit.call(body=Marks(ids=ids, **states)))).ids


async def _do_to_each(visit: Visit, deed: str, ids: list[int]) -> list[int]:
    done: list[int] = []
    for number in ids:
        try:
            await _OTHERS[deed](visit.call(number=number))
        except Problem as problem:
            if problem.status != 404:
                raise
        else:
            done.append(number)
    return done


def _shown_until(form: Mapping[str, str], now: datetime) -> datetime:
    """Just behind the newest that the page shows."""
    try:
        return datetime.fromisoformat(form.get("shown_until", "")).astimezone(UTC)
    except (ValueError, OverflowError):
        return now


def _period(name: str | None) -> Period:
    try:
        return Period.model_validate({"for": name})
    except ValidationError as error:
        raise refused("form", error) from None


def _ids(values: list[str]) -> list[int]:
    numbers = [int(value) for value in values if value.isascii() and value.isdigit() and len(value) <= 15]
    return [number for number in dict.fromkeys(numbers) if number][:MOST]


ROUTES: Final[tuple[Route, ...]] = (
    ("GET", "/notifications/{id}", show),
    ("POST", "/notifications", act),
    ("POST", "/notifications/read-all", read_all),
    ("POST", "/notifications/unread-all", unread_all),
    ("POST", "/notifications/{id}/summary-vote", vote),
)
