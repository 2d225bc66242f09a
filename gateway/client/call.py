"""A call as a value: what to send, and how to read what comes back. Nothing here touches a socket."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from gateway.client.words import dumps

T = TypeVar("T")
ROOT: Final = "/api/notifications"


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request and the reader of its answer."""

    method: str
    path: str
    read: Callable[[Mapping[str, Any]], T]
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    """The same bytes at every repetition."""
    key: str | None = None
    """The caller's own idempotency key."""

    @property
    def writes(self) -> bool:
        """Whether it may change anything, and so is sent under an idempotency key."""
        return self.method != "GET"


def get(path: str, read: Callable[[Mapping[str, Any]], T], query: Mapping[str, Any] | None = None) -> Call[T]:
    """A call that reads."""
    return Call("GET", path, read, query=pairs(query or {}))


def send(
    method: str,
    path: str,
    read: Callable[[Mapping[str, Any]], T],
    body: Mapping[str, Any] | None = None,
    query: Mapping[str, Any] | None = None,
    key: str | None = None,
) -> Call[T]:
    """A call that changes something."""
    return Call(method, path, read, query=pairs(query or {}), body=None if body is None else dumps(body), key=key)


def pairs(query: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """A query string's pairs: lists repeat, true and false are words, what is None is left out."""
    return tuple(
        (name, _word(item))
        for name, given in query.items()
        if given is not None
        for item in (given if isinstance(given, list | tuple) else [given])
    )


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
