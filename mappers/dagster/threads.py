"""From a run to drafts and its signal. The job is the thread, its steps are the members; asset checks have threads of their own."""

from collections.abc import Iterator
from typing import Any, Final

from mappers.contract import Category, Draft, Level, Mapped, Member, Phase, RunSignal, State
from mappers.contract.draft import safe_link
from mappers.dagster.message import Check, Run, Step

_FAILED: Final = "dagster-job-failed"
_CANCELED: Final = "dagster-run-canceled"
_CHECKS: Final = ("dagster-asset-checks", Category.DBT_TEST_FAILURE, "Asset checks failed")
_LATE: Final = ("dagster-asset-late", Category.LATE_RUN, "Assets are late")
_ASSET_JOB: Final = "__ASSET_JOB"
"""What Dagster calls runs of assets that no job was made for."""
_WHOLE: Final = Member(key="(run)", label="the run")
"""A run that failed in none of its steps; no step can be called so."""


def map_run(run: Run) -> Mapped:
    """What a run's state means. One that will be tried again says nothing yet, neither of its steps nor of its checks."""
    if run.phase is Phase.FAILED and run.will_retry:
        return Mapped(signals=_signals(run, Phase.RETRYING), ignored="the run will be tried again")
    drafts = (*_job(run), *(_checked(check, run) for check in run.checks))
    return Mapped(drafts=drafts, signals=_signals(run, run.phase), ignored=None if drafts else f"the run is {run.state}: nothing to tell")


def _job(run: Run) -> Iterator[Draft]:
    match run.phase:
        case Phase.FAILED:
            failed = [step for step in run.steps if step.failed]
            yield from (_step_failed(step, run) for step in failed)
            if not failed:
                said = run.said or "The run failed."
                yield _draft(run, level=Level.ERROR, member=_WHOLE, message=said, excerpt=run.said)
            yield from _mended(run)
        case Phase.SUCCEEDED if run.is_part or run.job == _ASSET_JOB:
            yield from _mended(run)
            yield _draft(run, level=Level.SUCCESS, state=State.RESOLVED, member=_WHOLE, message="The run succeeded.")
        case Phase.SUCCEEDED:
            yield _draft(run, level=Level.SUCCESS, state=State.RESOLVED, message=f"{_pipeline(run)} succeeded.")
        case Phase.CANCELLED:
            own = {"slug": _CANCELED, "title": f"{_pipeline(run)} was canceled"}
            yield _draft(run, level=Level.INFO, state=State.NOTE, message=run.said or "The run was canceled.", **own)


def _step_failed(step: Step, run: Run) -> Draft:
    return _draft(
        run,
        level=Level.ERROR,
        member=Member(key=step.key, label=step.label),
        message=step.error or f"The step {step.key} failed.",
        facts={"Step": step.key, "Attempts": step.attempts if step.attempts not in ("", "1") else "", **_facts(run)},
        excerpt=step.trace or step.error,
    )


def _mended(run: Run) -> Iterator[Draft]:
    """A run says nothing of the steps it left out."""
    for step in run.steps:
        if step.passed:
            said = f"{step.label} succeeded."
            member = Member(key=step.key, label=step.label)
            yield _draft(run, level=Level.SUCCESS, state=State.RESOLVED, member=member, message=said)


def _draft(run: Run, **more: Any) -> Draft:
    shared: dict[str, Any] = {
        "slug": _FAILED,
        "event_data": {"location": run.location, "job": run.job},
        "category": Category.JOB_FAILURE,
        "title": f"{_pipeline(run)} failed",
        "facts": _facts(run),
    }
    return Draft(**{**_common(run), **shared, **more})


def _checked(check: Check, run: Run) -> Draft:
    """A check is the asset's, whichever job made the asset: what failed in one is mended by another."""
    slug, category, title = _LATE if check.is_freshness else _CHECKS
    failing = Level.WARNING if check.warns else Level.ERROR
    name = f"{check.asset}: {check.name}"
    return Draft(
        **_common(run),
        slug=slug,
        event_data={"location": run.location},
        category=category,
        title=f"{title} in {run.location}" if run.location else title,
        level=Level.SUCCESS if check.passed else failing,
        state=State.RESOLVED if check.passed else State.FIRING,
        member=Member(key=f"{check.asset}/{check.name}", label=name),
        message=f"{name} passed." if check.passed else check.description or f"{name} failed.",
        facts={"Asset": check.asset, "Check": check.name, **_facts(run)},
        excerpt="" if check.passed else check.description,
    )


def _common(run: Run) -> dict[str, Any]:
    return {
        "pipeline": _pipeline(run),
        "run": run.id or None,
        "occurred_at": run.at,
        "links": {"Open run": run.url},
        "owners": run.owners,
        "tags": run.tags,
    }


def _facts(run: Run) -> dict[str, str]:
    return {
        "Run": run.id,
        "Code location": run.location,
        "Partition": run.partition,
        "Schedule": run.schedule,
        "Retry": run.retry if run.retry != "0" else "",
    }


def _pipeline(run: Run) -> str:
    if run.job != _ASSET_JOB:
        return run.job
    return f"Assets of {run.location}" if run.location else "Assets"


def _signals(run: Run, phase: Phase) -> tuple[RunSignal, ...]:
    if not run.id:
        return ()
    url = run.url if safe_link(run.url) else ""
    return (RunSignal(pipeline=_pipeline(run), run=run.id, phase=phase, at=run.at, state=run.state, url=url),)
