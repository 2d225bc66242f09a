"""Reading: one request holds one event, or a list of them. An event tells of a run, a job or a dataset.

https://openlineage.io/docs/spec/object-model
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from pydantic_core import from_json

from mappers.contract import BadBody, Inbound, Unmapped, parse_time
from mappers.contract.inbound import parse_json
from mappers.contract.text import one_line
from mappers.openlineage.shapes import items, string, table

_TYPES: Final = frozenset({"START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"})
_MOST_EVENTS: Final = 2000


@dataclass(frozen=True, slots=True)
class Job:
    """A job by its full name."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Above:
    """A run that another one belongs to, and its job; the run's id is empty where it was left out."""

    job: Job
    run: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset with its facets, those of its part in the run included."""

    namespace: str
    name: str
    facets: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `job` is None where it tells of a dataset alone, `run` and `type` are empty where it tells of no run."""

    type: str
    at: datetime | None
    producer: str
    job: Job | None
    run: str
    run_facets: dict[str, Any]
    job_facets: dict[str, Any]
    parent: Above | None
    root: Above | None
    inputs: tuple[Dataset, ...] = ()
    outputs: tuple[Dataset, ...] = ()
    is_cut: bool = field(default=False)
    """The body ended in the middle: what comes last may be missing."""

    @property
    def integration(self) -> str:
        """Who runs it, by the jobType facet: `AIRFLOW`, `SPARK`, `DBT`, `FLINK`; empty where it does not say."""
        return string(table(self.job_facets.get("jobType")).get("integration")).upper()

    @property
    def kind(self) -> str:
        """What kind of thing the job is, in its integration's words: `DAG`, `TASK`, `SQL_JOB`, `TEST`."""
        return string(table(self.job_facets.get("jobType")).get("jobType")).upper()


def read(inbound: Inbound) -> tuple[Event, ...]:
    """The events of a request. Raises `Unmapped` where there is none."""
    documents, is_cut = _documents(inbound)
    events = tuple(event for document in documents if (event := _event(document, is_cut=is_cut)))
    if not events:
        raise Unmapped("no OpenLineage event: neither a run with its job, nor a job, nor a dataset")
    return events


def first_event(body: bytes) -> Event | None:
    """The first event of a body that was kept; None where it holds none."""
    return next(iter(events_of(body)), None)


def events_of(body: bytes) -> tuple[Event, ...]:
    """The events of a body that was kept; empty where it holds none."""
    try:
        return read(Inbound(body=body))
    except Unmapped:
        return ()


def _documents(inbound: Inbound) -> tuple[list[dict[str, Any]], bool]:
    """An event, a list of them (the batch endpoint), one a line; or as much of one as came before the body was cut."""
    try:
        return list(_unwrapped(inbound.json)), False
    except BadBody as error:
        lines = inbound.text.splitlines()[:_MOST_EVENTS]
        found = [one for line in lines if line.strip().startswith("{") and len(lines) > 1 for one in _line(line)]
        if found:
            return found, False
        return list(_unwrapped(_partial(inbound.body, error))), True


def _unwrapped(document: object) -> Iterator[dict[str, Any]]:
    if isinstance(document, dict):
        inner = next((document[key] for key in ("events", "event") if isinstance(document.get(key), list | dict)), None)
        yield from _unwrapped(inner) if inner is not None and "job" not in document else iter((document,))
    else:
        yield from items(document, _MOST_EVENTS)


def _line(line: str) -> Iterator[dict[str, Any]]:
    try:
        yield from _unwrapped(parse_json(line))
    except BadBody:
        return


def _partial(body: bytes, error: BadBody) -> object:
    try:
        return from_json(body, allow_partial="trailing-strings")
    except ValueError:
        raise Unmapped(str(error)) from None


def _event(document: dict[str, Any], *, is_cut: bool) -> Event | None:
    run, job = table(document.get("run")), table(document.get("job"))
    named = _job(job)
    run_facets = table(run.get("facets"))
    # Before 1.0 the facet was called `parentRun`: https://openlineage.io/docs/spec/facets/run-facets/parent_run
    above = table(run_facets.get("parent")) or table(run_facets.get("parentRun"))
    outputs = (*_datasets(document.get("outputs")), *_datasets([document.get("dataset")] if named is None else []))
    if named is None and not outputs:
        return None
    said = string(document.get("eventType")).upper()
    return Event(
        type=said if said in _TYPES else "OTHER" if run else "",
        at=parse_time(document.get("eventTime")),
        producer=string(document.get("producer")),
        job=named,
        run=one_line(string(run.get("runId"))[:500], 200),
        run_facets=run_facets,
        job_facets=table(job.get("facets")),
        parent=_above(above),
        root=_above(table(above.get("root"))),
        inputs=tuple(_datasets(document.get("inputs"))),
        outputs=outputs,
        is_cut=is_cut,
    )


def _above(facet: dict[str, Any]) -> Above | None:
    job, run = _job(table(facet.get("job"))), one_line(string(table(facet.get("run")).get("runId"))[:500], 200)
    return Above(job, run) if job else None


def _job(given: dict[str, Any]) -> Job | None:
    name = one_line(string(given.get("name"))[:2000], 300)
    return Job(one_line(string(given.get("namespace"))[:2000], 300), name) if name else None


def _datasets(given: object) -> Iterator[Dataset]:
    for one in items(given):
        name = one_line(string(one.get("name"))[:2000], 300)
        if name:
            facets = {key: value for part in ("facets", "inputFacets", "outputFacets") for key, value in table(one.get(part)).items()}
            yield Dataset(one_line(string(one.get("namespace"))[:2000], 300), name, facets)
