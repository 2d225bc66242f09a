"""One visit to a page by somebody who is signed in."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from multidict import MultiDictProxy

from gateway.api import notifications
from gateway.api.means import Means
from gateway.api.models import TeamQuery
from gateway.api.operation import Call
from gateway.api.problem import Problem
from gateway.storage.database import Database
from gateway.storage.people import Person
from gateway.web import said
from gateway.web.bar import Bar, bar
from gateway.web.clock import Clock
from gateway.web.render import page, render


@dataclass(frozen=True, slots=True)
class Visit:
    """Who looks, when, and the means to answer."""

    request: web.Request
    person: Person
    database: Database
    now: datetime
    public_url: str
    means: Means

    @property
    def clock(self) -> Clock:
        """The person's clock."""
        return Clock.of(self.person.zone, self.now)

    @property
    def secure(self) -> bool:
        """Whether cookies are for https alone."""
        return self.public_url.startswith("https://")

    def call(self, *, query: Any = None, body: Any = None, number: int | None = None) -> Call:
        """A call of an API operation by this person; `number` stands for the id in the path."""
        path = dict(self.request.match_info) if number is None else {"id": str(number)}
        return Call(self.person, self.database, self.now, path, query, body, self.public_url, self.means)

    async def bar(self) -> Bar:
        """The urgent bar as the API gives it."""
        return bar(await notifications.urgent_bar(self.call(query=TeamQuery())))

    async def page(self, template: str, *, status: int = 200, section: str = "", **values: Any) -> web.Response:
        """A whole page, with the bar and the count of what is unread."""
        word = said.said(self.request)
        counts = await notifications.unread_count(self.call(query=TeamQuery()))
        frame = {
            "person": self.person, "clock": self.clock, "said": word, "section": section,
            "unread": counts.total, "bar": await self.bar(), "base": "", "public_url": self.public_url,
        }  # fmt: skip
        response = await asyncio.to_thread(
            page, template, frame | values, status=status
        )  # a thread of 1000 members must not hold up the door
        if said.COOKIE in self.request.cookies:
            response.del_cookie(said.COOKIE, path="/")
        return response

    def fragment(self, template: str, **values: Any) -> web.Response:
        """A part of a page."""
        text = render(template, {"clock": self.clock, "base": "", **values})
        return web.Response(text=text, content_type="text/html")

    async def form(self) -> MultiDictProxy[str]:
        """The fields of a posted form. Raises a 422 for uploads, which no form of ours has."""
        fields = await self.request.post()
        if any(not isinstance(value, str) for value in fields.values()):
            raise Problem(422, "The form cannot be read.")
        return fields  # type: ignore[return-value]

    @property
    def came_from(self) -> str:
        """The page whose form was posted, or the inbox."""
        referer = urlsplit(self.request.headers.get("Referer", ""))
        return local(f"{referer.path}?{referer.query}" if referer.query else referer.path)

    def redirect(self, target: str, deed: str | None = None, ids: Sequence[int] = ()) -> web.Response:
        """To a page after a change; `deed` is what that page then says."""
        response = see_other(local(target))
        return said.say(response, deed, ids, secure=self.secure) if deed else response


View = Callable[[Visit], Awaitable[web.Response]]
Route = tuple[str, str, View]


def see_other(target: str) -> web.Response:
    """303: what was posted is done, look there."""
    return web.Response(status=303, headers={"Location": target})


def local(target: str) -> str:
    """`target` where it is a path of this site, else the inbox: nobody is led elsewhere."""
    is_path = target.startswith("/") and not target.startswith("//")
    return (
        target if is_path and target.isascii() and target.isprintable() and not set(target) & set('\\ "<>') and len(target) <= 2000 else "/"
    )
