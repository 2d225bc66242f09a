"""Pages of rows in the order of their ids."""

from typing import Any

from gateway.api.models import Rows
from gateway.api.problem import FieldError, Problem


def before(cursor: str | None) -> int | None:
    """The id a cursor names; a 422 for what never was one."""
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
        raise Problem(422, "The cursor cannot be used.", [FieldError(place="query.cursor", message="use the `next` of the page before")])
    return int(cursor)


def rows(found: list[dict[str, Any]], limit: int) -> Rows:
    """A page of `limit` rows; whoever asks for one more than that knows whether there is another page."""
    return Rows(items=found[:limit], next=str(found[limit - 1]["id"]) if len(found) > limit else None)
