"""The live stream: a hint whenever something changed for the person who watches. https://html.spec.whatwg.org/multipage/server-sent-events.html"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from typing import Final

from aiohttp import web
from pydantic import BaseModel

from gateway.api.operation import Call, Operation
from gateway.api.problem import Problem
from gateway.api.sign_in import SignIn
from gateway.domain.tickets import Ticket, Tickets
from gateway.live.hub import Full, Hub, Watcher
from gateway.storage import credentials
from gateway.storage.database import Database, StorageUnavailable
from gateway.vault import Vault

CHECK_EVERY: Final = 60.0
"""Seconds after which it is asked again whether the credential is good still."""
LONGEST: Final = 3600.0
"""Seconds that one stream lasts; whoever watches comes back, perhaps to another process."""
TAKEN_WITHIN: Final = 20.0
"""Seconds that a reader may take for one hint."""
_HEADERS: Final = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""The last one is for nginx, which would gather hints until there are many:
https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering"""
_AGAIN_AFTER: Final = (2000, 5000)
"""Milliseconds until a browser comes back, not all of them at once."""


class StreamTicket(BaseModel):
    """A ticket for one stream."""

    ticket: str
    """For `GET /api/stream?ticket=…`."""
    expires_at: datetime
    """Until when a stream can be begun with it; one that has begun goes on."""


def tickets(vault: Vault) -> Tickets:
    """Those of this installation."""
    return Tickets(vault.derived("stream"))


async def ticket(call: Call) -> StreamTicket:
    """For browsers elsewhere, whose EventSource sends no token. It opens the stream and nothing else."""
    person = call.person
    text, expires_at = tickets(call.means.vault).issue(Ticket(person.id, person.credential_id, person.expires_at), call.now)
    return StreamTicket(ticket=text, expires_at=expires_at)


OPERATIONS: Final = (Operation("POST", "/api/stream/tickets", "A ticket for the live stream", ticket, StreamTicket, safe=True),)


class Stream:
    """`GET /api/stream`."""

    def __init__(self, database: Database, sign_in: SignIn, tickets: Tickets, hub: Hub, clock: Callable[[], datetime]) -> None:
        self._database, self._sign_in, self._tickets, self._hub, self._clock = database, sign_in, tickets, hub, clock

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Hints until the reader leaves, the credential ends, or an hour has passed."""
        try:
            is_good, user_id = await self._reader(request)
            watcher = self._hub.watch(user_id)
        except Problem as problem:
            return problem.response()
        except StorageUnavailable:
            return Problem(503, "The database cannot be reached. Try again.", headers={"Retry-After": "2"}).response()
        except Full:
            return Problem(
                429, "Too many streams are open. Close some pages, or ask from time to time.", headers={"Retry-After": "30"}
            ).response()
        try:
            return await self._stream(request, watcher, is_good)
        finally:
            self._hub.leave(watcher)

    async def _stream(self, request: web.Request, watcher: Watcher, is_good: Callable[[], Awaitable[bool]]) -> web.StreamResponse:
        loop = asyncio.get_running_loop()
        response = web.StreamResponse(headers=_HEADERS)
        await response.prepare(request)
        ends, checked = loop.time() + LONGEST * random.uniform(0.8, 1.0), loop.time()  # noqa: S311 - spreads load, guards nothing
        with suppress(ConnectionError, TimeoutError, StorageUnavailable):  # whoever watches comes back, and is told why not
            await response.write(f"retry: {random.randint(*_AGAIN_AFTER)}\n\n".encode())  # noqa: S311
            while (hint := await watcher.next()) and loop.time() < ends:
                if loop.time() - checked > CHECK_EVERY:
                    if not await is_good():
                        break
                    checked = loop.time()
                await asyncio.wait_for(response.write(hint.written()), TAKEN_WITHIN)
        return response

    async def _reader(self, request: web.Request) -> tuple[Callable[[], Awaitable[bool]], int]:
        """(whether they are still who they were, their id). Raises a 401."""
        if text := request.query.get("ticket"):
            ticket = self._tickets.read(text[:500], self._clock())
            if ticket is not None and await self._holds(ticket):
                return lambda: self._holds(ticket), ticket.user_id
        elif (person := await self._sign_in.person(request)) is not None:
            return lambda: self._is_still(request, person.id), person.id
        raise Problem(401, "Sign in, or ask for a ticket.", headers={"WWW-Authenticate": "Bearer"})

    async def _holds(self, ticket: Ticket) -> bool:
        if ticket.until is not None and ticket.until <= self._clock():
            return False
        if not ticket.credential_id:
            return True
        return await self._database.read(credentials.holds, user_id=ticket.user_id, credential_id=ticket.credential_id, now=self._clock())

    async def _is_still(self, request: web.Request, user_id: int) -> bool:
        try:
            person = await self._sign_in.person(request)
        except Problem:
            return False
        return person is not None and person.id == user_id
