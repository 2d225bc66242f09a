"""Signing in by a one-time link, and out again."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aiohttp import web

from gateway.api.problem import Problem
from gateway.api.sign_in import COOKIE, SESSION, SignIn
from gateway.storage import credentials
from gateway.storage.database import Database, Transaction
from gateway.storage.people import Person
from gateway.web.render import page
from gateway.web.visit import Visit, see_other
from mappers.contract.signature import digest

_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Sessions:
    """Makes and ends the sessions of browsers."""

    database: Database
    sign_in: SignIn
    clock: Callable[[], datetime]
    secure: bool

    async def offer(self, _: web.Request) -> web.Response:
        """A button. A GET uses nothing up: mail scanners and previews follow links too."""
        return page("sign-in.html", {"state": "offer"})

    async def enter(self, request: web.Request) -> web.Response:
        """Uses the link up and begins a session."""
        if not self.sign_in.same_site(request):
            raise Problem(403, "Open the sign-in link itself and use its button.")
        before = await self.sign_in.visitor(request)
        session = secrets.token_urlsafe(32)
        user_id = await self.database.write(self._begin, request.match_info["token"][:_LONGEST], session, before)
        if user_id is None:
            return page("sign-in.html", {"state": "used"}, status=410)
        response = see_other("/")
        response.set_cookie(
            COOKIE, session, max_age=int(SESSION.total_seconds()), httponly=True, samesite="Lax", secure=self.secure, path="/"
        )
        return response

    def _begin(self, transaction: Transaction, token: str, session: str, before: Person | None) -> int | None:
        now = self.clock()
        user_id = credentials.take_sign_in(transaction, digest=digest(token), now=now)
        if user_id is None:
            return None
        if before:
            credentials.end_session(transaction, credential_id=before.credential_id)
        credentials.put(
            transaction, user_id=user_id, kind="session", digest=digest(session), name="browser", now=now, expires_at=now + SESSION
        )
        return user_id


def signed_out(*, refused: bool = False) -> web.Response:
    """What somebody sees who is not signed in. `refused`: a change was asked for, so it is said that nothing happened."""
    return page("sign-in.html", {"state": "refused" if refused else "signed-out"}, status=401, headers={"WWW-Authenticate": "Bearer"})


async def leave(visit: Visit) -> web.Response:
    """Ends this session, in the database too."""
    await visit.database.write(credentials.end_session, credential_id=visit.person.credential_id)
    response = see_other("/")
    response.del_cookie(COOKIE, path="/")
    return response
