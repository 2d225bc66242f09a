"""From drafts to occurrences: drafts of one event that say the same about one thread are one happening."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from gateway.domain.identity import conversation_identity, occurrence_key, thread_identity
from gateway.domain.thread import WHOLE, Occurrence
from gateway.storage.threads import Place
from mappers.contract import Draft, State
from mappers.contract.draft import LONGEST_LABEL, LONGEST_MESSAGE
from mappers.contract.text import clip

_MOST_FACTS: Final = 100


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
        """The draft that speaks for the happening: the worst one; of a note, which keeps no members, one that says what all say."""
        worst = max(self.drafts, key=lambda draft: draft.level.weight)
        return _of_all(worst, self.drafts) if worst.state is State.NOTE and len(self.drafts) > 1 else worst

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


def _of_all(worst: Draft, drafts: Sequence[Draft]) -> Draft:
    ordered = sorted(drafts, key=lambda draft: -draft.level.weight)
    said = dict.fromkeys(draft.message for draft in ordered if draft.message)
    return worst.model_copy(
        update={
            "message": clip("\n".join(said), LONGEST_MESSAGE),
            "facts": dict(islice(_facts(ordered), _MOST_FACTS)),
            "impact": tuple(dict.fromkeys(name for draft in ordered for name in draft.impact)),
        }
    )


def _facts(drafts: Sequence[Draft]) -> Iterator[tuple[str, str]]:
    """What is true of all of them, then what is true of one, under its name: `orders · total`."""
    common = {label: text for label, text in drafts[0].facts.items() if all(one.facts.get(label) == text for one in drafts)}
    yield from common.items()
    for draft in drafts:
        name = f"{draft.member.label} · " if draft.member else ""
        yield from ((clip(f"{name}{label}", LONGEST_LABEL), text) for label, text in draft.facts.items() if label not in common)


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
