"""Reading what a sender sends: capped while it streams, capped again while it is decompressed, and not for ever."""

import asyncio
import zlib
from typing import Final

from aiohttp import web

BODY_PATIENCE: Final = 20.0
"""Seconds a sender may take for its body."""
LARGE: Final = 128 * 1024
"""Bodies from this size on are looked into beside the event loop."""
MOST_AT_ONCE: Final = 256 * 1024 * 1024
"""Bytes of all bodies that are being read at the same time."""
_CHUNK: Final = 64 * 1024


class BodyRefused(Exception):
    """The body cannot be taken: the status to answer with, the reason to note, and what to tell the sender."""

    def __init__(self, status: int, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.reason, self.detail = status, reason, detail


class BodyReader:
    """Reads bodies within what all of them may take together."""

    def __init__(self) -> None:
        self._held = 0

    async def read(self, request: web.Request, limit: int) -> bytes:
        """The bytes as they were sent, at most `limit` of them. Raises `BodyRefused`."""
        if request.content_length is not None and request.content_length > limit:
            raise _too_large(limit)
        if request.content.is_eof():  # it came with its head, as most do
            whole = request.content.read_nowait()
            if len(whole) > limit:
                raise _too_large(limit)
            return whole
        await go_on(request)
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_PATIENCE):
                while chunk := await request.content.readany():
                    body += chunk
                    self._held += len(chunk)
                    if len(body) > limit:
                        raise _too_large(limit)
                    if self._held > MOST_AT_ONCE:
                        raise BodyRefused(503, "too-many-bodies", "Too many large requests at once. Send it again.")
        except TimeoutError:
            raise BodyRefused(408, "body-too-slow", "The body took too long to arrive.") from None
        except (web.RequestPayloadError, ConnectionError, ValueError):
            raise BodyRefused(400, "body-unreadable", "The body could not be read: it was cut off, or is not framed as HTTP.") from None
        finally:
            self._held -= len(body)
        return bytes(body)


async def go_on(request: web.Request) -> None:
    """Tells a sender that asks first to send its body. Only now, for it may be spared sending what is refused.

    https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1
    """
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0


async def decompressed(raw: bytes, encoding: str, limit: int) -> bytes:
    """The body as its sender wrote it. `encoding` is the value of Content-Encoding. Raises `BodyRefused`."""
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return raw
    if name not in ("gzip", "x-gzip", "deflate"):
        raise BodyRefused(415, "body-unreadable", "Content-Encoding must be gzip, deflate or identity.")
    return await asyncio.to_thread(_inflated, raw, name, limit) if len(raw) >= _CHUNK else _inflated(raw, name, limit)


def _inflated(raw: bytes, name: str, limit: int) -> bytes:
    """Several gzip members in a row are one body (RFC 1952 §2.2); what is called deflate comes with or without a zlib header."""
    with_zlib_header = raw[:1] and raw[0] & 0x0F == zlib.DEFLATED
    width = zlib.MAX_WBITS | 16 if name != "deflate" else zlib.MAX_WBITS if with_zlib_header else -zlib.MAX_WBITS
    unreadable = BodyRefused(400, "body-unreadable", f"The body is not {name}, as its Content-Encoding says.")
    body, inflater = bytearray(), zlib.decompressobj(wbits=width)
    for start in range(0, len(raw), _CHUNK):  # in slices, for what follows a member is copied
        rest = raw[start : start + _CHUNK]
        while rest:
            if inflater.eof:
                if name == "deflate":
                    raise unreadable
                inflater = zlib.decompressobj(wbits=width)
            try:
                body += inflater.decompress(rest, limit + 1 - len(body))
            except zlib.error:
                raise unreadable from None
            if len(body) > limit:
                raise _too_large(limit)
            rest = inflater.unused_data
    if not inflater.eof and raw:
        raise unreadable
    return bytes(body)


def _too_large(limit: int) -> BodyRefused:
    return BodyRefused(413, "body-too-large", f"The body is larger than this source's limit of {limit} bytes.")
