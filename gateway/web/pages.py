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
from gateway.upstream.openid import Provider
from gateway.web import (
    admin_view,
    assets,
    embed_view,
    figures_view,
    inbox_view,
    mail_view,
    monitors_view,
    notification_view,
    preferences_view,
    sessions_view,
    watched_view,
)
from gateway.web.provider_view import BACK, BEGIN, ProviderView
from gateway.web.render import page, secured
from gateway.web.signing_in import PATH, SigningIn
from gateway.web.unsubscribe_view import UnsubscribeView
from gateway.web.visit import Route, View, Visit

_ROUTES: Final[tuple[Route, ...]] = (
    *inbox_view.ROUTES,
    *notification_view.ROUTES,
    *mail_view.ROUTES,
    *monitors_view.ROUTES,
    *admin_view.ROUTES,
    *watched_view.ROUTES,
    *figures_view.ROUTES,
    *preferences_view.ROUTES,
    *sessions_view.ROUTES,
)
_ELSEWHERE: Final = r"/{tail:(?!api/|webhooks/).*}"
Handler = Callable[[web.Request], Awaitable[web.Response]]
_log = logging.getLogger("tocsin.web")


class Pages:
    """The page, for people."""

    def __init__(
        self, database: Database, sign_in: SignIn, clock: Callable[[], datetime], public_url: str, means: Means, signing_in: SigningIn,
        provider: Provider | None = None,
    ) -> None:  # fmt: skip
        self._database, self._sign_in, self._clock, self._public_url, self._means = database, sign_in, clock, public_url, means
        self._unsubscribe = UnsubscribeView(database, Unsubscribing(*means.vault.every_derived("unsubscribe")), clock)
        self._embed = embed_view.EmbedView(database, sign_in, clock, public_url, means)
        self._signing_in = signing_in
        self._provider = provider and ProviderView(provider, sign_in, signing_in, means.vault, clock, public_url)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Every route; the last one answers addresses that lead nowhere, so the API's routes must be there before."""
        for method, path, view in _ROUTES:
            router.add_route(method, path, _answering(self._signed_in(view)))
        router.add_get(PATH, _answering(self._signing_in.show))
        router.add_post(PATH, _answering(self._signing_in.ask))
        if self._provider:
            router.add_get(BEGIN, _answering(self._provider.begin), allow_head=False)
            router.add_get(BACK, _answering(self._provider.back), allow_head=False)
        router.add_get(f"{PATH}/{{token}}", _answering(self._signing_in.offer))
        router.add_post(f"{PATH}/{{token}}", _answering(self._signing_in.enter))
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
                await self._sign_in.end_copied(request)
                return self._signing_in.signed_out(request)
            visit = Visit(request, person, self._database, self._clock(), self._public_url, self._means)
            response = await view(visit)
            await self._sign_in.renew(request, response)
            return response

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
