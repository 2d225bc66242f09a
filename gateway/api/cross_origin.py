"""Pages of other origins that may ask this API: those that are named, with a token of their own, never with our cookie.

https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from collections.abc import Awaitable, Callable, Collection
from typing import Final

from aiohttp import hdrs, web

_OPEN: Final = ("/api/", "/embed/")
_METHODS: Final = "GET, POST, PUT, PATCH, DELETE"
_FIELDS: Final = "Authorization, Content-Type, Idempotency-Key"
_KEPT_FOR: Final = "600"
"""Seconds that a browser may remember the answer to its question."""


class CrossOrigin:
    """Says to browsers which other pages may read our answers."""

    def __init__(self, origins: Collection[str]) -> None:
        self._origins = frozenset(origins)

    def add_to(self, app: web.Application) -> None:
        """Answers preflights, and marks every answer of the API."""
        app.middlewares.append(self._preflight())
        app.on_response_prepare.append(self._allow)

    def _is_allowed(self, request: web.Request) -> bool:
        return request.path.startswith(_OPEN) and request.headers.get(hdrs.ORIGIN) in self._origins

    def _preflight(self) -> Callable[..., Awaitable[web.StreamResponse]]:
        @web.middleware
        async def answer(request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
            asks = request.method == hdrs.METH_OPTIONS and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers
            if not (asks and self._is_allowed(request)):
                return await handler(request)
            allowed = {
                hdrs.ACCESS_CONTROL_ALLOW_METHODS: _METHODS,
                hdrs.ACCESS_CONTROL_ALLOW_HEADERS: _FIELDS,
                hdrs.ACCESS_CONTROL_MAX_AGE: _KEPT_FOR,
            }
            return web.Response(status=204, headers=allowed)

        return answer

    async def _allow(self, request: web.Request, response: web.StreamResponse) -> None:
        if request.path.startswith(_OPEN) and self._origins:
            response.headers.add(hdrs.VARY, hdrs.ORIGIN)
        if self._is_allowed(request):
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = request.headers[hdrs.ORIGIN]
            response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = hdrs.RETRY_AFTER
