"""What the door is compared with: aiohttp on uvloop that reads the body and answers 202. `python -m tests.bench.empty PORT`."""

import asyncio
import sys

import uvloop
from aiohttp import web


async def handle(request: web.Request) -> web.Response:
    """Nothing but an answer."""
    await request.read()
    return web.json_response({"status": "accepted"}, status=202)


async def serve(port: int) -> None:
    """Until killed."""
    app = web.Application()
    app.router.add_post("/{tail:.*}", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
