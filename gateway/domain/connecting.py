"""What a sender must be told so that it is believed: address, credential and steps, in the same words wherever they are shown."""

import re
import secrets
from dataclasses import dataclass
from typing import Final

from mappers.contract import SourceKind
from mappers.contract.signature import Scheme

SHOWN_BY_SENDER: Final = frozenset({Scheme.DBT, Scheme.SLACK, Scheme.STRIPE, Scheme.STANDARD_WEBHOOKS, Scheme.SNS})
"""Schemes of which the sender makes what is believed, and shows it."""
HEADER: Final = "X-Api-Key"
"""The header of a credential for which nobody named another."""
SIGNATURE_HEADER: Final = "X-Signature"
"""The same for a signature."""
TEST_HEADER: Final = "Tocsin-Test"
"""A request that bears it is taken and mapped like any other, and nobody is told."""
TEST_SAID: Final = "a test"
"""How what is said of such a request begins."""
_PLAIN_STEPS: Final = ("Let it send its webhooks, as JSON, to {url}",)
_TYPEABLE: Final = re.compile(r"[\w./:@?=&-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Way:
    """How a sender reaches one source, and proves itself there."""

    base: str
    team: str
    slug: str
    scheme: Scheme
    credential: str
    """In clear, or a word for it where it is not known."""
    header: str = ""
    """Where the source names its own."""

    @property
    def url(self) -> str:
        """The address the sender is given."""
        address = f"{self.base}/webhooks/{self.team}/{self.slug}"
        return f"{address}/{self.credential}" if self.scheme is Scheme.TOKEN else address

    @property
    def proof(self) -> str:
        """How the sender proves itself, in words."""
        match self.scheme:
            case Scheme.TOKEN:
                return "in the address"
            case Scheme.SNS:
                return "Amazon's signature, of the topics that `auth` names"
            case Scheme.BEARER:
                return f"header Authorization: Bearer {self.credential}"
            case Scheme.BASIC:
                return f"HTTP basic, user:password {self.credential}"
            case Scheme.HEADER:
                return f"header {self.header}: {self.credential}" if self.header else f"the header that its `auth` names: {self.credential}"
            case _:
                return f"signs with {self.credential}"

    def steps(self, kind: SourceKind) -> tuple[str, ...]:
        """What to do at the sender, in order."""
        return tuple(step.replace("{url}", self.url).replace("{token}", self.credential) for step in kind.steps or _PLAIN_STEPS)

    def trial(self, kind: SourceKind) -> str | None:
        """A line of curl that sends an example as the sender would, as a test; None where a signature is asked for."""
        if self.scheme.signs_body:
            return None
        example = kind.example
        headers = [f"{name}: {value}" for name, value in example.headers.items()] + [f"{TEST_HEADER}: 1"]
        if self.scheme is Scheme.BEARER:
            headers.append(f"Authorization: Bearer {self.credential}")
        if self.scheme is Scheme.HEADER:
            headers.append(f"{self.header or HEADER}: {self.credential}")
        words = ["curl", "-sS", "-X", example.method, *(word for header in headers for word in ("-H", header))]
        words += ["-u", self.credential] if self.scheme is Scheme.BASIC else []
        words += ["--data-binary", example.body.decode("utf-8", "replace")] if example.body else []
        words.append(f"{self.url}{example.path}{f'?{example.query}' if example.query else ''}")
        return " ".join(_quoted(word) for word in words)


def invented(scheme: Scheme) -> str | None:
    """A fresh credential of this scheme; None where the sender makes it."""
    if scheme in SHOWN_BY_SENDER:
        return None
    random = secrets.token_urlsafe(24)
    return f"tocsin:{random}" if scheme is Scheme.BASIC else random


def _quoted(word: str) -> str:
    """As a shell takes it."""
    return word if _TYPEABLE.fullmatch(word) else "'" + word.replace("'", "'\\''") + "'"
