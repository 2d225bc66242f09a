"""The urgent bar for pages of other origins: the same HTML, for somebody known by a token, with addresses that lead here."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aiohttp import web

from gateway.api.means import Means
from gateway.api.problem import Problem
from gateway.api.sign_in import SignIn
from gateway.storage.database import Database, StorageUnavailable
from gateway.storage.people import Person
from gateway.web.visit import Visit

PATH: Final = "/embed/urgent-bar"


@dataclass(frozen=True, slots=True)
class EmbedView:
    """What `static/embed.js` asks for."""

    database: Database
    sign_in: SignIn
    clock: Callable[[], datetime]
    public_url: str
    means: Means

    async def show(self, request: web.Request) -> web.Response:
        """The bar as a fragment of HTML. Problems are as the API's: a script reads them."""
        try:
            visit = Visit(request, await self._reader(request), self.database, self.clock(), self.public_url, self.means)
            return visit.fragment("bar.html", bar=await visit.bar(), section="inbox", base=self.public_url)
        except Problem as problem:
            return problem.response()
        except StorageUnavailable:
            return Problem(503, "The database cannot be reached. Try again.", headers={"Retry-After": "2"}).response()

    async def _reader(self, request: web.Request) -> Person:
        person = await self.sign_in.person(request)
        if person is None or person.credential_kind == "session":
            raise Problem(401, "Send a token as `Authorization: Bearer …`.", headers={"WWW-Authenticate": "Bearer"})
        if "read" not in person.scopes:
            raise Problem(403, "This token lacks the scope `read`.")
        return person
