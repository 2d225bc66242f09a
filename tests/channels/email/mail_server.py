"""Real SMTP servers on loopback, each in a thread of its own."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "alerts", "p@ss/w:rd"


@dataclass
class Handler:
    """Accepts all mail, unless told to say something else at a step, to wait, or to hang up."""

    rcpt: str = "250 OK"
    mail: str = "250 OK"
    data: str = "250 OK, queued as 4711"
    wait: float = 0.0
    """Seconds before the answer to DATA."""
    slow: str = ""
    """For whom: every recipient with this in the address."""
    hang_up: str = ""
    """The step at which the connection is cut instead of an answer."""
    hang_up_times: int = 1_000
    accepted: list[tuple[str, str, bytes]] = field(default_factory=list)
    connections: int = 0
    sessions: list[SMTP] = field(default_factory=list)

    def cut(self, server: SMTP, step: str) -> bool:
        if self.hang_up != step or self.hang_up_times <= 0:
            return False
        self.hang_up_times -= 1
        server.transport.abort()
        return True

    async def handle_MAIL(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        if self.cut(server, "MAIL"):
            return "451 gone"
        if self.mail.startswith("250"):
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return self.mail

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        if self.cut(server, "RCPT"):
            return "451 gone"
        if self.rcpt.startswith("250") or not address.startswith("bad"):
            envelope.rcpt_tos.append(address)
            return "250 OK"
        return self.rcpt

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.cut(server, "DATA"):
            return "451 gone"
        await asyncio.sleep(self.wait if self.slow in envelope.rcpt_tos[0] else 0)
        if self.data.startswith("250"):
            self.accepted.append((envelope.mail_from, envelope.rcpt_tos[0], envelope.original_content))
        return self.data


class Server(Controller):
    def __init__(self, handler: Handler, **settings: Any) -> None:
        self.settings = settings
        super().__init__(handler, hostname="127.0.0.1", port=free_port(), ssl_context=settings.pop("ssl_context", None))

    def factory(self) -> SMTP:
        self.handler.connections += 1
        server = SMTP(self.handler, ident="mail.acme.test", **self.settings)
        self.handler.sessions.append(server)
        return server

    def hang_up_all(self) -> None:
        """Cuts every connection, as a server does that was idle for too long."""
        for server in self.handler.sessions:
            if server.transport is not None:
                self.loop.call_soon_threadsafe(server.transport.abort)


@contextmanager
def serving(handler: Handler, **settings: Any) -> Iterator[Server]:
    server = Server(handler, **settings)
    server.start()
    handler.connections = 0  # the controller tried the port itself
    try:
        yield server
    finally:
        server.stop()


def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=False)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """(for the server, for a client that trusts it): a certificate for 127.0.0.1, good for an hour."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.acme.test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.pem").write_bytes(public + private)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "server.pem")
    return server, ssl.create_default_context(cadata=public.decode())
