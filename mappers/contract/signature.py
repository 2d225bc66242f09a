"""Who sent this? One small engine over bytes: schemes, secrets and headers in, a named reason out.

Everything here is pure and total: no header and no body can make it raise, every comparison is constant-time,
and a source without a usable secret refuses everything.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final


class Scheme(StrEnum):
    """How a sender proves itself. The first four are static credentials, the others sign the raw body."""

    BEARER = "bearer"
    HEADER = "header"
    BASIC = "basic"
    TOKEN = "token"
    DBT = "dbt"
    GITHUB = "github"
    STANDARD_WEBHOOKS = "standard_webhooks"
    HMAC = "hmac"

    @property
    def signs_body(self) -> bool:
        """Whether the body must be read before the sender is known."""
        return self not in (Scheme.BEARER, Scheme.HEADER, Scheme.BASIC, Scheme.TOKEN)


class Refusal(StrEnum):
    """Why a request was not believed; stored with the rejection."""

    NO_SECRET = "no-secret"
    MISSING = "credential-missing"
    MALFORMED = "credential-malformed"
    WRONG = "credential-wrong"
    EXPIRED = "credential-expired"
    STALE = "timestamp-outside-tolerance"


@dataclass(frozen=True)
class Secret:
    """One accepted credential. Static ones are kept as SHA-256 (`digest`), signing ones as their `key` bytes."""

    digest: bytes = b""
    key: bytes = b""
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Proof:
    """One way a source may be authenticated: a scheme, its active secrets and, for `header`/`hmac`, its shape."""

    scheme: Scheme
    secrets: tuple[Secret, ...]
    header: str = ""
    prefix: str = ""
    encoding: str = "hex"
    algorithm: str = "sha256"


TOLERANCE: Final = timedelta(minutes=5)


def digest(credential: str) -> bytes:
    """SHA-256 of a static credential: what is stored and compared. Credentials are random, so no salt is needed."""
    return hashlib.sha256(credential.encode("utf-8", "surrogatepass")).digest()


def preset(scheme: Scheme) -> tuple[str, str, str, str]:
    """(header, prefix, encoding, algorithm) a vendor uses.

    dbt: https://docs.getdbt.com/docs/deploy/webhooks (bare hex in Authorization).
    GitHub: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    """
    return {
        Scheme.DBT: ("Authorization", "", "hex", "sha256"),
        Scheme.GITHUB: ("X-Hub-Signature-256", "sha256=", "hex", "sha256"),
    }[scheme]


def authenticate(
    proofs: Sequence[Proof], headers: Mapping[str, str], path_token: str | None, body: bytes | None, now: datetime
) -> Refusal | None:
    """None if any proof holds; otherwise the most telling reason. `headers` must be case-insensitive.

    With `body=None` only the static schemes are tried (before a body is read); signature schemes then count as
    not yet refused and the answer speaks for the static ones alone.
    """
    refusals: list[Refusal] = []
    for proof in proofs:
        if proof.scheme.signs_body and body is None:
            continue
        refusal = _check(proof, headers, path_token, body or b"", now)
        if refusal is None:
            return None
        refusals.append(refusal)
    return max(refusals, key=_TELLING.index, default=Refusal.NO_SECRET)


_TELLING: Final = [Refusal.NO_SECRET, Refusal.MISSING, Refusal.MALFORMED, Refusal.WRONG, Refusal.STALE, Refusal.EXPIRED]


def _check(proof: Proof, headers: Mapping[str, str], path_token: str | None, body: bytes, now: datetime) -> Refusal | None:
    if not proof.secrets:
        return Refusal.NO_SECRET
    if proof.scheme is Scheme.STANDARD_WEBHOOKS:
        return _standard_webhooks(proof.secrets, headers, body, now)
    if proof.scheme.signs_body:
        return _signature(proof, headers, body, now)
    presented = _presented(proof, headers, path_token)
    if isinstance(presented, Refusal):
        return presented
    given = digest(presented)
    return _verdict((secret for secret in proof.secrets if hmac.compare_digest(secret.digest, given)), now)


def _presented(proof: Proof, headers: Mapping[str, str], path_token: str | None) -> str | Refusal:
    match proof.scheme:
        case Scheme.TOKEN:
            return path_token or Refusal.MISSING
        case Scheme.HEADER:
            return headers.get(proof.header) or Refusal.MISSING
    authorization = headers.get("authorization")
    if not authorization:
        return Refusal.MISSING
    kind, _, rest = authorization.partition(" ")
    rest = rest.strip()
    if proof.scheme is Scheme.BEARER:
        return rest if kind.lower() == "bearer" and rest else Refusal.MALFORMED
    if kind.lower() != "basic":
        return Refusal.MALFORMED
    try:
        return base64.b64decode(rest.encode("ascii"), validate=True).decode("utf-8")
    except (ValueError, binascii.Error):
        return Refusal.MALFORMED


def _signature(proof: Proof, headers: Mapping[str, str], body: bytes, now: datetime) -> Refusal | None:
    header, prefix, encoding, algorithm = (
        (proof.header, proof.prefix, proof.encoding, proof.algorithm) if proof.scheme is Scheme.HMAC else preset(proof.scheme)
    )
    presented = headers.get(header)
    if not presented:
        return Refusal.MISSING
    if not presented.startswith(prefix):
        return Refusal.MALFORMED
    given = decode(presented[len(prefix) :].strip(), encoding)
    if given is None:
        return Refusal.MALFORMED
    return _verdict((s for s in proof.secrets if hmac.compare_digest(hmac.digest(s.key, body, algorithm), given)), now)


def _standard_webhooks(secrets: Sequence[Secret], headers: Mapping[str, str], body: bytes, now: datetime) -> Refusal | None:
    """https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md (and its `svix-` names)."""
    found = {part: headers.get(f"webhook-{part}") or headers.get(f"svix-{part}") for part in ("id", "timestamp", "signature")}
    identifier, timestamp, signatures = found["id"], found["timestamp"], found["signature"]
    if not identifier or not timestamp or not signatures:
        return Refusal.MISSING
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return Refusal.MALFORMED
    sent = datetime.fromtimestamp(int(timestamp), UTC) if int(timestamp) < 253_402_300_800 else datetime.max.replace(tzinfo=UTC)
    signed = f"{identifier}.{timestamp}.".encode("utf-8", "surrogateescape") + body
    given = [raw for item in signatures.split(" ") if item.startswith("v1,") and (raw := decode(item[3:], "base64")) is not None]
    if not given:
        return Refusal.MALFORMED
    matching = [s for s in secrets if any(hmac.compare_digest(hmac.digest(s.key, signed, "sha256"), raw) for raw in given)]
    refusal = _verdict(matching, now)
    return refusal or (Refusal.STALE if abs(now - sent) > TOLERANCE else None)


def decode(text: str, encoding: str) -> bytes | None:
    """Hex (either case) or base64 as bytes; None where it is neither."""
    try:
        raw = text.encode("ascii")
        return bytes.fromhex(text) if encoding == "hex" else base64.b64decode(raw, validate=True)
    except (ValueError, binascii.Error):
        return None


def _verdict(matching: Iterable[Secret], now: datetime) -> Refusal | None:
    known = list(matching)
    if not known:
        return Refusal.WRONG
    return None if any(secret.expires_at is None or now < secret.expires_at for secret in known) else Refusal.EXPIRED
