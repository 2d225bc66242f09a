"""Where an event belongs: the run at the very top is the pipeline, what runs below it are its parts.

A Spark action below a Spark application below an Airflow task is a part of that DAG: parts tell by the facet `parent` what they
belong to, and newer producers by its `root` what is at the top. Where only the parent is named, what the parent itself said
when it began tells the rest.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from mappers.openlineage import airflow
from mappers.openlineage.events import Above, Event, Job, events_of


@dataclass(frozen=True, slots=True)
class Place:
    """The pipeline an event belongs to, and whether it tells of the pipeline itself."""

    job: Job
    run: str
    is_top: bool
    in_airflow: bool = False
    """It is a part of an Airflow task, which says by itself how it ended and whether it is tried again."""


def place_of(event: Event, documents: Mapping[str, bytes]) -> Place | None:
    """The place of an event that has a job; None for a dataset alone."""
    if event.job is None:
        return None
    if airflow.is_airflow(event):
        # A DAG that another DAG triggered names that one as its parent, and is a pipeline of its own all the same.
        task = event.parent if airflow.is_task(event) else None
        return Place(task.job, task.run or event.run, is_top=False) if task else Place(event.job, event.run, is_top=True)
    parent = event.parent
    if parent is None:
        return Place(event.job, event.run, is_top=True)
    parents = [one for name in _known(event) if (one := _of(documents.get(began(name)), name))]
    top = event.root or next((above for one in parents if (above := _above(one))), parent)
    in_airflow = any(airflow.is_airflow(one) for one in parents)
    return Place(top.job, top.run or event.run, is_top=top.job == event.job, in_airflow=in_airflow)


def wanted(event: Event) -> tuple[str, ...]:
    """The documents that tell more about what an event is a part of."""
    return () if airflow.is_airflow(event) else tuple(began(job) for job in _known(event))


def _known(event: Event) -> tuple[Job, ...]:
    above = [one.job for one in (event.parent, event.root) if one and one.job != event.job]
    return tuple(dict.fromkeys(above))


def _of(body: bytes | None, job: Job) -> Event | None:
    return next((event for event in events_of(body) if event.job == job), None) if body else None


def _above(event: Event) -> Above | None:
    return event.parent if airflow.is_airflow(event) else event.root or event.parent


def began(job: Job) -> str:
    """The document that holds what a job said when it last began."""
    return named("job", job.namespace, job.name)


def failed(job: Job) -> str:
    """The document that holds the last failure within a pipeline."""
    return named("failure", job.namespace, job.name)


def named(kind: str, *parts: str) -> str:
    """A document's name that is short and unlike any other."""
    return f"{kind}/{hashlib.sha256(chr(0).join(parts).encode('utf-8', 'surrogatepass')).hexdigest()}"
