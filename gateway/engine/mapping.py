"""From a stored event to what its mapper says: the only place that loads the mapper registry."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from gateway.storage.events import Event
from mappers.contract import Documents, Headers, Inbound, Mapped, SourceKind, SourceSettings, Unmapped
from mappers.contract.registry import load

__all__ = ["Reading", "inbound", "kinds", "read", "read_settings"]

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


def read(kind: SourceKind | None, event: Event, documents: Mapping[str, bytes]) -> Reading:
    """Maps one event. Never raises: a mapper's own bug is an unmapped event with its reason."""
    if kind is None:
        return Reading(Mapped(), Documents(), SourceSettings(), f"no mapper for the kind {event.kind!r} is installed")
    settings = read_settings(kind, event.source_settings)
    request = inbound(event, settings, documents)
    try:
        mapped = kind.map(request)
    except Unmapped as unmapped:
        return Reading(Mapped(), Documents(), settings, unmapped.reason)
    except Exception as error:  # a third party's mapper may do anything
        return Reading(Mapped(), Documents(), settings, f"the mapper failed: {type(error).__name__}: {error}"[:500])
    return Reading(mapped, kind.documents(request), settings)
