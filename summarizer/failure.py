"""A failure, as it comes in: what its sender said, and the log if there is one."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable


@runtime_checkable
class Readable(Protocol):
    """An open file, of text or bytes."""

    def read(self, size: int, /) -> str | bytes:
        """The next part; empty at the end."""


Log = str | bytes | Readable | Iterable[str | bytes]
"""A whole log, an open one, or its lines. An open one is read once, piece by piece, and not closed."""


@dataclass(frozen=True)
class Failure:
    """What is known of one failure. Everything in it is a stranger's text."""

    title: str
    message: str = ""
    """The sender's own words. They are read as the log where there is none, and as its line 0 where there is one."""
    log: Log = field(default="", repr=False)
    pipeline: str = ""
    environment: str = ""
    tool: str = ""
    """Who reports it, in a word: `dbt_core`, `prefect`, …"""
