"""Events become notifications: map each, then judge and record all of them in one transaction."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway import tracing
from gateway.engine import follow_up
from gateway.engine.happening import Origin, happenings
from gateway.engine.mapping import Reading, read
from gateway.engine.record import record
from gateway.storage import documents, processing, runs
from gateway.storage.database import Database, Transaction
from gateway.storage.processing import Event, Outcome
from gateway.upstream.asking import Upstream
from gateway.upstream.catalogue import UPSTREAMS
from mappers.contract import Phase, RunSignal, SourceKind
from mappers.contract.inbound import FETCHED

_ENDED = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED})


@dataclass(frozen=True, slots=True)
class Read:
    """An event and what its mapper made of it."""

    event: Event
    reading: Reading


def map_events(database: Database, batch: Sequence[Event], kinds: Mapping[str, SourceKind], before: Sequence[Read] = ()) -> list[Read]:
    """Maps these events, in order of arrival, with the documents they want. Never raises for what a body holds.

    `before` was mapped and may not be recorded yet; its documents count for what came later.
    """
    reads: list[Read] = []
    kept = {(one.event.source_id, name): one.event for one in before for name in one.reading.documents.keeps}
    for event in batch:
        with tracing.span(f"map {event.kind}", parents=tracing.of_headers(event.headers), event_id=event.id):
            reading = read(kinds.get(event.kind), event, functools.partial(_earlier, database, event, kept))
        kept |= {(event.source_id, name): event for name in reading.documents.keeps}
        reads.append(Read(event, reading))
    return reads


def _earlier(database: Database, event: Event, kept: Mapping[tuple[int, str], Event], names: Sequence[str]) -> Mapping[str, bytes]:
    """The latest of these documents that came before the event, stored or on their way to be."""
    with database.reading() as transaction:
        stored = documents.wanted(transaction, source_id=event.source_id, event_id=event.id, names=names)
    holders = {name: kept[event.source_id, name] for name in names if (event.source_id, name) in kept}
    return {**stored, **{name: holder.body for name, holder in holders.items() if holder.id < event.id}}


def commit(
    transaction: Transaction, batch: Sequence[Read], *, lease: str, now: datetime, upstreams: Mapping[str, Upstream] = UPSTREAMS
) -> int:
    """Records what this batch means and ends its processing, all or nothing; gives how many events were still held."""
    held = processing.finish(transaction, [outcome(one) for one in batch], lease=lease, now=now)
    mine = [one for one in batch if one.event.id in held]
    for one in mine:
        if one.reading.documents.keeps:
            documents.keep(transaction, source_id=one.event.source_id, event_id=one.event.id, names=one.reading.documents.keeps)
    runs.put(transaction, [_signal(one.event, signal) for one in mine for signal in one.reading.mapped.signals])
    happened = {one.event.id: happenings(one.reading.mapped.drafts, _origin(one)) for one in mine}
    if any(happened.values()):
        record(transaction, [happening for some in happened.values() for happening in some], now)
    for one in mine:
        follow_up.ask(transaction, one.event, one.reading, [happening.conversation for happening in happened[one.event.id]], now, upstreams)
    follow_up.answered(transaction, [one.event for one in mine])
    return len(mine)


def outcome(one: Read) -> Outcome:
    """How the processing of this event ends once it is recorded."""
    reading = one.reading
    if reading.unmapped is not None:
        return Outcome(one.event.id, "unmapped", reading.unmapped)
    if not reading.mapped.drafts and reading.mapped.ignored is not None:
        return Outcome(one.event.id, "ignored", reading.mapped.ignored)
    return Outcome(one.event.id, "mapped", None)


def _origin(one: Read) -> Origin:
    event, settings = one.event, one.reading.settings
    return Origin(
        team_id=event.team_id,
        source_id=event.source_id,
        environment=event.environment,
        fallback_key=f"event/{event.id}",
        received_at=event.received_at,
        hold=settings.hold,
        silence=settings.silence,
        owners=settings.owners,
        event_id=event.id,
        is_fetched=event.method == FETCHED,
    )


def _signal(event: Event, signal: RunSignal) -> runs.Signal:
    at = min(signal.at or event.received_at, event.received_at)
    return runs.Signal(
        source_id=event.source_id,
        environment=signal.environment if signal.environment is not None else event.environment,
        pipeline=signal.pipeline,
        run=signal.run,
        attempt=signal.attempt or 0,
        phase=signal.phase.value,
        state=signal.state,
        name=signal.name,
        url=signal.url,
        at=at,
        expected_at=signal.expected_at,
        started_at=signal.started_at or (at if signal.phase is Phase.RUNNING else None),
        ended_at=at if signal.phase in _ENDED else None,
    )
