"""Posting a body to a source's address: compressed, signed, tried again for a bounded time."""

import gzip
import hashlib
import hmac
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
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
_SECONDS: Final = 10
_MARGIN: Final = 1.0
"""Seconds after which a try that should have ended by itself is left alone."""
Waiting = Callable[[str, float], None]
"""Hears why a try failed, and in how many seconds the next one begins."""


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


def seconds_for(size: int) -> float:
    """How long an upload may take where nobody says: a gateway that is down holds up no job, and a slow line has time for a large body."""
    return _SECONDS + size / 1_048_576


def post(
    url: str, body: bytes, *, token: str, secret: str, timeout: float, waiting: Waiting, transport: "httpx2.BaseTransport | None" = None
) -> Receipt:
    """Sends `body` within `timeout` seconds, all tries together. Raises `gateway.client.TocsinError`."""
    import httpx2
    from tenacity import RetryCallState, Retrying

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

    def note(state: RetryCallState) -> None:
        if monotonic() - begun < timeout:
            waiting(str(state.outcome and state.outcome.exception()), state.upcoming_sleep)

    def tries() -> Receipt:
        return Retrying(**{**retry.policy(timeout), "before_sleep": note})(once)

    with httpx2.Client(transport=transport, follow_redirects=False) as client:
        try:
            return _given_up_after(timeout + _MARGIN, tries)
        except TimeoutError:
            raise Unreachable(f"no answer from {shown(url)} within {timeout:.3g} s") from None


def _given_up_after(seconds: float, work: Callable[[], Receipt]) -> Receipt:
    """What `work` gives, or `TimeoutError`: also where it hangs in a name that does not resolve, or an answer that comes byte by byte."""
    done: Future[Receipt] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=run, daemon=True).start()  # does not hold up the end of the process
    return done.result(seconds)


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
