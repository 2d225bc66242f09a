"""A view of an asynchronous application, here aiohttp: one client for the life of the application."""

import asyncio
import logging
from collections.abc import AsyncIterator

from aiohttp import web

from gateway.client import AsyncTocsin, TocsinError

log = logging.getLogger(__name__)
TOCSIN = web.AppKey("tocsin", AsyncTocsin)
TELLING = web.AppKey("telling", set[asyncio.Task[None]])


async def tell_ready(tocsin: AsyncTocsin, email: str, year: str) -> None:
    try:
        await tocsin.notify_user(email, f"Your export of {year} is ready", url=f"/exports/{year}", source_app="shop", source_id=year)
    except TocsinError:
        log.exception("Tocsin was not told")


async def export(request: web.Request) -> web.Response:
    email = (await request.post())["email"]
    task = asyncio.create_task(tell_ready(request.app[TOCSIN], str(email), request.match_info["year"]))  # the answer does not wait for it
    request.app[TELLING].add(task)  # a task that nobody holds may be thrown away half done
    task.add_done_callback(request.app[TELLING].discard)
    return web.Response(status=202)


async def connected(app: web.Application) -> AsyncIterator[None]:
    async with AsyncTocsin() as tocsin:
        app[TOCSIN], app[TELLING] = tocsin, set()
        yield
        await asyncio.gather(*app[TELLING])


def make_app() -> web.Application:
    app = web.Application()
    app.cleanup_ctx.append(connected)
    app.router.add_post("/exports/{year}/", export)
    return app
