"""A JWT as an application says who its user is: read, and checked with the one key and algorithm its issuer is bound to.

https://www.rfc-editor.org/rfc/rfc8725 says what can go wrong: nothing that stands in a token chooses how it is checked.
"""

import base64
import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from mappers.contract.text import clean, one_line

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

LONGEST: Final = 8000
"""Characters of a token."""
LONGEST_LIFE: Final = 24 * 3600
LEEWAY: Final = 30
"""Seconds that an issuer's clock may be ahead of ours."""
LONGEST_NAME: Final = 300
_COMPACT: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]*)")


class Refusal(StrEnum):
    """Why a JWT is not believed. Before the signature is right nothing more is told than that."""

    UNKNOWN = "This JWT is not from an issuer that is known here, or not signed by it as agreed."
    AUDIENCE = "This JWT is for another audience."
    NO_EXPIRY = "This JWT does not say when it ends: `exp` is missing, or is no number."
    EXPIRED = "This JWT has expired."
    TOO_LONG = "This JWT is good for more than 24 hours: let it end sooner, and make a new one when it does."
    NOT_YET = "This JWT is not good yet: `nbf` or `iat` is in the future, or is no number."


@dataclass(frozen=True, slots=True)
class Unverified:
    """What a token says of itself; good for finding its issuer, and for nothing else."""

    issuer: str
    subject: str
    algorithm: str
    key_id: str | None


@dataclass(frozen=True, slots=True)
class Claims:
    """What an issuer said."""

    subject: str
    name: str
    expires_at: datetime


def looks_like_one(token: str) -> bool:
    """Whether this is written as a JWT at all: three parts, the first a JOSE header."""
    parts = _COMPACT.fullmatch(token) if token.count(".") == 2 else None
    return parts is not None and _document(parts[1]) is not None


def read(token: str) -> Unverified | None:
    """What the token says of itself; None for what could never be right."""
    parts = _COMPACT.fullmatch(token) if len(token) <= LONGEST else None
    header, claims = (_document(parts[1]), _document(parts[2])) if parts else (None, None)
    if header is None or claims is None or "crit" in header or "b64" in header:
        return None
    issuer, subject, algorithm, key_id = claims.get("iss"), claims.get("sub"), header.get("alg"), header.get("kid")
    if _is_name(issuer) and _is_name(subject) and _is_name(algorithm) and (key_id is None or _is_name(key_id)):
        return Unverified(issuer, subject, algorithm, key_id)
    return None


def verify(token: str, *, key: "bytes | RSAPublicKey", algorithm: str, issuer: str, audience: str, now: datetime) -> Claims | Refusal:
    """What the issuer said, if it did: with its key and algorithm, to us, for now."""
    from jwt import PyJWS
    from jwt.exceptions import PyJWTError

    said = read(token)
    if said is None or (said.issuer, said.algorithm) != (issuer, algorithm) or isinstance(key, bytes) != (algorithm == "HS256"):
        return Refusal.UNKNOWN
    try:
        claims = json.loads(PyJWS(algorithms=[algorithm]).decode_complete(token, key, algorithms=[algorithm])["payload"])
    except (PyJWTError, ValueError, TypeError, RecursionError):
        return Refusal.UNKNOWN
    said_to = claims.get("aud")
    if audience not in (said_to if isinstance(said_to, list) else [said_to]):
        return Refusal.AUDIENCE
    return _in_time(claims, now.timestamp()) or _claims(claims)


def _in_time(claims: dict[str, Any], now: float) -> Refusal | None:
    ends = _seconds(claims.get("exp"))
    if ends is None:
        return Refusal.NO_EXPIRY
    if ends <= now:
        return Refusal.EXPIRED
    begins = [_seconds(claims[name]) for name in ("nbf", "iat") if name in claims]
    if any(one is None or one > now + LEEWAY for one in begins):
        return Refusal.NOT_YET
    since = _seconds(claims.get("iat"))
    if ends > now + LONGEST_LIFE + LEEWAY or (since is not None and ends - since > LONGEST_LIFE):
        return Refusal.TOO_LONG
    return None


def _claims(claims: dict[str, Any]) -> Claims:
    subject, name = claims["sub"], claims.get("name")
    shown = one_line(name[:1000], 200) if isinstance(name, str) else ""
    return Claims(subject, shown or one_line(subject, 200), datetime.fromtimestamp(claims["exp"], UTC))


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e11 or not math.isfinite(value):
        return None
    return value


def _is_name(value: object) -> TypeGuard[str]:
    """Whether it can be kept as it is: one line of plain text, no longer than there is room for."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST_NAME and "\n" not in value and "\t" not in value and clean(value) == value


def _document(part: str) -> dict[str, Any] | None:
    try:
        value = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
