"""`POST /webhooks/{team}/{source}`: find the source, believe the sender, read the body, store it, answer."""

import asyncio
import functools
import hashlib
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

from aiohttp import web

from gateway.intake.doorbook import Doorbook, Entry
from gateway.intake.rejections import Rejections, storable
from gateway.intake.remote import Networks, remote_address
from gateway.journal import Arrival, Journal, JournalUnavailable
from gateway.metrics import ACCEPTED, REFUSED
from gateway.storage.database import StorageUnavailable
from mappers.contract import Headers, Inbound, SourceKind
from mappers.contract.signature import Refusal, authenticate

BODY_PATIENCE: Final = 20.0
"""Seconds a sender may take for its body."""
_LARGE: Final = 128 * 1024
"""Bodies from this size on are looked into beside the event loop."""
_log = logging.getLogger("tocsin.intake")


class Door:
    """Takes webhooks in."""

    def __init__(
        self, doorbook: Doorbook, journal: Journal, rejections: Rejections, clock: Callable[[], datetime], trusted: Networks
    ) -> None:
        self._doorbook, self._journal, self._rejections, self._clock, self._trusted = doorbook, journal, rejections, clock, trusted

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Every method is routed here, so that a wrong one is told which is right."""
        router.add_route("*", "/webhooks/{team}/{source}{tail:(/.*)?}", self.handle)

    async def handle(self, request: web.Request) -> web.Response:
        """One request from a sender."""
        try:
            entry = await self._doorbook.find(storable(request.match_info["team"]), storable(request.match_info["source"]))
            if entry is None:
                return _problem(404, "There is no such source. Check team and source in the address.")
            return await self._enter(request, entry)
        except (StorageUnavailable, JournalUnavailable) as error:
            _log.error("storage is in trouble: %s", error)
            return _problem(503, "The request was not stored. Send it again.", {"Retry-After": "2"})

    async def _enter(self, request: web.Request, entry: Entry) -> web.Response:
        if request.method not in entry.kind.methods:
            allowed = ", ".join(entry.kind.methods)
            return _problem(405, f"This source takes {allowed}.", {"Allow": allowed})
        token, tail = entry.split_path(request.match_info["tail"])
        signed = any(proof.scheme.signs_body for proof in entry.proofs)
        refusal = authenticate(entry.proofs, request.headers, token, None, self._clock())
        if refusal and not signed:
            return await self._refuse(request, entry, refusal, None)
        body = await _read(request, entry.max_body)
        if isinstance(body, web.Response):
            await self._note(request, entry, _UNREADABLE[body.status], request.content_length)
            return body
        now = self._clock()
        if refusal and (refusal := authenticate(entry.proofs, request.headers, token, body, now)):
            return await self._refuse(request, entry, refusal, len(body))
        make = functools.partial(_arrival, request, entry, tail, body, now)
        receipt = await self._journal.append(make() if len(body) < _LARGE else await asyncio.to_thread(make))
        ACCEPTED.labels(entry.source.kind, "duplicate" if receipt.duplicate else "accepted").inc()
        if receipt.duplicate:
            return web.json_response({"status": "duplicate", "id": receipt.event_id})
        return web.json_response({"id": receipt.event_id, "status": "accepted"}, status=202)

    async def _refuse(self, request: web.Request, entry: Entry, refusal: Refusal, body_size: int | None) -> web.Response:
        await self._note(request, entry, refusal.value, body_size)
        return _problem(401, _ADVICE[refusal])

    async def _note(self, request: web.Request, entry: Entry, reason: str, body_size: int | None) -> None:
        REFUSED.labels(entry.source.kind, reason).inc()
        remote = remote_address(request.remote, request.headers.get("X-Forwarded-For"), self._trusted)
        await self._rejections.note(entry.source.id, reason, remote, request.headers.items(), body_size, self._clock())


_UNREADABLE: Final = {400: "body-unreadable", 408: "body-too-slow", 413: "body-too-large"}
_ADVICE: Final = {
    Refusal.NO_SECRET: "This source has no usable secret, so it refuses everything. Set one in its configuration.",
    Refusal.MISSING: "The request carries no credential of the kind this source expects.",
    Refusal.MALFORMED: "The credential is not written the way this source expects.",
    Refusal.WRONG: "The credential does not match.",
    Refusal.EXPIRED: "The credential has expired.",
    Refusal.STALE: "The signed timestamp is too far from this server's clock.",
}


async def _read(request: web.Request, limit: int) -> bytes | web.Response:
    """The body, capped while it streams; an answer where it is too large, too slow or cut off."""
    if request.content_length is not None and request.content_length > limit:
        return _too_large(limit)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_PATIENCE):
            async for chunk in request.content.iter_chunked(65536):
                body += chunk
                if len(body) > limit:
                    return _too_large(limit)
    except TimeoutError:
        return _problem(408, "The body took too long to arrive.")
    except (web.RequestPayloadError, ConnectionError, ValueError):
        return _problem(400, "The body could not be read: it was cut off, or its encoding is not what its headers say.")
    return bytes(body)


def _too_large(limit: int) -> web.Response:
    return _problem(413, f"The body is larger than this source's limit of {limit} bytes.")


def _arrival(request: web.Request, entry: Entry, tail: str, body: bytes, now: datetime) -> Arrival:
    headers = [[name, value] for name, value in request.headers.items() if name.lower() not in entry.strips]
    query = request.rel_url.raw_query_string
    inbound = Inbound(
        body=body, headers=Headers((name, value) for name, value in headers), method=request.method, path=tail, query=query,
        received_at=now, settings=entry.settings, environment=entry.source.environment or None,
    )  # fmt: skip
    return Arrival(
        source_id=entry.source.id,
        request_key=_request_key(entry.kind, inbound),
        body_digest=hashlib.sha256(
            b"\0".join((body, tail.encode("utf-8", "surrogatepass"), query.encode("utf-8", "surrogatepass")))
        ).digest(),
        method=request.method,
        path=storable(tail),
        query=storable(query),
        headers=[[name, storable(value)] for name, value in headers],
        body=body,
        received_at=now,
    )


def _request_key(kind: SourceKind, inbound: Inbound) -> str | None:
    """What makes two requests the same one, fit to store. A mapper that fails at it has none: its requests are always new."""
    try:
        key = kind.request_key(inbound)
    except Exception:
        _log.exception("the mapper of %s failed to name a request", kind.kind)
        return None
    if key is None or (len(key) <= 200 and key == storable(key)):
        return key
    return f"sha256:{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _problem(status: int, detail: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response(
        {"type": "about:blank", "title": _TITLES[status], "status": status, "detail": detail}, status=status, headers=headers,
        content_type="application/problem+json",
    )  # fmt: skip


_TITLES: Final = {
    400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 405: "Method Not Allowed", 408: "Request Timeout",
    413: "Content Too Large", 503: "Service Unavailable",
}  # fmt: skip
