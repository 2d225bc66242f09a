"""Is it from SNS? Its signature is made with the key of a certificate that is fetched from the vendor's own hosts.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from gateway.intake.body import LARGE, BodyRefused
from mappers.contract import BadBody, parse_time
from mappers.contract.inbound import parse_json
from mappers.contract.signature import Proof, Refusal, Scheme, SnsClaim, more_telling, sns_claim

if TYPE_CHECKING:
    import aiohttp
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

PATIENCE: Final = 2.0
"""Seconds that a certificate may take."""
MAX_BYTES: Final = 64 * 1024
MOST_KEPT: Final = 64
MOST_AT_ONCE: Final = 8
"""Certificates that are fetched at the same time: whoever knows a topic can name addresses, though only the vendor's."""
RETRY_AFTER: Final = 5.0
"""Seconds until a certificate that could not be had is asked for again."""
_BITS: Final = range(2048, 8193)
_NAME: Final = re.compile(r"sns[a-z0-9.-]*\.amazonaws\.com(\.cn)?")
"""`sns.amazonaws.com`; some regions have `sns-cn-north-1.amazonaws.com.cn` and the like."""
_log = logging.getLogger("tocsin.intake")


@dataclass(frozen=True, slots=True)
class Certificate:
    """What is needed of a certificate."""

    key: "RSAPublicKey"
    not_before: datetime
    not_after: datetime


def read_certificate(pem: bytes) -> Certificate:
    """An RSA certificate of SNS itself. Raises ValueError for anything else.

    Its chain is not followed: the file holds no other certificate. That it came from the vendor's host by TLS is what vouches for it.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    certificate = x509.load_pem_x509_certificate(pem)
    names = [str(name.value) for name in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    if not any(_NAME.fullmatch(name) for name in names):
        raise ValueError(f"is not of SNS but of {', '.join(names)[:100] or 'nobody'}")
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey) or key.key_size not in _BITS:
        raise ValueError("has no RSA key of a usable size")
    return Certificate(key, certificate.not_valid_before_utc, certificate.not_valid_after_utc)


async def fetch(url: str, connector: "aiohttp.BaseConnector | None" = None) -> bytes:
    """What is at this address: no redirects, no more than 64 KiB. Raises for anything else."""
    import aiohttp

    from gateway.domain.outgoing import OPERATORS  # the host is the vendor's; a proxy on the way may be next door
    from gateway.upstream.guard import connector as guarded

    async with (
        aiohttp.ClientSession(
            connector=connector or guarded(OPERATORS),
            connector_owner=connector is None,
            timeout=aiohttp.ClientTimeout(total=PATIENCE),
            trust_env=True,
        ) as session,
        session.get(url, allow_redirects=False) as answer,
    ):
        if answer.status != 200:
            raise ValueError(f"answered {answer.status}")
        raw = b""
        while (part := await answer.content.read(MAX_BYTES + 1 - len(raw))) and len(raw) <= MAX_BYTES:
            raw += part
        if len(raw) > MAX_BYTES:
            raise ValueError(f"is larger than {MAX_BYTES} bytes")
        return raw


@dataclass(slots=True)
class Certificates:
    """The vendor's certificates by their addresses, kept in memory."""

    get: Callable[[str], Awaitable[bytes]] = fetch
    monotonic: Callable[[], float] = time.monotonic
    _kept: dict[str, Certificate] = field(default_factory=dict)
    _failed: dict[str, float] = field(default_factory=dict)
    _fetching: "dict[str, asyncio.Task[None]]" = field(default_factory=dict)

    async def find(self, url: str) -> Certificate | None:
        """The certificate at this address, None where it cannot be had now."""
        if (kept := self._kept.get(url)) is not None:
            return kept
        fetching = self._fetching.get(url)
        if fetching is None:
            if self.monotonic() - self._failed.get(url, float("-inf")) < RETRY_AFTER or len(self._fetching) >= MOST_AT_ONCE:
                return None
            fetching = self._fetching[url] = asyncio.create_task(self._fetch(url))
        await asyncio.shield(fetching)  # others wait for it too, whatever becomes of this request
        return self._kept.get(url)

    async def _fetch(self, url: str) -> None:
        try:
            certificate = read_certificate(await asyncio.wait_for(self.get(url), PATIENCE))
            _put(self._kept, url, certificate)
        except Exception as error:  # whatever is found there may end nothing here
            _put(self._failed, url, self.monotonic())
            _log.warning("the certificate at %s could not be had: %s", url, error or type(error).__name__)
        finally:
            del self._fetching[url]


def _put(kept: dict[str, Any], url: str, value: object) -> None:
    """The one that was put in longest ago goes first."""
    kept.pop(url, None)
    kept[url] = value
    while len(kept) > MOST_KEPT:
        del kept[next(iter(kept))]


async def believe_message(
    proofs: Sequence[Proof], raw: bytes, now: datetime, certificates: Certificates, refusal: Refusal
) -> Refusal | None:
    """None where SNS signed this message of an allowed topic, lately; `refusal` is what other proofs came to.

    Raises `BodyRefused` with 503 where that cannot be known now: SNS tries again, 20 s apart.
    """
    topics = [proof for proof in proofs if proof.scheme is Scheme.SNS]
    if not topics:
        return refusal
    try:
        message = parse_json(raw) if len(raw) < LARGE else await asyncio.to_thread(parse_json, raw)
    except BadBody:
        return more_telling(refusal, Refusal.MALFORMED)
    for proof in topics:
        claim = sns_claim(proof, message, now)
        verdict = claim if isinstance(claim, Refusal) else await _verdict(proof, claim, now, certificates)
        if verdict is None:
            return None
        refusal = more_telling(refusal, verdict)
    return refusal


async def _verdict(proof: Proof, claim: SnsClaim, now: datetime, certificates: Certificates) -> Refusal | None:
    certificate = await certificates.find(claim.certificate_url)
    if certificate is None:
        raise BodyRefused(503, "no-signing-certificate", "The certificate of the signature could not be fetched. Send it again.")
    if not certificate.not_before <= now <= certificate.not_after or not _is_signed(claim, certificate):
        return Refusal.WRONG
    at = parse_time(claim.timestamp)
    return None if at and abs(now - at) <= proof.tolerance else Refusal.STALE


def _is_signed(claim: SnsClaim, certificate: Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA1, SHA256

    try:
        # what a topic signs with unless it is told otherwise (SignatureVersion 1)
        algorithm = SHA1() if claim.algorithm == "sha1" else SHA256()  # noqa: S303
        certificate.key.verify(claim.signature, claim.signed, PKCS1v15(), algorithm)
    except InvalidSignature:
        return False
    return True
