"""Who is asking: an API token or a JWT in `Authorization`, or the session cookie of the page."""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from gateway.api.issued import IssuedSignIn
from gateway.api.problem import Problem
from gateway.domain.browser import browser_name
from gateway.metrics import SIGN_INS
from gateway.storage import credentials, sessions
from gateway.storage.database import Database, StorageUnavailable, Transaction
from gateway.storage.people import Person
from gateway.storage.sessions import Session
from mappers.contract.signature import digest

COOKIE: Final = "tocsin_session"
SESSION: Final = timedelta(days=30)
"""How long a session lasts at most, however much it is used."""
SIGN_IN_LINK: Final = timedelta(hours=24)
"""How long a link is good that a command printed."""
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_USED_STEP: Final = timedelta(minutes=1)
_NOTE_WITHIN: Final = 1.0
_KNOWN: Final = web.RequestKey("session", Session)


def host_only(name: str, public_url: str) -> str:
    """A cookie's name: over https one that no other host and no plain http can set.

    https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes
    """
    return f"__Host-{name}" if public_url.startswith("https://") else name


def cookie_name(public_url: str) -> str:
    """What the cookie of a session is called."""
    return host_only(COOKIE, public_url)


def forget(response: web.Response, public_url: str) -> None:
    """Takes the cookie of a session back."""
    response.del_cookie(cookie_name(public_url), path="/", secure=public_url.startswith("https://"), httponly=True, samesite="Lax")


class SignIn:
    """Finds the person behind a request, and gives browsers their sessions."""

    def __init__(self, database: Database, clock: Callable[[], datetime], public_url: str, issued: IssuedSignIn) -> None:
        self._database, self._clock, self._issued = database, clock, issued
        self._origin = "{0.scheme}://{0.netloc}".format(urlsplit(public_url))
        self._cookie, self._secure = cookie_name(public_url), public_url.startswith("https://")
        self._noted: dict[int, datetime] = {}

    async def person(self, request: web.Request) -> Person | None:
        """Who sent this; None where nobody is signed in. A write by cookie from another site is a 403, a wrong JWT a 401."""
        authorization = request.headers.get("Authorization", "")
        if not authorization:
            return await self.visitor(request)
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer":
            return None
        person = await self._by_token(token.strip())
        if person is None:
            SIGN_INS.labels("token", "refused").inc()
        return person

    async def visitor(self, request: web.Request) -> Person | None:
        """The same for the page, which knows no tokens: what a token may do is said for operations of the API alone."""
        cookie = request.cookies.get(self._cookie)
        if not cookie:
            return None
        if request.method not in _SAFE and not self.same_site(request):
            raise Problem(403, "A change by cookie must come from this gateway's own pages.")
        session = await self._found(request)
        if session is None:
            SIGN_INS.labels("session", "refused").inc()
            return None
        request[_KNOWN] = session
        if session.is_first_use:
            await self._note(sessions.note_first_use, session.person)
        await self._note_use(session.person)
        return session.person

    async def begin(self, request: web.Request, response: web.Response, who: Callable[[Transaction], int | None]) -> bool:
        """Signs the browser in as whom `who` gives, in one transaction with what that writes; False where it gives nobody.

        The session has an id that nobody could know before, and the one that the browser had ends.
        """
        before = await self._found(request)
        session, now = secrets.token_urlsafe(32), self._clock()

        def write(transaction: Transaction) -> int | None:
            user_id = who(transaction)
            if user_id is not None:
                if before:
                    sessions.end(transaction, user_id=before.person.id, credential_id=before.person.credential_id)
                credentials.put(
                    transaction, user_id=user_id, kind="session", digest=digest(session), now=now, expires_at=now + SESSION,
                    name=browser_name(request.headers.get("User-Agent", "")),
                )  # fmt: skip
            return user_id

        if await self._database.write(write) is None:
            return False
        self._set(response, session, now + SESSION)
        return True

    async def renew(self, request: web.Request, response: web.Response) -> None:
        """Gives a session that is due for it a new id with this answer; trouble leaves it as it was."""
        session = request.get(_KNOWN)
        if session is None or not session.is_due:
            return
        presented, fresh = digest(request.cookies[self._cookie]), secrets.token_urlsafe(32)
        person = session.person
        with suppress(StorageUnavailable):
            if await self._database.write(
                sessions.renew, credential_id=person.credential_id, presented=presented, digest=digest(fresh), now=self._clock()
            ):
                self._set(response, fresh, person.expires_at or self._clock())

    async def end_copied(self, request: web.Request) -> None:
        """Ends the session whose id was replaced long ago and is shown here all the same: somebody has a copy."""
        if cookie := request.cookies.get(self._cookie):
            with suppress(StorageUnavailable):
                await self._database.write(sessions.end_copied, digest=digest(cookie), now=self._clock())

    def same_site(self, request: web.Request) -> bool:
        """Whether the request comes from this gateway's own pages.

        https://developer.mozilla.org/docs/Web/HTTP/Headers/Sec-Fetch-Site; older browsers send Origin.
        """
        site = request.headers.get("Sec-Fetch-Site")
        if site is not None:
            return site in ("same-origin", "none")
        origin = request.headers.get("Origin")
        return origin is not None and origin in (self._origin, f"{request.scheme}://{request.host}")

    def _set(self, response: web.Response, session: str, until: datetime) -> None:
        lasts = max(int((until - self._clock()).total_seconds()), 0)
        response.set_cookie(self._cookie, session, max_age=lasts, httponly=True, samesite="Lax", secure=self._secure, path="/")

    async def _found(self, request: web.Request) -> Session | None:
        cookie = request.cookies.get(self._cookie)
        return await self._database.read(sessions.find, digest=digest(cookie), now=self._clock()) if cookie else None

    async def _by_token(self, token: str) -> Person | None:
        person = await self._database.read(credentials.identify, digest=digest(token), kind="token", now=self._clock())
        if person is not None:
            await self._note_use(person)
            return person
        try:
            return await self._issued.person(token)
        except Problem as problem:
            if problem.status == 401:
                SIGN_INS.labels("jwt", "refused").inc()
            raise

    async def _note_use(self, person: Person) -> None:
        now = self._clock()
        if now - self._noted.get(person.credential_id, now - SESSION) > _USED_STEP:
            self._noted[person.credential_id] = now
            await self._note(credentials.mark_used, person)

    async def _note(self, verb: Callable[..., None], person: Person) -> None:
        with suppress(StorageUnavailable, TimeoutError):  # what is noted of a use is worth no refusal, and no long wait
            await asyncio.wait_for(self._database.write(verb, credential_id=person.credential_id, now=self._clock()), _NOTE_WITHIN)
