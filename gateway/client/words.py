"""The closed sets of the API, and how Python values become JSON ones."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, Literal

Category = Literal["incident", "schema_change", "job_failure", "late_run", "dbt_test_failure", "system"]
Level = Literal["info", "success", "warning", "error", "danger"]
State = Literal["firing", "resolved", "note"]
Deduplicate = Literal["thread", "skip-unread", "once", "never"]

TITLE_LIMIT: Final = 200
MESSAGE_LIMIT: Final = 8000


def text(value: object) -> str:
    """`str(value)` as the API takes it: a translation that is not made yet is made, NUL and lone surrogates go."""
    return str(value).replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def head(value: object, limit: int) -> str:
    """A text cut behind `limit` characters: a cut message is worth more than a refused one."""
    whole = text(value)
    return whole if len(whole) <= limit else whole[: limit - 1] + "…"


def tail(value: object, limit: int) -> str:
    """A text cut before its last `limit` characters: a traceback says at its end what went wrong."""
    whole = text(value).rstrip()
    return whole if len(whole) <= limit else "…" + whole[1 - limit :]


def several(values: str | int | Iterable[object]) -> list[object]:
    """A list of what is given; one word alone is one word, not its letters."""
    given = [values] if isinstance(values, str | int) else values
    return [value if isinstance(value, int) else text(value) for value in given]


def moment(value: datetime) -> str:
    """RFC 3339. A time without a zone is an error: nobody knows which moment it means."""
    if value.utcoffset() is None:
        raise ValueError(f"{value!r} has no time zone")
    return value.isoformat()


def present(values: Mapping[str, Any]) -> dict[str, Any]:
    """Those that are given."""
    return {name: value for name, value in values.items() if value is not None}


def dumps(body: Mapping[str, Any]) -> bytes:
    """JSON; times as RFC 3339, whatever else JSON does not know (ids, decimals) as text."""
    return json.dumps(body, default=_plain, allow_nan=False, separators=(",", ":")).encode()


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, set | frozenset) else text(value)
