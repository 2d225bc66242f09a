"""What a transaction changes of what people see: noted while it runs, told once it is committed, and lost with it otherwise."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final, Self

from sqlalchemy import Connection

MOST: Final = 250
"""Threads and people that are named one by one; more of them are everything."""
_LONGEST: Final = 4_000
_NOTED: Final = "tocsin_changes"


@dataclass(frozen=True, slots=True)
class Changes:
    """Threads that changed, and people whose own view did."""

    threads: frozenset[int] = frozenset()
    people: frozenset[int] = frozenset()
    everything: bool = False
    """More than could be named, or nobody knows what."""

    def __bool__(self) -> bool:
        return bool(self.threads or self.people or self.everything)

    def __or__(self, other: "Changes") -> "Changes":
        threads, people = self.threads | other.threads, self.people | other.people
        if self.everything or other.everything or len(threads) + len(people) > MOST:
            return EVERYTHING
        return Changes(threads, people)

    def written(self) -> str:
        """As text of one line, short enough for a pipe and for a notice.

        A pipe takes 4,096 bytes at once, a notice 8,000: https://www.postgresql.org/docs/current/sql-notify.html
        """
        text = json.dumps({"threads": sorted(self.threads), "people": sorted(self.people)}, separators=(",", ":"))
        return "{}" if self.everything or len(text) > _LONGEST else text

    @classmethod
    def read(cls, text: str) -> Self:
        """What `written` wrote; everything where that cannot be read."""
        try:
            said = json.loads(text)
            return cls(frozenset(said["threads"]), frozenset(said["people"]))
        except (ValueError, KeyError, TypeError):
            return cls(everything=True)


NOTHING: Final = Changes()
EVERYTHING: Final = Changes(everything=True)


def note_threads(connection: Connection, ids: Iterable[int]) -> None:
    """What is told or shown of these threads is other than before."""
    _note(connection, Changes(threads=frozenset(ids)))


def note_people(connection: Connection, ids: Collection[int]) -> None:
    """What these people see is other than before, by their own doing or because of what they may see."""
    _note(connection, Changes(people=frozenset(ids)))


def forget(connection: Connection) -> None:
    """Nothing was noted yet: the connection is used for the next transaction."""
    connection.info.pop(_NOTED, None)


def noted(connection: Connection) -> Changes:
    """What was noted in this transaction."""
    found: Changes = connection.info.get(_NOTED, NOTHING)
    return found


def _note(connection: Connection, changes: Changes) -> None:
    connection.info[_NOTED] = noted(connection) | changes
