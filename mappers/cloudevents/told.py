"""What an event tells: the senders that are known, and a rule for all others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from mappers.cloudevents import words
from mappers.cloudevents.event import Event, mapping, said
from mappers.contract import Category, Level, Phase, parse_time

_STATES: Final = ("state", "status", "outcome", "result", "conclusion", "phase", "runStatus", "run_state", "runState", "health", "event")
_FLAGS: Final = ("success", "succeeded", "ok", "passed", "healthy")
_NAMES: Final = (
    "pipeline", "pipelineName", "pipeline_name", "job", "jobName", "job_name", "flow", "flow_name", "flowName", "workflow", "workflowName",
    "dag_id", "dag", "task", "taskName", "model", "dataset", "table", "experimentName", "service", "name", "title",
)  # fmt: skip
_RUNS: Final = ("run_id", "runId", "run", "execution_id", "executionId", "jobRunId", "job_run_id", "flow_run_id", "workflowRunId")
_TEXTS: Final = ("error", "errors", "error_message", "errorMessage", "message", "reason", "cause", "description", "details", "summary")
_URLS: Final = ("url", "link", "html_url", "run_url", "runUrl", "details_url", "logUrl", "log_url", "dashboard")
_BEGINNINGS: Final = ("since", "startedAt", "started_at", "startsAt", "triggeredAt", "openedAt")
_LEVELS: Final = {
    **dict.fromkeys(("critical", "fatal", "error", "high", "emergency", "alert", "major", "p1", "p2", "sev1", "sev2"), Level.ERROR),
    **dict.fromkeys(("warning", "warn", "medium", "minor", "p3", "sev3", "degraded"), Level.WARNING),
    **dict.fromkeys(("info", "informational", "notice", "low", "debug", "p4", "p5", "sev4", "sev5"), Level.INFO),
}


@dataclass(frozen=True)
class Told:
    """What is known of one event once its sender's way of saying it is read."""

    phase: Phase | None
    what: str
    """The thing it is about, by the name people use; the same for a failure and its recovery."""
    kind: str
    """The type, without its state."""
    category: Category
    run: str = ""
    state: str = ""
    why: str = ""
    url: str = ""
    level: Level | None = None
    since: datetime | None = None
    owners: tuple[str, ...] = ()
    source: str = ""
    """Where the event's own holds the id of a run: without it."""
    promises_recovery: bool = False
    """The sender is known to say when it is over."""
    ignored: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


def told_of(event: Event) -> Told:
    """What an event tells."""
    for prefix, reader in _KNOWN:
        if event.type.startswith(prefix):
            return reader(event)
    return any_event(event)


def any_event(event: Event) -> Told:
    """A rule for everybody: the state its data names, else what its type ends in; the thing is the subject, else what its data names."""
    data = _unwrapped(event.data)
    state = _first(data, _STATES)
    phase = words.phase_of(state, event.type) or _flag(data) or words.phase_of_type(event.type) or (words.phase_of(event.text[:200]))
    severity = _first(data, ("severity", "level", "priority")) or event.extensions.get("severity", "")
    level = _LEVELS.get(severity.lower())
    if phase is None and level in (Level.ERROR, Level.WARNING):
        phase = Phase.FAILED
    subject, dropped = steady(event, event.subject)
    what = subject or _first(data, _NAMES) or words.segments(words.stem(event.type))[-1]
    told = set(words.words_of(f"{state} {' '.join(words.segments(event.type)[-2:])}"))
    warns = bool(told & words.WARNING) and not told & (words.FAILING - words.WARNING)
    return Told(
        phase=phase,
        what=what,
        kind=words.stem(event.type),
        category=words.category_of((*words.segments(event.type), what, *(key for key in _NAMES[:15] if key in data))),
        run=_first(data, _RUNS) or said(mapping(data.get("run")).get("id")) or dropped,
        state=state,
        why=_why(data) or event.text,
        url=_first(data, _URLS),
        level=level or (Level.WARNING if warns else None),
        since=next(filter(None, (parse_time(data.get(name)) for name in _BEGINNINGS)), None),
        owners=_owners(data),
        source=steady(event, event.source)[0],
    )


def _cdevents(event: Event) -> Told:
    """`dev.cdevents.{subject}.{predicate}.{version}`: https://cdevents.dev/docs/"""
    subject = mapping(event.data.get("subject"))
    content = mapping(subject.get("content"))
    of, _, predicate = event.type.removeprefix("dev.cdevents.").partition(".")
    predicate = predicate.partition(".")[0]
    named = mapping(content.get("testSuite") or content.get("testCase") or content.get("target") or content.get("service"))
    identifier = said(subject.get("id"))
    what = _first(content, ("pipelineName", "taskName", "name")) or said(named.get("name")) or said(named.get("id"))
    outcome = said(content.get("outcome")) or said(content.get("status"))
    # `finished` and `published` say what was the outcome; other predicates are what happened.
    finished = words.phase_of(outcome) if predicate in ("finished", "published") else _CDEVENTS.get(f"{of}.{predicate}")
    if finished is None:
        return Told(None, what or identifier, of, Category.SYSTEM, ignored=f"{of} {predicate}: nothing that failed or recovered")
    if of == "incident":
        what = said(mapping(content.get("service")).get("id")) or what or identifier
    return Told(
        phase=finished,
        what=what or identifier,
        kind=f"dev.cdevents.{of}" + (f" {identifier}" if of == "incident" else ""),
        category=_CDEVENT_CATEGORIES.get(of, Category.JOB_FAILURE),
        run=identifier if of.endswith("run") or of in ("build", "deployment", "migration") else "",
        state=outcome or predicate,
        why=_why(content),
        url=said(content.get("url"), 500) or said(content.get("uri"), 500),
        level=_LEVELS.get(said(content.get("severity")).lower()) or (Level.WARNING if of == "scheduledexecution" else None),
        promises_recovery=of != "scheduledexecution",
        facts={"Environment": said(mapping(content.get("environment")).get("id"))},
    )


_CDEVENTS: Final = {
    "pipelinerun.started": Phase.RUNNING, "taskrun.started": Phase.RUNNING, "build.started": Phase.RUNNING,
    "testsuiterun.started": Phase.RUNNING, "testcaserun.started": Phase.RUNNING, "deployment.started": Phase.RUNNING,
    "pipelinerun.queued": Phase.SCHEDULED, "taskrun.queued": Phase.SCHEDULED, "build.queued": Phase.SCHEDULED,
    "incident.detected": Phase.FAILED, "incident.reported": Phase.FAILED, "incident.resolved": Phase.SUCCEEDED,
    "scheduledexecution.missed": Phase.FAILED, "scheduledexecution.triggered": Phase.SUCCEEDED,
}  # fmt: skip
_CDEVENT_CATEGORIES: Final = {
    "incident": Category.INCIDENT, "scheduledexecution": Category.LATE_RUN, "testsuiterun": Category.DBT_TEST_FAILURE,
    "testcaserun": Category.DBT_TEST_FAILURE,
}  # fmt: skip


def _tekton(event: Event) -> Told:
    """`dev.tekton.event.pipelinerun.failed.v1`: https://tekton.dev/docs/pipelines/events/"""
    of, _, rest = event.type.removeprefix("dev.tekton.event.").partition(".")
    outcome = rest.partition(".")[0]
    run = next((mapping(event.data.get(key)) for key in ("pipelineRun", "taskRun", "customRun", "run") if key in event.data), {})
    metadata, spec = mapping(run.get("metadata")), mapping(run.get("spec"))
    labels = mapping(metadata.get("labels"))
    name, namespace = said(metadata.get("name")), said(metadata.get("namespace"))
    if of != "pipelinerun" and said(labels.get("tekton.dev/pipelineRun")):
        return Told(None, name, of, Category.SYSTEM, ignored="a task of a pipeline run, which tells how it ended by itself")
    reference = mapping(spec.get("pipelineRef") or spec.get("taskRef"))
    pipeline = said(labels.get("tekton.dev/pipeline")) or said(labels.get("tekton.dev/task")) or said(reference.get("name"))
    what = pipeline or said(metadata.get("generateName")).rstrip("-") or name or event.subject
    conditions = mapping(run.get("status")).get("conditions")
    condition = mapping(conditions[0]) if isinstance(conditions, list) and conditions else {}
    cancelled = "Cancel" in said(condition.get("reason"))
    phases = {
        "failed": Phase.CANCELLED if cancelled else Phase.FAILED, "successful": Phase.SUCCEEDED, "started": Phase.RUNNING,
        "running": Phase.RUNNING,
    }  # fmt: skip
    return Told(
        phase=phases.get(outcome),
        what=what,
        kind=f"dev.tekton.{of} {namespace}".strip(),
        source=event.source.partition(f"/{of}s/")[0],
        category=Category.JOB_FAILURE,
        run=said(metadata.get("uid")) or name,
        state=said(condition.get("reason")) or outcome,
        why=said(condition.get("message"), 2000),
        promises_recovery=bool(pipeline or metadata.get("generateName")),
        ignored="" if outcome in phases else f"{of} {outcome}: its state is not known",
        facts={"Namespace": namespace, "Run": name},
    )


def _health(event: Event) -> Told:
    """https://learn.microsoft.com/azure/event-grid/event-schema-health-resources"""
    properties = mapping(mapping(event.data.get("resourceInfo")).get("properties"))
    resource = said(properties.get("targetResourceId"), 400) or event.subject
    state = said(properties.get("availabilityState"))
    phase = {"available": Phase.SUCCEEDED, "unavailable": Phase.FAILED, "degraded": Phase.FAILED}.get(state.lower())
    return Told(
        phase=phase,
        what=resource.rstrip("/").rpartition("/")[2] or resource,
        kind=f"azure-health {resource.rpartition('/')[0]}",
        category=Category.INCIDENT,
        state=state,
        why=said(properties.get("summary"), 1000) or said(properties.get("reason"), 1000) or f"Azure says that it is {state.lower()}.",
        level=Level.WARNING if state.lower() == "degraded" else None,
        since=parse_time(properties.get("occurredTime")) if phase is Phase.FAILED else None,
        promises_recovery=True,
        ignored="" if phase else f"the health of a resource: {state or 'no state'}",
        facts={"Before": said(properties.get("previousAvailabilityState"))},
    )


def _machine_learning(event: Event) -> Told:
    """https://learn.microsoft.com/azure/event-grid/event-schema-machine-learning"""
    told = any_event(event)
    experiment = _first(event.data, ("experimentName", "ExperimentName"))
    state = _first(event.data, ("runStatus", "RunStatus"))
    if not experiment or "Run" not in event.type:
        return told
    phase = Phase.SUCCEEDED if event.type.endswith("RunCompleted") else words.phase_of(state)
    kind = "Microsoft.MachineLearningServices.Run"
    run = _first(event.data, ("runId", "RunId"))
    return Told(phase, experiment, kind, Category.JOB_FAILURE, run=run, state=state, why=told.why, promises_recovery=True)


def _kubernetes(event: Event) -> Told:
    """Knative's ApiServerSource hands Kubernetes' own events on: https://knative.dev/docs/eventing/sources/apiserversource/"""
    data, concerned = event.data, mapping(event.data.get("involvedObject"))
    if said(data.get("kind")) != "Event" or said(data.get("type")) != "Warning":
        return Told(None, event.subject, event.type, Category.SYSTEM, ignored="a change in a cluster that warns of nothing")
    name, reason = said(concerned.get("name")), said(data.get("reason"))
    what = "/".join(filter(None, (said(concerned.get("namespace")), said(concerned.get("kind")), name)))
    why = said(data.get("message"), 2000)
    return Told(Phase.FAILED, what, f"kubernetes {reason}", Category.INCIDENT, state=reason, why=why, level=Level.WARNING)


def _never(event: Event) -> Told:
    return Told(None, event.subject, event.type, Category.SYSTEM, ignored=f"{event.type} is traffic, and tells nobody anything")


_KNOWN: Final = (
    ("dev.cdevents.", _cdevents),
    ("dev.tekton.event.", _tekton),
    ("Microsoft.ResourceNotifications.HealthResources.", _health),
    ("Microsoft.MachineLearningServices.", _machine_learning),
    ("dev.knative.apiserver.", _kubernetes),
    ("dev.knative.sources.ping", _never),
    ("org.kubeflow.serving.inference.", _never),
    ("Microsoft.EventGrid.Subscription", _never),
)


def _unwrapped(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Some senders put everything one level deeper."""
    for key in ("data", "payload", "detail", "body"):
        if len(data) <= 3 and isinstance(data.get(key), dict):
            return {**data, **data[key]}
    return data


def _flag(data: Mapping[str, Any]) -> Phase | None:
    flag = next((data[name] for name in _FLAGS if isinstance(data.get(name), bool)), None)
    return None if flag is None else Phase.SUCCEEDED if flag else Phase.FAILED


def steady(event: Event, path: str) -> tuple[str, str]:
    """(a subject or source without ids of runs, the last such id)."""
    speaks_of_runs = bool(set(words.words_of(" ".join(words.segments(event.type)))) & words.RUNS)
    kept: list[str] = []
    dropped, before = "", ""
    for part in path.split("/"):
        after_runs = bool(set(words.words_of(before)) & words.RUNS)
        before = part
        if words.is_id(part) and (speaks_of_runs or after_runs):
            dropped = part
        elif part:
            kept.append(part)
    while kept and kept[-1].lower() in words.RUNS and dropped:
        kept.pop()
    return ("/".join(kept), dropped) if dropped else (path, "")


def _why(data: Mapping[str, Any]) -> str:
    for name in _TEXTS:
        value = data.get(name)
        if isinstance(value, dict):
            value = value.get("message") or value.get("detail")
        if isinstance(value, list):
            value = "\n".join(said(one if not isinstance(one, dict) else one.get("message"), 1000) for one in value[:10])
        if isinstance(value, str) and value.strip():
            return value
    return ""


def _owners(data: Mapping[str, Any]) -> tuple[str, ...]:
    value = data.get("owners") or data.get("owner") or data.get("team")
    listed = value if isinstance(value, list) else said(value).split(",")
    return tuple(filter(None, (said(one) for one in listed[:20])))


def _first(data: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next(filter(None, (said(data.get(name), 500) for name in names)), "")
