"""Every page as a route: who is asking, the view, and trouble as a page that says what to do."""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from http import HTTPStatus
from typing import Final

from aiohttp import web

from gateway.api.means import Means
from gateway.api.problem import Problem
from gateway.api.sign_in import SignIn
from gateway.domain.unsubscribing import Unsubscribing
from gateway.storage.database import Database, StorageUnavailable
from gateway.web import admin_view, assets, embed_view, inbox_view, mail_view, notification_view, preferences_view
from gateway.web.render import page, secured
from gateway.web.sessions import Sessions, leave, signed_out
from gateway.web.unsubscribe_view import UnsubscribeView
from gateway.web.visit import Route, View, Visit

_ROUTES: Final[tuple[Route, ...]] = (
    *inbox_view.ROUTES,
    *notification_view.ROUTES,
    *mail_view.ROUTES,
    *admin_view.ROUTES,
    *preferences_view.ROUTES,
    ("POST", "/sign-out", leave),
)
_ELSEWHERE: Final = r"/{tail:(?!api/|webhooks/).*}"
Handler = Callable[[web.Request], Awaitable[web.Response]]
_log = logging.getLogger("tocsin.web")


class Pages:
    """The page, for people."""

    def __init__(self, database: Database, sign_in: SignIn, clock: Callable[[], datetime], public_url: str, means: Means) -> None:
        self._database, self._sign_in, self._clock, self._public_url, self._means = database, sign_in, clock, public_url, means
        self._unsubscribe = UnsubscribeView(database, Unsubscribing(means.vault.derived("unsubscribe")), clock)
        self._embed = embed_view.EmbedView(database, sign_in, clock, public_url, means)
        self._sessions = Sessions(database, sign_in, clock, secure=public_url.startswith("https://"))

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Every route; the last one answers addresses that lead nowhere, so the API's routes must be there before."""
        for method, path, view in _ROUTES:
            router.add_route(method, path, _answering(self._signed_in(view)))
        router.add_get("/sign-in/{token}", _answering(self._sessions.offer))
        router.add_post("/sign-in/{token}", _answering(self._sessions.enter))
        router.add_get(self._unsubscribe.path, _answering(self._unsubscribe.show))
        router.add_post(self._unsubscribe.path, _answering(self._unsubscribe.end))
        router.add_get(embed_view.PATH, _answering(self._embed.show))
        router.add_get("/static/{name}", _answering(assets.serve))
        router.add_get("/static/{version}/{name}", _answering(assets.serve))
        router.add_get(_ELSEWHERE, _answering(self._signed_in(_nowhere)))

    def _signed_in(self, view: View) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            person = await self._sign_in.visitor(request)
            if person is None:
                return signed_out(refused=request.method == "POST")
            return await view(Visit(request, person, self._database, self._clock(), self._public_url, self._means))

        return handle


async def _nowhere(_: Visit) -> web.Response:
    raise Problem(404, "This address leads nowhere.")


def _answering(handler: Handler) -> Handler:
    """The handler with its troubles as pages, and the headers every answer has."""

    async def handle(request: web.Request) -> web.Response:
        try:
            return secured(await handler(request))
        except Problem as problem:
            return secured(_trouble(problem))
        except StorageUnavailable:
            return secured(
                _trouble(Problem(503, "The database cannot be reached. What was asked did not happen.", headers={"Retry-After": "5"}))
            )
        except web.HTTPException as error:
            return secured(_trouble(Problem(error.status, error.reason)))
        except Exception:
            _log.exception("a page failed: %s %s", request.method, request.path)
            return secured(_trouble(Problem(500, "This is a fault of the gateway's own. It was written to its log.")))

    return handle


def _trouble(problem: Problem) -> web.Response:
    values = {"status": problem.status, "phrase": HTTPStatus(problem.status).phrase, "detail": problem.detail, "errors": problem.errors}
    return page("problem.html", values, status=problem.status, headers=problem.headers)
