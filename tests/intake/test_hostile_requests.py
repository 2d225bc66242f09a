"""Whatever a stranger sends to a source of any scheme is refused in words: never a 5xx, never an error in the log."""

import asyncio
import base64
import itertools
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC
from typing import Any

import pytest
from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import proofs
from gateway.app import Web
from gateway.config.document import Auth
from gateway.config.environment import Environment
from gateway.engine.mapping import kinds
from gateway.listener import SERVER_OPTIONS
from gateway.storage import people, sources
from gateway.storage.database import Database
from gateway.vault import Vault
from mappers.contract.signature import PRESETS
from tests.conftest import NOW, Clock
from tests.intake import senders
from tests.intake.senders import KEY

VAULT = Vault("0123456789abcdef0123456789abcdef")
SECONDS = str(int(NOW.astimezone(UTC).timestamp()))
BELIEVED, REFUSED, BROKEN = {200, 202}, {401}, {400, 413, 415}
Pairs = Sequence[tuple[bytes, bytes]]


@pytest.fixture
async def door(database: Database, clock: Clock, caplog: pytest.LogCaptureFixture) -> AsyncIterator[TestClient[Any, Any]]:
    """As in test_door.py, with a source of every scheme, behind a proxy whose word for the sender's address is taken."""
    with database.writing() as transaction:
        team = people.put_team(transaction, slug="acme", name="Acme", base_url=None, now=NOW)
        for slug, auth in senders.AUTH.items():
            kept = proofs.stored(Auth.model_validate(auth), VAULT)
            sources.put(
                transaction, team_id=team, slug=slug, kind="prefect", environment="", auth=kept, settings={}, managed=False, now=NOW
            )
    environment = Environment(_env_file=None, trusted_proxies="127.0.0.0/8")  # type: ignore[call-arg]
    server = TestServer(Web(environment, database, kinds(()), VAULT, clock).app)
    await server.start_server(**SERVER_OPTIONS)
    async with TestClient(server) as client:
        yield client
    assert [
        record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.ERROR and not _is_about_http(record)
    ] == []


def _is_about_http(record: logging.LogRecord) -> bool:
    """aiohttp says in this way, before any of our code is asked, that it could not read a request as HTTP."""
    return record.name == "aiohttp.server" and record.exc_info is not None and isinstance(record.exc_info[1], BadHttpMessage)


ADDRESSES = (f"198.51.{high}.{low}" for high, low in itertools.product(range(256), range(256)))
"""Each request comes from an address of its own, so that none is refused for what the others did."""


def request(slug: str, headers: Pairs, body: bytes = b"", *, method: str = "POST", tail: str = "") -> bytes:
    """A request with these headers and a body of the length it says."""
    path = f"/webhooks/acme/{slug}{tail}"
    fixed = [
        (b"Host", b"acme.test"), (b"X-Forwarded-For", next(ADDRESSES).encode()), (b"Connection", b"close"),
        (b"Content-Length", str(len(body)).encode()),
    ]  # fmt: skip
    lines = [f"{method} {path} HTTP/1.1".encode(), *(name + b": " + value for name, value in (*fixed, *headers))]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


async def status(door: TestClient[Any, Any], raw: bytes, *, is_cut_off: bool = False) -> int | None:
    """The status of the answer to exactly these bytes; None where the connection is closed without one."""
    reader, writer = await asyncio.open_connection(door.host, door.port)
    try:
        writer.write(raw)
        if is_cut_off:
            writer.write_eof()
        line = await asyncio.wait_for(reader.readline(), 15)
    except ConnectionError:
        return None
    finally:
        writer.close()
    return int(line.split()[1]) if line else None


@pytest.mark.req("R3")
async def test_a_sender_who_knows_the_key_is_believed_whatever_the_body(door: TestClient[Any, Any]) -> None:
    for slug, body in itertools.product(senders.AUTH, (b"", b"\xff\x00\r\n\r\n", b"{" * 100_000, b"x" * 1_048_576)):
        tail = f"/{KEY}" if slug == "token" else ""
        raw = request(slug, encoded(senders.right(slug, body, SECONDS)), body, tail=tail)
        assert await status(door, raw) in BELIEVED, (slug, body[:10])
        over = request(slug, encoded(senders.right(slug, body, SECONDS, "another key")), body, tail="/wrong")
        assert await status(door, over) == (202 if slug == "basic" else 401), (slug, body[:10])


NAMES = sorted(
    {"authorization", "x-api-key", "x-sig", "x-time", "x-id", "x-grafana-time", "content-type", "cookie"}
    | {header.lower() for shapes in PRESETS.values() for one in shapes for header in (one.header, one.timestamp_header, one.id_header)}
    - {""}
)
VALUES = (
    st.binary(max_size=60).map(lambda raw: raw.translate(None, b"\r\n\0"))
    | st.text(max_size=20).map(lambda text: text.encode("utf-8", "surrogatepass").translate(None, b"\r\n\0"))
    | st.sampled_from([SECONDS.encode(), b"-1", b"9" * 400, "١٢٣".encode(), b"1.5", b"msg_1", b"0" * 64, b"sha256=" + b"0" * 64, b"v0="])
    | st.binary(min_size=32, max_size=32).map(lambda raw: b"v1," + base64.b64encode(raw))
    | st.binary(min_size=64, max_size=64).map(lambda raw: b"v1=" + base64.b64encode(raw))
    | st.binary(max_size=12).map(lambda raw: b"Basic " + base64.b64encode(raw))
    | st.just(f"t={SECONDS},v1=".encode() + b"0" * 64)
)


@pytest.mark.req("R3")
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    slug=st.sampled_from(list(senders.AUTH)),
    headers=st.lists(st.tuples(st.sampled_from(NAMES).map(str.encode), VALUES), max_size=8),
    body=st.binary(max_size=100),
    tail=st.sampled_from(["", "/", "/x", "/%ff", "/%zz", "/%00", "/a/b?c=%"]),
)
async def test_no_headers_and_no_body_of_a_stranger_are_believed(
    door: TestClient[Any, Any], slug: str, headers: Pairs, body: bytes, tail: str
) -> None:
    assert await status(door, request(slug, headers, body, tail=tail)) in REFUSED | {400}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    slug=st.sampled_from(senders.SIGNED),
    body=st.binary(max_size=100),
    also=st.lists(st.tuples(st.sampled_from([*NAMES, "content-encoding"]).map(str.encode), VALUES | st.just(b"gzip")), max_size=4),
)
async def test_a_signed_request_with_anything_beside_it_is_taken_or_refused_in_words(
    door: TestClient[Any, Any], slug: str, body: bytes, also: Pairs
) -> None:
    raw = request(slug, [*encoded(senders.right(slug, body, SECONDS)), *also], body)
    assert await status(door, raw) in BELIEVED | REFUSED | BROKEN


# ---- what no HTTP library would send ------------------------------------------------------------------------

BEARER = f"Authorization: Bearer {KEY}\r\n".encode()
LINE = b"POST /webhooks/acme/bearer HTTP/1.1\r\nHost: acme.test\r\nConnection: close\r\n"

BROKEN_TRANSPORT: dict[str, bytes] = {
    "a NUL in a header": LINE + BEARER + b"X-Odd: a\0b\r\nContent-Length: 0\r\n\r\n",
    "a header of 100 KB": LINE + BEARER + b"X-Long: " + b"a" * 100_000 + b"\r\nContent-Length: 0\r\n\r\n",
    "a credential of 100 KB": LINE + b"Authorization: Bearer " + b"a" * 100_000 + b"\r\nContent-Length: 0\r\n\r\n",
    "two lengths": LINE + BEARER + b"Content-Length: 2\r\nContent-Length: 4\r\n\r\n{}{}",
    "a length and chunks": LINE + BEARER + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a length that is no number": LINE + BEARER + b"Content-Length: two\r\n\r\n{}",
    "a negative length": LINE + BEARER + b"Content-Length: -2\r\n\r\n{}",
    "a length with a sign": LINE + BEARER + b"Content-Length: +2\r\n\r\n{}",
    "chunks that are none": LINE + BEARER + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a chunk longer than it says": LINE + BEARER + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n",
    "a chunk of a negative size": LINE + BEARER + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n",
    "a space before the colon": LINE + b"Authorization : Bearer x\r\nContent-Length: 0\r\n\r\n",
    "a header without a name": LINE + BEARER + b": x\r\nContent-Length: 0\r\n\r\n",
    "a header without a colon": LINE + BEARER + b"no colon here\r\nContent-Length: 0\r\n\r\n",
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64) + b"\r\n\r\n",
    "a method that is none": b"PO\x00ST /webhooks/acme/bearer HTTP/1.1\r\nHost: acme.test\r\n\r\n",
}
AT_WILL: dict[str, tuple[bytes, set[int]]] = {
    "a folded header": (LINE + BEARER + b"X-Odd: a\r\n b\r\nContent-Length: 0\r\n\r\n", {202, 400}),
    "a folded credential": (LINE + b"Authorization: Bearer\r\n " + KEY.encode() + b"\r\nContent-Length: 0\r\n\r\n", {202, 400, 401}),
    "bare line feeds": ((LINE + BEARER + b"Content-Length: 0\r\n\r\n").replace(b"\r\n", b"\n"), {202, 400}),
    "bytes over 127 in a header": (LINE + BEARER + b"X-Odd: \xff\xfe\x80\r\nContent-Length: 0\r\n\r\n", {202, 400}),
    "bytes over 127 in a credential": (LINE + b"Authorization: Bearer \xff\xfe\r\nContent-Length: 0\r\n\r\n", {400, 401}),
    "two credentials": (LINE + BEARER + BEARER + b"Content-Length: 0\r\n\r\n", {400, 401}),
    "a gzip that is none": (LINE + BEARER + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", {400}),
    "an encoding nobody knows": (LINE + BEARER + b"Content-Encoding: \xff, rot13\r\nContent-Length: 2\r\n\r\n{}", {400, 415}),
    "a length beyond all limits": (LINE + BEARER + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n", {400, 413}),
    "a length beyond the source's": (LINE + BEARER + b"Content-Length: 99999999\r\n\r\n", {413}),
    "no protocol": (b"POST /webhooks/acme/bearer\r\n\r\n", {400, 401}),
    "no length": (LINE + BEARER + b"\r\n", {202}),
}
PATHS = ("/%zz", "/%", "/%f", "/%ff%fe", "/%00", "/\xff\xfe", "/..%2f..%2fbearer", "//", "/?%zz=%", "/#x", "/%E0%80%80", "/" + "a" * 5000)


@pytest.mark.req("R19")
@pytest.mark.parametrize("raw", [pytest.param(raw, id=case) for case, raw in BROKEN_TRANSPORT.items()])
async def test_what_is_not_http_is_a_400(door: TestClient[Any, Any], raw: bytes) -> None:
    assert await status(door, raw) == 400
    assert await status(door, request("bearer", encoded(senders.right("bearer", b"{}", SECONDS)), b"{}")) == 202, "open for others"


@pytest.mark.req("R19")
@pytest.mark.parametrize(("raw", "told"), [pytest.param(raw, told, id=case) for case, (raw, told) in AT_WILL.items()])
async def test_what_is_odd_is_taken_or_refused(door: TestClient[Any, Any], raw: bytes, told: set[int]) -> None:
    assert await status(door, raw) in told


@pytest.mark.parametrize("tail", PATHS)
async def test_odd_addresses_are_refused_or_taken(door: TestClient[Any, Any], tail: str) -> None:
    for slug, headers in (("bearer", encoded(senders.right("bearer", b"", SECONDS))), ("token", []), ("slack", [])):
        raw = request(slug, headers).replace(b"/acme/" + slug.encode(), f"/acme/{slug}{tail}".encode("latin-1"))
        assert await status(door, raw) in {400, 401} | (BELIEVED if slug == "bearer" else set()), slug
        nowhere = request(slug, headers).replace(b"/acme/" + slug.encode(), f"/acme{tail}".encode("latin-1"))
        assert await status(door, nowhere) in {400, 404, 405}


@pytest.mark.parametrize(
    "cut", [lambda raw: raw[:30], lambda raw: raw[:-10], lambda raw: raw[: raw.index(b"\r\n\r\n")]], ids=["line", "body", "head"]
)
async def test_a_request_that_is_cut_off_is_forgotten(door: TestClient[Any, Any], cut: Callable[[bytes], bytes]) -> None:
    for slug in ("bearer", "slack"):
        body = b"x" * 40
        raw = cut(request(slug, encoded(senders.right(slug, body, SECONDS)), body))
        assert await status(door, raw, is_cut_off=True) in {None, 400}
