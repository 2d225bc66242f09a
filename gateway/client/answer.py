"""Reading answers: a value, or the error that says what to do. Pure."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final, TypeVar

from gateway.client.call import Call
from gateway.client.errors import (
    Conflict,
    FieldError,
    Invalid,
    NotAllowed,
    NotFound,
    NotSignedIn,
    Refused,
    TocsinError,
    Unavailable,
    Unreadable,
)

T = TypeVar("T")
AGAIN: Final = frozenset({429, 502, 503, 504})
"""What passes: the same request may do better in a moment."""
_REFUSALS: Final = {401: NotSignedIn, 403: NotAllowed, 404: NotFound, 409: Conflict, 422: Invalid}
_SHOWN: Final = 120


def read(call: Call[T], status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> T:
    """What the answer means. Raises a `TocsinError` where the call was not done or the answer is not Tocsin's."""
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    found = _json(body) if content_type in ("application/json", "application/problem+json") else None
    if status >= 400:
        raise _refusal(status, headers, found, body, now)
    if not (200 <= status < 300) or found is None:
        raise Unreadable(_stranger(status, headers, body), status=status)
    try:
        return call.read(found)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unreadable(f"{status} with JSON that is not Tocsin's: {type(error).__name__}: {error}", status=status) from None


def retry_after(value: str | None, now: datetime) -> float | None:
    """The seconds a Retry-After asks for, a count or a date; None where it cannot be read. https://www.rfc-editor.org/rfc/rfc9110#field.retry-after"""
    if value is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}", value.strip()):
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds())


def _refusal(status: int, headers: Mapping[str, str], found: Mapping[str, Any] | None, body: bytes, now: datetime) -> TocsinError:
    if found is None and status not in AGAIN and status < 500:
        return Unreadable(_stranger(status, headers, body), status=status)
    detail = str(found.get("detail") or found.get("title") or "no reason given") if found else _stranger(status, headers, body)
    kind = _REFUSALS.get(status, Refused) if status < 500 and status not in AGAIN else Unavailable
    message = detail if found is None else f"{status}: {detail}"
    return kind(message, status=status, errors=_errors(found), retry_after=retry_after(headers.get("retry-after"), now))


def _errors(found: Mapping[str, Any] | None) -> tuple[FieldError, ...]:
    given = (found or {}).get("errors")
    if not isinstance(given, list):
        return ()
    return tuple(FieldError(str(one.get("place", "")), str(one.get("message", ""))) for one in given if isinstance(one, dict))


def _json(body: bytes) -> Mapping[str, Any] | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _stranger(status: int, headers: Mapping[str, str], body: bytes) -> str:
    """Names an answer that Tocsin did not write."""
    try:
        name = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        name = str(status)
    if 300 <= status < 400:
        return f"{name}: redirected to {headers.get('location', 'nowhere')[:_SHOWN]}; set TOCSIN_URL to where Tocsin really is"
    words = " ".join(re.sub(r"<[^>]*>|[^\x20-\x7e]", " ", body[:2000].decode("utf-8", "replace")).split())
    shown = f" ({words[:_SHOWN]})" if words else ""
    return f"{name} that is not Tocsin's JSON{shown}: something in front of it answered, or TOCSIN_URL leads elsewhere"
