"""Every request gets an id of our own, says it in its answer, and has a line in the log."""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from gateway.logs import HEADER, about, begin_request, request_id

Handler = Callable[[Any], Awaitable[web.StreamResponse]]
_log = logging.getLogger("tocsin.requests")


@web.middleware
async def identified(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The handler, within a request that has an id; its line is written at `info`, without anything a stranger wrote."""
    begin_request()
    if not _log.isEnabledFor(logging.INFO):
        return await handler(request)
    began = time.perf_counter()
    resource = request.match_info.route.resource
    status = 500
    try:
        response = await handler(request)
        status = response.status
    except web.HTTPException as error:
        status = error.status
        raise
    finally:
        with about(method=request.method if request.method.isalpha() else "?", route=resource.canonical if resource else "none"):
            _log.info("answered", extra={"status": status, "milliseconds": round((time.perf_counter() - began) * 1000, 1)})
    return response


async def name_it(_: web.Request, response: web.StreamResponse) -> None:
    """The answer says the id of its request. For `on_response_prepare`."""
    if (said := request_id()) is not None:
        response.headers[HEADER] = said
