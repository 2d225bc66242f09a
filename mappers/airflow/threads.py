"""From a message to drafts and the DAG run's signal. The DAG is the thread, its tasks are the members."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from mappers.airflow.message import Message
from mappers.contract import Category, Draft, Level, Mapped, Member, Phase, RunSignal, State, duration
from mappers.contract.draft import safe_link

_FAILED: Final = ("airflow-dag-failed", Category.JOB_FAILURE, "{} failed")
_LATE: Final = ("airflow-dag-late", Category.LATE_RUN, "{} is late")
_OWNER: Final = "owner:"
_WHOLE: Final = Member(key="(dag run)", label="DAG run")
"""A DAG run that failed and told of no failed task; no task can be called so."""
_REASONS: Final = {
    "task_failure": "A task of the DAG run failed.",
    "timed_out": "The DAG run took longer than its dagrun_timeout.",
    "all_tasks_deadlocked": "The DAG run is deadlocked: none of its tasks can start.",
}
_SILENT: Final = {
    Phase.RUNNING: "it runs",
    Phase.SCHEDULED: "it waits to run",
    Phase.RETRYING: "the task will be tried again",
    Phase.CANCELLED: "it was skipped or removed, which is no failure",
}


def map_message(message: Message, before: Message | None) -> Mapped:
    """What a message means; `before` is the last failure of a task in this DAG, where one was told."""
    signals = tuple(_signals(message))
    if message.phase is Phase.FAILED and not message.task and before and message.run and before.run == message.run:
        return Mapped(signals=signals, ignored="the failed task of this run was told already")
    drafts = tuple(_drafts(message))
    return Mapped(drafts=drafts, signals=signals, ignored=None if drafts else _SILENT.get(message.phase, "nothing to tell"))


def _drafts(message: Message) -> Iterator[Draft]:
    match message.phase:
        case Phase.FAILED:
            yield _failure(message)
        case Phase.SUCCEEDED:
            said = f"{message.part or message.dag} succeeded."
            yield _draft(_FAILED, message, level=Level.SUCCESS, state=State.RESOLVED, member=_part(message), message=said)
        case Phase.LATE:
            yield from _lateness(message)
    if not message.task and message.phase in (Phase.SUCCEEDED, Phase.FAILED) and (message.run or message.logical_date):
        ended = f"The DAG run {'succeeded' if message.phase is Phase.SUCCEEDED else 'failed'}."
        yield _draft(
            _LATE, message, level=Level.SUCCESS, state=State.RESOLVED, member=_late(message.logical_date, message.run), message=ended
        )


def _failure(message: Message) -> Draft:
    said = message.error or _REASONS.get(message.reason, message.reason)
    trace = message.trace or message.error
    return _draft(
        _FAILED, message,
        level=Level.ERROR,
        member=_part(message) or _WHOLE,
        message=said or f"{message.part or 'The DAG run'} failed.",
        facts=_facts(message),
        excerpt=trace,
        impact=message.downstream,
    )  # fmt: skip


def _lateness(message: Message) -> Iterator[Draft]:
    """The run is the member. Airflow does not tell when a late run has ended unless its DAG has a success callback."""
    late: dict[str, Any] = {"level": Level.WARNING, "closes_itself": True}
    if message.missed:
        for logical_date in dict.fromkeys(at for _, at in message.missed):
            tasks = [task for task, at in message.missed if at == logical_date]
            said = f"Missed {'its SLA' if len(tasks) == 1 else 'their SLAs'}: {', '.join(tasks[:20])}."
            yield _draft(_LATE, message, member=_late(logical_date, message.run), message=said, **late)
        return
    said = f"Not finished by its deadline, {_clock(message.deadline)}." if message.deadline else f"{message.part or message.dag} is late."
    if message.deadline and message.at and message.at > message.deadline:
        late["facts"] = {"Deadline": _clock(message.deadline), "Delay": duration(message.at - message.deadline), **_facts(message)}
    yield _draft(_LATE, message, member=_late(message.logical_date, message.run), message=said, **late)


def _draft(topic: tuple[str, Category, str], about: Message, **more: Any) -> Draft:
    slug, category, title = topic
    state = more.get("state", State.FIRING)
    return Draft(
        slug=slug,
        event_data={"dag": about.dag},
        category=category,
        title=title.format(about.dag),
        pipeline=about.dag,
        run=about.run or None,
        attempt=about.clear_number + 1 if about.clear_number and about.clear_number > 0 else None,
        occurrence=_occurrence(about, state, category),
        occurred_at=about.at,
        links={"Open log": about.log_url, "Open DAG run": about.dag_url},
        owners=_owners(about),
        tags=tuple(tag for tag in about.tags if not tag.startswith(_OWNER)),
        **{"facts": _facts(about), **more},
    )


def _occurrence(message: Message, state: State, category: Category) -> str | None:
    """All that fails in one run is one happening, but each recovery is one of its own: merged they would be as early as the first."""
    if state is State.FIRING and (message.run or category is Category.LATE_RUN):
        uncounted = message.clear_number is None and message.task and message.try_number  # then a cleared task tells by its try
        return f"{message.run} try {message.try_number}" if uncounted else None
    run = message.run or (message.logical_date.isoformat() if message.logical_date else "")
    if not run and message.at is None:
        return None
    return " ".join(
        filter(None, (run or str(message.at), message.part, str(message.try_number or ""), str(message.clear_number or ""), state))
    )


def _part(message: Message) -> Member | None:
    return Member(key=message.part, label=message.part) if message.task else None


def _late(logical_date: datetime | None, run: str) -> Member:
    """An SLA knows the run's logical date alone, and runs without one have an id."""
    named = logical_date.isoformat() if logical_date else run or "(a run)"
    return Member(key=named, label=_clock(logical_date) if logical_date else named)


def _owners(message: Message) -> tuple[str, ...]:
    """Airflow's default owner `airflow` is nobody."""
    by_tag = [tag.removeprefix(_OWNER) for tag in message.tags if tag.startswith(_OWNER)]
    return tuple([owner for owner in message.owners if owner != "airflow"] + by_tag)


def _facts(message: Message) -> dict[str, str]:
    tried, most = message.try_number, message.max_tries
    of = f"{tried} of {max(most + 1, tried)}" if tried and most else str(tried) if tried and tried > 1 else ""
    return {
        "DAG run": message.run,
        "Logical date": _clock(message.logical_date) if message.logical_date else "",
        "Try": of if message.phase is not Phase.SUCCEEDED else "",
        "Operator": message.operator.removeprefix("_"),
    }


def _signals(message: Message) -> Iterator[RunSignal]:
    """A task that will be tried again moves its run on too; how a task ended says nothing of the run."""
    if not message.run or (message.task and message.phase is not Phase.RETRYING):
        return
    yield RunSignal(
        pipeline=message.dag,
        run=message.run,
        phase=message.phase,
        at=message.at,
        attempt=message.clear_number + 1 if message.clear_number and message.clear_number > 0 else None,
        state=message.state,
        url=message.dag_url if safe_link(message.dag_url) else "",
        started_at=None if message.task else message.started_at,
    )


def _clock(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else ""
