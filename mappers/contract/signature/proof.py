"""The words of authentication: schemes, secrets, proofs, and the reasons for which a request is not believed."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from mappers.contract.signature.shape import Shape

TOLERANCE: Final = timedelta(minutes=5)
"""How far a signed timestamp may be from now, either way, where the source does not say."""


class Scheme(StrEnum):
    """How a sender proves itself. The first four are static credentials, the others sign the raw body."""

    BEARER = "bearer"
    HEADER = "header"
    BASIC = "basic"
    TOKEN = "token"
    DBT = "dbt"
    GITHUB = "github"
    GRAFANA = "grafana"
    FIVETRAN = "fivetran"
    SLACK = "slack"
    STRIPE = "stripe"
    STANDARD_WEBHOOKS = "standard_webhooks"
    HMAC = "hmac"
    SNS = "sns"

    @property
    def signs_body(self) -> bool:
        """Whether the body must be read before the sender is known."""
        return self not in _STATIC


_STATIC: Final = frozenset({Scheme.BEARER, Scheme.HEADER, Scheme.BASIC, Scheme.TOKEN})


class Refusal(StrEnum):
    """Why a request was not believed; stored with the rejection. From the least telling to the most."""

    NO_SECRET = "no-secret"
    MISSING = "credential-missing"
    MALFORMED = "credential-malformed"
    WRONG = "credential-wrong"
    STALE = "timestamp-outside-tolerance"
    EXPIRED = "credential-expired"


class Standing(StrEnum):
    """What is known of a sender before its body is read."""

    BELIEVED = "believed"
    NEEDS_BODY = "needs-body"


@dataclass(frozen=True, slots=True)
class Secret:
    """One accepted credential. Static ones are kept as SHA-256 (`digest`), signing ones as their `key` bytes."""

    digest: bytes = b""
    key: bytes = b""
    expires_at: datetime | None = None

    def is_active(self, now: datetime) -> bool:
        """Whether it is still accepted."""
        return self.expires_at is None or now < self.expires_at


@dataclass(frozen=True, slots=True)
class Proof:
    """One way a source may be authenticated: a scheme, its usable secrets and, where it is the source's own, its shape."""

    scheme: Scheme
    secrets: tuple[Secret, ...]
    shape: Shape | None = None
    """Of `header` (its name alone), of `hmac`, and of a preset whose headers were renamed."""
    tolerance: timedelta = TOLERANCE

    def __post_init__(self) -> None:
        # An empty key would make every signature with an empty key right.
        usable = tuple(secret for secret in self.secrets if (secret.key if self.scheme.signs_body else secret.digest))
        object.__setattr__(self, "secrets", usable)

    @property
    def header(self) -> str:
        """The header of the credential, where the source names its own; otherwise empty."""
        return self.shape.header if self.shape else ""


def digest(credential: str) -> bytes:
    """SHA-256 of a static credential: what is stored and compared. Credentials are random, so no salt is needed."""
    return hashlib.sha256(credential.encode("utf-8", "surrogatepass")).digest()


def more_telling(one: Refusal, other: Refusal) -> Refusal:
    """Of two reasons, the one that says more about what the sender did."""
    return max(one, other, key=_TELLING.index)


_TELLING: Final = list(Refusal)
