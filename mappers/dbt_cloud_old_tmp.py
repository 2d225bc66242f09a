"""dbt platform (dbt Cloud): job webhooks. They name the job and how its run ended, and nothing of its nodes.

https://docs.getdbt.com/docs/deploy/webhooks
Three bodies are known: the current one, the beta's (no status code, no project id) and the legacy v0 (ids only).
What failed inside a run is asked for as a follow-up and arrives as artifacts of kind `dbt_core`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from mappers.contract import (
    BadBody,
    Category,
    Draft,
    Example,
    FollowUp,
    Inbound,
    Level,
    LogPointer,
    Mapped,
    Phase,
    RunSignal,
    SourceKind,
    SourceSettings,
    State,
    Unmapped,
    parse_time,
)
from mappers.contract.signature import Scheme
from mappers.contract.text import one_line


class Settings(SourceSettings):
    """What the webhook leaves out."""

    host: str | None = None
    """The account's access URL, `https://ab123.us1.dbt.com`: it differs per account and is in no body. Unset: no links."""


_FIELDS: Final = {
    "account": ("accountId", "account_id"),
    "project": ("projectId", "project_id"),
    "job": ("jobId", "job_definition_id"),
    "run": ("runId", "run_id"),
    "event": ("eventType",),
    "code": ("runStatusCode", "status_code"),
    "state": ("runStatus", "status"),
    "job_name": ("jobName",),
    "Project": ("projectName",),
    "Environment": ("environmentName",),
    "Reason": ("runReason",),
    "dbt version": ("dbtVersion",),
}
"""What is read, by the name the current body and the beta give it, and by v0's."""

_FACTS: Final = ("Project", "Environment", "Reason", "dbt version")
_NOTHING: Final = frozenset({"", "none", "null"})
"""dbt writes the *string* None where there is nothing."""

_STATUSES: Final = (
    ("1", "queued", Phase.SCHEDULED),
    ("2", "starting", Phase.SCHEDULED),
    ("3", "running", Phase.RUNNING),
    ("10", "success", Phase.SUCCEEDED),
    ("20", "errored", Phase.FAILED),
    ("20", "error", Phase.FAILED),
    ("30", "cancelled", Phase.CANCELLED),
)
"""A run's status by code and word. The beta has no code. https://docs.getdbt.com/dbt-cloud/api-v2"""

_PHASES: Final = {key: phase for code, word, phase in _STATUSES for key in (code, word)}
_EVENTS: Final = {"job.run.started": Phase.RUNNING, "job.run.errored": Phase.FAILED, "job.run.completed": None}
"""What an event means whatever its status says. A completed run has failed or succeeded: only the status tells."""


@dataclass(frozen=True)
class _Run:
    """One run of a job, whichever body told of it."""

    fields: Mapping[str, str]
    message: str
    phase: Phase
    at: datetime | None
    started_at: datetime | None

    @property
    def id(self) -> str:
        return self.fields["run"]

    @property
    def pipeline(self) -> str:
        return self.fields["job_name"] or f"dbt job {self.fields['job']}"

    @property
    def ids(self) -> dict[str, str]:
        """What the API needs to find this run; the same for every event of it."""
        return {key: self.fields[key] for key in ("account", "project", "job", "run") if self.fields[key]}


def map_event(inbound: Inbound) -> Mapped:
    """A job's failure, recovery or cancellation, its run signal, and the request for the run's artifacts."""
    run = _read(_body(inbound))
    url = _url(inbound, run)
    draft = _DRAFTS.get(run.phase)
    return Mapped(
        drafts=(draft(run, url),) if draft else (),
        signals=(_signal(run, url),),
        follow_ups=_follow_ups(run),
        ignored=None if draft else f"the run is {run.phase}: nothing to tell anyone yet",
    )


def _body(inbound: Inbound) -> dict[str, Any]:
    try:
        body = inbound.json
    except BadBody as error:
        raise Unmapped(str(error)) from None
    if not isinstance(body, dict):
        raise Unmapped("the body is no JSON object")
    return body


def _read(body: dict[str, Any]) -> _Run:
    """Finds the dialect: `data` is the current body or the beta's, `payload` is v0's. Raises `Unmapped`."""
    inner = next((body[key] for key in ("data", "payload") if isinstance(body.get(key), dict)), None)
    if inner is None:
        raise Unmapped("neither a `data` nor a `payload` object: not a webhook of the dbt platform")
    said = {**body, **inner}
    fields = {field: next(filter(None, (_text(said.get(name)) for name in names)), "") for field, names in _FIELDS.items()}
    if not fields["job"] or not fields["run"]:
        raise Unmapped("no job id or no run id")
    started = parse_time(said.get("runStartedAt"))
    ended = parse_time(said.get("runErroredAt")) or parse_time(said.get("runFinishedAt"))
    phase = _phase(fields)
    at = (started if phase is Phase.RUNNING else ended) or parse_time(said.get("timestamp"))
    return _Run(fields, _message(said.get("runStatusMessage")), phase, at, started)


def _phase(fields: Mapping[str, str]) -> Phase:
    event, status = fields["event"], fields["code"] or fields["state"].lower()
    if event and event not in _EVENTS:
        raise Unmapped(f"unknown event type {event!r}")
    phase = _EVENTS.get(event) or _PHASES.get(status) or _PHASES.get(fields["state"].lower())
    if phase is None:
        raise Unmapped(f"unknown run status {status!r}" if status else "no run status")
    return phase


def _failure(run: _Run, url: str) -> Draft:
    """The same occurrence for `job.run.errored` and the failing `job.run.completed`: one run, one state."""
    return Draft(
        **_thread(run, url),
        level=Level.ERROR,
        message=run.message or f"Run {run.id} of {run.pipeline} failed.",
        excerpt=run.message,
        logs=LogPointer(kind="dbt_cloud", operation="run_logs", ids=run.ids) if run.fields["account"] else None,
    )


def _recovery(run: _Run, url: str) -> Draft:
    return Draft(**_thread(run, url), state=State.RESOLVED, level=Level.SUCCESS, message=f"Run {run.id} of {run.pipeline} succeeded.")


def _cancellation(run: _Run, url: str) -> Draft:
    """A note on a thread of its own: being cancelled neither breaks a job nor mends it."""
    own = {"slug": "dbt-cloud-job-cancelled", "title": f"{run.pipeline} was cancelled"}
    message = run.message or f"Run {run.id} of {run.pipeline} was cancelled."
    return Draft(**{**_thread(run, url), **own}, state=State.NOTE, level=Level.INFO, message=message)


_DRAFTS: Final = {Phase.FAILED: _failure, Phase.SUCCEEDED: _recovery, Phase.CANCELLED: _cancellation}


def _thread(run: _Run, url: str) -> dict[str, Any]:
    """What every draft of a job shares. The identity is the job's id: its name can change, and v0 does not tell it."""
    return {
        "slug": "dbt-cloud-job-failed",
        "event_data": {"account": run.fields["account"], "job": run.fields["job"]},
        "category": Category.JOB_FAILURE,
        "title": f"{run.pipeline} failed",
        "pipeline": run.pipeline,
        "run": run.id,
        "occurred_at": run.at,
        "links": {"Open run": url},
        "facts": {**{label: run.fields[label] for label in _FACTS}, "Duration": _duration(run)},
    }


def _duration(run: _Run) -> str:
    if run.at is None or run.started_at is None or run.at < run.started_at:
        return ""
    return str(run.at - run.started_at).split(".")[0]


def _signal(run: _Run, url: str) -> RunSignal:
    state = run.fields["state"]
    return RunSignal(pipeline=run.pipeline, run=run.id, phase=run.phase, at=run.at, state=state, url=url, started_at=run.started_at)


def _follow_ups(run: _Run) -> tuple[FollowUp, ...]:
    """Both events of a failed run ask: `errored` comes before the artifacts exist, and may be all that is subscribed to."""
    if run.phase not in (Phase.FAILED, Phase.SUCCEEDED) or not run.fields["account"]:
        return ()
    return (FollowUp(kind="dbt_core", operation="run_artifacts", ids=run.ids),)


def _url(inbound: Inbound, run: _Run) -> str:
    """The run's page, where the account's host is configured and the body says which project it is of."""
    host = (getattr(inbound.settings, "host", None) or "").rstrip("/")
    account, project = run.fields["account"], run.fields["project"]
    if not host or not all(known.isalnum() for known in (account, project, run.id)):
        return ""
    return f"{host if '://' in host else f'https://{host}'}/deploy/{account}/projects/{project}/runs/{run.id}"


def _text(value: object) -> str:
    """Ids come as numbers or strings; nothing comes as the string `None`."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    said = one_line(str(value)[:2000], 150)
    return "" if said.lower() in _NOTHING else said


def _message(value: object) -> str:
    return value if isinstance(value, str) and value.strip().lower() not in _NOTHING else ""


def request_key(inbound: Inbound) -> str | None:
    """`eventId`: the same for all attempts to deliver one event."""
    try:
        body = _body(inbound)
    except Unmapped:
        return None
    return _text(body.get("eventId")) or None


_EXAMPLE: Final = b"""{
  "accountId": 1,
  "eventId": "wev_2LkSAiWzKkSA59oilyd7FDeacXD",
  "timestamp": "2025-10-05T19:16:11.818389474Z",
  "eventType": "job.run.completed",
  "data": {
    "jobId": "123",
    "jobName": "Daily Job (dbt build)",
    "runId": "12345",
    "environmentName": "Production",
    "projectId": "167194",
    "runStatus": "Errored",
    "runStatusCode": 20,
    "runStatusMessage": "dbt command failed",
    "runStartedAt": "2025-10-05T19:15:56Z",
    "runFinishedAt": "2025-10-05T19:16:06Z"
  }
}"""

SOURCE: Final = SourceKind(
    kind="dbt_cloud",
    title="dbt platform",
    auth=(Scheme.DBT,),
    event_types=tuple(_EVENTS),
    map=map_event,
    example=Example(body=_EXAMPLE, headers={"Content-Type": "application/json"}),
    request_key=request_key,
    settings=Settings,
)
