"""Static credentials: what a request presents, compared as digests."""

import binascii
import hmac
from collections.abc import Mapping
from datetime import datetime

from mappers.contract.signature.proof import Proof, Refusal, Scheme, digest


def check_credential(proof: Proof, headers: Mapping[str, str], path_token: str | None, now: datetime) -> Refusal | None:
    """None where the credential is one of the proof's."""
    if not proof.secrets:
        return Refusal.NO_SECRET
    presented = _presented(proof, headers, path_token)
    if isinstance(presented, Refusal):
        return presented
    given, refusal = digest(presented), Refusal.WRONG
    for secret in proof.secrets:
        if hmac.compare_digest(secret.digest, given):
            if secret.is_active(now):
                return None
            refusal = Refusal.EXPIRED
    return refusal


def sole(headers: Mapping[str, str], name: str) -> str | Refusal:
    """The value of a header. One that is sent twice is refused: who signed and who reads might each take another."""
    getall = getattr(headers, "getall", None)  # aiohttp's headers know of repeats
    if getall is None:
        return headers.get(name) or Refusal.MISSING
    values: list[str] = getall(name, ())
    if len(values) > 1:
        return Refusal.MALFORMED
    return values[0] if values and values[0] else Refusal.MISSING


def _presented(proof: Proof, headers: Mapping[str, str], path_token: str | None) -> str | Refusal:
    match proof.scheme:
        case Scheme.TOKEN:
            return path_token or Refusal.MISSING
        case Scheme.HEADER:
            return sole(headers, proof.header) if proof.header else Refusal.NO_SECRET
    authorization = sole(headers, "Authorization")
    if isinstance(authorization, Refusal):
        return authorization
    kind, _, rest = authorization.partition(" ")
    rest = rest.strip(" ")
    if kind.lower() != proof.scheme.value or not rest:
        return Refusal.MALFORMED
    return rest if proof.scheme is Scheme.BEARER else _user_and_password(rest)


def _user_and_password(text: str) -> str | Refusal:
    """`user:password`, as https://www.rfc-editor.org/rfc/rfc7617#section-2 has it; the password may hold colons."""
    try:
        pair = binascii.a2b_base64(text, strict_mode=True).decode("utf-8")
    except ValueError:
        return Refusal.MALFORMED
    return pair if ":" in pair else Refusal.MALFORMED
