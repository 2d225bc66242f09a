"""What an event's mapper asks for, and the mail that waits for it: a moment, never longer."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import parse_qs

from gateway.domain.identity import fingerprint
from gateway.engine.mapping import Reading
from gateway.storage import deliveries, follow_ups, readings
from gateway.storage.database import Transaction
from gateway.storage.follow_ups import Wanted
from gateway.storage.processing import Event
from gateway.upstream.asking import Upstream
from gateway.upstream.catalogue import UPSTREAMS
from mappers.contract.inbound import FETCHED

MAIL_WAITS: Final = timedelta(seconds=10)
"""How long a failing mail waits for what its run's event asked for."""
OF_USE_FOR: Final = timedelta(days=1)
"""How long a document is of use, where the mapper does not say."""


def ask(
    transaction: Transaction,
    event: Event,
    reading: Reading,
    conversations: Sequence[str],
    now: datetime,
    upstreams: Mapping[str, Upstream] = UPSTREAMS,
) -> None:
    """Puts on the list what this event asks for; mail of its `conversations` that was queued just now waits for it.

    A source without access to its sender's API is served by its webhooks alone: then nothing is asked.
    """
    asked, upstream = reading.mapped.follow_ups, upstreams.get(event.kind)
    if not asked or (upstream is not None and not upstream.is_reachable(reading.settings)):
        return
    wanted = [
        Wanted(
            source_id=event.source_id,
            event_id=event.id,
            identity=fingerprint("follow-up", event.source_id, one.kind, one.operation, one.ids),
            kind=one.kind,
            operation=one.operation,
            ids=one.ids,
            conversations=sorted(set(conversations)),
            until=event.received_at + (one.within or OF_USE_FOR),
        )
        for one in asked
    ]
    follow_ups.ask(transaction, wanted, now)
    will_come = upstream is not None and follow_ups.any_waiting(transaction, [one.identity for one in wanted])
    if will_come and conversations:
        deliveries.hold(transaction, conversations, until=now + MAIL_WAITS, now=now)


def answered(transaction: Transaction, events: Sequence[Event]) -> None:
    """What was fetched is recorded: mail need not wait for it any more."""
    ids = [number for event in events if (number := _number(event)) is not None]
    if ids:
        let_go(transaction, follow_ups.answered(transaction, ids))


def let_go(transaction: Transaction, conversations: Sequence[str]) -> None:
    """Mail of these conversations waits for no document any more; for what is read of their threads it may."""
    if conversations:
        waiting = readings.waiting_in(transaction, conversations)
        deliveries.release(transaction, [one for one in conversations if one not in waiting])


def request_line(follow_up_id: int, kind: str, operation: str) -> Mapping[str, str]:
    """How a fetched document stands in the journal: which mapper reads it, and whose question it answers."""
    return {"method": FETCHED, "path": f"/{kind}/{operation}", "query": f"follow_up={follow_up_id}"}


def _number(event: Event) -> int | None:
    if event.method != FETCHED:
        return None
    said = parse_qs(event.query).get("follow_up", [""])[0]
    return int(said) if said.isdecimal() and len(said) < 19 else None
