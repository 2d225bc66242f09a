"""One run of a job, whichever body told of it.

Four are known: the webhook's current body, the beta's (no status code, no project id), the legacy v0 (ids only), and a run
as the Admin API gives it, `{"tocsin": "run", "run": {…}}`, which enters where no webhook came.
https://docs.getdbt.com/docs/deploy/webhooks · https://docs.getdbt.com/dbt-cloud/api-v2
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from mappers.contract import Phase, Unmapped, parse_time
from mappers.contract.text import one_line

_FIELDS: Final = {
    "account": ("accountId", "account_id"),
    "project": ("projectId", "project_id"),
    "job": ("jobId", "job_definition_id", "job_id"),
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

_API_FIELDS: Final = {
    "account": ("account_id",),
    "project": ("project_id",),
    "job": ("job_definition_id", "job_id"),
    "run": ("id",),
    "code": ("status",),
    "state": ("status_humanized",),
    "dbt version": ("dbt_version",),
}
_API_RELATED: Final = {
    "job_name": ("job", "name"),
    "Project": ("project", "name"),
    "Environment": ("environment", "name"),
    "Reason": ("trigger", "cause"),
}
"""The same in the API's run; what is related is there where it was asked for."""

FACTS: Final = ("Project", "Environment", "Reason", "dbt version")
_NOTHING: Final = frozenset({"", "none", "null"})
"""dbt writes the *string* None where there is nothing."""

_STATUSES: Final = (
    ("1", "queued", Phase.SCHEDULED),
    ("2", "starting", Phase.SCHEDULED),
    ("3", "running", Phase.RUNNING),
    ("10", "success", Phase.SUCCEEDED),
    ("20", "errored", Phase.FAILED),
    ("20", "error", Phase.FAILED),
    ("20", "failed", Phase.FAILED),
    ("30", "cancelled", Phase.CANCELLED),
    ("30", "canceled", Phase.CANCELLED),
)
"""A run's status by code and word. The beta has no code. https://docs.getdbt.com/dbt-cloud/api-v2"""

_PHASES: Final = {key: phase for code, word, phase in _STATUSES for key in (code, word)}
EVENTS: Final = {"job.run.started": Phase.RUNNING, "job.run.errored": Phase.FAILED, "job.run.completed": None}
"""What an event means whatever its status says. A completed run has failed or succeeded: only the status tells."""


@dataclass(frozen=True)
class Run:
    """What one body says of one run."""

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


def read_run(body: Mapping[str, Any]) -> Run:
    """Finds the dialect: `run` is the API's, `data` is the current body or the beta's, `payload` is v0's. Raises `Unmapped`."""
    if body.get("tocsin") == "run" and isinstance(body.get("run"), dict):
        return _of_the_api(body["run"])
    inner = next((body[key] for key in ("data", "payload") if isinstance(body.get(key), dict)), None)
    if inner is None:
        raise Unmapped("neither a `data` nor a `payload` object: not a webhook of the dbt platform")
    said = {**body, **inner}
    fields = _fields(said, _FIELDS)
    started = parse_time(said.get("runStartedAt"))
    ended = parse_time(said.get("runErroredAt")) or parse_time(said.get("runFinishedAt"))
    return _run(fields, said.get("runStatusMessage"), started, ended, parse_time(said.get("timestamp")))


def _of_the_api(said: Mapping[str, Any]) -> Run:
    """Its times have microseconds where the webhook's have seconds: cut, so that both say the same."""
    related = {key: text(_table(said.get(name)).get(field)) for key, (name, field) in _API_RELATED.items()}
    fields = {**dict.fromkeys(_FIELDS, ""), **related, **_fields(said, _API_FIELDS)}
    fields["state"] = "Errored" if fields["state"] == "Error" else fields["state"]  # as the webhook calls it
    started, ended = _seconds(parse_time(said.get("started_at"))), _seconds(parse_time(said.get("finished_at")))
    return _run(fields, said.get("status_message"), started, ended, _seconds(parse_time(said.get("updated_at"))))


def _run(fields: Mapping[str, str], message: object, started: datetime | None, ended: datetime | None, told: datetime | None) -> Run:
    if not fields["job"] or not fields["run"]:
        raise Unmapped("no job id or no run id")
    phase = _phase(fields)
    return Run(fields, _message(message), phase, (started if phase is Phase.RUNNING else ended) or told, started)


def _phase(fields: Mapping[str, str]) -> Phase:
    event, status = fields["event"], fields["code"] or fields["state"].lower()
    if event and event not in EVENTS:
        raise Unmapped(f"unknown event type {event!r}")
    phase = EVENTS.get(event) or _PHASES.get(status) or _PHASES.get(fields["state"].lower())
    if phase is None:
        raise Unmapped(f"unknown run status {status!r}" if status else "no run status")
    return phase


def _fields(said: Mapping[str, Any], names: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {field: next(filter(None, (text(said.get(name)) for name in known)), "") for field, known in names.items()}


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _seconds(moment: datetime | None) -> datetime | None:
    return moment.replace(microsecond=0) if moment else None


def text(value: object) -> str:
    """A short text or an id. Ids come as numbers or strings; nothing comes as the string `None`."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    try:
        said = one_line(str(value)[:2000], 150)
    except ValueError:  # an integer of thousands of digits
        return ""
    return "" if said.lower() in _NOTHING else said


def _message(value: object) -> str:
    return value if isinstance(value, str) and value.strip().lower() not in _NOTHING else ""
