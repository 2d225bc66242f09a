"""Changed columns: a dataset's schema facet against the one the same writer told before.

https://openlineage.io/docs/spec/facets/dataset-facets/schema
Two writers of one dataset name types in their own ways and may write different columns of it: each is compared with itself.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from mappers.contract import Category, Draft, Level, State
from mappers.contract.columns import Change, facts_of, level_of
from mappers.contract.text import one_line
from mappers.openlineage import details
from mappers.openlineage.events import Dataset, Event, events_of
from mappers.openlineage.place import Place, named
from mappers.openlineage.shapes import items, string, table

_SLUG: Final = "openlineage-schema-changed"
_MOST_DATASETS: Final = 100
_DEEPEST: Final = 20
_FATES: Final = {"DROP": "was dropped", "RENAME": "was renamed"}

Columns = dict[str, str]
"""column → type, nested fields by their path (`address.city`)"""


def documents_of(event: Event) -> tuple[str, ...]:
    """The document of each dataset whose schema this event tells."""
    return tuple(_name(event, dataset) for dataset in _told(event))


def map_schemas(event: Event, place: Place | None, documents: Mapping[str, bytes]) -> tuple[Draft, ...]:
    """A note for each dataset whose columns are not what they were, or that is gone."""
    drafts = {dataset.name: _changed(event, place, dataset, documents.get(_name(event, dataset))) for dataset in _told(event)}
    gone = {dataset.name: _gone(event, place, dataset) for dataset in event.outputs[:_MOST_DATASETS] if _is_settled(event)}
    return tuple(draft for draft in {**gone, **{name: draft for name, draft in drafts.items() if draft}}.values() if draft)


def _is_settled(event: Event) -> bool:
    """What a run that goes on, or failed, says of its outputs may not have come about."""
    return event.type in ("", "COMPLETE")


def _told(event: Event) -> list[Dataset]:
    return [dataset for dataset in event.outputs[:_MOST_DATASETS] if _columns(dataset)] if _is_settled(event) else []


def _name(event: Event, dataset: Dataset) -> str:
    writer = (event.job.namespace, event.job.name) if event.job else ("", "")
    return named("schema", dataset.namespace, dataset.name, *writer)


def _columns(dataset: Dataset) -> Columns:
    facet = table(dataset.facets.get("schema"))
    return {} if facet.get("_deleted") is True else dict(list(_fields(facet.get("fields"), "", 0))[:2000])


def _fields(given: object, above: str, depth: int) -> Iterator[tuple[str, str]]:
    for one in items(given, 2000) if depth < _DEEPEST else ():
        name = one_line(above + string(one.get("name"))[:300], 200)
        if name:
            yield name, one_line(string(one.get("type"))[:500], 120) or "?"
            yield from _fields(one.get("fields"), f"{name}.", depth + 1)


def _changed(event: Event, place: Place | None, dataset: Dataset, body: bytes | None) -> Draft | None:
    before = _before(event, dataset, body)
    now = _columns(dataset)
    if not before:
        return None
    changes = [Change(column, kind, now.get(column, "")) for column, kind in before.items() if _differs(kind, now.get(column, ""))]
    changes += [Change(column, "", kind) for column, kind in now.items() if column not in before]
    if not changes:
        return None
    return _note(
        event, place, dataset,
        level=level_of(changes),
        message=f"{dataset.name}: {'; '.join(change.in_words for change in changes)}",
        facts=facts_of(changes),
    )  # fmt: skip


def _differs(before: str, after: str) -> bool:
    """A type that one of the two does not say is no change of type."""
    return before.casefold() != after.casefold() and "?" not in (before, after)


def _before(event: Event, dataset: Dataset, body: bytes | None) -> Columns:
    for other in reversed(events_of(body or b"")):
        if event.at and other.at and event.at < other.at:
            return {}  # arrived late: the newer one was compared already
        found = [one for one in other.outputs if (one.namespace, one.name) == (dataset.namespace, dataset.name) and _columns(one)]
        if found and other.job == event.job:
            return _columns(found[-1])
    return {}


def _gone(event: Event, place: Place | None, dataset: Dataset) -> Draft | None:
    """Told, but not as an error: what drops a table on purpose every night is as common as an accident."""
    facet = table(dataset.facets.get("lifecycleStateChange"))
    fate = _FATES.get(string(facet.get("lifecycleStateChange")).upper())
    if fate is None:
        return None
    previous = one_line(string(table(facet.get("previousIdentifier")).get("name"))[:500], 200)
    said = f"{previous} {fate} to {dataset.name}" if previous else f"{dataset.name} {fate}"
    return _note(event, place, dataset, level=Level.INFO, message=f"{said}.", facts={"Table": fate.removeprefix("was ")})


def _note(event: Event, place: Place | None, dataset: Dataset, *, level: Level, message: str, facts: Mapping[str, Any]) -> Draft:
    return Draft(
        slug=_SLUG,
        event_data={"namespace": dataset.namespace, "dataset": dataset.name},
        category=Category.SCHEMA_CHANGE,
        level=level,
        state=State.NOTE,
        title=f"The schema of {dataset.name} changed",
        pipeline=place.job.name if place else dataset.name,
        run=(place.run if place else "") or None,
        occurrence=f"{event.run} schema" if event.run else None,
        occurred_at=event.at,
        message=message,
        facts={**facts, "Written by": event.job.name if event.job else ""},
        owners=details.owners(event, (dataset,)),
        tags=details.tags(event),
    )
