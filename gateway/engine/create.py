"""Notifications that applications and people create: the same path as an event's, with a word on repeats and on who is meant."""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from gateway.domain.judge import ALERTS, Alert, Reason
from gateway.engine.happening import Happening, Origin, happenings
from gateway.engine.record import record
from gateway.storage import recipients, scheduled, threads
from gateway.storage.database import Transaction
from gateway.storage.threads import Stored
from mappers.contract import Draft

SILENCE: Final = timedelta(days=7)
"""After this long without news an open thread of an application closes by itself, as one of any sender would."""


class Deduplicate(StrEnum):
    """What becomes of a notification that was there before."""

    THREAD = "thread"
    """It joins its thread, and the judge decides."""
    SKIP_UNREAD = "skip-unread"
    """It is skipped while those who were told of it have not read it, unless its level rose."""
    ONCE = "once"
    """It is skipped if the team was ever told of it."""
    NEVER = "never"
    """It is a thread of its own, always."""


class Skip(StrEnum):
    """Why nothing was created."""

    UNREAD = "unread"
    ONCE = "once"
    SWITCHED_OFF = "switched-off"
    UNSUBSCRIBED = "unsubscribed"
    NOBODY = "nobody"
    NOTHING_OPEN = "nothing-open"
    SAME_OCCURRENCE = "same-occurrence"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A notification somebody wants to be made."""

    team_id: int
    draft: Draft
    deduplicate: Deduplicate = Deduplicate.THREAD
    users: tuple[int, ...] = ()
    """Whom it is for; empty: the whole team."""

    def document(self) -> dict[str, Any]:
        """The same as JSON."""
        draft = self.draft.model_dump(mode="json")
        return {"team_id": self.team_id, "draft": draft, "deduplicate": self.deduplicate.value, "users": list(self.users)}

    @classmethod
    def of(cls, document: dict[str, Any]) -> "Wanted":
        """What `document` gave."""
        draft = Draft.model_validate(document["draft"])
        return cls(document["team_id"], draft, Deduplicate(document["deduplicate"]), tuple(document["users"]))


@dataclass(frozen=True, slots=True)
class Created:
    """The notification, and what it did to its thread."""

    id: int
    reason: str


class Skipped(Exception):
    """Nothing was created, and nothing must stay of the attempt: whoever gets this rolls back."""

    def __init__(self, why: Skip) -> None:
        super().__init__(why.value)
        self.why = why


def create(transaction: Transaction, wanted: Wanted, now: datetime) -> Created:
    """Makes the notification now. Raises `Skipped`."""
    happening = _happening(wanted, now)
    stored = threads.lock(transaction, [happening.place])[happening.place.identity]
    if stored.thread.episode and (why := _known(transaction, wanted, stored)):
        raise Skipped(why)
    if wanted.users:
        threads.address(transaction, stored.id, wanted.users)
    recorded = record(transaction, [happening], now)
    reason = recorded.reasons[0]
    if reason in (Reason.NOTHING_OPEN, Reason.SAME_OCCURRENCE):
        raise Skipped(Skip(reason.value))
    if not recorded.told and not stored.thread.episode and ALERTS[reason] in (Alert.AUDIENCE, Alert.QUIETLY):
        raise Skipped(_nobody(transaction, wanted))
    return Created(stored.id, reason.value)


def schedule(transaction: Transaction, wanted: Wanted, at: datetime, *, by: int) -> Created:
    """Keeps the notification until it is due; until then only its id exists."""
    draft = wanted.draft
    source = {"source_app": draft.source_app, "source_model": draft.source_model, "source_ref": draft.source_id}
    kept = scheduled.put(transaction, team_id=wanted.team_id, request=wanted.document(), source=source, due_at=at, created_by=by)
    return Created(kept, "scheduled")


def release_scheduled(transaction: Transaction, *, now: datetime, limit: int) -> int:
    """Makes what is due, each exactly once; gives how many. What is then skipped is gone."""
    due = scheduled.take_due(transaction, now=now, limit=limit)
    for notification_id, document in due:
        wanted = Wanted.of(document)
        place = _happening(wanted, now).place
        try:
            with transaction.begin_nested():
                if not threads.adopt(transaction, notification_id, place):  # it joins a thread that is there
                    scheduled.forget(transaction, notification_id)
                create(transaction, wanted, now)
        except Skipped:
            scheduled.forget(transaction, notification_id)
    return len(due)


def _happening(wanted: Wanted, now: datetime) -> Happening:
    draft = wanted.draft
    identity = dict(draft.event_data)
    if wanted.users:
        identity["recipients"] = ",".join(str(user_id) for user_id in sorted(wanted.users))
    unique = uuid.uuid4().hex
    if wanted.deduplicate is Deduplicate.NEVER:
        identity["unique"] = unique
    origin = Origin(
        team_id=wanted.team_id, source_id=None, environment=draft.environment or "", fallback_key=f"api/{unique}", received_at=now,
        hold=None, silence=SILENCE, owners=(), event_id=None,
    )  # fmt: skip
    (happening,) = happenings([draft.model_copy(update={"event_data": identity})], origin)
    return happening if draft.occurrence or draft.run else _unnamed(happening, unique)


def _unnamed(happening: Happening, unique: str) -> Happening:
    """Each call is a happening of its own where nothing names it: a time, given twice, does not."""
    occurrence = happening.occurrence
    return replace(happening, occurrence=replace(occurrence, key=f"api/{unique}/{occurrence.state}"))


def _known(transaction: Transaction, wanted: Wanted, stored: Stored) -> Skip | None:
    """Why something that was there before is not made again."""
    if wanted.deduplicate is Deduplicate.ONCE:
        return Skip.ONCE
    if wanted.deduplicate is not Deduplicate.SKIP_UNREAD or wanted.draft.level.weight > stored.row["weight"]:
        return None
    return Skip.UNREAD if threads.is_unread(transaction, stored.id) else None


def _nobody(transaction: Transaction, wanted: Wanted) -> Skip:
    if not wanted.users:
        return Skip.NOBODY
    return Skip.UNSUBSCRIBED if recipients.any_enabled(transaction, wanted.users) else Skip.SWITCHED_OFF
