"""From an event about a run to drafts and the pipeline's signal."""

from collections.abc import Mapping
from typing import Any, Final

from mappers.contract import Category, Draft, Level, Mapped, Member, Phase, RunSignal, State, parse_time
from mappers.contract.draft import safe_link
from mappers.contract.text import one_line
from mappers.openlineage import airflow, details
from mappers.openlineage.events import Event, events_of
from mappers.openlineage.place import Place, failed

_FAILED: Final = "openlineage-job-failed"
_ABORTED: Final = "openlineage-job-aborted"
_PHASES: Final = {
    "START": Phase.RUNNING,
    "RUNNING": Phase.RUNNING,
    "COMPLETE": Phase.SUCCEEDED,
    "FAIL": Phase.FAILED,
    "ABORT": Phase.CANCELLED,
}
_SILENT: Final = {
    "START": "a run began",
    "RUNNING": "a run goes on",
    "OTHER": "more about a run, and not how it ended",
}


def map_run(event: Event, place: Place, documents: Mapping[str, bytes]) -> Mapped:
    """What a run's event means for its pipeline. `ignored` says why where nobody is told."""
    match event.type:
        case "FAIL":
            return _failure(event, place, documents)
        case "COMPLETE":
            return Mapped(drafts=(_recovery(event, place),), signals=_signals(event, place))
        case "ABORT" if place.is_top:
            return Mapped(drafts=(_aborted(event, place),), signals=_signals(event, place))
        case "ABORT":
            return Mapped(ignored=f"a part of {place.job.name} was aborted or skipped; the run itself says how it ended")
    return Mapped(signals=_signals(event, place), ignored=_SILENT[event.type])


def is_final(event: Event) -> bool:
    """Whether a failure will not be tried again, as far as the event says."""
    return not (airflow.is_airflow(event) and airflow.will_retry(event))


def _failure(event: Event, place: Place, documents: Mapping[str, bytes]) -> Mapped:
    if not is_final(event):
        if not place.run:
            return Mapped(ignored="the task will be tried again")
        retrying = RunSignal(pipeline=place.job.name, run=place.run, phase=Phase.RETRYING, at=event.at, state="up_for_retry")
        return Mapped(signals=(retrying,), ignored="the task will be tried again")
    if place.in_airflow:
        return Mapped(ignored="a part of an Airflow task, which says by itself how it ended and whether it is tried again")
    below = tuple(one for job in (place.job, event.job) if job for one in events_of(documents.get(failed(job), b"")))
    if place.is_top and any(_told(event, one) for one in below):
        return Mapped(signals=_signals(event, place), ignored="what failed in this run was told by its parts")
    if event.kind == "TEST":
        return Mapped(ignored="a test failed: told as a failed check, not as a failed job")
    return Mapped(drafts=(_failing(event, place, below),), signals=_signals(event, place))


def _told(event: Event, below: Event) -> bool:
    """Whether `below` is a failure of this very run that people heard of; what runs in an Airflow task is told by the task."""
    same = event.run in {above.run for above in (below.parent, below.root) if above}
    return bool(event.run) and same and below.job != event.job and (airflow.is_airflow(below) or not airflow.is_airflow(event))


def _failing(event: Event, place: Place, below: tuple[Event, ...]) -> Draft:
    said = airflow.said_of_run(event) if place.is_top and airflow.is_airflow(event) else details.error(event)
    causes = {one.job: one for one in below if _caused(event, one)}
    why = [f"{job.name}: {details.error(one)}" for job, one in causes.items() if job and details.error(one)]
    return Draft(
        **_thread(event, place),
        level=Level.ERROR,
        member=_member(event, place),
        # Retries and clearings of an Airflow task are counted; elsewhere a job may fail several times within one run.
        occurrence=None if airflow.is_airflow(event) or not event.run else f"{event.run} failed",
        attempt=airflow.attempt(event),
        message="\n\n".join(filter(None, (said or f"{_called(event, place)} failed.", *why))),
        excerpt="\n\n".join(filter(None, (details.excerpt(event), *(details.excerpt(one) for one in causes.values())))),
        impact=tuple(airflow.downstream(event)),
        closes_itself=event.is_cut,
    )


def _caused(event: Event, below: Event) -> bool:
    return below.parent is not None and bool(event.run) and below.parent.run == event.run and below.job != event.job


def _recovery(event: Event, place: Place) -> Draft:
    """A whole run that completed ends all of it; a part that did ends its own failure.

    A producer may call a run complete in which a part failed (Spark's application always is): that mends nothing of the same
    run. A DAG run that succeeded although a task failed was meant to.
    """
    return Draft(
        **_thread(event, place),
        level=Level.SUCCESS,
        state=State.RESOLVED,
        member=None if place.is_top else _member(event, place),
        occurrence=f"{event.run} complete" if event.run else None,
        message=f"{_called(event, place)} completed.",
        spares_own_run=place.is_top and not airflow.is_airflow(event),
    )


def _aborted(event: Event, place: Place) -> Draft:
    """A note on a thread of its own: being stopped neither breaks a job nor mends it."""
    own = {"slug": _ABORTED, "title": f"{place.job.name} was aborted"}
    said = details.error(event) or f"{place.job.name} was stopped before it ended."
    return Draft(**{**_thread(event, place), **own}, level=Level.INFO, state=State.NOTE, message=said)


def _thread(event: Event, place: Place) -> dict[str, Any]:
    return {
        "slug": _FAILED,
        "event_data": {"namespace": place.job.namespace, "job": place.job.name},
        "category": Category.JOB_FAILURE,
        "title": f"{place.job.name} failed",
        "pipeline": place.job.name,
        "run": place.run or None,
        "occurred_at": event.at,
        "links": details.links(event),
        "facts": details.facts(event),
        "owners": details.owners(event),
        "tags": details.tags(event),
    }


def _member(event: Event, place: Place) -> Member:
    """A part of the pipeline, or the pipeline itself: a part that completes must not mend what the whole run failed of."""
    job = event.job or place.job
    instance = airflow.map_index(event)
    return Member(key=one_line(f"{job.namespace}/{job.name}", 280) + instance, label=_called(event, place))


def _called(event: Event, place: Place) -> str:
    name = event.job.name if event.job else place.job.name
    short = name if place.is_top else name.removeprefix(f"{place.job.name}.")
    return one_line(short, 180) + airflow.map_index(event)


def _signals(event: Event, place: Place) -> tuple[RunSignal, ...]:
    """Only what tells of the whole run moves it on."""
    phase = _PHASES.get(event.type)
    if not place.is_top or phase is None or not place.run:
        return ()
    link = details.links(event)["Spark UI"]
    return (
        RunSignal(
            pipeline=place.job.name,
            run=place.run,
            phase=phase,
            at=event.at,
            attempt=airflow.attempt(event),
            state=event.type,
            name=airflow.run_id(event),
            url=link if safe_link(link) else "",
            started_at=parse_time(airflow.started(event)) or (event.at if event.type == "START" else None),
        ),
    )
