"""What both clients share of HTTP: addresses, headers, and what a broken connection means."""

from typing import Any, Final, TypedDict
from uuid import uuid4

from gateway.client.call import Call
from gateway.client.errors import Unreachable, Unreadable
from gateway.client.settings import Settings

MAX_ANSWER: Final = 16 * 1024 * 1024


class Sent(TypedDict):
    """A request as httpx2 takes it."""

    method: str
    url: str
    params: list[tuple[str, str | int | float | bool | None]]
    content: bytes | None
    headers: dict[str, str]


def standing_headers(settings: Settings) -> dict[str, str]:
    """What is sent with every request."""
    return {
        "Authorization": f"Bearer {settings.token}",
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": "tocsin-client",
    }


def request(settings: Settings, call: Call[Any]) -> Sent:
    """A call as httpx2 takes it. Made once for all its tries, so that each has the same idempotency key."""
    headers = {"Content-Type": "application/json"} if call.body is not None else {}
    if call.writes:
        headers["Idempotency-Key"] = call.key or uuid4().hex
    return Sent(method=call.method, url=settings.url + call.path, params=list(call.query), content=call.body, headers=headers)


def unreachable(settings: Settings, error: Exception) -> Unreachable:
    """No answer came."""
    said = str(error) or type(error).__name__
    return Unreachable(f"no answer from {settings.url}: {said}")


def overdue(settings: Settings) -> Unreachable:
    """No answer came in the time there is for all tries."""
    return Unreachable(f"no answer from {settings.url} within {settings.timeout:g} s")


def take(body: bytearray, more: bytes) -> None:
    """Adds the next part of a body. Raises `Unreadable` where it grows beyond anything Tocsin answers."""
    if len(body) + len(more) > MAX_ANSWER:
        raise Unreadable(f"an answer of more than {MAX_ANSWER} bytes is not Tocsin's; look at TOCSIN_URL")
    body += more
