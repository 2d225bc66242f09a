"""From drafts to occurrences: drafts of one event that say the same about one thread are one happening."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.domain.identity import conversation_identity, occurrence_key, thread_identity
from gateway.domain.thread import WHOLE, Occurrence
from gateway.storage.threads import Place
from mappers.contract import Draft, State


@dataclass(frozen=True, slots=True)
class Origin:
    """Where drafts come from."""

    team_id: int
    source_id: int | None
    environment: str
    fallback_key: str
    """Names the happening where neither the sender nor a run does."""
    received_at: datetime
    hold: timedelta | None
    silence: timedelta
    owners: tuple[str, ...]
    event_id: int | None
    is_fetched: bool = False
    """Whether we asked for it: then it may be old news, however fresh it arrived."""


@dataclass(frozen=True, slots=True)
class Happening:
    """One occurrence of one thread with the drafts that report it."""

    origin: Origin
    place: Place
    conversation: str
    occurrence: Occurrence
    drafts: tuple[Draft, ...]

    @property
    def lead(self) -> Draft:
        """The draft that speaks for the happening: the worst one."""
        return max(self.drafts, key=lambda draft: draft.level.weight)

    @property
    def news(self) -> str:
        """What makes two mails the same news: one run says each level once."""
        lead = self.lead
        return occurrence_key(lead.run, lead.attempt, None, f"{lead.state}/{lead.level.weight}", self.origin.fallback_key)


def happenings(drafts: Iterable[Draft], origin: Origin) -> list[Happening]:
    """The happenings these drafts of one event report, in the order of a thread's history."""
    groups: dict[tuple[str, str], list[Draft]] = {}
    places: dict[str, Place] = {}
    for draft in drafts:
        place = _place(draft, origin)
        places[place.identity] = place
        key = occurrence_key(draft.run, draft.attempt, draft.occurrence, draft.state, _fallback(draft, origin))
        groups.setdefault((place.identity, key), []).append(draft)
    made = [_happening(places[identity], key, group, origin) for (identity, key), group in groups.items()]
    return sorted(made, key=lambda one: (one.place.identity, one.occurrence.order))


def occurred_at(draft: Draft, received_at: datetime) -> datetime:
    """When it happened; a sender whose clock runs ahead is not believed."""
    return min(draft.occurred_at or received_at, received_at)


def _fallback(draft: Draft, origin: Origin) -> str:
    return draft.occurred_at.isoformat() if draft.occurred_at else origin.fallback_key


def _place(draft: Draft, origin: Origin) -> Place:
    environment = draft.environment if draft.environment is not None else origin.environment
    return Place(
        identity=thread_identity(origin.team_id, origin.source_id, environment, draft.slug, draft.event_data),
        team_id=origin.team_id,
        source_id=origin.source_id,
        environment=environment,
        slug=draft.slug,
        event_data=dict(draft.event_data),
    )


def _happening(place: Place, key: str, drafts: Sequence[Draft], origin: Origin) -> Happening:
    first = drafts[0]
    hold = origin.hold if origin.hold is not None else first.hold
    occurrence = Occurrence(
        key=key,
        at=min(occurred_at(draft, origin.received_at) for draft in drafts),
        state=first.state,
        members={draft.member.key if draft.member else WHOLE: draft.level for draft in drafts},
        run=first.run,
        held_until=origin.received_at + hold if hold and first.state is State.FIRING else None,
        spares_own_run=any(draft.spares_own_run for draft in drafts),
    )
    conversation = conversation_identity(origin.team_id, origin.source_id, place.environment, first.pipeline, place.identity)
    return Happening(origin, place, conversation, occurrence, tuple(drafts))
