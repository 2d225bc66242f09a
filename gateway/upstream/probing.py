"""Asking a service whether it is well: one request, over a connection of its own, and what its certificate says."""

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import aiohttp

from gateway.domain.outgoing import OPERATORS, Reach, fault_of
from gateway.upstream.guard import connector, refused_by

MOST_REDIRECTS: Final = 5
READ_AT_MOST: Final = 256 * 1024
"""Bytes of an answer that are looked through."""
_REDIRECTS: Final = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class Question:
    """What is asked, and which answers are good ones."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] | None = None
    within: float = 10.0
    """Seconds, redirects included."""
    status: Sequence[str] = ("2xx",)
    contains: str = ""
    redirects: str = "same-host"
    """`none`, `same-host` or `any`."""


@dataclass(frozen=True, slots=True)
class Found:
    """What it came to."""

    trouble: str | None = None
    """None: it is well."""
    status: int | None = None
    seconds: float | None = None
    certificate_ends_at: datetime | None = None


class _Response(aiohttp.ClientResponse):
    """Remembers the certificate: the connection is given back before anybody can ask it."""

    ends_at: datetime | None = None

    async def start(self, connection: Any) -> "_Response":
        transport = connection.transport
        self.ends_at = _end(transport.get_extra_info("peercert") if transport else None)
        await super().start(connection)
        return self


class Prober:
    """Asks many services, each over a new connection, as whoever comes first would."""

    def __init__(self, reach: Reach = OPERATORS) -> None:
        """Opens its session within a running loop."""
        self._reach = reach
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, question: Question) -> Found:
        """What it came to, whatever that is; raises nothing but cancellation."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=connector(self._reach, force_close=True, limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                response_class=_Response,
            )
        began = time.monotonic()
        try:
            async with asyncio.timeout(question.within):
                return await self._follow(self._session, question, began)
        except TimeoutError:
            return Found(f"did not answer within {question.within:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Found(_in_words(error))

    async def close(self) -> None:
        """Ends the session."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _follow(self, session: aiohttp.ClientSession, question: Question, began: float) -> Found:
        url, headers = question.url, dict(question.headers or {})
        ends_at: datetime | None = None
        for _ in range(MOST_REDIRECTS + 1):
            fault = fault_of(url, self._reach)
            if fault:
                return Found(f"leads to an address that is not asked: {fault}" if url != question.url else fault)
            async with session.request(question.method, url, headers={"User-Agent": "tocsin", **headers}, allow_redirects=False) as answer:
                ends_at = ends_at or (answer.ends_at if isinstance(answer, _Response) else None)
                target = answer.headers.get("Location") if answer.status in _REDIRECTS else None
                if target is None or question.redirects == "none":
                    trouble = await _trouble(answer, question)
                    return Found(trouble, answer.status, time.monotonic() - began, ends_at)
            further = urljoin(url, target)
            if question.redirects == "same-host" and urlsplit(further).hostname != urlsplit(question.url).hostname:
                return Found(f"redirects to another host, {urlsplit(further).hostname or further[:100]}", answer.status, None, ends_at)
            if _origin(further) != _origin(question.url):
                headers = {}  # they are for the one who was asked
            url = further
        return Found(f"redirects more than {MOST_REDIRECTS} times", None, None, ends_at)


async def _trouble(answer: aiohttp.ClientResponse, question: Question) -> str | None:
    if not any(_fits(answer.status, one) for one in question.status):
        return f"answered {answer.status}"
    if not question.contains:
        return None
    raw = bytearray()
    async for part in answer.content.iter_chunked(65536):
        raw += part
        if len(raw) >= READ_AT_MOST:
            break
    text = bytes(raw[:READ_AT_MOST]).decode(_charset(answer), "replace")
    return None if question.contains in text else f"answered {answer.status} without {question.contains[:100]!r}"


def _fits(status: int, wanted: str) -> bool:
    return str(status) == wanted or (wanted.endswith("xx") and str(status)[:1] == wanted[:1])


def _charset(answer: aiohttp.ClientResponse) -> str:
    try:
        "".encode(answer.charset or "utf-8")
    except LookupError:
        return "utf-8"
    return answer.charset or "utf-8"


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _end(certificate: Mapping[str, Any] | None) -> datetime | None:
    """`Jun  1 12:00:00 2027 GMT`. https://docs.python.org/3/library/ssl.html#ssl.cert_time_to_seconds"""
    import ssl

    try:
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(str((certificate or {})["notAfter"])), UTC)
    except (LookupError, ValueError):
        return None


def _in_words(error: Exception) -> str:
    refusal = refused_by(error)
    if refusal:
        return str(refusal.strerror)
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        said = getattr(error.certificate_error, "verify_message", "") or str(error.certificate_error)
        return f"its certificate is not trusted: {said}"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"its name {error.host} cannot be resolved"
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno
        return f"cannot be connected to: {os.strerror(number).lower() if number else error.os_error}"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "hung up without an answer"
    return " ".join(f"answered no HTTP: {error}".split())[:300] if str(error) else f"answered no HTTP: {type(error).__name__}"
