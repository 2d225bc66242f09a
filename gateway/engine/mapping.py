"""From a stored event to what its mapper says: the only place that loads the mapper registry."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pydantic import ValidationError

from gateway.domain.connecting import TEST_HEADER, TEST_SAID
from gateway.storage.processing import Event
from mappers.contract import NO_DOCUMENTS, Documents, Headers, Inbound, Mapped, SourceKind, SourceSettings, Unmapped
from mappers.contract.inbound import FETCHED, WATCHED
from mappers.contract.registry import load
from mappers.contract.text import one_line

__all__ = ["Reading", "inbound", "is_test", "kinds", "read", "read_settings", "read_whole"]

kinds = load


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of mapping one event."""

    mapped: Mapped
    documents: Documents
    settings: SourceSettings
    unmapped: str | None = None
    """Why the mapper did not understand it."""


def read_settings(kind: SourceKind, values: Mapping[str, object]) -> SourceSettings:
    """The source's settings; those written by an older version that no longer fit fall back to the defaults."""
    try:
        return kind.read_settings(values)
    except ValidationError:
        return kind.settings()


def inbound(event: Event, settings: SourceSettings, documents: Mapping[str, bytes]) -> Inbound:
    """A stored event as its mapper sees it."""
    return Inbound(
        body=event.body,
        headers=Headers((name, value) for name, value in event.headers),
        method=event.method,
        path=event.path,
        query=event.query,
        received_at=event.received_at,
        settings=settings,
        environment=event.environment or None,
        documents=documents,
    )


def is_test(event: Event) -> bool:
    """Whether its sender said that it is only a test."""
    return any(name.lower() == _TEST for name, _ in event.headers)


def read(kind: SourceKind | None, event: Event, earlier: Callable[[Sequence[str]], Mapping[str, bytes]]) -> Reading:
    """Maps one event; `earlier` gives documents by name. Of a test nothing is recorded but what it would have become."""
    reading = read_whole(kind, event, earlier)
    return _without_consequences(reading) if is_test(event) else reading


def read_whole(kind: SourceKind | None, event: Event, earlier: Callable[[Sequence[str]], Mapping[str, bytes]]) -> Reading:
    """The same, whether or not it is a test. A mapper's own bug is an unmapped event with its reason, never an error."""
    if kind is None:
        return Reading(Mapped(), NO_DOCUMENTS, SourceSettings(), f"no mapper for the kind {event.kind!r} is installed")
    settings = read_settings(kind, _settings(kind, event))
    request = inbound(event, settings, {})
    try:
        documents = kind.documents(request)
    except Exception as error:  # a third party's mapper may do anything
        return _failed(settings, error)
    if documents.wants:
        request = replace(request, documents=earlier(documents.wants))
    try:
        mapped = kind.map(request)
    except Exception as error:
        return _failed(settings, error)
    return Reading(
        mapped if mapped.ignored is None else mapped.model_copy(update={"ignored": _reason(mapped.ignored)}), documents, settings
    )


def _without_consequences(reading: Reading) -> Reading:
    if reading.unmapped is not None:
        return Reading(Mapped(), NO_DOCUMENTS, reading.settings, _reason(f"{TEST_SAID}, and not understood: {reading.unmapped}"))
    mapped = reading.mapped
    parts = [f"{one.state.value} {one.category.value} {one.level.value}: {one.title}" for one in mapped.drafts]
    parts += [f"run {one.run} of {one.pipeline} is {one.phase.value}" for one in mapped.signals]
    said = "; ".join(parts) or f"ignored: {mapped.ignored or 'it tells of nothing'}"
    return Reading(Mapped(ignored=_reason(f"{TEST_SAID}, told to nobody. It would be {said}")), NO_DOCUMENTS, reading.settings)


def _settings(kind: SourceKind, event: Event) -> Mapping[str, object]:
    """What was fetched or noticed may be read by another kind than its source's: it gets those settings that it knows."""
    if event.method not in (FETCHED, WATCHED):
        return event.source_settings
    return {name: value for name, value in event.source_settings.items() if name in kind.settings.model_fields}


def _failed(settings: SourceSettings, error: Exception) -> Reading:
    said = error.reason if isinstance(error, Unmapped) else f"the mapper failed: {type(error).__name__}: {error}"
    return Reading(Mapped(), NO_DOCUMENTS, settings, _reason(said))


def _reason(text: str) -> str:
    return one_line(text, 500)


_TEST: Final = TEST_HEADER.lower()
