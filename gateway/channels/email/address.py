"""Mail addresses: what may stand in a header and on an SMTP command line, and nothing else."""

import re
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Final, Self

from mappers.contract.text import one_line

# RFC 5321 dot-string, with RFC 6531's non-ASCII letters; quoted local parts are refused, nobody has one
_ATOM: Final = r"[^\s\x00-\x1f\x7f-\x9f\ud800-\udfff()<>\[\]:;@\\,.\"]+"
_LOCAL: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_LABEL: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9])?"
_DOMAIN: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


@dataclass(frozen=True, slots=True)
class Address:
    """A checked address: the domain in ASCII, the local part as it is."""

    name: str
    local: str
    domain: str

    @property
    def spec(self) -> str:
        """`local@domain`."""
        return f"{self.local}@{self.domain}"

    @classmethod
    def parse(cls, text: str, name: str = "") -> Self:
        """The address in `ana@acme.test` or `Ana <ana@acme.test>`; `name` replaces the one in `text`. ValueError where there is none."""
        found, spec = parseaddr(text) if "<" in text else ("", text.strip())
        local, _, domain = spec.rpartition("@")
        try:
            domain = domain if domain.isascii() else domain.encode("idna").decode("ascii")
        except UnicodeError:
            domain = ""
        if (
            not text.isprintable()
            or not _LOCAL.fullmatch(local)
            or len(local.encode()) > 64
            or not _DOMAIN.fullmatch(domain)
            or len(domain) > 253
        ):
            raise ValueError(f"not a mail address: {one_line(text, 100)!r}")
        return cls(one_line(name or found, 60), local, domain)
