"""What else EventBridge and the services themselves say: containers, databases, budgets, functions, the vendor's own health."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from mappers.aws_sns.envelope import Notice, console, mapping, said, string
from mappers.aws_sns.runs import detail_type, place, short, why_of
from mappers.contract import Category, Draft, Level, Mapped, State, parse_time

_FIELD: Final = re.compile(r"^([A-Za-z][A-Za-z ]{1,30})[:=] ?'?([^'\n]{1,500})'?$", re.MULTILINE)


def ecs_task(event: Mapping[str, Any]) -> Mapped:
    """A task stopped: it failed where a container ended with an exit code, or where it never started."""
    detail = mapping(event.get("detail"))
    if said(detail.get("lastStatus")).upper() != "STOPPED":
        return Mapped(ignored="an ECS task that has not ended: nothing to tell anyone yet")
    code, reason = said(detail.get("stopCode")), string(detail.get("stoppedReason"))
    if code in ("ServiceSchedulerInitiated", "UserInitiated"):
        return Mapped(ignored=f"the ECS task was stopped on purpose ({code})")
    containers = [mapping(one) for one in detail["containers"][:20]] if isinstance(detail.get("containers"), list) else []
    broken = [one for one in containers if one.get("exitCode") not in (0, None) or (one.get("exitCode") is None and one.get("reason"))]
    failed = bool(broken) or code in ("TaskFailedToStart", "SpotInterruption", "TerminationNotice")
    group = said(detail.get("group"))
    name = group.partition(":")[2] or short(said(detail.get("taskDefinitionArn"), 300)).rpartition(":")[0] or "task"
    run = short(said(detail.get("taskArn"), 300))
    told = [
        f"Container {said(one.get('name'), 80)}: " + ", ".join(filter(None, (_exit(one), said(one.get("reason"), 500)))) for one in broken
    ]
    why = "\n".join(filter(None, (reason, *told)))
    base, cluster, region = (
        console(said(event.get("region"), 40)),
        short(said(detail.get("clusterArn"), 300)),
        said(event.get("region"), 40),
    )
    return Mapped(
        drafts=(
            Draft(
                slug="aws-ecs-task-failed",
                event_data=place(event) | {"cluster": cluster, "task": name},
                category=Category.JOB_FAILURE,
                level=Level.ERROR if failed else Level.SUCCESS,
                state=State.FIRING if failed else State.RESOLVED,
                title=f"ECS task {name} failed",
                pipeline=name,
                run=run or None,
                occurred_at=parse_time(detail.get("stoppedAt")) or parse_time(event.get("time")),
                message=(why or f"ECS task {name} failed.") if failed else f"ECS task {name} succeeded.",
                links={"Open task": f"{base}/ecs/v2/clusters/{cluster}/tasks/{run}?region={region}" if base and cluster and run else ""},
                facts={"Cluster": cluster, "Stop code": code, **_where(event)},
                excerpt=why if failed else "",
            ),
        )
    )


def _exit(container: Mapping[str, Any]) -> str:
    code = said(container.get("exitCode"), 12)
    return f"exit code {code}{' (out of memory or killed)' if code == '137' else ''}" if code else ""


def ecs_service(event: Mapping[str, Any]) -> Mapped:
    """A service's deployments and its scheduler's complaints; steady again is the recovery of both."""
    detail = mapping(event.get("detail"))
    word, kind = said(detail.get("eventName")), said(detail.get("eventType")).upper()
    resources = event.get("resources")
    name = short(said(resources[0] if isinstance(resources, list) and resources else "", 300)) or "service"
    steady = word in ("SERVICE_STEADY_STATE", "SERVICE_DEPLOYMENT_COMPLETED", "CAPACITY_PROVIDER_STEADY_STATE")
    if not steady and kind not in ("WARN", "ERROR"):
        return Mapped(ignored=f"ECS: {word.lower().replace('_', ' ') or 'news of a service'}")
    draft = _incident(
        event, "aws-ecs-service", {"service": name}, f"ECS service {name} is in trouble", State.RESOLVED if steady else State.FIRING,
        "Steady again." if steady else why_of(detail, ("reason",)) or word.replace("_", " ").capitalize(),
        Level.WARNING if kind == "WARN" else Level.ERROR,
    )  # fmt: skip
    return Mapped(drafts=(draft,))


def health(event: Mapping[str, Any]) -> Mapped:
    """The vendor's own trouble: an issue is open until it is closed; changes and notices are told once."""
    detail = mapping(event.get("detail"))
    code, category = said(detail.get("eventTypeCode")), said(detail.get("eventTypeCategory"))
    service = said(detail.get("service"), 60)
    listed = detail.get("eventDescription")
    text = string(mapping(listed[0] if isinstance(listed, list) and listed else {}).get("latestDescription"))
    name = code.replace("AWS_", "").replace("_", " ").lower() or "event"
    identity = {"health_event": said(detail.get("eventArn"), 300) or code}
    if category != "issue":
        level = Level.WARNING if category == "scheduledChange" else Level.INFO
        draft = _incident(event, "aws-health-notice", identity, f"AWS {service}: {name}", State.NOTE, text, level)
        return Mapped(drafts=(draft.model_copy(update={"category": Category.SYSTEM}),))
    closed = said(detail.get("statusCode")) == "closed" or bool(detail.get("endTime"))
    state = State.RESOLVED if closed else State.FIRING
    draft = _incident(event, "aws-health-issue", identity, f"AWS {service} has trouble", state, text, Level.WARNING)
    return Mapped(drafts=(draft.model_copy(update={"pipeline": f"AWS {service}"}),))


def data_quality(event: Mapping[str, Any]) -> Mapped:
    """Glue Data Quality: rules are tests of data, so those who hear of failing tests hear of them."""
    detail = mapping(event.get("detail"))
    context = mapping(detail.get("context"))
    names = detail.get("rulesetNames")
    ruleset = said(names[0] if isinstance(names, list) and names else "") or said(context.get("jobName"))
    table = ".".join(filter(None, (said(context.get("databaseName"), 100), said(context.get("tableName"), 100))))
    name = table or ruleset
    failed = said(detail.get("state")).upper() == "FAILED" or said(detail.get("numRulesFailed")) not in ("", "0")
    counts = f"Rules failed: {said(detail.get('numRulesFailed'), 10) or '?'}, passed: {said(detail.get('numRulesSucceeded'), 10) or '?'}."
    if not name:
        return Mapped(ignored="data quality results that name neither a table nor a ruleset")
    draft = _incident(
        event, "aws-data-quality-failed", {"table": table, "ruleset": ruleset}, f"Data quality of {name} failed",
        State.FIRING if failed else State.RESOLVED, counts, Level.ERROR,
    )  # fmt: skip
    facts = {"Ruleset": ruleset, "Score": said(detail.get("score"), 20), **_where(event)}
    return Mapped(drafts=(draft.model_copy(update={"category": Category.DBT_TEST_FAILURE, "facts": facts, "pipeline": name}),))


def catalog(event: Mapping[str, Any]) -> Mapped:
    """The Glue Data Catalog says that a table changed, not which columns."""
    detail = mapping(event.get("detail"))
    change, database = said(detail.get("typeOfChange"), 60), said(detail.get("databaseName"))
    listed = detail.get("changedTables")
    tables = [said(one) for one in listed[:20]] if isinstance(listed, list) else [said(detail.get("tableName"))]
    tables = list(filter(None, tables))
    if "Partition" in change or not database:
        return Mapped(ignored="partitions of a table changed: not its schema")
    what = {"Create": "created", "Delete": "deleted", "Batch": "deleted"}.get(change[:6].rstrip("TD"), "changed")
    name = ", ".join(f"{database}.{table}" for table in tables) or database
    draft = _incident(
        event, "aws-glue-catalog-changed", {"database": database}, f"Glue catalog {database} changed", State.NOTE,
        f"{name}: {what}.", Level.WARNING if what == "deleted" else Level.INFO,
    )  # fmt: skip
    return Mapped(drafts=(draft.model_copy(update={"category": Category.SCHEMA_CHANGE, "pipeline": database}),))


def query(event: Mapping[str, Any]) -> Mapped:
    """An Athena query has no name, so none can be said to work again: each that fails is told once."""
    detail = mapping(event.get("detail"))
    error = mapping(detail.get("athenaError"))
    workgroup = said(detail.get("workgroupName")) or "athena"
    if said(detail.get("currentState")).upper() != "FAILED":
        return Mapped(ignored=f"a query of {workgroup} is {said(detail.get('currentState')).lower() or 'in no known state'}")
    why = string(error.get("errorMessage")) or "A query failed."
    draft = _incident(
        event, "aws-athena-query-failed", {"workgroup": workgroup}, f"A query of {workgroup} failed", State.NOTE, why, Level.ERROR
    )  # fmt: skip
    identifier = said(detail.get("queryExecutionId"))
    own = {
        "category": Category.JOB_FAILURE,
        "excerpt": why,
        "run": identifier or None,
        "occurrence": None,
        "facts": {"Query": identifier, **_where(event)},
    }
    return Mapped(drafts=(draft.model_copy(update=own),))


_DATABASE_DOWN: Final = ("failure", "low storage", "failed", "exhausted", "incompatible")
_DATABASE_UP: Final = ("RDS-EVENT-0006", "RDS-EVENT-0021", "RDS-EVENT-0088", "RDS-EVENT-0015", "RDS-EVENT-0049", "RDS-EVENT-0217")
_DATABASE_NEWS: Final = ("failover", "availability", "maintenance", "deletion", "notification", "failure", "recovery")


def database(event: Mapping[str, Any]) -> Mapped:
    """RDS through EventBridge, where categories and a number say what happened."""
    detail = mapping(event.get("detail"))
    listed = detail.get("EventCategories")
    categories = [said(one, 40).lower() for one in listed[:10]] if isinstance(listed, list) else []
    name = said(detail.get("SourceIdentifier")) or short(said(detail.get("SourceArn"), 300))
    return _database(event, name, categories, said(detail.get("EventID"), 40), string(detail.get("Message")))


def service_event(notice: Notice) -> Mapped:
    """RDS, Redshift and DMS by their own notifications: `Event Source`, `Event Message`, and an id within an address."""
    document = notice.document
    identifier = (said(document.get("Event ID"), 300) or said(document.get("About this Event"), 300)).rpartition("#")[2]
    name = said(document.get("Source ID")) or said(document.get("SourceId")) or said(document.get("Resource"))
    listed = document.get("Event Categories") or document.get("Category")
    categories = [said(one, 40).lower() for one in listed[:10]] if isinstance(listed, list) else []
    if said(document.get("Severity")).upper() == "ERROR":
        categories.append("failure")
    event = {"account": notice.account, "region": notice.region, "time": document.get("Event Time")}
    mapped = _database(event, name, categories, identifier, string(document.get("Event Message")))
    url = {"Open": string(document.get("Identifier Link"))}
    return mapped.model_copy(update={"drafts": tuple(draft.model_copy(update={"links": url}) for draft in mapped.drafts)})


def _database(event: Mapping[str, Any], name: str, categories: list[str], identifier: str, text: str) -> Mapped:
    told = " ".join((*categories, text.lower()))
    if identifier in _DATABASE_UP or any(
        word in text.lower() for word in ("restarted", "recovery complete", "task started", "completed failover")
    ):
        state, level = State.RESOLVED, Level.SUCCESS
    elif any(word in told for word in _DATABASE_DOWN):
        state, level = State.FIRING, Level.ERROR
    elif any(word in categories for word in _DATABASE_NEWS):
        state, level = State.NOTE, Level.WARNING if "failover" in categories or "deletion" in categories else Level.INFO
    else:
        return Mapped(ignored=f"{name or 'a database'}: {text[:200] or 'nothing that went wrong'}")
    slug, title = ("aws-database-news", f"{name}: news") if state is State.NOTE else ("aws-database", f"{name or 'Database'} is in trouble")
    draft = _incident(event, slug, {"database": name}, title, state, text, level)
    return Mapped(drafts=(draft.model_copy(update={"facts": {"Event": identifier, **draft.facts}}),))


def function_result(notice: Notice) -> Mapped:
    """What a Lambda function's *destination* is told of an asynchronous call. https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html"""
    document = notice.document
    context, answer = mapping(document.get("requestContext")), mapping(document.get("responsePayload"))
    parts = (said(context.get("functionArn"), 300).split(":") + [""] * 7)[:7]
    name, condition = parts[6] or "function", said(context.get("condition"), 60)
    failed = condition != "Success"
    error = ": ".join(filter(None, (said(answer.get("errorType"), 200), string(answer.get("errorMessage"))[:4000])))
    trace = answer.get("stackTrace") or answer.get("trace")
    lines = [said(line, 500) for line in trace[:40]] if isinstance(trace, list) else []
    draft = _incident(
        {"account": parts[4], "region": parts[3], "time": document.get("timestamp")}, "aws-lambda-failed", {"function": name},
        f"Lambda {name} failed", State.FIRING if failed else State.RESOLVED,
        (error or f"It was given up: {condition}.") if failed else f"Lambda {name} succeeded.", Level.ERROR,
    )  # fmt: skip
    own = {
        "category": Category.JOB_FAILURE, "run": said(context.get("requestId")) or None, "occurrence": None,
        "excerpt": "\n".join((error, *lines)) if failed else "",
        "facts": {"Gave up": condition if failed else "", "Calls": said(context.get("approximateInvokeCount"), 10)},
    }  # fmt: skip
    return Mapped(drafts=(Draft.model_validate(draft.model_dump() | own),))


def budget(notice: Notice) -> Mapped | None:
    """A budget's threshold, told in prose with a few fields. https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-sns-policy.html"""
    fields = {key.strip(): value.strip() for key, value in _FIELD.findall(notice.text[:20_000])}
    if "Budget Name" not in fields:
        return None
    name = fields["Budget Name"]
    actual = next((value for key, value in fields.items() if key.split(" ")[0].isupper() and key.endswith("Amount")), "")
    why = f"{actual} of {fields.get('Budgeted Amount', '?')}; told from {fields.get('Alert Threshold', '?')} on."
    draft = _incident(
        {"account": notice.account}, "aws-budget-exceeded", {"budget": name}, f"Budget {name}: threshold passed", State.NOTE, why,
        Level.WARNING,
    )  # fmt: skip
    links = {"Open budgets": "https://console.aws.amazon.com/billing/home#/budgets"}
    facts = {key: fields[key] for key in ("Budget Type", "Alert Type", "Alert Threshold") if key in fields}
    return Mapped(drafts=(Draft.model_validate(draft.model_dump() | {"category": Category.SYSTEM, "links": links, "facts": facts}),))


def cost_anomaly(notice: Notice) -> Mapped:
    """Costs that nobody expected. https://docs.aws.amazon.com/cost-management/latest/userguide/ad-SNS.html"""
    document = notice.document
    impact = mapping(document.get("impact"))
    name = said(document.get("monitorName")) or short(said(document.get("monitorArn"), 300))
    draft = _incident(
        {"account": document.get("accountId")}, "aws-cost-anomaly", {"monitor": name}, f"Unexpected costs seen by {name}", State.NOTE,
        f"{said(impact.get('totalImpact'), 20) or '?'} more than expected since {said(document.get('anomalyStartDate'), 40) or '?'}.",
        Level.WARNING,
    )  # fmt: skip
    links = {"Open anomaly": string(document.get("anomalyDetailsLink"))}
    return Mapped(drafts=(Draft.model_validate(draft.model_dump() | {"category": Category.SYSTEM, "links": links}),))


def stack(notice: Notice) -> Mapped | None:
    """CloudFormation writes lines of `Name='value'`, one message for each resource; only the stack's own are told."""
    fields = dict(_FIELD.findall(notice.text[:20_000]))
    status = fields.get("ResourceStatus", "")
    if not status or "StackName" not in fields:
        return None
    name = fields["StackName"]
    if fields.get("ResourceType") != "AWS::CloudFormation::Stack" or not status.endswith(("_FAILED", "_COMPLETE")):
        return Mapped(ignored=f"CloudFormation: one step of {name}")
    failed = "FAILED" in status or "ROLLBACK" in status
    why = fields.get("ResourceStatusReason", "") or status.replace("_", " ").lower()
    event = {"account": notice.account, "region": notice.region, "time": fields.get("Timestamp")}
    state = State.FIRING if failed else State.RESOLVED
    return Mapped(drafts=(_incident(event, "aws-stack", {"stack": name}, f"Stack {name} failed", state, why, Level.ERROR),))


def _incident(event: Mapping[str, Any], slug: str, identity: Mapping[str, str], title: str, state: State, text: str, level: Level) -> Draft:
    at = parse_time(event.get("time"))
    return Draft(
        slug=slug,
        event_data=place(event) | dict(identity),
        category=Category.INCIDENT,
        level=Level.SUCCESS if state is State.RESOLVED else level,
        state=state,
        title=title,
        pipeline=next(filter(None, identity.values()), None),
        occurrence=f"{at.isoformat()} {state}" if at else None,
        occurred_at=at,
        message=text,
        facts=_where(event),
    )


def _where(event: Mapping[str, Any]) -> dict[str, str]:
    return {"Account": said(event.get("account"), 20), "Region": said(event.get("region"), 40)}


EVENTS: Final[Mapping[str, Callable[[Mapping[str, Any]], Mapped]]] = {
    "ECS Task State Change": ecs_task,
    "ECS Service Action": ecs_service,
    "ECS Deployment State Change": ecs_service,
    "AWS Health Event": health,
    "Athena Query State Change": query,
    "Data Quality Evaluation Results Available": data_quality,
    "Glue Data Catalog Table State Change": catalog,
    "Glue Data Catalog Database State Change": catalog,
}


def map_event(event: Mapping[str, Any]) -> Mapped | None:
    """What one of these services said by EventBridge; None where it is of another."""
    kind = detail_type(event)
    if kind.startswith("RDS ") and said(event.get("source")) == "aws.rds":
        return database(event)
    known = EVENTS.get(kind)
    return known(event) if known else None
