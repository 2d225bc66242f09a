"""One run of a workflow, of GitHub, GitHub Enterprise or Gitea."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mappers.contract import Unmapped, parse_time
from mappers.github_actions.request import mapping, number, string


@dataclass(frozen=True)
class Run:
    """A run. What its body does not say is empty or None."""

    id: str
    attempt: int
    number: int | None
    repository: str
    """`owner/name`"""
    path: str
    """The workflow's file; what people rename is its name."""
    workflow: str
    """The workflow's name; its file's where it has none."""
    branch: str
    default_branch: str
    trigger: str
    """`push`, `schedule`, `pull_request`…"""
    status: str
    conclusion: str
    title: str
    """What the run is shown as: a commit's first line, or the workflow's `run-name`."""
    commit: str
    author: str
    actors: tuple[str, ...]
    url: str
    repository_url: str
    created_at: datetime | None
    started_at: datetime | None
    updated_at: datetime | None

    @property
    def is_of_default_branch(self) -> bool:
        return self.branch == self.default_branch if self.default_branch else self.branch in ("main", "master")

    @property
    def is_of_pull_request(self) -> bool:
        """Proposed changes, also those of a fork whose branch is called `main`, or of a merge queue."""
        return self.trigger.startswith("pull_request") or self.trigger == "merge_group"


def read_run(body: Mapping[str, Any]) -> Run:
    """The run a body tells of. Raises `Unmapped` where it names no run or no repository."""
    run, workflow, repository = mapping(body.get("workflow_run")), mapping(body.get("workflow")), mapping(body.get("repository"))
    id_, name = number(run.get("id")), string(repository.get("full_name"))
    if not run or id_ is None or not name:
        raise Unmapped("no `workflow_run` with an id, or no `repository`")
    # Gitea, and GitHub for required workflows, write the ref behind the file: `test.yml@refs/heads/main`.
    path, _, ref = (string(run.get("path"), 300) or string(workflow.get("path"), 300)).partition("@")
    path = path or string(number(run.get("workflow_id"))) or string(run.get("name"))
    called = string(workflow.get("name")) or string(run.get("name")) or path
    commit = mapping(run.get("head_commit"))
    attempt = number(run.get("run_attempt")) or 1
    return Run(
        id=str(id_),
        attempt=min(attempt, 10**6),
        number=number(run.get("run_number")),
        repository=name,
        path=path,
        workflow=called.rpartition("/")[2] if called == path else called,
        branch=string(run.get("head_branch"), 200) or ref.removeprefix("refs/heads/"),
        default_branch=string(repository.get("default_branch"), 200),
        trigger=string(run.get("event")),
        status=string(run.get("status")).lower(),
        conclusion=string(run.get("conclusion")).lower(),
        title=string(run.get("display_title"), 200) or string(str(commit.get("message") or "").partition("\n")[0], 200),
        commit=string(run.get("head_sha"), 64),
        author=string(mapping(commit.get("author")).get("name")),
        actors=tuple(filter(None, (_login(run.get(actor)) for actor in ("actor", "triggering_actor", "trigger_user")))),
        url=string(run.get("html_url"), 1000),
        repository_url=string(repository.get("html_url"), 500),
        created_at=parse_time(run.get("created_at")),
        started_at=parse_time(run.get("run_started_at")) or parse_time(run.get("started_at")),
        updated_at=parse_time(run.get("completed_at")) or parse_time(run.get("updated_at")),
    )


def _login(actor: object) -> str:
    """Who started it, unless that is a bot."""
    login = string(mapping(actor).get("login"))
    return "" if login.endswith("[bot]") else login
