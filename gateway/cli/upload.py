"""Posting a body to a source's address: compressed, signed, tried again for a bounded time."""

import gzip
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import httpx2

SIGNATURE: Final = "X-Signature"
"""The header of `--hmac`: bare hexadecimal HMAC-SHA256 of the bytes as they are sent."""
_SMALL: Final = 1024
_ANSWER_AT_MOST: Final = 65_536


@dataclass(frozen=True)
class Receipt:
    """What the door answered: the event's id, and whether it was there already."""

    id: str
    status: str


def address(url: str) -> str:
    """The address of a source. Raises `ValueError` naming what is wrong with it."""
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it must be a web address, as in https://tocsin.acme.test/webhooks/acme/dbt")
    if "/webhooks/" not in parts.path:
        raise ValueError("it must be the address of a source, as in https://tocsin.acme.test/webhooks/acme/dbt")
    return url.strip()


def post(url: str, body: bytes, *, token: str, secret: str, timeout: float, transport: "httpx2.BaseTransport | None" = None) -> Receipt:
    """Sends `body` within `timeout` seconds, all tries together. Raises `gateway.client.TocsinError`."""
    import httpx2
    from tenacity import Retrying

    from gateway.client import answer, retry
    from gateway.client.call import Call
    from gateway.client.errors import Unreachable

    begun = monotonic()
    sent, headers = _sealed(body, token, secret)
    call = Call("POST", "", _receipt)

    def once() -> Receipt:
        patience = retry.patience(timeout, monotonic() - begun)
        try:
            with client.stream("POST", url, content=sent, headers=headers, timeout=patience) as response:
                said = bytearray()
                for part in response.iter_bytes():
                    said += part
                    if len(said) > _ANSWER_AT_MOST or monotonic() - begun > timeout:
                        break
                return answer.read(call, response.status_code, response.headers, bytes(said), datetime.now(UTC))
        except httpx2.RequestError as error:
            raise Unreachable(f"no answer from {shown(url)}: {str(error) or type(error).__name__}") from error

    with httpx2.Client(transport=transport, follow_redirects=False) as client:
        return Retrying(**retry.policy(timeout))(once)


def shown(url: str) -> str:
    """The address without what may be a token in its path."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{'/'.join(parts.path.split('/')[:4])}"


def _sealed(body: bytes, token: str, secret: str) -> tuple[bytes, Mapping[str, str]]:
    headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "tocsin-send"}
    if len(body) > _SMALL:
        body = gzip.compress(body, 6, mtime=0)  # the same bytes at every try, and for the same artifacts
        headers["Content-Encoding"] = "gzip"
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if secret:
        headers[SIGNATURE] = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return body, headers


def _receipt(found: Mapping[str, Any]) -> Receipt:
    return Receipt(str(found["id"]), str(found["status"]))
