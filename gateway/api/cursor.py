"""Opaque positions in a list."""

import base64
import binascii
import json
from datetime import UTC, datetime

from gateway.api.problem import FieldError, Problem


def encode(last_at: datetime, last_id: int) -> str:
    """The position behind this row."""
    raw = json.dumps([last_at.astimezone(UTC).isoformat(), last_id])
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def decode(text: str | None) -> tuple[datetime, int] | None:
    """The position a cursor names; a 422 for what never was one."""
    if text is None:
        return None
    try:
        moment, last_id = json.loads(base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)))
        return datetime.fromisoformat(moment).astimezone(UTC), max(min(int(last_id), 2**62), 0)
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error):
        raise Problem(
            422, "The cursor cannot be used.", [FieldError(place="query.cursor", message="use the `next` of the page before")]
        ) from None
