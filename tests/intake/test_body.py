"""Reading bodies: capped while they stream, capped again while they are decompressed, whatever they claim to be."""

import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import StreamReader, web
from aiohttp.base_protocol import BaseProtocol
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.intake import body
from gateway.intake.body import BodyReader, BodyRefused, decompressed

LIMIT = 1000


def raw_deflate(plain: bytes, level: int = -1) -> bytes:
    """Deflate as some senders send it: without the zlib header."""
    deflater = zlib.compressobj(level, wbits=-zlib.MAX_WBITS)
    return deflater.compress(plain) + deflater.flush()


async def refusal(raw: bytes, encoding: str, limit: int = LIMIT) -> tuple[int, str]:
    with pytest.raises(BodyRefused) as refused:
        await decompressed(raw, encoding, limit)
    return refused.value.status, refused.value.reason


@pytest.mark.parametrize("encoding", ["", " ", "identity", "Identity"])
async def test_what_is_not_encoded_is_what_it_is(encoding: str) -> None:
    assert await decompressed(b"\x1f\x8b not gzip", encoding, LIMIT) == b"\x1f\x8b not gzip"


@settings(deadline=None)
@given(members=st.lists(st.binary(max_size=200), max_size=5), level=st.integers(0, 9))
async def test_gzip_members_in_a_row_are_one_body(members: list[bytes], level: int) -> None:
    raw = b"".join(gzip.compress(member, level) for member in members)
    for encoding in ("gzip", "x-gzip", " GZIP "):
        assert await decompressed(raw, encoding, LIMIT) == b"".join(members)


@settings(deadline=None)
@given(plain=st.binary(max_size=900), level=st.integers(0, 9))
async def test_deflate_is_read_with_and_without_a_zlib_header(plain: bytes, level: int) -> None:
    assert await decompressed(zlib.compress(plain, level), "deflate", LIMIT) == plain
    assert await decompressed(raw_deflate(plain, level), "deflate", LIMIT) == plain


@pytest.mark.req("R19")
@settings(deadline=None)
@given(plain=st.binary(min_size=1, max_size=200), keep=st.floats(0.01, 0.99))
async def test_what_is_cut_off_is_refused(plain: bytes, keep: float) -> None:
    for encoding, whole in (("gzip", gzip.compress(plain)), ("deflate", zlib.compress(plain)), ("deflate", raw_deflate(plain))):
        part = whole[: max(int(len(whole) * keep), 1)]
        assert await refusal(part, encoding) == (400, "body-unreadable")


@pytest.mark.req("R19")
@settings(deadline=None)
@given(garbage=st.binary(min_size=1, max_size=50).filter(lambda garbage: garbage[:1] != b"\x1f"))
async def test_what_follows_the_end_is_refused(garbage: bytes) -> None:
    for encoding, whole in (("gzip", gzip.compress(b"{}")), ("deflate", zlib.compress(b"{}")), ("deflate", raw_deflate(b"{}"))):
        assert await refusal(whole + garbage, encoding) == (400, "body-unreadable")


async def test_what_is_called_deflate_is_one_stream() -> None:
    for whole in (zlib.compress(b"{}"), raw_deflate(b"{}")):
        assert await refusal(whole * 2, "deflate") == (400, "body-unreadable")


@settings(deadline=None)
@given(raw=st.binary(min_size=1, max_size=300), encoding=st.sampled_from(["gzip", "deflate"]))
async def test_any_bytes_are_read_or_refused(raw: bytes, encoding: str) -> None:
    try:
        size = len(await decompressed(raw, encoding, LIMIT))
    except BodyRefused as refused:
        size, reason = 0, refused.reason
    else:
        reason = None
    assert size <= LIMIT
    assert reason in (None, "body-unreadable", "body-too-large")


@pytest.mark.req("R19")
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_bomb_is_refused_before_it_is_large(encoding: str) -> None:
    compress = gzip.compress if encoding == "gzip" else zlib.compress
    for raw in (compress(b"0" * (LIMIT + 1)), compress(bytes(50_000_000))):
        tracemalloc.start()
        assert await refusal(raw, encoding) == (413, "body-too-large")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1_000_000
    assert len(await decompressed(compress(b"0" * LIMIT), encoding, LIMIT)) == LIMIT


@pytest.mark.req("R19")
async def test_a_bomb_in_many_members_is_refused_too() -> None:
    half = gzip.compress(b"0" * (LIMIT // 2))
    assert len(await decompressed(half * 2, "gzip", LIMIT)) == LIMIT
    assert len(await decompressed(half * 2 + gzip.compress(b""), "gzip", LIMIT)) == LIMIT
    assert await refusal(half * 2 + gzip.compress(b"0"), "gzip") == (413, "body-too-large")


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, gzip", "identity, gzip", "\xff", "chunked"])
async def test_an_encoding_nobody_here_knows_is_named_as_the_reason(encoding: str) -> None:
    assert (await refusal(b"{}", encoding))[0] == 415


# ---- while it streams ---------------------------------------------------------------------------------------


class Streamed:
    """A request whose body comes when the test says so."""

    def __init__(self, declared: int | None = None) -> None:
        loop = asyncio.get_running_loop()
        connected = BaseProtocol(loop)
        connected.connection_made(asyncio.Transport())
        self.content = StreamReader(connected, 2**16, loop=loop)
        self.content_length = declared

    @property
    def request(self) -> web.Request:
        return cast("web.Request", SimpleNamespace(content=self.content, content_length=self.content_length, headers={}))


@pytest.fixture
async def reader() -> AsyncIterator[BodyReader]:
    """A reader that must hold nothing when the test is over."""
    reader = BodyReader()
    yield reader
    assert reader._held == 0


async def told(reading: Any) -> tuple[int, str]:
    with pytest.raises(BodyRefused) as refused:
        await reading
    return refused.value.status, refused.value.reason


async def test_a_body_is_the_bytes_that_came(reader: BodyReader) -> None:
    streamed = Streamed()
    reading = asyncio.create_task(reader.read(streamed.request, LIMIT))
    for chunk in (b"a", b"\x00" * 998, b"b"):
        await asyncio.sleep(0)
        streamed.content.feed_data(chunk)
    streamed.content.feed_eof()
    assert await reading == b"a" + b"\x00" * 998 + b"b"


@pytest.mark.req("R19")
async def test_a_body_that_says_or_shows_that_it_is_too_large_is_refused(reader: BodyReader) -> None:
    assert await told(reader.read(Streamed(LIMIT + 1).request, LIMIT)) == (413, "body-too-large")
    whole, streaming = Streamed(), Streamed()
    whole.content.feed_data(b"x" * (LIMIT + 1))
    whole.content.feed_eof()
    assert await told(reader.read(whole.request, LIMIT)) == (413, "body-too-large")
    streaming.content.feed_data(b"x" * (LIMIT + 1))  # and more may follow: nobody waits for it
    assert await told(reader.read(streaming.request, LIMIT)) == (413, "body-too-large")


@pytest.mark.req("R19")
async def test_a_body_that_does_not_come_is_given_up(reader: BodyReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "BODY_PATIENCE", 0.05)
    streamed = Streamed(10)
    streamed.content.feed_data(b"12345")
    assert await told(reader.read(streamed.request, LIMIT)) == (408, "body-too-slow")


@pytest.mark.req("R19")
@pytest.mark.parametrize("error", [web.RequestPayloadError("cut off"), ConnectionResetError(), ValueError("no such chunk")])
async def test_a_body_that_breaks_off_is_refused(reader: BodyReader, error: Exception) -> None:
    streamed = Streamed()
    streamed.content.feed_data(b"12345")
    reading = asyncio.create_task(reader.read(streamed.request, LIMIT))
    await asyncio.sleep(0)
    streamed.content.set_exception(error)
    assert await told(reading) == (400, "body-unreadable")


@pytest.mark.req("R19")
async def test_too_many_bytes_at_once_are_told_to_come_back(reader: BodyReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "MOST_AT_ONCE", 1500)
    first, second, third = Streamed(), Streamed(), Streamed()
    for streamed in (first, second, third):
        streamed.content.feed_data(b"x" * 800)
    reading = asyncio.create_task(reader.read(first.request, LIMIT))
    await asyncio.sleep(0)
    assert await told(reader.read(second.request, LIMIT)) == (503, "too-many-bodies")
    first.content.feed_eof()
    assert len(await reading) == 800
    third.content.feed_eof()
    assert len(await reader.read(third.request, LIMIT)) == 800, "there is room again"


async def test_a_sender_that_hangs_up_leaves_nothing_behind(reader: BodyReader) -> None:
    streamed = Streamed()
    streamed.content.feed_data(b"x" * 800)
    reading = asyncio.create_task(reader.read(streamed.request, LIMIT))
    await asyncio.sleep(0)
    assert reader._held == 800
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
