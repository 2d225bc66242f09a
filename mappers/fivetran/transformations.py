"""dbt runs and other transformations: their events have no connection, but a job of their own.

`transformation_*` is read by the names of `dbt_run_*`, which is the only one that is documented with its data.
"""

from collections.abc import Iterator
from typing import Any, Final

from mappers.contract import Category, Draft, Level, Mapped, Phase, RunSignal, State, Unmapped, duration, parse_time
from mappers.contract.text import clean
from mappers.fivetran.event import Event, mapping, text

PHASES: Final = {
    f"{what}_{happened}": phase
    for what in ("dbt_run", "transformation", "transformation_run")
    for happened, phase in (("start", Phase.RUNNING), ("succeeded", Phase.SUCCEEDED), ("failed", Phase.FAILED))
}
_IDS: Final = ("dbtJobId", "transformationId", "transformation_id", "jobId", "id")
_NAMES: Final = ("dbtJobName", "transformationName", "transformation_name", "jobName", "name")
_MOST_STEPS: Final = 20
_OUTPUT: Final = 4000
"""Characters of a step's output that are shown: its end, where dbt lists what failed."""


def map_transformation(event: Event) -> Mapped:
    """A failure, its recovery, and the run signal."""
    job = job_of(event)
    name = next((found for name in _NAMES if (found := text(event.data.get(name)))), event.name or job)
    if not job and not name:
        raise Unmapped(f"the {event.type} names no job")
    phase = PHASES[event.type]
    started, ended = parse_time(event.data.get("startTime")), parse_time(event.data.get("endTime"))
    at = (started if phase is Phase.RUNNING else ended) or event.created
    # There is no id of a run; when it began tells it from the others, and is the same in all its events.
    run = started.isoformat() if started else ""
    signals = (RunSignal(pipeline=name, run=run, phase=phase, at=at, state=event.type, started_at=started),) if run else ()
    if phase is Phase.RUNNING:
        return Mapped(signals=signals, ignored="the transformation started: nothing to tell anyone yet")
    failed = phase is Phase.FAILED
    steps = list(_failed_steps(event))
    took = duration(ended - started) if started and ended and ended >= started else ""
    output = "\n\n".join(said for _, said in steps if said)
    draft = Draft(
        slug="fivetran-transformation-failed",
        event_data={"transformation": job or name},
        category=Category.JOB_FAILURE,
        level=Level.ERROR if failed else Level.SUCCESS,
        state=State.FIRING if failed else State.RESOLVED,
        title=f"{name} failed",
        pipeline=name,
        run=run or None,
        occurred_at=at,
        message=_message(event, output) if failed else f"Succeeded{f' in {took}' if took else ''}.",
        facts={
            "Failed steps": ", ".join(step for step, _ in steps) if failed else "",
            "Duration": took,
            "Destination": event.group,
            "Started by": text(mapping(event.data.get("startupDetails")).get("type")).replace("_", " "),
        },
        excerpt=output if failed else "",
    )
    return Mapped(drafts=(draft,), signals=signals)


def job_of(event: Event) -> str:
    """The id of the transformation; empty where none is told."""
    return next((found for name in _IDS if (found := text(event.data.get(name)))), event.connector)


def _message(event: Event, output: str) -> str:
    described = mapping(event.data.get("result")).get("description")
    said = [described if isinstance(described, str) else "", output or event.reason]
    return "\n\n".join(filter(None, said)) or "The transformation failed."


def _failed_steps(event: Event) -> Iterator[tuple[str, str]]:
    """(name, what it said) of each step that did not succeed."""
    steps = mapping(event.data.get("result")).get("stepResults")
    for step in steps[:_MOST_STEPS] if isinstance(steps, list) else ():
        if isinstance(step, dict) and step.get("success") is False:
            result = mapping(step.get("commandResult"))
            yield _name(mapping(step.get("step"))), (_string(result.get("error")) or _string(result.get("output")))[-_OUTPUT:]


def _name(step: dict[str, Any]) -> str:
    command = step.get("processBuilderCommand")
    words = " ".join(text(word) for word in command[:20]) if isinstance(command, list) else text(step.get("command"))
    return text(step.get("name")) or words or "a step"


def _string(value: object) -> str:
    return clean(value[-20_000:]).strip() if isinstance(value, str) else ""
