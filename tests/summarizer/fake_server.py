"""An OpenAI-compatible server that does whatever a test tells it to."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

Behaviour = Callable[[web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]


def completion(content: Any, **more: Any) -> dict[str, Any]:
    """A chat completion that says this."""
    text = content if isinstance(content, str) or content is None else json.dumps(content)
    message = {"role": "assistant", "content": text, "refusal": more.pop("refusal", None)}
    choice = {"index": 0, "message": message, "finish_reason": more.pop("finish_reason", "stop")}
    usage = {"prompt_tokens": 700, "completion_tokens": 90, "total_tokens": 790}
    return {"id": "x", "object": "chat.completion", "created": 1, "model": "fake", "choices": [choice], "usage": usage, **more}


def says(content: Any, **more: Any) -> Behaviour:
    """Always gives this answer."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.Response:
        return web.json_response(completion(content, **dict(more)))

    return behave


def refuses(status: int, message: str = "", headers: dict[str, str] | None = None) -> Behaviour:
    """Always answers with this status."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.Response:
        return web.json_response({"error": {"message": message, "type": "x"}}, status=status, headers=headers)

    return behave


def raw(body: bytes, content_type: str = "application/json", status: int = 200, headers: dict[str, str] | None = None) -> Behaviour:
    """Always answers with these bytes."""

    async def behave(request: web.Request, asked: dict[str, Any]) -> web.Response:
        return web.Response(body=body, status=status, headers={"content-type": content_type, **(headers or {})})

    return behave


async def hangs(request: web.Request, body: dict[str, Any]) -> web.Response:
    """Never answers."""
    await asyncio.sleep(60)
    return web.Response()


async def hangs_up(request: web.Request, body: dict[str, Any]) -> web.Response:
    """Closes the connection without a word."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def drips(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    """Sends a byte now and then, for ever."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" ")
        await asyncio.sleep(0.02)


async def floods(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    """Sends megabytes, for ever."""
    response = web.StreamResponse(status=int(request.app.get("status", 200)))
    await response.prepare(request)
    while True:
        await response.write(b"x" * 65536)


class FakeServer:
    """Keeps what it was asked, and behaves: the first behaviour for the first request, and the last from then on."""

    def __init__(self, *behaviours: Behaviour) -> None:
        self.behaviours = list(behaviours)
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.asked.append(body)
        self.headers.append(dict(request.headers))
        return await self.behaviours[min(len(self.asked), len(self.behaviours)) - 1](request, body)


@asynccontextmanager
async def serving(*behaviours: Behaviour) -> AsyncIterator[tuple[FakeServer, str]]:
    """A running one, and its base URL."""
    fake = FakeServer(*behaviours)
    app = web.Application()
    app.router.add_post("/v1/chat/completions", fake.handle)
    async with TestServer(app, shutdown_timeout=0.01) as server:
        yield fake, str(server.make_url("/v1"))
