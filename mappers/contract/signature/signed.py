"""Signatures: what the headers claim, and whether the body bears it out. One reading for every preset."""

import binascii
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

from mappers.contract.signature.credential import sole
from mappers.contract.signature.presets import PRESETS
from mappers.contract.signature.proof import Proof, Refusal, Scheme, more_telling
from mappers.contract.signature.shape import BODY_ALONE, DIGEST_SIZE, Shape, template
from mappers.contract.signature.sns import check_sns_headers


class Claim(NamedTuple):
    """What well-formed headers claim; not yet believed."""

    signatures: list[bytes]
    timestamp: str
    identifier: str


def check_headers(proof: Proof, headers: Mapping[str, str]) -> Refusal | None:
    """None where the headers are such that the body must decide."""
    if not proof.secrets:
        return Refusal.NO_SECRET
    refusal = Refusal.NO_SECRET
    for shape in _shapes(proof):
        claim = _claim(shape, headers)
        if not isinstance(claim, Refusal):
            return None
        refusal = more_telling(refusal, claim)
    return check_sns_headers(headers) if proof.scheme is Scheme.SNS else refusal


def check_signature(proof: Proof, headers: Mapping[str, str], body: bytes, now: datetime) -> Refusal | None:
    """None where the body was signed with one of the proof's secrets, lately. Never for SNS: its certificate is not at hand."""
    if not proof.secrets:
        return Refusal.NO_SECRET
    refusal = Refusal.NO_SECRET
    for shape in _shapes(proof):
        claim = _claim(shape, headers)
        verdict = claim if isinstance(claim, Refusal) else _verdict(proof, shape, claim, body, now)
        if verdict is None:
            return None
        refusal = more_telling(refusal, verdict)
    return refusal


def signing_key(scheme: Scheme, secret: str) -> bytes:
    """The bytes a sender signs with. Raises ValueError where its scheme writes secrets otherwise.

    Standard Webhooks writes them as base64, with or without `whsec_` before it; all others are taken as they are.
    """
    if scheme is not Scheme.STANDARD_WEBHOOKS:
        return secret.encode("utf-8", "surrogateescape")
    try:
        return binascii.a2b_base64(secret.removeprefix("whsec_"), strict_mode=True)
    except ValueError:
        raise ValueError("is not base64; copy it as the sender shows it, as in whsec_c2VjcmV0LW9mLTI0LWJ5dGVzLi4u") from None


def _shapes(proof: Proof) -> tuple[Shape, ...]:
    return (proof.shape,) if proof.shape else PRESETS.get(proof.scheme, ())


def _claim(shape: Shape, headers: Mapping[str, str]) -> Claim | Refusal:
    header = sole(headers, shape.header)
    if isinstance(header, Refusal):
        return header
    items = header.split(shape.separator) if shape.separator else [header]
    size, start = DIGEST_SIZE[shape.algorithm], len(shape.prefix)
    signatures = [
        raw for item in items if item.startswith(shape.prefix) and (raw := _decode(item[start:], shape.encoding)) and len(raw) == size
    ]
    if not signatures:
        return Refusal.MALFORMED
    timestamp = _timestamp(shape, items, headers)
    if isinstance(timestamp, Refusal):
        return timestamp
    identifier = _identifier(shape, headers)
    return identifier if isinstance(identifier, Refusal) else Claim(signatures, timestamp, identifier)


def _timestamp(shape: Shape, items: list[str], headers: Mapping[str, str]) -> str | Refusal:
    if shape.timestamp_header:
        timestamp = sole(headers, shape.timestamp_header)
        if isinstance(timestamp, Refusal):
            return timestamp
    elif shape.timestamp_prefix:
        marked = [item for item in items if item.startswith(shape.timestamp_prefix)]
        if len(marked) != 1:
            return Refusal.MALFORMED
        timestamp = marked[0][len(shape.timestamp_prefix) :]
    else:
        return ""
    whole_seconds = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= _LONGEST_TIMESTAMP
    return timestamp if whole_seconds else Refusal.MALFORMED


_LONGEST_TIMESTAMP: Final = 12


def _identifier(shape: Shape, headers: Mapping[str, str]) -> str | Refusal:
    if not shape.id_header:
        return ""
    identifier = sole(headers, shape.id_header)
    if isinstance(identifier, Refusal):
        return identifier
    # An id that holds what ends it could take in the timestamp, and the next one be part of the body:
    # https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme
    end = template(shape.message).after_id
    return Refusal.MALFORMED if not identifier.isascii() or (end and end in identifier) else identifier


def _verdict(proof: Proof, shape: Shape, claim: Claim, body: bytes, now: datetime) -> Refusal | None:
    message, refusal = _message(shape, claim, body), Refusal.WRONG
    for secret in proof.secrets:
        expected = hmac.digest(secret.key, message, shape.algorithm)
        for given in claim.signatures:
            if hmac.compare_digest(expected, given):
                if secret.is_active(now):
                    # only now, so that the reason tells the truth: an unsigned time says nothing
                    return Refusal.STALE if claim.timestamp and _is_stale(proof, claim.timestamp, now) else None
                refusal = Refusal.EXPIRED
    return refusal


def _message(shape: Shape, claim: Claim, body: bytes) -> bytes:
    if shape.message == BODY_ALONE:
        return body
    fields = {"timestamp": claim.timestamp.encode("ascii"), "id": claim.identifier.encode("ascii"), "body": body, "": b""}
    return b"".join([part for text, field in template(shape.message).pieces for part in (text, fields[field])])


def _is_stale(proof: Proof, timestamp: str, now: datetime) -> bool:
    return abs(now.timestamp() - int(timestamp)) > proof.tolerance.total_seconds()


def _decode(text: str, encoding: str) -> bytes | None:
    """Hex of either case, or base64 as it is written canonically, as bytes; None where it is neither."""
    try:
        if encoding == "hex":
            return binascii.unhexlify(text)
        raw = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return None
    return raw if binascii.b2a_base64(raw, newline=False) == text.encode("ascii") else None
