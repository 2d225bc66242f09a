"""CloudEvents: any sender that speaks the CNCF's common envelope. https://cloudevents.io"""

import hashlib
from dataclasses import replace
from typing import Annotated, Final

from pydantic import Field

from mappers.cloudevents import words
from mappers.cloudevents.event import Event, read
from mappers.cloudevents.told import Told, any_event, told_of
from mappers.contract import (
    Category,
    Draft,
    Example,
    Inbound,
    Level,
    Mapped,
    Phase,
    RunSignal,
    SourceKind,
    SourceSettings,
    State,
    Unmapped,
    duration,
)
from mappers.contract.signature import Scheme
from mappers.contract.text import one_line

Patterns = tuple[Annotated[str, Field(min_length=1, max_length=200)], ...]


class Settings(SourceSettings):
    """What this sender's own types mean, where their words do not say it. `*` stands for anything."""

    failing: Patterns = ()
    """Types that say something failed."""
    recovering: Patterns = ()
    """Types that say it works again."""
    notes: Patterns = ()
    """Types that are told once, as information."""
    ignore: Patterns = ()
    """Types that are never told; looked at first."""


def _map(inbound: Inbound) -> Mapped:
    events = read(inbound)
    if not events:
        return Mapped(ignored="an empty batch")
    settings = inbound.settings if isinstance(inbound.settings, Settings) else Settings()
    single = [_one(event, settings) for event in events]
    drafts = tuple(draft for one in single for draft in one.drafts)
    reasons = dict.fromkeys(one.ignored for one in single if one.ignored)
    return Mapped(
        drafts=drafts,
        signals=tuple(signal for one in single for signal in one.signals),
        ignored=None if drafts else one_line("; ".join(reasons), 500) or "nothing to tell anyone yet",
    )


def _one(event: Event, settings: Settings) -> Mapped:
    if words.matches(settings.ignore, event.type):
        return Mapped(ignored=f"{event.type} is in the source's `ignore`")
    if event.type == "Microsoft.EventGrid.SubscriptionValidationEvent":
        return Mapped(ignored="Event Grid's own schema wants its validation confirmed by hand: choose the CloudEvents schema v1.0 there")
    chosen = _chosen(event, settings)
    told = replace(any_event(event), kind=words.parent(event.type)) if chosen else told_of(event)
    phase = chosen or told.phase
    if told.ignored and not chosen:
        return Mapped(ignored=told.ignored)
    if phase is None and words.matches(settings.notes, event.type):
        return Mapped(drafts=(_note(event, told),))
    signals = (_signal(event, told, phase),) if phase and told.run and told.category is Category.JOB_FAILURE else ()
    if phase is Phase.CANCELLED:
        return Mapped(drafts=(_cancelled(event, told),), signals=signals)
    if phase in (Phase.FAILED, Phase.SUCCEEDED):
        recovers = told.promises_recovery or bool(chosen and settings.recovering)
        return Mapped(drafts=(_draft(event, told, phase, closes_itself=not recovers),), signals=signals)
    if phase and told.category is Category.JOB_FAILURE:
        return Mapped(signals=signals, ignored=f"{told.what} is {told.state or phase}: nothing to tell anyone yet")
    return Mapped(
        ignored=f"{event.type} says neither that something failed nor that it works; `failing`, `recovering` or `notes` can name it"
    )


def _chosen(event: Event, settings: Settings) -> Phase | None:
    if words.matches(settings.failing, event.type):
        return Phase.FAILED
    return Phase.SUCCEEDED if words.matches(settings.recovering, event.type) else None


def _draft(event: Event, told: Told, phase: Phase, *, closes_itself: bool) -> Draft:
    failed = phase is Phase.FAILED
    return Draft(
        **_shared(event, told),
        slug="cloudevents-failed",
        category=told.category,
        level=(told.level or Level.ERROR) if failed else Level.SUCCESS,
        state=State.FIRING if failed else State.RESOLVED,
        title=_title(told),
        message=told.why or f"{event.type} from {event.source or 'an unnamed source'}." if failed else _recovered(event, told),
        owners=told.owners,
        closes_itself=failed and closes_itself,
        excerpt=told.why if failed else "",
    )


def _recovered(event: Event, told: Told) -> str:
    lasted = event.time - told.since if event.time and told.since and told.category is Category.INCIDENT else None
    return f"Was so for {duration(lasted)}." if lasted and lasted.total_seconds() > 0 else f"{_name(told)}: {told.state or 'works again'}."


def _cancelled(event: Event, told: Told) -> Draft:
    """Being cancelled neither breaks a thing nor mends it."""
    return Draft(
        **_shared(event, told), slug="cloudevents-cancelled", category=told.category, level=Level.INFO, state=State.NOTE,
        title=f"{_name(told)} was cancelled", message=told.why,
    )  # fmt: skip


def _note(event: Event, told: Told) -> Draft:
    return Draft(
        **_shared(event, told), slug="cloudevents-note", category=Category.SYSTEM, level=told.level or Level.INFO, state=State.NOTE,
        title=f"{_name(told)}: {words.segments(event.type)[-1]}", message=told.why, owners=told.owners,
    )  # fmt: skip


def _shared(event: Event, told: Told) -> dict[str, object]:
    return {
        "event_data": {"source": told.source or event.source, "type": told.kind, "subject": told.what},
        "pipeline": _name(told),
        "run": told.run or None,
        "occurrence": None if told.run else (event.id or None),
        "occurred_at": event.time,
        "links": {"Open": told.url},
        "facts": {
            "Subject": "" if told.what == _name(told) else told.what,
            "Type": event.type,
            "Source": event.source,
            "State": told.state,
            **told.facts,
        },
    }


def _title(told: Told) -> str:
    """For the whole thread, so of nothing that differs from event to event."""
    ending = {
        Category.JOB_FAILURE: "failed", Category.DBT_TEST_FAILURE: "failed", Category.LATE_RUN: "is late",
        Category.SCHEMA_CHANGE: "changed",
    }.get(told.category, "is in trouble")  # fmt: skip
    return f"{_name(told)} {ending}"


def _name(told: Told) -> str:
    """What people call it: of a long path its end."""
    return told.what if len(told.what) <= 60 else told.what.rstrip("/").rpartition("/")[2] or told.what


def _signal(event: Event, told: Told, phase: Phase) -> RunSignal:
    return RunSignal(pipeline=_name(told), run=told.run, phase=phase, at=event.time, state=one_line(told.state, 80), url=told.url)


def _request_key(inbound: Inbound) -> str | None:
    """Source and id, as the specification has it; of a batch, all of them. With one event that lacks them it is always new."""
    try:
        events = read(inbound)
    except Unmapped:
        return None
    keys = [f"{event.source} {event.id}" for event in events]
    if not keys or not all(event.source and event.id for event in events):
        return None
    return keys[0] if len(keys) == 1 else hashlib.sha256("\n".join(keys).encode("utf-8", "surrogatepass")).hexdigest()


_EXAMPLE: Final = (
    b'{"specversion":"1.0","id":"A234-1234-1234","source":"/loads/prod","type":"com.example.pipeline.run.failed","subject":"orders-etl",'
    b'"time":"2026-11-22T09:58:00Z","datacontenttype":"application/json","data":{"run_id":"r-1","state":"failed",'
    b'"error":"relation \\"orders\\" does not exist","url":"https://loads.example.test/runs/r-1"}}'
)

SOURCE: Final = SourceKind(
    kind="cloudevents",
    title="CloudEvents",
    auth=(Scheme.BEARER, Scheme.TOKEN, Scheme.HEADER, Scheme.BASIC, Scheme.STANDARD_WEBHOOKS, Scheme.HMAC),
    event_types=("any", "dev.cdevents.*", "dev.tekton.event.*", "Microsoft.*", "dev.knative.apiserver.*"),
    map=_map,
    request_key=_request_key,
    methods=("POST", "PUT", "OPTIONS"),
    settings=Settings,
    example=Example(body=_EXAMPLE, headers={"Content-Type": "application/cloudevents+json; charset=utf-8"}),
    steps=(
        "Send CloudEvents (structured, binary or batched JSON) by POST to {url}",
        "Let each request carry the header Authorization: Bearer {token}",
        "If the sender cannot set a header: auth = { token = [...] }, and the token at the end of the address.",
        "Types that end in words such as failed and succeeded are understood; name others in the settings failing and recovering.",
    ),
)
