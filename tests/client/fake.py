"""A gateway that speaks the contract, in a thread of its own, and misbehaves when told to."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any

from aiohttp import web


@dataclass(frozen=True)
class Heard:
    """One request as it came."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: Any


def answer(status: int, body: Any = None, *, text: str = "", content_type: str = "application/json", **headers: str) -> Callable[[], Any]:
    """An answer to be given once."""
    raw = text or json.dumps(body)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda: web.Response(status=status, text=raw, content_type=content_type, headers=names)


def problem(status: int, detail: str = "No.", **headers: str) -> Callable[[], Any]:
    """Problem details, to be given once."""
    body = {"type": "about:blank", "title": "Problem", "status": status, "detail": detail}
    return answer(status, body, content_type="application/problem+json", **headers)


@dataclass
class FakeGateway:
    """What was heard, and what will be answered: first `answers` in their order, then what the contract says."""

    url: str = ""
    heard: list[Heard] = field(default_factory=list)
    answers: deque[Callable[[], Any] | str] = field(default_factory=deque)
    kept: dict[str, tuple[Any, web.Response]] = field(default_factory=dict)
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    async def hear(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        body = json.loads(raw) if raw else None
        self.heard.append(Heard(request.method, request.path, list(request.query.items()), dict(request.headers), body))
        told = self.answers.popleft() if self.answers else None
        if isinstance(told, str):
            return await getattr(self, told)(request)
        return told() if told else self.by_contract(request, body)

    async def hang_up(self, request: web.Request) -> web.StreamResponse:
        request.transport.close()
        return web.Response()

    async def lost(self, request: web.Request) -> web.StreamResponse:
        """Does it, and hangs up before the answer."""
        self.by_contract(request, self.heard[-1].body)
        return await self.hang_up(request)

    async def silent(self, request: web.Request) -> web.StreamResponse:
        await self.closing.wait()
        return await self.hang_up(request)

    async def dripping(self, request: web.Request) -> web.StreamResponse:
        """Headers that never end, a few at a time."""
        while not self.closing.is_set() and not request.transport.is_closing():
            request.transport.write(b"HTTP/1.1 200 OK\r\n" if not self.answers else b"X-More: and more\r\n")
            self.answers.append("dripping")
            await asyncio.sleep(0.02)
        return web.Response()

    async def endless(self, request: web.Request) -> web.StreamResponse:
        """A body that never ends, a few bytes at a time."""
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        while not self.closing.is_set():
            await response.write(b" ")
            await asyncio.sleep(0.02)
        return response

    def by_contract(self, request: web.Request, body: Any) -> web.Response:
        key = request.headers.get("Idempotency-Key")
        if key in self.kept:
            first, given = self.kept[key]
            return _json(given.status, json.loads(given.text or "")) if first == body else problem(422, "Another body under this key.")()
        made = self._made(request.method, request.path.removeprefix("/api/notifications"))
        if key:
            self.kept[key] = (body, made)
        return made

    def _made(self, method: str, path: str) -> web.Response:
        match method, path:
            case "POST", "/":
                return _json(201, {"id": len(self.kept) + 1, "reason": "first"})
            case "DELETE", "/":
                return _json(200, {"deleted": 3})
            case "PUT", "/v1":
                return _json(200, {"ids": self.heard[-1].body["ids"]})
            case (("GET" | "PUT"), "/preferences"):
                return _json(200, {"enabled": True})
            case "GET", "/unread-count":
                return _json(200, {"total": 2, "by_category": {"system": 2}})
            case "GET", _:
                return _json(200, {"items": [], "next": None})
            case _:
                return _json(200, {"done": True})


def _json(status: int, body: Any) -> web.Response:
    return web.json_response(body, status=status)


@contextmanager
def serving() -> Iterator[FakeGateway]:
    """A fake gateway on a free port of the loopback."""
    ready, fake, loop = Event(), FakeGateway(), asyncio.new_event_loop()

    async def serve() -> None:
        fake.closing = asyncio.Event()
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", fake.hear)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        ready.set()
        await fake.closing.wait()
        await runner.cleanup()

    thread = Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait()
    try:
        yield fake
    finally:
        loop.call_soon_threadsafe(fake.closing.set)
        thread.join()
        loop.close()
