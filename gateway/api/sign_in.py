"""Who is asking: an API token or a JWT in `Authorization`, or the session cookie of the page."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from gateway.api.issued import IssuedSignIn
from gateway.api.problem import Problem
from gateway.storage import credentials
from gateway.storage.database import Database, StorageUnavailable
from gateway.storage.people import Person
from mappers.contract.signature import digest

COOKIE: Final = "tocsin_session"
SESSION: Final = timedelta(days=30)
SIGN_IN_LINK: Final = timedelta(hours=24)
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_USED_STEP: Final = timedelta(minutes=1)
_NOTE_WITHIN: Final = 1.0


class SignIn:
    """Finds the person behind a request."""

    def __init__(self, database: Database, clock: Callable[[], datetime], public_url: str, issued: IssuedSignIn) -> None:
        self._database, self._clock, self._issued = database, clock, issued
        self._origin = "{0.scheme}://{0.netloc}".format(urlsplit(public_url))
        self._noted: dict[int, datetime] = {}

    async def person(self, request: web.Request) -> Person | None:
        """Who sent this; None where nobody is signed in. A write by cookie from another site is a 403, a wrong JWT a 401."""
        authorization = request.headers.get("Authorization", "")
        if not authorization:
            return await self.visitor(request)
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer":
            return None
        return await self._identify(token.strip(), "token") or await self._issued.person(token.strip())

    async def visitor(self, request: web.Request) -> Person | None:
        """The same for the page, which knows no tokens: what a token may do is said for operations of the API alone."""
        session = request.cookies.get(COOKIE)
        if not session:
            return None
        if request.method not in _SAFE and not self.same_site(request):
            raise Problem(403, "A change by cookie must come from this gateway's own pages.")
        return await self._identify(session, "session")

    async def _identify(self, credential: str, kind: str) -> Person | None:
        now = self._clock()
        person = await self._database.read(credentials.identify, digest=digest(credential), kind=kind, now=now)
        if person and now - self._noted.get(person.credential_id, now - SESSION) > _USED_STEP:
            self._noted[person.credential_id] = now
            with suppress(StorageUnavailable, TimeoutError):  # when it was last used is worth no refusal, and no long wait
                await asyncio.wait_for(
                    self._database.write(credentials.mark_used, credential_id=person.credential_id, now=now), _NOTE_WITHIN
                )
        return person

    def same_site(self, request: web.Request) -> bool:
        """Whether the request comes from this gateway's own pages.

        https://developer.mozilla.org/docs/Web/HTTP/Headers/Sec-Fetch-Site; older browsers send Origin.
        """
        site = request.headers.get("Sec-Fetch-Site")
        if site is not None:
            return site in ("same-origin", "none")
        origin = request.headers.get("Origin")
        return origin is not None and origin in (self._origin, f"{request.scheme}://{request.host}")
