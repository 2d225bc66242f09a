"""EventBridge events of things that run: where each service writes the name, the run and how it ended.

https://docs.aws.amazon.com/eventbridge/latest/ref/welcome.html
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from mappers.aws_sns.envelope import console, mapping, said, string
from mappers.contract import Category, Draft, Level, Mapped, Phase, RunSignal, State, parse_time
from mappers.contract.text import one_line


@dataclass(frozen=True)
class Shape:
    """Which fields of `detail` say what; of several the first that is there. A dot leads into an object."""

    noun: str
    name: tuple[str, ...]
    run: tuple[str, ...]
    state: tuple[str, ...] = ("state",)
    text: tuple[str, ...] = ("message",)
    page: str = ""
    """Path of the run's page in the console: `{name}`, `{run}` and `{region}` are filled in."""
    started: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()
    logs: tuple[str, ...] = ()


SHAPES: Final[Mapping[str, Shape]] = {
    "Glue Job State Change": Shape("Glue job", ("jobName",), ("jobRunId",), page="/gluestudio/home?region={region}#/job/{name}/run/{run}"),
    "Glue Crawler State Change": Shape("Glue crawler", ("crawlerName",), (), text=("errorMessage", "message")),
    "Step Functions Execution Status Change": Shape(
        "State machine", ("stateMachineArn",), ("executionArn",), ("status",), ("cause", "error"),
        "/states/home?region={region}#/v2/executions/details/{run}", ("startDate",), ("stopDate",),
    ),
    "Batch Job State Change": Shape(
        "Batch job", ("jobName",), ("jobId",), ("status",), ("statusReason", "container.reason"),
        "/batch/home?region={region}#jobs/detail/{run}", ("startedAt",), ("stoppedAt",), ("container.logStreamName",),
    ),
    "EMR Cluster State Change": Shape(
        "EMR cluster", ("name", "clusterId"), ("clusterId",), text=("message",), page="/emr/home?region={region}#/clusterDetails/{run}"
    ),
    "EMR Step Status Change": Shape(
        "EMR step", ("name", "stepId"), ("stepId",), page="/emr/home?region={region}#/clusterDetails/{clusterId}"
    ),
    "EMR Serverless Job Run State Change": Shape(
        "EMR Serverless job", ("jobRunName", "applicationId"), ("jobRunId",), text=("stateDetails",)
    ),
    "EMR Containers Job Run State Change": Shape("EMR job", ("name", "virtualClusterId"), ("id",), text=("stateDetails", "failureReason")),
    "SageMaker Training Job State Change": Shape(
        "SageMaker training job", ("TrainingJobName",), ("TrainingJobArn",), ("TrainingJobStatus",), ("FailureReason",),
        "/sagemaker/home?region={region}#/jobs/{name}",
    ),
    "SageMaker Processing Job State Change": Shape(
        "SageMaker processing job", ("ProcessingJobName",), ("ProcessingJobArn",), ("ProcessingJobStatus",),
        ("FailureReason", "ExitMessage"),
    ),
    "SageMaker Transform Job State Change": Shape(
        "SageMaker transform job", ("TransformJobName",), ("TransformJobArn",), ("TransformJobStatus",), ("FailureReason",),
    ),
    "SageMaker Model Building Pipeline Execution Status Change": Shape(
        "SageMaker pipeline", ("pipelineArn",), ("pipelineExecutionArn",), ("currentPipelineExecutionStatus",), ("failureReason",),
    ),
    "CodePipeline Pipeline Execution State Change": Shape(
        "Pipeline", ("pipeline",), ("execution-id",),
        page="/codesuite/codepipeline/pipelines/{name}/executions/{run}/timeline?region={region}",
    ),
    "CodeBuild Build State Change": Shape(
        "Build", ("project-name",), ("build-id",), ("build-status",), ("completed-phase-context",), "", (), (),
        ("additional-information.logs.deep-link",),
    ),
    "DataBrew Job State Change": Shape("DataBrew job", ("jobName",), ("jobRunId",)),
    "AppFlow End Flow Run Report": Shape("AppFlow flow", ("flow-name",), ("execution-id",), ("status",), ("error-message", "errorMessage")),
    "Redshift Data Statement Status Change": Shape(
        "Redshift statement", ("statementName",), ("statementId",), text=("error", "errorMessage")
    ),
    "Backup Job State Change": Shape("Backup", ("resourceArn", "backupVaultName"), ("backupJobId",), text=("statusMessage",)),
    "Backup Copy Job State Change": Shape("Backup copy", ("sourceBackupVaultArn",), ("copyJobId",), text=("statusMessage",)),
    "DMS Replication Task State Change": Shape("Replication task", (), (), ("eventType",), ("detailMessage",)),
    "DataSync Task Execution State Change": Shape("DataSync task", (), (), ("State",), ("ErrorDetail",)),
    "MediaConvert Job State Change": Shape("MediaConvert job", ("queue",), ("jobId",), ("status",), ("errorMessage",)),
}  # fmt: skip

_FAILED: Final = ["FAILED", "FAILURE", "ERROR", "ERRORED", "TIMEOUT", "TIMED_OUT", "TERMINATED_WITH_ERRORS", "EXPIRED", "FAULT"]
_SUCCEEDED: Final = [
    "SUCCEEDED", "SUCCESS", "COMPLETED", "FINISHED", "DONE", "TERMINATED", "WAITING", "READY", "EXECUTION_SUCCESSFUL",
    "COMPLETE",
]  # fmt: skip
_STOPPED: Final = ["STOPPED", "ABORTED", "CANCELLED", "CANCELED", "SUPERSEDED"]
_RUNNING: Final = [
    "STARTED",
    "STARTING",
    "RUNNING",
    "IN_PROGRESS",
    "EXECUTING",
    "RESUMED",
    "BOOTSTRAPPING",
    "LAUNCHING",
    "TRANSFERRING",
    "VERIFYING",
    "PREPARING",
    "INPROGRESS",
]  # fmt: skip
_SCHEDULED: Final = ["SUBMITTED", "PENDING", "RUNNABLE", "SCHEDULED", "CREATED", "QUEUED", "PENDING_REDRIVE"]
PHASES: Final[Mapping[str, Phase]] = {
    **dict.fromkeys(_FAILED, Phase.FAILED),
    **dict.fromkeys((*_SUCCEEDED, "EXECUTION SUCCESSFUL"), Phase.SUCCEEDED),
    **dict.fromkeys(_STOPPED, Phase.CANCELLED),
    **dict.fromkeys((*_RUNNING, "STOPPING", "TERMINATING", "CANCELLING"), Phase.RUNNING),
    **dict.fromkeys(_SCHEDULED, Phase.SCHEDULED),
    "EXECUTION FAILED": Phase.FAILED,
    "REPLICATION_TASK_FAILED": Phase.FAILED,
    "REPLICATION_TASK_STARTED": Phase.SUCCEEDED,  # it replicates again; it never ends by itself
    "REPLICATION_TASK_STOPPED": Phase.CANCELLED,
    "REPLICATION_TASK_CREATED": Phase.SCHEDULED,
}
_ATTEMPT: Final = re.compile(r"(jr_[0-9a-f]{64})_attempt_([0-9]{1,4})")
_DATED: Final = re.compile(r"[-_]20[0-9]{2}-?[01][0-9]-?[0-3][0-9][-_T0-9]{0,20}Z?$")
_GLUE_DELAYED: Final = "Glue Job Run Status"


def map_run(event: Mapping[str, Any]) -> Mapped | None:
    """A failure, a recovery or a cancellation with its run signal; None where the event is of no such thing."""
    kind = detail_type(event)
    if kind == _GLUE_DELAYED:
        return _delayed(event)
    shape = SHAPES.get(kind)
    if shape is None:
        return None
    detail = mapping(event.get("detail"))
    state = _first(detail, shape.state)
    phase = PHASES.get(state.upper())
    name = _steady(short(_first(detail, shape.name)) or short(said(_resource(event), 300)))
    if phase is None or not name:
        return Mapped(ignored=f"{kind}: {state or 'no state'} says neither that it failed nor that it works")
    run, attempt = _run(_first(detail, shape.run))
    url, at = _url(event, shape, name, run), _time(event, detail, shape.ended)
    late = (_late(event, name, run, url, State.RESOLVED, at, ""),) if kind == "Glue Job State Change" and phase.value in _ENDED else ()
    draft = _draft(event, shape, name, (run, attempt), phase, at, url)
    started = _time({}, detail, shape.started)
    signal = (
        RunSignal(pipeline=name, run=run, phase=phase, at=at, attempt=attempt, state=one_line(state, 80), url=url, started_at=started),
    ) if run else ()  # fmt: skip
    return Mapped(
        drafts=((draft, *late) if draft else ()),
        signals=signal,
        ignored=None if draft else f"{shape.noun} {name} is {state.lower().replace('_', ' ')}: nothing to tell anyone yet",
    )


_ENDED: Final = frozenset({"failed", "succeeded", "cancelled"})


def detail_type(event: Mapping[str, Any]) -> str:
    """What kind of event it is; notification rules of developer tools write it in another way."""
    return said(event.get("detail-type")) or said(event.get("detailType"))


def _draft(
    event: Mapping[str, Any], shape: Shape, name: str, run: tuple[str, int | None], phase: Phase, at: datetime | None, url: str
) -> Draft | None:
    if phase.value not in _ENDED:
        return None
    detail = mapping(event.get("detail"))
    state = _first(detail, shape.state).upper()
    why = why_of(detail, shape.text)
    feature = f"aws-{shape.noun.lower().replace(' ', '-')}"
    slug, title, level, firing = {
        Phase.FAILED: (f"{feature}-failed", f"{shape.noun} {name} failed", Level.ERROR, State.FIRING),
        Phase.SUCCEEDED: (f"{feature}-failed", f"{shape.noun} {name} failed", Level.SUCCESS, State.RESOLVED),
        Phase.CANCELLED: (f"{feature}-stopped", f"{shape.noun} {name} was stopped", Level.INFO, State.NOTE),
    }[phase]
    if phase is Phase.SUCCEEDED:
        why = f"{shape.noun} {name} succeeded."
    elif "TIME" in state:
        why = f"It ran into its time limit. {why}".strip()
    return Draft(
        slug=slug,
        event_data=place(event) | {"name": name},
        category=Category.JOB_FAILURE,
        level=level,
        state=firing,
        title=title,
        pipeline=name,
        run=run[0] or None,
        attempt=run[1],
        occurrence=None if run[0] else f"{at.isoformat()} {phase}" if at else None,
        occurred_at=at,
        message=why or f"{title}.",
        links={"Open run": url, "Open logs": _logs(event, detail, shape)},
        facts={
            "State": state.lower().replace("_", " "), **_around(detail),
            "Account": said(event.get("account"), 20), "Region": said(event.get("region"), 40),
        },
        excerpt=why if phase is Phase.FAILED else "",
    )  # fmt: skip


def _around(detail: Mapping[str, Any]) -> dict[str, str]:
    code = mapping(detail.get("container")).get("exitCode")
    return {
        "Queue": short(said(detail.get("jobQueue"), 300)),
        "Cluster": said(detail.get("clusterId"), 60),
        "Exit code": said(code, 12),
    }


def _delayed(event: Mapping[str, Any]) -> Mapped:
    """A Glue job runs longer than its *delay notification threshold*: late, until the run ends however it may."""
    detail = mapping(event.get("detail"))
    name, (run, _) = said(detail.get("jobName")), _run(said(detail.get("jobRunId"), 300))
    minutes = said(mapping(detail.get("notificationCondition")).get("NotifyDelayAfter"), 12).removesuffix(".0")
    if not name or not minutes:
        return Mapped(ignored="a Glue job's progress: nothing to tell anyone yet")
    at = _time(event, {}, ())
    url = _url(event, SHAPES["Glue Job State Change"], name, run)
    why = f"The run takes longer than the {minutes} min after which its job wants to be told."
    return Mapped(drafts=(_late(event, name, run, url, State.FIRING, at, why),))


def _late(event: Mapping[str, Any], name: str, run: str, url: str, state: State, at: datetime | None, why: str) -> Draft:
    firing = state is State.FIRING
    return Draft(
        slug="aws-glue-job-late",
        event_data=place(event) | {"name": name},
        category=Category.LATE_RUN,
        level=Level.WARNING if firing else Level.SUCCESS,
        state=state,
        title=f"Glue job {name} takes too long",
        pipeline=name,
        run=run or None,
        occurred_at=at,
        message=why or "The run has ended.",
        links={"Open run": url},
    )


def place(event: Mapping[str, Any]) -> dict[str, str | int | bool | None]:
    """Account and region: the same name may stand in several."""
    return {"account": said(event.get("account"), 20), "region": said(event.get("region"), 40)}


def why_of(detail: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """The service's own words; what a state machine's cause holds in JSON is taken out of it."""
    texts: list[str] = []
    for name in names:
        value = _at(detail, name)
        if isinstance(value, str) and value.strip() and value not in texts:
            texts.append(_inner(value))
    return "\n\n".join(texts[:2])


def _inner(text: str) -> str:
    if not text.startswith("{") or len(text) > 200_000:
        return text
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return text
    told = [string(mapping(document).get(key)) for key in ("errorType", "errorMessage", "ErrorMessage", "Cause", "StatusReason", "Error")]
    return ": ".join(dict.fromkeys(filter(None, told))) or text


def _run(identifier: str) -> tuple[str, int | None]:
    """Glue's retries are runs of their own, named after the first."""
    found = _ATTEMPT.fullmatch(identifier)
    return (found[1], int(found[2])) if found else (identifier, None)


def _steady(name: str) -> str:
    """Names that are made for one run end in its time: `churn-2026-11-22-02-00-00-123` is `churn`."""
    return _DATED.sub("", name) or name


def short(name: str) -> str:
    """The last part of an ARN, without its path; any other name as it is."""
    return name.rpartition(":")[2].rpartition("/")[2] if name.startswith("arn:") else name


def _resource(event: Mapping[str, Any]) -> object:
    resources = event.get("resources")
    return resources[0] if isinstance(resources, list) and resources else ""


def _first(detail: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next(filter(None, (said(_at(detail, name), 300) for name in names)), "")


def _at(detail: Mapping[str, Any], path: str) -> object:
    value: object = detail
    for key in path.split("."):
        value = mapping(value).get(key)
    return value


def _time(event: Mapping[str, Any], detail: Mapping[str, Any], names: tuple[str, ...]) -> datetime | None:
    """Milliseconds since 1970, or a time as text; else the event's own."""
    for name in names:
        value = detail.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and 10**11 < value < 10**14:
            value = value / 1000
        if (at := parse_time(value)) is not None:
            return at
    return parse_time(event.get("time"))


def _url(event: Mapping[str, Any], shape: Shape, name: str, run: str) -> str:
    region = said(event.get("region"), 40)
    base = console(region)
    if not base or not shape.page or ("{run}" in shape.page and not run):
        return ""
    cluster = said(mapping(event.get("detail")).get("clusterId"), 60)
    path = shape.page
    for field, value in (("{region}", region), ("{clusterId}", cluster), ("{name}", name), ("{run}", run)):
        path = path.replace(field, value.replace(" ", "%20"))
    return base + path


def _logs(event: Mapping[str, Any], detail: Mapping[str, Any], shape: Shape) -> str:
    for path in shape.logs:
        where = said(_at(detail, path), 500)
        if where.startswith("https://"):
            return where
        if where and (base := console(said(event.get("region"), 40))):
            group = "$252Faws$252Fbatch$252Fjob"  # the console quotes twice, with a sign of its own
            stream, region = where.replace("/", "$252F"), said(event.get("region"), 40)
            return f"{base}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/{group}/log-events/{stream}"
    return ""
