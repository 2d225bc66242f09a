"""What the watcher of late runs writes: a run that is late, one that does not end, and that it is well again."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from mappers.contract import Category, Draft, Level, Mapped, State, duration
from mappers.tocsin.document import Document, Moment, checked, local

Seconds = Annotated[int, Field(ge=0, le=10**9)]


class LateRun(Document):
    """One thing that became of an expectation."""

    state: Literal["late", "missing", "arrived", "overrun", "ended", "unwatched"]
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
    ran_at: Moment | None = None
    """When it came, or ended, after all; before `at` where the word of it came late."""
    unheard_from: Moment | None = None
    """With the next: a time around then at which the gateway did not work, and may have missed the word of it."""
    unheard_until: Moment | None = None
    missed: Annotated[int, Field(ge=0, le=10**9)] = 0
    """Expected runs that never came, once one did again."""
    run: str | None = None
    url: str = ""
    started_at: Moment | None = None
    reason: str = ""
    """Why nobody waits for it any more."""


_STATES: Final = {"late": State.FIRING, "missing": State.FIRING, "overrun": State.FIRING}
_LEVELS: Final = {"late": Level.WARNING, "overrun": Level.WARNING, "missing": Level.ERROR}


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
        case "overrun":
            return f"{said.pipeline} does not end"
        case "arrived":
            return f"{said.pipeline} ran, {_delay(said)} late" if _was_late(said) else f"{said.pipeline} ran in time"
        case "ended":
            return f"{said.pipeline} ended, {_delay(said)} late"
        case _:
            return f"{said.pipeline} is not waited for"


def _message(said: LateRun) -> str:
    expected = local(said.expected_at, said.timezone)
    match said.state:
        case "late":
            grace = f"within the {_span(said.grace_seconds)} of grace" if said.grace_seconds else "by then"
            return f"Expected at {expected}; nothing came {grace}.{_unheard(said)}"
        case "missing":
            return f"Expected at {expected}; nothing came, and nothing when it was due again either.{_unheard(said)}"
        case "overrun":
            begun = f"Started at {local(said.started_at, said.timezone)}. " if said.started_at else ""
            return f"{begun}It was to end by {expected} and has not."
        case "arrived" if not _was_late(said):
            return f"Expected at {expected}, it ran at {local(_ran(said), said.timezone)}: in time. The word of it came late."
        case "arrived":
            count = f"{said.missed} expected {'runs' if said.missed > 1 else 'run'} never came."
            ran = f"Expected at {expected}, it ran at {local(_ran(said), said.timezone)}: {_delay(said)} late."
            return f"{ran} {count}" if said.missed else ran
        case "ended":
            return f"It was to end by {expected} and ended {_delay(said)} later."
        case _:
            return said.reason


def _unheard(said: LateRun) -> str:
    if said.unheard_from is None or said.unheard_until is None:
        return ""
    begin, end = local(said.unheard_from, said.timezone), local(said.unheard_until, said.timezone)
    return f" Tocsin itself did not work from {begin} to {end}: it may have run, and the word of it been lost."


def _ran(said: LateRun) -> datetime:
    return said.ran_at or said.at


def _was_late(said: LateRun) -> bool:
    return _ran(said) - said.expected_at > timedelta(seconds=said.grace_seconds)


def _facts(said: LateRun) -> dict[str, str]:
    return {
        "Schedule": f"{said.schedule} ({said.timezone})" if said.schedule else "",
        "Expected": local(said.expected_at, said.timezone),
        "Last run": local(said.last_run_at, said.timezone) if said.last_run_at else "never seen" if said.about == "start" else "",
    }


def _delay(said: LateRun) -> str:
    return duration(_ran(said) - said.expected_at)


def _span(seconds: int) -> str:
    return duration(timedelta(seconds=seconds))


EXAMPLE: Final = (
    b'{"watcher":"late_runs","state":"late","about":"start","pipeline":"nightly-orders","at":"2026-11-22T01:20:00Z",'
    b'"schedule":"0 2 * * *","timezone":"Europe/Berlin","expected_at":"2026-11-22T01:00:00Z","grace_seconds":1200,'
    b'"last_run_at":"2026-11-21T01:00:04Z"}'
)
