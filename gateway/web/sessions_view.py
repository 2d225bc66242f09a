"""Where I am signed in: the browsers, and how to end that in one or in all of them."""

from typing import Final

from aiohttp import web

from gateway.api import sessions
from gateway.api.sign_in import forget
from gateway.web.visit import Route, Visit, see_other


async def show(visit: Visit) -> web.Response:
    """My sessions, used last first."""
    found = await sessions.list_sessions(visit.call())
    return await visit.page("sessions.html", section="sessions", sessions=found.items)


async def end(visit: Visit) -> web.Response:
    """Ends one of them."""
    await sessions.end_session(visit.call())
    if visit.call().id() == visit.person.credential_id:
        return signed_out_here(visit)
    return visit.redirect("/sessions", "session-ended")


async def leave(visit: Visit) -> web.Response:
    """Ends this session, in the database too."""
    await sessions.end_session(visit.call(number=visit.person.credential_id))
    return signed_out_here(visit)


async def leave_everywhere(visit: Visit) -> web.Response:
    """Ends every session of mine, this one too."""
    await sessions.end_sessions(visit.call())
    return signed_out_here(visit)


def signed_out_here(visit: Visit) -> web.Response:
    """To the sign-in page, without the cookie."""
    response = see_other("/sign-in")
    forget(response, visit.public_url)
    return response


ROUTES: Final[tuple[Route, ...]] = (
    ("GET", "/sessions", show),
    ("POST", "/sessions/{id}/end", end),
    ("POST", "/sign-out", leave),
    ("POST", "/sign-out-everywhere", leave_everywhere),
)
