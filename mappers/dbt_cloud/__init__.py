"""dbt platform (dbt Cloud): job webhooks. They name the job and how its run ended, and nothing of its nodes.

https://docs.getdbt.com/docs/deploy/webhooks
What failed inside a run is asked for as a follow-up and arrives as artifacts of kind `dbt_core`.
"""

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
    State,
    Unmapped,
)
from mappers.contract.signature import Scheme
from mappers.dbt_cloud.run import EVENTS, FACTS, Run, read_run, text
from mappers.dbt_cloud.salvage import salvage
from mappers.dbt_cloud.settings import Settings, settings_of


def map_event(inbound: Inbound) -> Mapped:
    """A job's failure, recovery or cancellation, its run signal, and the request for the run's artifacts."""
    run, settings = read_run(_body(inbound)), settings_of(inbound.settings)
    url = settings.page(run.fields["account"], run.fields["project"], run.id)
    draft = _DRAFTS.get(run.phase)
    thread = {**_thread(run, url), "owners": settings.owners_of(run.fields["job_name"], run.fields["job"])}
    return Mapped(
        drafts=(draft(run, thread),) if draft else (),
        signals=(_signal(run, url),),
        follow_ups=_follow_ups(run),
        ignored=None if draft else f"the run is {run.phase}: nothing to tell anyone yet",
    )


def _body(inbound: Inbound) -> dict[str, Any]:
    try:
        body = inbound.json
    except BadBody as error:
        body = salvage(inbound.text)
        if not body:
            raise Unmapped(str(error)) from None
    if not isinstance(body, dict):
        raise Unmapped("the body is no JSON object")
    return body


def _failure(run: Run, thread: dict[str, Any]) -> Draft:
    """The same occurrence for `job.run.errored` and the failing `job.run.completed`: one run, one state."""
    return Draft(
        **thread,
        level=Level.ERROR,
        message=f"Run {run.id} of {run.pipeline} failed" + (f": {run.message}" if run.message else "."),
        excerpt=run.message,
        logs=LogPointer(kind="dbt_cloud", operation="run_logs", ids=run.ids) if run.fields["account"] else None,
    )


def _recovery(run: Run, thread: dict[str, Any]) -> Draft:
    return Draft(**thread, state=State.RESOLVED, level=Level.SUCCESS, message=f"Run {run.id} of {run.pipeline} succeeded.")


def _cancellation(run: Run, thread: dict[str, Any]) -> Draft:
    """A note on a thread of its own: being cancelled neither breaks a job nor mends it."""
    own = {"slug": "dbt-cloud-job-cancelled", "title": f"{run.pipeline} was cancelled"}
    message = run.message or f"Run {run.id} of {run.pipeline} was cancelled."
    return Draft(**{**thread, **own}, state=State.NOTE, level=Level.INFO, message=message)


_DRAFTS: Final = {Phase.FAILED: _failure, Phase.SUCCEEDED: _recovery, Phase.CANCELLED: _cancellation}


def _thread(run: Run, url: str) -> dict[str, Any]:
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
        "facts": {label: run.fields[label] for label in FACTS},
    }


def _signal(run: Run, url: str) -> RunSignal:
    state = run.fields["state"]
    return RunSignal(pipeline=run.pipeline, run=run.id, phase=run.phase, at=run.at, state=state, url=url, started_at=run.started_at)


def _follow_ups(run: Run) -> tuple[FollowUp, ...]:
    """Both events of a failed run ask: `errored` comes before the artifacts exist, and may be all that is subscribed to."""
    if run.phase not in (Phase.FAILED, Phase.SUCCEEDED) or not run.fields["account"]:
        return ()
    return (FollowUp(kind="dbt_core", operation="run_artifacts", ids=run.ids),)


def request_key(inbound: Inbound) -> str | None:
    """`eventId`: the same for all attempts to deliver one event. A run of the API: its id and how it ended."""
    try:
        body = _body(inbound)
        if body.get("tocsin") == "run":
            run = read_run(body)
            return f"run {run.fields['account']} {run.id} {run.phase}"
    except Unmapped:
        return None
    return text(body.get("eventId")) or None


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
    event_types=tuple(EVENTS),
    map=map_event,
    example=Example(body=_EXAMPLE, headers={"Content-Type": "application/json"}),
    request_key=request_key,
    steps=(
        "In dbt: Account settings, Webhooks, Create new webhook.",
        "Events: Run started, Run completed, Run errored. Jobs: those to watch; none means all.",
        "Endpoint: {url}",
        "Save, copy the secret dbt shows (it is shown once) into the source's auth.dbt, and press Test endpoint.",
        "For what failed inside a run: settings.host is the access URL, settings.api_token a service token that may read jobs and runs.",
        "All of that by one command: tocsin connect dbt-cloud",
    ),
    settings=Settings,
)
