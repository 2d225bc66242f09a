"""Amazon SNS signs inside the body, with the private key of a certificate that the message points at.

What a message claims is read here; the certificate is had, and the claim checked, by who may ask the network.
https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html
"""

import binascii
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from mappers.contract.signature.credential import sole
from mappers.contract.signature.proof import Proof, Refusal

_SIGNED: Final[Mapping[str, tuple[str, ...]]] = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
"""Which fields are signed, in their order, by the type of the message."""
_ALGORITHMS: Final[Mapping[object, Literal["sha1", "sha256"]]] = {"1": "sha1", "2": "sha256"}
_HOST: Final = re.compile(r"sns\.[a-z0-9-]+\.amazonaws\.com(\.cn)?")
_TOPIC: Final = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?")


@dataclass(frozen=True, slots=True)
class SnsClaim:
    """What a message says of itself; not yet believed."""

    signed: bytes
    signature: bytes
    algorithm: Literal["sha1", "sha256"]
    certificate_url: str
    """Of one of the vendor's own hosts."""
    timestamp: str


def is_topic(text: str) -> bool:
    """Whether this is the ARN of a topic."""
    return _TOPIC.fullmatch(text) is not None


def check_sns_headers(headers: Mapping[str, str]) -> Refusal | None:
    """None where the body may hold a signature: raw delivery leaves it out.

    https://docs.aws.amazon.com/sns/latest/dg/sns-large-payload-raw-message-delivery.html
    """
    kind = sole(headers, "x-amz-sns-message-type")
    if isinstance(kind, Refusal):
        return kind
    if headers.get("x-amz-sns-rawdelivery", "").lower() == "true":
        return Refusal.MISSING
    return None if kind in _SIGNED else Refusal.MALFORMED


def sns_claim(proof: Proof, message: Any, now: datetime) -> SnsClaim | Refusal:
    """What a message claims, given as JSON, where it is of one of the proof's topics."""
    if not proof.secrets:
        return Refusal.NO_SECRET
    if not isinstance(message, dict) or "Signature" not in message:
        return Refusal.MISSING
    kind, topic, url = (message.get(name) for name in ("Type", "TopicArn", "SigningCertURL"))
    algorithm = _ALGORITHMS.get(message["SignatureVersion"]) if isinstance(message.get("SignatureVersion"), str) else None
    if not isinstance(kind, str) or kind not in _SIGNED or not isinstance(topic, str) or algorithm is None:
        return Refusal.MALFORMED
    if not isinstance(url, str) or not _is_vendors(url, topic):
        return Refusal.MALFORMED
    signed, signature = _signed(message, _SIGNED[kind]), _decoded(message["Signature"])
    if signed is None or signature is None:
        return Refusal.MALFORMED
    return _topic_refusal(proof, topic, now) or SnsClaim(signed, signature, algorithm, url, message["Timestamp"])


def _topic_refusal(proof: Proof, topic: str, now: datetime) -> Refusal | None:
    """Any customer of the vendor can have a message signed, but only of a topic of their own."""
    refusal = Refusal.WRONG
    for secret in proof.secrets:
        if hmac.compare_digest(secret.key, topic.encode()):
            if secret.is_active(now):
                return None
            refusal = Refusal.EXPIRED
    return refusal


def _is_vendors(url: str, topic: str) -> bool:
    """A certificate on a host of SNS itself, and in China for China alone: it is run by others there."""
    if not url.isascii() or len(url) > 500 or any(character <= " " or character in '\\"<>' for character in url):
        return False
    try:
        parts = urlsplit(url)
        host = _HOST.fullmatch(parts.netloc)  # so: no user, no port
    except ValueError:
        return False
    if parts.scheme != "https" or host is None or parts.query or parts.fragment:
        return False
    plain_path = parts.path.endswith(".pem") and ".." not in parts.path and "%" not in parts.path
    return plain_path and is_topic(topic) and bool(host[1]) == topic.startswith("arn:aws-cn:")


def _signed(message: Mapping[str, Any], names: Sequence[str]) -> bytes | None:
    """Name and value of each field on lines of their own. Only a message may hold a line break, or one field could pass for another."""
    lines: list[str] = []
    for name in names:
        value = message.get(name)
        if value is None and name == "Subject":
            continue
        if not isinstance(value, str) or (name != "Message" and "\n" in value):
            return None
        lines += (name, value)
    try:
        return "".join(f"{line}\n" for line in lines).encode()
    except UnicodeEncodeError:
        return None


def _decoded(text: object) -> bytes | None:
    if not isinstance(text, str) or len(text) > 4096:
        return None
    try:
        return binascii.a2b_base64(text, strict_mode=True) or None
    except ValueError:
        return None
