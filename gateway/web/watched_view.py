"""For admins of a team: what the gateway looks at by itself, and whether it is well itself."""

from typing import Final

from aiohttp import web

from gateway.api import checks
from gateway.api.models import TeamQuery
from gateway.web.visit import Route, Visit

PATH: Final = "/watched"


async def show(visit: Visit) -> web.Response:
    """Databases, services and the gateway's own troubles."""
    found = await checks.list_checks(visit.call(query=TeamQuery()))
    troubles = await checks.list_troubles(visit.call(query=TeamQuery()))
    return await visit.page(
        "watched.html",
        section="watched",
        troubles=troubles.items,
        probes=[one for one in found.items if one.kind == "probe"],
        databases=[one for one in found.items if one.kind == "database"],
    )


async def check_now(visit: Visit) -> web.Response:
    """Looks at one at once."""
    await checks.check_now(visit.call())
    return visit.redirect(PATH, "check-now")


ROUTES: Final[tuple[Route, ...]] = (("GET", PATH, show), ("POST", f"{PATH}/{{id}}", check_now))
