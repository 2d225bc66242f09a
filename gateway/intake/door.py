"""`POST /webhooks/{team}/{source}`: find the source, believe the sender, read the body, store it, answer."""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final
from urllib.parse import unquote

from aiohttp import web

from gateway import tracing
from gateway.intake.answers import Refused, accepted
from gateway.intake.arrival import arrival
from gateway.intake.body import LARGE, BodyReader, BodyRefused, decompressed
from gateway.intake.doorbook import Doorbook, Entry
from gateway.intake.handshake import METHOD, permission
from gateway.intake.limits import Limiter
from gateway.intake.rejections import Rejections, storable
from gateway.intake.remote import Networks, remote_address
from gateway.intake.sns import Certificates, believe_message
from gateway.journal import Arrival, Journal, JournalUnavailable, Receipt
from gateway.listener import counted_as
from gateway.logs import HEADER, begin_request, request_id
from gateway.metrics import ACCEPTED, ANSWER_SECONDS, REFUSED, UNSTORED, Durations, Tally
from gateway.storage.database import StorageUnavailable
from mappers.contract.signature import Refusal, Standing, authenticate_body, authenticate_head

PREFIX: Final = "/webhooks/"
_BEGAN: Final = web.RequestKey("began", float)
REFUSALS_A_SECOND: Final = 5
"""Refused requests that are looked at, for each address; then they are answered 429 unread. A right credential in a header or
the address passes all the same; a signature does not, for that would take reading the body."""
REFUSALS_AT_ONCE: Final = 100
_log = logging.getLogger("tocsin.intake")


class Door:
    """Takes webhooks in."""

    def __init__(
        self, doorbook: Doorbook, journal: Journal, rejections: Rejections, clock: Callable[[], datetime], trusted: Networks
    ) -> None:
        self._doorbook, self._journal, self._rejections, self._clock, self._trusted = doorbook, journal, rejections, clock, trusted
        self._refused: Limiter[str] = Limiter()
        self._taken: Limiter[int] = Limiter()
        self._bodies = BodyReader()
        self.certificates = Certificates()
        self._answered = Tally(ACCEPTED)
        self._took = Durations(ANSWER_SECONDS)
        self._complained = -math.inf

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Every method is routed here, so that a wrong one is told which is right."""
        router.add_route("*", f"{PREFIX}{{team}}/{{source}}{{tail:(/.*)?}}", self.handle, expect_handler=_later)

    async def handle(self, request: web.Request) -> web.Response:
        """One request from a sender."""
        began, entry = time.perf_counter(), None
        own_id = begin_request()
        request[_BEGAN] = began
        try:
            entry, tail = await self._find(request)
            response = await self._enter(request, entry, tail)
        except Refused as refused:
            self._note(request, entry, refused)
            response = refused.response()
        except (StorageUnavailable, JournalUnavailable) as error:
            UNSTORED.inc()
            self._complain(error)
            response = Refused(503, "storage", "The request was not stored. Send it again.", {"Retry-After": "2"}).response()
        response.headers[HEADER] = own_id
        if entry is not None:
            self._took.add(entry.name, time.perf_counter() - began)
        return response

    async def _find(self, request: web.Request) -> tuple[Entry, str]:
        """The source, and what follows its slug in the address."""
        team, slug, tail = _parts(request.rel_url.raw_path)
        if not self._doorbook.knows(team, slug):
            self._slow_down(request)
        entry = await self._doorbook.find(team, slug)
        if entry is None:
            raise Refused(404, "no-source", "There is no such source. Check team and source in the address.")
        return entry, tail

    async def _enter(self, request: web.Request, entry: Entry, tail: str) -> web.Response:
        if request.method not in entry.kind.methods:
            allowed = ", ".join(entry.kind.methods)
            raise Refused(405, "method", f"This source takes {allowed}.", {"Allow": allowed})
        token, tail = entry.split_path(tail)
        if entry.signed_only and request.content.is_eof():  # the body is here already: nothing is spared by looking at its head first
            standing: Standing | Refusal = Standing.NEEDS_BODY
        else:
            standing = authenticate_head(entry.proofs, request.headers, token, self._clock())
        if standing is not Standing.BELIEVED:
            self._slow_down(request)
        if isinstance(standing, Refusal):
            raise Refused(401, standing.value, _ADVICE[standing])
        if request.method == METHOD:
            return permission(request.headers, entry.kind.methods, entry.settings.rate)
        made = await self._read(request, entry, tail, signed=standing is Standing.NEEDS_BODY)
        if wait := self._taken.take(entry.source.id, time.monotonic(), rate=entry.settings.rate, burst=entry.settings.burst):
            raise Refused(429, "rate-limited-source", "This source sends more than its `rate` and `burst` allow.", _after(wait))
        receipt = await (self._append_traced(request, entry, made) if tracing.is_on() else self._journal.append(made))
        self._doorbook.note_use(entry, request.headers, made.received_at)
        answer = "duplicate" if receipt.duplicate else "conflicting" if receipt.conflicting else "accepted"
        self._answered.add(entry.name, entry.source.kind, answer)
        if _log.isEnabledFor(logging.INFO):
            _log.info("event %s", answer, extra={"event_id": receipt.event_id, "source": entry.name, "bytes": len(made.body)})
        return accepted(receipt.event_id, duplicate=receipt.duplicate)

    async def _append_traced(self, request: web.Request, entry: Entry, made: Arrival) -> Receipt:
        """Whoever proved itself may continue a trace of its own. What is stored bears ours, for those who take it up."""
        came = tracing.of_headers(made.headers)
        since = time.time_ns() - int((time.perf_counter() - request[_BEGAN]) * 1e9)
        with tracing.span(f"accept {entry.name}", kind="server", parents=came, since=since, request_id=request_id()) as accepting:
            ours = tracing.carried()
            made.headers = [one for one in made.headers if one[0].lower() != tracing.HEADER] + ([["Traceparent", ours]] if ours else [])
            receipt = await self._journal.append(made)
            tracing.say(accepting, event_id=receipt.event_id, source=entry.name, kind=entry.source.kind, duplicate=receipt.duplicate)
            return receipt

    async def _read(self, request: web.Request, entry: Entry, tail: str, *, signed: bool) -> Arrival:
        try:
            raw = await self._bodies.read(request, entry.max_body)
            now = self._clock()
            if signed and (refusal := await self._believe_body(entry, request.headers, raw, now)):
                raise Refused(401, refusal.value, _ADVICE[refusal], body_size=len(raw))
            body = await decompressed(raw, request.headers.get("Content-Encoding", ""), entry.max_body)
        except BodyRefused as refused:
            headers = _after(2) if refused.status == 503 else None
            raise Refused(refused.status, refused.reason, refused.detail, headers, body_size=request.content_length) from None
        if len(body) < LARGE:
            return arrival(request, entry, tail, body, now)
        return await asyncio.to_thread(arrival, request, entry, tail, body, now)

    async def _believe_body(self, entry: Entry, headers: Mapping[str, str], raw: bytes, now: datetime) -> Refusal | None:
        if len(raw) < LARGE:
            refusal = authenticate_body(entry.proofs, headers, raw, now)
        else:
            refusal = await asyncio.to_thread(authenticate_body, entry.proofs, headers, raw, now)
        return refusal and await believe_message(entry.proofs, raw, now, self.certificates, refusal)

    def _complain(self, error: Exception) -> None:
        """Once a second: while storage is in trouble every request is."""
        if time.monotonic() - self._complained >= 1:
            self._complained = time.monotonic()
            _log.error("storage is in trouble: %s", error)

    def _slow_down(self, request: web.Request) -> None:
        if not self._refused:
            return
        address = counted_as(self._address(request))
        if wait := self._refused.wait(address, time.monotonic(), rate=REFUSALS_A_SECOND, burst=REFUSALS_AT_ONCE):
            raise Refused(429, "rate-limited-address", "Too many requests from this address were refused.", _after(wait))

    def _note(self, request: web.Request, entry: Entry | None, refused: Refused) -> None:
        address = self._address(request)
        if refused.status not in (429, 503):
            self._refused.take(counted_as(address), time.monotonic(), rate=REFUSALS_A_SECOND, burst=REFUSALS_AT_ONCE)
        if entry is not None:
            REFUSED.labels(entry.name, entry.source.kind, refused.reason).inc()
            if _log.isEnabledFor(logging.INFO):
                _log.info("request refused", extra={"reason": refused.reason, "status": refused.status, "source": entry.name})
            self._rejections.note(entry.source.id, refused.reason, address, request.headers.items(), refused.body_size, self._clock())

    def _address(self, request: web.Request) -> str:
        return remote_address(request.remote, request.headers.getall("X-Forwarded-For", ()), self._trusted)


async def _later(_: web.Request) -> None:
    """Whoever asks before it sends its body is answered once it is believed: see `body.go_on`."""


def _parts(path: str) -> tuple[str, str, str]:
    """(team, source, what follows) of an address under `PREFIX`, fit to be looked for."""
    team, _, rest = path[len(PREFIX) :].partition("/")
    slug, slash, tail = rest.partition("/")
    return storable(unquote(team)), storable(unquote(slug)), slash + unquote(tail)


def _after(seconds: int) -> dict[str, str]:
    return {"Retry-After": str(seconds)}


_ADVICE: Final = {
    Refusal.NO_SECRET: "This source has no usable secret, so it refuses everything. Set one in its configuration.",
    Refusal.MISSING: "The request carries no credential of the kind this source expects.",
    Refusal.MALFORMED: "The credential is not written the way this source expects.",
    Refusal.WRONG: "The credential does not match.",
    Refusal.EXPIRED: "The credential has expired.",
    Refusal.STALE: "The signed timestamp is too far from this server's clock.",
}
