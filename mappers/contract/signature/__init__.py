"""Who sent this? One small engine over bytes: schemes, secrets and headers in, a named reason out.

Everything here is pure and total: no header and no body can make it raise, every comparison is constant-time,
and a source without a usable secret refuses everything. `headers` must be case-insensitive.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from mappers.contract.signature.credential import check_credential
from mappers.contract.signature.presets import GRAFANA_WITH_TIMESTAMP, PRESETS
from mappers.contract.signature.proof import TOLERANCE, Proof, Refusal, Scheme, Secret, Standing, digest, more_telling
from mappers.contract.signature.shape import BODY_ALONE, Algorithm, Encoding, Shape, check
from mappers.contract.signature.signed import check_headers, check_signature, signing_key
from mappers.contract.signature.sns import SnsClaim, is_topic, sns_claim

__all__ = [
    "BODY_ALONE",
    "GRAFANA_WITH_TIMESTAMP",
    "PRESETS",
    "TOLERANCE",
    "Algorithm",
    "Encoding",
    "Proof",
    "Refusal",
    "Scheme",
    "Secret",
    "Shape",
    "SnsClaim",
    "Standing",
    "authenticate",
    "authenticate_body",
    "authenticate_head",
    "check",
    "digest",
    "is_topic",
    "more_telling",
    "signing_key",
    "sns_claim",
]


def authenticate_head(proofs: Sequence[Proof], headers: Mapping[str, str], path_token: str | None, now: datetime) -> Refusal | Standing:
    """What is known before the body is read: a static credential decides at once, a signature only if it is well-formed."""
    refusal, needs_body = Refusal.NO_SECRET, False
    for proof in proofs:
        signs_body = proof.scheme.signs_body
        verdict = check_headers(proof, headers) if signs_body else check_credential(proof, headers, path_token, now)
        if verdict is not None:
            refusal = more_telling(refusal, verdict)
        elif signs_body:
            needs_body = True
        else:
            return Standing.BELIEVED
    return Standing.NEEDS_BODY if needs_body else refusal


def authenticate_body(proofs: Sequence[Proof], headers: Mapping[str, str], body: bytes, now: datetime) -> Refusal | None:
    """None if any signature holds over these bytes; otherwise the most telling reason. Static proofs count for nothing."""
    refusal = Refusal.NO_SECRET
    for proof in proofs:
        if proof.scheme.signs_body:
            verdict = check_signature(proof, headers, body, now)
            if verdict is None:
                return None
            refusal = more_telling(refusal, verdict)
    return refusal


def authenticate(proofs: Sequence[Proof], headers: Mapping[str, str], path_token: str | None, body: bytes, now: datetime) -> Refusal | None:
    """Both steps in one, for who has the whole request already."""
    standing = authenticate_head(proofs, headers, path_token, now)
    if isinstance(standing, Refusal):
        return standing
    return None if standing is Standing.BELIEVED else authenticate_body(proofs, headers, body, now)
