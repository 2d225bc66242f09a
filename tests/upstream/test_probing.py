"""Asking services whether they are well: what counts as an answer, how far redirects lead, and what a certificate says."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.domain.outgoing import Reach
from gateway.upstream import probing
from gateway.upstream.probing import Prober, Question


class Service:
    """A server on the loopback and what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.seen: list[tuple[str, str, str | None]] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request.method, request.path, request.headers.get("Authorization")))
        port = request.url.port
        match request.path:
            case "/well":
                return web.Response(text="all is well")
            case "/ill":
                return web.Response(status=503)
            case "/slow":
                await asyncio.sleep(30)
            case "/moved":
                raise web.HTTPFound("/well")
            case "/elsewhere":
                raise web.HTTPFound(f"http://localhost:{port}/well")
            case "/credentials":
                raise web.HTTPFound("http://169.254.169.254/latest/meta-data/")
            case "/round":
                raise web.HTTPTemporaryRedirect("/round")
            case "/huge":
                return web.Response(body=b"x" * 300_000 + b"needle")
            case "/odd":
                return web.Response(body="schön".encode("latin-1"), headers={"Content-Type": "text/plain; charset=nonsense"})
        return web.Response()


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    service = Service()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", service.answer)
    async with TestServer(app) as server:
        service.url = f"http://127.0.0.1:{server.port}"
        yield service


@pytest.fixture
async def prober() -> AsyncIterator[Prober]:
    prober = Prober()
    yield prober
    await prober.close()


async def trouble(prober: Prober, service: Service, path: str, **how: object) -> str | None:
    return (await prober.ask(Question(url=service.url + path, **how))).trouble  # type: ignore[arg-type]


async def test_an_answer_that_was_expected_is_well(prober: Prober, service: Service) -> None:
    found = await prober.ask(Question(url=f"{service.url}/well", headers={"Authorization": "Bearer x"}, contains="is well"))
    assert (found.trouble, found.status, found.certificate_ends_at) == (None, 200, None)
    assert found.seconds is not None
    assert service.seen == [("GET", "/well", "Bearer x")]


@pytest.mark.parametrize(
    ("path", "how", "said"),
    [
        ("/ill", {}, "answered 503"),
        ("/ill", {"status": ("503",)}, None),
        ("/ill", {"status": ("2xx", "5xx")}, None),
        ("/well", {"status": ("204",)}, "answered 200"),
        ("/well", {"contains": "is ill"}, "answered 200 without 'is ill'"),
        ("/well", {"method": "HEAD"}, None),
        ("/slow", {"within": 0.2}, "did not answer within 0.2 s"),
        ("/moved", {}, None),
        ("/moved", {"redirects": "none"}, "answered 302"),
        ("/elsewhere", {}, "redirects to another host, localhost"),
        ("/elsewhere", {"redirects": "any"}, None),
        ("/round", {}, "redirects more than 5 times"),
        ("/huge", {"contains": "needle"}, "answered 200 without 'needle'"),
        ("/odd", {"contains": "sch"}, None),
    ],
)  # fmt: skip
async def test_what_an_answer_means(prober: Prober, service: Service, path: str, how: dict[str, object], said: str | None) -> None:
    assert await trouble(prober, service, path, **how) == said


@pytest.mark.req("R100")
async def test_no_redirect_leads_where_nobody_may_ask(prober: Prober, service: Service) -> None:
    said = await trouble(prober, service, "/credentials", redirects="any")
    assert (said or "").startswith("leads to an address that is not asked: 169.254.169.254 is not connected to: it is link-local")


async def test_headers_are_for_the_one_who_was_asked(prober: Prober, service: Service) -> None:
    await prober.ask(Question(url=f"{service.url}/elsewhere", headers={"Authorization": "Bearer x"}, redirects="any"))
    await prober.ask(Question(url=f"{service.url}/moved", headers={"Authorization": "Bearer x"}))
    assert [header for _, _, header in service.seen] == ["Bearer x", None, "Bearer x", "Bearer x"]


async def test_each_is_asked_over_a_connection_of_its_own(prober: Prober, service: Service) -> None:
    await asyncio.gather(*(trouble(prober, service, "/well") for _ in range(30)))
    assert len(service.seen) == 30


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:1/", "cannot be connected to: connection refused"),
        ("http://nobody.invalid/", "its name nobody.invalid cannot be resolved"),
        ("http://169.254.169.254/", "169.254.169.254 is not connected to: it is link-local, where clouds keep a machine's credentials"),
    ],
)
async def test_what_cannot_be_reached_is_said_in_words(prober: Prober, url: str, said: str) -> None:
    assert (await prober.ask(Question(url=url))).trouble == said


async def test_where_only_the_internet_may_be_asked_this_machine_may_not(service: Service) -> None:
    prober = Prober(Reach())
    assert "it is private" in (await trouble(prober, service, "/well") or "")
    await prober.close()
    assert service.seen == []


@pytest.mark.parametrize("raw", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"])
async def test_what_is_no_http_is_no_answer(prober: Prober, raw: bytes) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        found = await prober.ask(Question(url=f"http://127.0.0.1:{port}/", contains="x" * 50))
    assert found.trouble is not None
    assert found.trouble.startswith(("hung up", "answered no HTTP"))


async def secure(directory: Path, ends_at: datetime) -> tuple[TestServer, Path]:
    """A server with a certificate for 127.0.0.1 that ends then, and the file that vouches for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(ends_at - timedelta(days=90)).not_valid_after(ends_at)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    chain, private = directory / "chain.pem", directory / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, private)
    app = web.Application()
    app.router.add_get("/", _empty)
    server = TestServer(app, scheme="https", host="localhost")
    await server.start_server(ssl=context)
    return server, chain


async def _empty(_: web.Request) -> web.Response:
    return web.Response(status=204)


async def test_the_end_of_a_certificate_is_seen_also_where_the_answer_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ends_at = (datetime.now(UTC) + timedelta(days=9)).replace(microsecond=0)
    server, chain = await secure(tmp_path, ends_at)
    trusting = ssl.create_default_context(cafile=str(chain))
    monkeypatch.setattr(probing, "connector", lambda reach, **given: _trusting(reach, trusting, **given))
    prober = Prober()
    found = await prober.ask(Question(url=f"https://localhost:{server.port}/"))
    assert (found.trouble, found.certificate_ends_at) == (None, ends_at)
    await prober.close()
    await server.close()


def _trusting(reach: Reach, trusting: ssl.SSLContext, **given: object) -> object:
    from gateway.upstream.guard import connector

    return connector(reach, ssl=trusting, **given)


async def test_a_certificate_that_nobody_vouches_for_is_trouble(prober: Prober, tmp_path: Path) -> None:
    server, _ = await secure(tmp_path, datetime.now(UTC) + timedelta(days=9))
    found = await prober.ask(Question(url=f"https://localhost:{server.port}/"))
    assert (found.trouble or "").startswith("its certificate is not trusted: self")
    await server.close()
