"""GitHub Actions: workflow runs that fail and recover, on the branches that matter. Gitea sends the same bodies.

https://docs.github.com/en/webhooks/webhook-events-and-payloads#workflow_run
"""

from fnmatch import fnmatchcase
from typing import Any, Final

from mappers.contract import (
    NO_DOCUMENTS,
    Category,
    Documents,
    Draft,
    Example,
    Inbound,
    Level,
    Mapped,
    Phase,
    RunSignal,
    SourceKind,
    SourceSettings,
    State,
    Unmapped,
    duration,
)
from mappers.contract.signature import Scheme
from mappers.contract.text import one_line
from mappers.github_actions.job import FAILING, Job, document_of_job, document_of_run, failed_job
from mappers.github_actions.request import delivery_of, event_of, mapping, read_body, string
from mappers.github_actions.run import Run, read_run


class Settings(SourceSettings):
    """Which runs are told of. A webhook cannot choose: it sends those of every workflow and branch."""

    branches: tuple[str, ...] = ()
    """Branches (`main`, `release/*`). Empty: the default branch, and what a schedule or a dispatch started anywhere."""
    workflows: tuple[str, ...] = ()
    """Workflows, by name or file (`dbt build`, `dbt-*.yml`). Empty: all."""


_ANYWHERE: Final = frozenset({"schedule", "workflow_dispatch", "repository_dispatch"})
_HOW: Final = {
    "failure": "failed",
    "timed_out": "timed out",
    "startup_failure": "could not start: GitHub cannot run its workflow file as it is",
}
_SILENT: Final = {
    "skipped": "the run was skipped: its conditions were not met",
    "neutral": "the run ended neither well nor badly",
    "stale": "GitHub gave the run up as stale",
}
_PHASES: Final = {
    "success": Phase.SUCCEEDED,
    **dict.fromkeys(_HOW, Phase.FAILED),
    "cancelled": Phase.CANCELLED,
    "stale": Phase.CANCELLED,
}
_BEGINNINGS: Final = {"requested": Phase.SCHEDULED, "in_progress": Phase.RUNNING}
_OTHER_EVENTS: Final = {
    "ping": "the ping of a new webhook",
    "workflow_job": "a job of a workflow: its run tells how it ended, and names the job",
    "check_run": "checks repeat what their workflow run says",
    "check_suite": "checks repeat what their workflow run says",
    **dict.fromkeys(
        (
            *("push", "pull_request", "pull_request_review", "issues", "issue_comment", "create", "delete", "release", "status"),
            *("star", "watch", "fork", "deployment", "deployment_status", "workflow_dispatch", "repository_dispatch", "meta", "repository"),
        ),
        "an event that says nothing of runs",
    ),
}


def _map(inbound: Inbound) -> Mapped:
    body = read_body(inbound)
    event = event_of(inbound, body)
    if event in _OTHER_EVENTS:
        return Mapped(ignored=_OTHER_EVENTS[event])
    if event != "workflow_run":
        raise Unmapped(f"unknown event {event!r}" if event else "no X-GitHub-Event, and no `workflow_run` in the body")
    run, action = read_run(body), string(body.get("action")).lower()
    if reason := _unwanted(run, inbound.settings):
        return Mapped(ignored=reason)
    if action in _BEGINNINGS:
        return Mapped(signals=(_signal(run, _BEGINNINGS[action]),), ignored="the run has not ended: nothing to tell anyone yet")
    if action != "completed":
        raise Unmapped(f"unknown action {action!r}")
    job = failed_job(inbound.documents.get(document_of_run(run)), run)
    return _completed(run, job, string(mapping(body.get("sender")).get("login")))


def _unwanted(run: Run, settings: Any) -> str | None:
    """Why nobody is told of this run, by what it was started for, its branch and its workflow."""
    branches, workflows = getattr(settings, "branches", ()), getattr(settings, "workflows", ())
    if run.is_of_pull_request:
        return "a run of a pull request: its author sees it there"
    if branches and not any(fnmatchcase(run.branch, pattern) for pattern in branches):
        return f"a run on {run.branch or 'no branch'}, which `branches` does not name"
    if not branches and not run.is_of_default_branch and run.trigger not in _ANYWHERE:
        return f"a run on {run.branch or 'no branch'}, which is not the default branch"
    names = (run.workflow, run.path, run.path.rpartition("/")[2])
    if workflows and not any(fnmatchcase(name, pattern) for pattern in workflows for name in names):
        return f"a run of {run.workflow}, which `workflows` does not name"
    return None


def _completed(run: Run, job: Job | None, sender: str) -> Mapped:
    signals = (_signal(run, _PHASES[run.conclusion]),) if run.conclusion in _PHASES else ()
    if run.conclusion in _SILENT:
        return Mapped(signals=signals, ignored=_SILENT[run.conclusion])
    if run.conclusion == "success":
        return Mapped(
            drafts=(_draft(run, State.RESOLVED, Level.SUCCESS, message=f"{_named(run)} succeeded{_after(run)}."),), signals=signals
        )
    if run.conclusion in FAILING:
        return Mapped(drafts=(_failure(run, job),), signals=signals)
    if run.conclusion == "cancelled":
        by = f" by {sender}" if sender else ""
        draft = _note(run, "github-workflow-cancelled", "was cancelled", Level.INFO, f"{_named(run)} was cancelled{by}{_after(run)}.")
        return Mapped(drafts=(draft,), signals=signals)
    if run.conclusion == "action_required":
        draft = _note(
            run, "github-workflow-waiting", "waits for somebody", Level.WARNING, f"{_named(run)} waits until somebody approves it."
        )
        return Mapped(drafts=(draft,))
    raise Unmapped(f"unknown conclusion {run.conclusion!r}" if run.conclusion else "a completed run without a conclusion")


def _failure(run: Run, job: Job | None) -> Draft:
    how = _HOW[run.conclusion]
    message = f"{_named(run)} {how}{_after(run) if ':' not in how else ''}."
    if job:
        step = f' at "{job.step}"' if job.step else ""
        message += f'\n\nJob "{job.name}" failed{step}.'
    draft = _draft(run, State.FIRING, Level.ERROR, message=message)
    if job is None:
        return draft
    more = {"links": {**draft.links, "Open job": job.url}, "facts": {"Failed job": job.name, "Failed step": job.step, **draft.facts}}
    return Draft(**{**dict(draft), **more})


def _note(run: Run, slug: str, what: str, level: Level, message: str) -> Draft:
    """On a thread of its own: it neither breaks a workflow nor mends it."""
    draft = _draft(run, State.NOTE, level, message=message)
    return Draft(**{**dict(draft), "slug": slug, "title": f"{_pipeline(run)} {what}{_where(run)}"})


def _draft(run: Run, state: State, level: Level, message: str) -> Draft:
    """The thread is the workflow's file on a branch. Other branches than the default one may never see another run."""
    return Draft(
        slug="github-workflow-failed",
        event_data={"repository": run.repository, "workflow": run.path, "branch": run.branch},
        category=Category.JOB_FAILURE,
        level=level,
        state=state,
        title=f"{_pipeline(run)} failed{_where(run)}",
        pipeline=_pipeline(run),
        run=run.id,
        attempt=run.attempt,
        occurred_at=run.updated_at,
        message=message,
        links={
            "Open run": _url(run),
            "Open commit": f"{run.repository_url}/commit/{run.commit}" if run.repository_url and run.commit else "",
        },
        facts={
            "Started by": run.trigger.replace("_", " "),
            "Branch": run.branch,
            "Commit": " ".join(filter(None, (run.commit[:7], run.title, f"({run.author})" if run.author else ""))),
            "Attempt": str(run.attempt) if run.attempt > 1 else "",
            "Actor": ", ".join(dict.fromkeys(run.actors)),
        },
        owners=run.actors,
        closes_itself=state is State.FIRING and not run.is_of_default_branch,
    )


def _pipeline(run: Run) -> str:
    return f"{run.repository}: {run.workflow}"


def _where(run: Run) -> str:
    return "" if run.is_of_default_branch or not run.branch else f" on {run.branch}"


def _named(run: Run) -> str:
    return f"Run {run.number}" if run.number is not None else f"Run {run.id}"


def _after(run: Run) -> str:
    if run.started_at is None or run.updated_at is None or run.updated_at < run.started_at:
        return ""
    return f" after {duration(run.updated_at - run.started_at)}"


def _url(run: Run) -> str:
    """The run's page shows its last attempt; the one that failed has an address of its own."""
    return f"{run.url}/attempts/{run.attempt}" if run.url and run.attempt > 1 else run.url


def _signal(run: Run, phase: Phase) -> RunSignal:
    at = {Phase.SCHEDULED: run.created_at, Phase.RUNNING: run.started_at}.get(phase, run.updated_at)
    return RunSignal(
        pipeline=_pipeline(run),
        run=run.id,
        phase=phase,
        at=at,
        attempt=run.attempt,
        state=run.conclusion or run.status,
        name=run.title,
        url=_url(run),
        started_at=run.started_at if phase is not Phase.SCHEDULED else None,
    )


def _documents(inbound: Inbound) -> Documents:
    """A failed job is kept; a failed run asks for it."""
    try:
        body = read_body(inbound)
        event = event_of(inbound, body)
        if event == "workflow_job":
            name = document_of_job(body)
            return Documents(keeps=(name,)) if name else NO_DOCUMENTS
        if event == "workflow_run" and body.get("action") == "completed":
            run = read_run(body)
            return Documents(wants=(document_of_run(run),)) if run.conclusion in FAILING else NO_DOCUMENTS
    except Unmapped:
        pass
    return NO_DOCUMENTS


def _request_key(inbound: Inbound) -> str | None:
    """`X-GitHub-Delivery`; without it, what happened to which attempt of which run."""
    if delivery := delivery_of(inbound):
        return delivery
    try:
        body = read_body(inbound)
        run = read_run(body)
    except Unmapped:
        return None
    return one_line(f"{run.repository} {run.id} {run.attempt} {string(body.get('action'))} {run.conclusion}", 200)


_EXAMPLE: Final = b"""{
  "action": "completed",
  "workflow_run": {
    "id": 30433642,
    "name": "dbt build",
    "path": ".github/workflows/dbt-build.yml",
    "display_title": "Add refunds to orders",
    "run_number": 562,
    "run_attempt": 1,
    "event": "schedule",
    "status": "completed",
    "conclusion": "failure",
    "head_branch": "main",
    "head_sha": "acb5820ced9479c074f688cc328bf03f341a511d",
    "html_url": "https://github.com/octo-org/octo-repo/actions/runs/30433642",
    "created_at": "2026-11-22T02:00:00Z",
    "run_started_at": "2026-11-22T02:00:00Z",
    "updated_at": "2026-11-22T02:12:40Z",
    "actor": {"login": "octocat"}
  },
  "workflow": {"id": 159038, "name": "dbt build", "path": ".github/workflows/dbt-build.yml"},
  "repository": {"full_name": "octo-org/octo-repo", "default_branch": "main", "html_url": "https://github.com/octo-org/octo-repo"},
  "sender": {"login": "octocat"}
}"""

SOURCE: Final = SourceKind(
    kind="github_actions",
    title="GitHub Actions",
    auth=(Scheme.GITHUB, Scheme.TOKEN),
    event_types=("workflow_run", "workflow_job"),
    map=_map,
    request_key=_request_key,
    documents=_documents,
    settings=Settings,
    example=Example(body=_EXAMPLE, headers={"Content-Type": "application/json", "X-GitHub-Event": "workflow_run"}),
    steps=(
        "In the repository, or in the organization for all of its repositories, open Settings, Webhooks, Add webhook.",
        "Payload URL: {url}",
        "Content type: application/json. Secret: {token}",
        "Choose Let me select individual events: tick Workflow runs and Workflow jobs, untick Pushes.",
        "Add webhook. GitHub sends a ping at once: it must show a green tick, and is ignored here.",
    ),
)
