"""`TOCSIN_SMTP_URL`: which mail server, how it is encrypted, and who we are there."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self
from urllib.parse import SplitResult, unquote, urlsplit


class Security(StrEnum):
    """When TLS begins, by the scheme of the URL."""

    NONE = "smtp"
    STARTTLS = "smtp+starttls"
    TLS = "smtps"


_PORTS: Final = {Security.NONE: 25, Security.STARTTLS: 587, Security.TLS: 465}


@dataclass(frozen=True, slots=True)
class SmtpUrl:
    """A mail server. The password never shows in its repr, nor in an error."""

    security: Security
    host: str
    port: int
    username: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str) -> Self:
        """The server in `smtp+starttls://user:password@mail.acme.test:587`; ValueError says what is wrong with it."""
        scheme = url.strip().partition("://")[0].lower()
        if "://" not in url or scheme not in set(Security):
            raise ValueError("the mail server's URL must begin with smtp://, smtp+starttls:// or smtps://")
        security = Security(scheme)
        parts = _split(url.strip())
        if parts is None or parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError(
                f"the mail server's URL must be {scheme}://user:password@host:port; write / ? # @ : in a password as %2F %3F %23 %40 %3A"
            )
        username, password = unquote(parts.username or ""), unquote(parts.password or "")
        if not parts.hostname or any(character <= " " for character in parts.hostname):
            raise ValueError("the mail server's URL names no host")
        if bool(username) != bool(password):
            raise ValueError("the mail server's URL needs a user and a password, or neither")
        return cls(security, parts.hostname, parts.port or _PORTS[security], username, password)

    def __str__(self) -> str:
        """The URL without its credentials."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.security}://{host}:{self.port}"


def _split(url: str) -> SplitResult | None:
    """The parts of a URL; None where it has none. The library's own errors quote the URL, and with it the password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    return parts if port != 0 else None
