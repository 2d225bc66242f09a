"""Whom a change concerns, of those who watch, and what they are told of it: nothing that they may not see."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, literal, select

from gateway.storage import inbox
from gateway.storage.among import among
from gateway.storage.changes import Changes
from gateway.storage.inbox import EVERYTHING
from gateway.storage.tables import inbox_entries


@dataclass(frozen=True, slots=True)
class Seen:
    """What somebody is told of a change."""

    ids: frozenset[int]
    unread: dict[str, int]


def concerned(connection: Connection, changes: Changes, watching: Sequence[int]) -> dict[int, set[int]]:
    """Of these people, those who see something anew: each with the threads that changed, as far as they have them."""
    found: dict[int, set[int]] = {user_id: set() for user_id in changes.people if user_id in set(watching)}
    if changes.threads and watching:
        for user_id, notification_id in connection.execute(_CONCERNED, {"ids": sorted(changes.threads), "watching": list(watching)}):
            found.setdefault(user_id, set()).add(notification_id)
    return found


def seen(connection: Connection, concerned: Mapping[int, Collection[int]], now: datetime) -> dict[int, Seen]:
    """What each of them is told. Who may see none of it by now, and did nothing themselves, is told nothing."""
    found: dict[int, Seen] = {}
    for user_id, ids in concerned.items():
        mine = inbox.own(connection, user_id=user_id, ids=sorted(ids)) if ids else []
        if mine or not ids:
            found[user_id] = Seen(frozenset(mine), inbox.unread(connection, user_id=user_id, wanted=EVERYTHING, now=now))
    return found


def answers(connection: Connection) -> None:
    """Asks the database for a sign of life."""
    connection.execute(_ANSWERS)


_CONCERNED: Final = select(inbox_entries.c.user_id, inbox_entries.c.notification_id).where(
    among(inbox_entries.c.notification_id, "ids"), among(inbox_entries.c.user_id, "watching")
)
_ANSWERS: Final = select(literal(1))
