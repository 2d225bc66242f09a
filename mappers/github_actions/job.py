"""Jobs. They ring nothing, for their run tells how it ended; the last one that failed is kept to name what broke."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mappers.contract import Inbound, Unmapped
from mappers.github_actions.request import mapping, number, read_body, string
from mappers.github_actions.run import Run

FAILING: Final = frozenset({"failure", "timed_out", "startup_failure"})
_MOST_STEPS: Final = 1000


@dataclass(frozen=True)
class Job:
    """A job that failed, and the first of its steps that did."""

    name: str
    step: str
    url: str


def document_of_job(body: Mapping[str, Any]) -> str:
    """The name under which a failed job is kept; empty where it did not fail."""
    job = mapping(body.get("workflow_job"))
    if body.get("action") != "completed" or string(job.get("conclusion")) not in FAILING:
        return ""
    repository = string(mapping(body.get("repository")).get("full_name"))
    return _document(repository, string(job.get("workflow_name")), string(job.get("head_branch"), 200))


def document_of_run(run: Run) -> str:
    """The name under which the job of this run is kept, if any failed. One per workflow and branch, so that they do not pile up."""
    return _document(run.repository, run.workflow, run.branch)


def _document(repository: str, workflow: str, branch: str) -> str:
    # A workflow without a name is called by its path in the one event, by its file in the other.
    return f"failed job of {repository} {workflow.rpartition('/')[2]} {branch}"[:400]


def failed_job(document: bytes | None, run: Run) -> Job | None:
    """The job in a kept body, where it is of this very run and attempt."""
    if document is None:
        return None
    try:
        body = read_body(Inbound(body=document))
    except Unmapped:
        return None
    job = mapping(body.get("workflow_job"))
    if str(number(job.get("run_id"))) != run.id or (number(job.get("run_attempt")) or 1) != run.attempt:
        return None
    steps = job.get("steps")
    failing = (mapping(step) for step in steps[:_MOST_STEPS]) if isinstance(steps, list) else ()
    step = next((string(step.get("name")) for step in failing if step.get("conclusion") in FAILING), "")
    return Job(string(job.get("name")) or "a job", step, string(job.get("html_url"), 1000))
