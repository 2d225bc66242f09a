"""What a line of the log is about: the request under way, and whatever else the code around it says."""

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

REQUEST_ID: Final = "request_id"
HEADER: Final = "X-Request-Id"
"""Where an answer says it."""
_NOTHING: Final[Mapping[str, Any]] = {}
_about: ContextVar[Mapping[str, Any]] = ContextVar("tocsin_log_about", default=_NOTHING)


def begin_request() -> str:
    """An id of our own for a request that has just come; it stands in every line until the next. What a proxy sends is never taken."""
    made = f"{random.getrandbits(64):016x}"
    _about.set({REQUEST_ID: made})
    return made


def request_id() -> str | None:
    """The id of the request under way, where there is one."""
    return current().get(REQUEST_ID)


def current() -> Mapping[str, Any]:
    """Everything that a line written now is about."""
    return _about.get()


@contextmanager
def about(**ids: Any) -> Iterator[None]:
    """Every line that is written within is about these as well."""
    token = _about.set({**_about.get(), **ids})
    try:
        yield
    finally:
        _about.reset(token)
