"""What the watcher of late runs writes: a run that is late, one that does not end, and that it is well again."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from mappers.contract import Category, Draft, Level, Mapped, State, duration
from mappers.tocsin.document import Document, Moment, checked, local

Seconds = Annotated[int, Field(ge=0, le=10**9)]


class LateRun(Document):
    """One thing that became of an expectation."""

    state: Literal["late", "missing", "arrived", "hanging", "ended", "unwatched"]
    """`late`: the grace is over. `missing`: so is a whole further period. `unwatched`: nobody waits for it any more."""
    about: Literal["start", "end"]
    """Whether it was to start by then, or to end."""
    pipeline: Annotated[str, Field(min_length=1)]
    environment: str | None = None
    at: Moment
    """When it became so: never before the moment at which it became late."""
    schedule: str = ""
    """In words: `0 2 * * *`, `every 10 min`."""
    timezone: str = "UTC"
    expected_at: Moment
    """When it was to start, or to have ended."""
    grace_seconds: Seconds = 0
    last_run_at: Moment | None = None
    missed: Annotated[int, Field(ge=0, le=10**9)] = 0
    """Expected runs that never came, once one did again."""
    run: str | None = None
    url: str = ""
    started_at: Moment | None = None
    reason: str = ""
    """Why nobody waits for it any more."""


_STATES: Final = {"late": State.FIRING, "missing": State.FIRING, "hanging": State.FIRING}
_LEVELS: Final = {"late": Level.WARNING, "hanging": Level.WARNING, "missing": Level.ERROR}


def read(document: Mapping[str, Any]) -> Mapped:
    """The draft of it: a run that is late and one that hangs are threads of their own, both in the pipeline's conversation."""
    said = checked(LateRun, document)
    state = _STATES.get(said.state, State.RESOLVED)
    return Mapped(
        drafts=(
            Draft(
                slug="tocsin-run-late" if said.about == "start" else "tocsin-run-unended",
                event_data={"pipeline": said.pipeline},
                category=Category.LATE_RUN,
                level=_LEVELS.get(said.state, Level.SUCCESS),
                state=state,
                urgent=True if said.state == "missing" else None,
                title=_title(said),
                pipeline=said.pipeline,
                environment=said.environment,
                run=said.run,
                occurrence=f"{said.expected_at.isoformat()} {said.run or ''} {said.state}",
                occurred_at=said.at,
                message=_message(said),
                links={"Open run": said.url},
                facts=_facts(said) if state is State.FIRING else {},
            ),
        )
    )


def _title(said: LateRun) -> str:
    match said.state:
        case "late":
            return f"{said.pipeline} is late"
        case "missing":
            return f"{said.pipeline} did not run"
        case "hanging":
            return f"{said.pipeline} does not end"
        case "arrived":
            return f"{said.pipeline} ran, {_delay(said)} late"
        case "ended":
            return f"{said.pipeline} ended"
        case _:
            return f"{said.pipeline} is not watched"


def _message(said: LateRun) -> str:
    expected = local(said.expected_at, said.timezone)
    match said.state:
        case "late":
            grace = f"within the {_span(said.grace_seconds)} of grace" if said.grace_seconds else "by then"
            return f"Expected at {expected}; nothing came {grace}."
        case "missing":
            return f"Expected at {expected}; nothing came, and nothing when it was due again either."
        case "hanging":
            begun = f"Started at {local(said.started_at, said.timezone)}. " if said.started_at else ""
            return f"{begun}It was to end by {expected} and runs on."
        case "arrived":
            others = f" {said.missed} further expected {'runs' if said.missed > 1 else 'run'} never came." if said.missed else ""
            return f"Expected at {expected}, it ran at {local(said.at, said.timezone)}: {_delay(said)} late.{others}"
        case "ended":
            return f"It was to end by {expected} and ended {_delay(said)} later."
        case _:
            return said.reason


def _facts(said: LateRun) -> dict[str, str]:
    return {
        "Schedule": f"{said.schedule} ({said.timezone})" if said.schedule else "",
        "Expected": local(said.expected_at, said.timezone),
        "Last run": local(said.last_run_at, said.timezone) if said.last_run_at else "never seen" if said.about == "start" else "",
    }


def _delay(said: LateRun) -> str:
    return duration(said.at - said.expected_at)


def _span(seconds: int) -> str:
    return duration(timedelta(seconds=seconds))


EXAMPLE: Final = (
    b'{"watcher":"late_runs","state":"late","about":"start","pipeline":"nightly-orders","at":"2026-11-22T01:20:00Z",'
    b'"schedule":"0 2 * * *","timezone":"Europe/Berlin","expected_at":"2026-11-22T01:00:00Z","grace_seconds":1200,'
    b'"last_run_at":"2026-11-21T01:00:04Z"}'
)
