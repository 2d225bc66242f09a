"""One alert of Elementary, however it was drawn, and what makes it the same one the next time.

The words are those of https://github.com/elementary-data/elementary/tree/master/elementary/monitor/alerts
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from mappers.elementary.words import PLAIN_SUB_TYPES, plain

_FAILED_ON: Final = " test failed"
_BUILD: Final = "dbt failed to build "
_FRESHNESS: Final = ("Freshness exceeded the acceptable times on source ", "Failed to calculate the source freshness of ")
_STATUSES: Final = ("Failure", "Warning", "Error", "Runtime Error", "Fail", "Pass", "Success", "Resolved", "Unknown")
_TABLE_PARTS: Final = 3
"""database.schema.table; what stands behind is a column."""


class About(StrEnum):
    """What an alert is about."""

    TEST = "test"
    MODEL = "model"
    SOURCE = "source"
    SCHEMA = "schema"


@dataclass(frozen=True)
class Alert:
    """One failing test, model, snapshot or source, or one change of a schema."""

    about: About
    asset: str
    """The table, model or source."""
    summary: str
    """What is wrong, in Elementary's words, the same every time: `"unique_id" test failed on db.schema.orders.id`."""
    status: str
    """`fail`, `warn`, `error`…, lower case; empty where it is not told."""
    column: str = ""
    message: str = ""
    query: str = ""
    time: str = ""
    environment: str = ""
    owners: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    url: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


def summary_of_test(name: str, table: str, column: str) -> str:
    """The words Elementary uses; older versions say the parts alone."""
    asset = f"{table}.{column}" if table and column else table
    return f'"{name}" test failed on {asset}' if asset else f'"{name}" test failed'


def short_name(told: str) -> str:
    """`unique_id - Generic` is `unique_id`; `volume - Row Count` is itself."""
    name, found, sub_type = told.rpartition(" - ")
    return name if found and sub_type.strip().lower() in PLAIN_SUB_TYPES else told


def split_status(headline: str) -> tuple[str, str]:
    """(status, the rest) of `Failure: "unique" test failed on orders`; a headline may have no status."""
    before, found, rest = headline.partition(": ")
    bare = before.strip().strip(":").strip()
    return (bare.lower(), rest.strip()) if found and bare in _STATUSES else ("", headline.strip())


def read_summary(summary: str, table: str = "") -> tuple[About, str] | None:
    """What a summary is about and of which asset. None where it is none of Elementary's."""
    if _FAILED_ON in summary:
        asset = summary.partition(f"{_FAILED_ON} on ")[2]
        return About.TEST, table or _table(plain(asset)) or plain(summary.partition(_FAILED_ON)[0].strip('"'))
    if summary.startswith(_BUILD):
        return About.MODEL, _quoted(summary)
    for start in _FRESHNESS:
        if summary.startswith(start):
            return About.SOURCE, _quoted(summary) or plain(summary.removeprefix(start))
    return None


def _table(asset: str) -> str:
    """The table of `db.schema.table.column`: a message that lists many alerts does not say where the column begins."""
    return ".".join(asset.split(".")[:_TABLE_PARTS])


def _quoted(text: str) -> str:
    """What stands in quotes or backticks at the end."""
    for mark in ('"', "`"):
        parts = text.rsplit(mark, 2)
        if len(parts) == 3:
            return plain(parts[1])
    return ""
