"""From a request that is believed to what is stored of it."""

import hashlib
import logging
from datetime import datetime
from typing import Final

from aiohttp import web

from gateway.domain.connecting import TEST_HEADER
from gateway.intake.body import LARGE
from gateway.intake.doorbook import Entry
from gateway.intake.rejections import storable
from gateway.journal import Arrival
from mappers.contract import Headers, Inbound, SourceKind

LONGEST_KEY: Final = 200
_log = logging.getLogger("tocsin.intake")


def arrival(request: web.Request, entry: Entry, tail: str, body: bytes, now: datetime) -> Arrival:
    """What is stored: no credential, no encoding that the body no longer has."""
    strips = entry.strips
    headers = [[name, storable(value)] for name, value in request.headers.items() if name.lower() not in strips]
    query = request.rel_url.raw_query_string
    digest = hashlib.sha256(body)
    digest.update(f"\0{tail}\0{query}".encode("utf-8", "surrogatepass"))
    inbound = Inbound(
        body=body if len(body) < LARGE else b"", headers=Headers(headers), method=request.method, path=tail,
        query=query, received_at=now, settings=entry.settings, environment=entry.source.environment or None,
    )  # fmt: skip
    key = None if TEST_HEADER in request.headers else _request_key(entry.kind, inbound)  # a test may be sent again and again
    if key is None and len(body) >= LARGE:  # too large to be looked into while senders wait; and too large to be said twice by chance
        key = f"sha256:{digest.hexdigest()}"
    return Arrival(
        source_id=entry.source.id,
        request_key=key,
        body_digest=digest.digest(),
        method=request.method,
        path=storable(tail),
        query=storable(query),
        headers=headers,
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
    if key is None or (len(key) <= LONGEST_KEY and key == storable(key)):
        return key
    return f"sha256:{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()}"
