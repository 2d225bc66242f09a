"""Ending mail without signing in: a page that changes nothing, and a button; or one click in the mail program.

Mail scanners and previews follow links, so a GET never ends anything. https://www.rfc-editor.org/rfc/rfc8058
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from gateway.api.problem import Problem
from gateway.domain.unsubscribing import PATH, Subscription, Unsubscribing
from gateway.storage import mail_choices
from gateway.storage.database import Database
from gateway.web.render import page
from mappers.contract import Category

_LONGEST = 400


@dataclass(frozen=True, slots=True)
class UnsubscribeView:
    """The page behind the links in mails."""

    database: Database
    unsubscribing: Unsubscribing
    clock: Callable[[], datetime]

    async def show(self, request: web.Request) -> web.Response:
        """What would end, and a button."""
        subscription = self._read(request)
        place = await self._place(subscription)
        return _page(subscription, place, "offer" if place.comes else "ended")

    async def end(self, request: web.Request) -> web.Response:
        """Ends it, or with `undo` takes that back. Whoever has the link may: it was sent to the reader alone."""
        subscription = self._read(request)
        form = await request.post()
        place = await self._place(subscription)
        undo = str(form.get("undo", "")).split()
        hears = bool(undo)
        chosen = [one for one in _categories(subscription) if one in undo or not hears]
        if not chosen:
            raise Problem(422, "There is no such button.")
        await self.database.write(
            mail_choices.choose, user_id=subscription.user_id, team_id=subscription.team_id, categories=chosen, email=hears
        )
        if form.get("List-Unsubscribe"):
            return web.Response(text="You get no more of this mail.\n")
        return _page(subscription, place, "undone" if hears else "done")

    def _read(self, request: web.Request) -> Subscription:
        subscription = self.unsubscribing.read(request.match_info["token"][:_LONGEST])
        if subscription is None:
            raise Problem(404, "This link is not whole. Copy all of it, or change what you hear about in your preferences.")
        if subscription.expires_at <= self.clock():
            raise Problem(410, "This link is too old. Use the one in a newer mail, or change what you hear about in your preferences.")
        return subscription

    async def _place(self, subscription: Subscription) -> mail_choices.Place:
        place = await self.database.read(
            mail_choices.place, user_id=subscription.user_id, team_id=subscription.team_id, categories=_categories(subscription)
        )
        if place is None:
            raise Problem(404, "You do not belong to this team any more, so it sends you no mail.")
        return place

    @property
    def path(self) -> str:
        """The route."""
        return f"{PATH}/{{token}}"


def _categories(subscription: Subscription) -> tuple[str, ...]:
    return tuple(category.value for category in ([subscription.category] if subscription.category else Category))


def _page(subscription: Subscription, place: mail_choices.Place, state: str) -> web.Response:
    undo = (place.comes if state == "done" else ()) or _categories(subscription)  # what was off before stays off
    values = {"state": state, "category": subscription.category, "team": place.team, "email": place.email, "undo": " ".join(undo)}
    return page("unsubscribe.html", values)
