"""CloudWatch alarms, as SNS or EventBridge tells of them: metric, composite, and those of many time series.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from mappers.aws_sns.envelope import Notice, console, mapping, said, string
from mappers.contract import Category, Draft, Level, Mapped, Member, State, Unmapped, duration, parse_time
from mappers.contract.text import one_line

_STATES: Final = {"ALARM": State.FIRING, "OK": State.RESOLVED, "INSUFFICIENT_DATA": State.FIRING}
_LEVELS: Final = {
    **dict.fromkeys(("critical", "error", "high", "emergency", "fatal", "major", "p1", "p2", "sev1", "sev2"), Level.ERROR),
    **dict.fromkeys(("warning", "warn", "medium", "minor", "p3", "sev3"), Level.WARNING),
    **dict.fromkeys(("info", "informational", "low", "none", "p4", "p5", "sev4", "sev5"), Level.INFO),
}
_SIGNS: Final = {
    "GreaterThanOrEqualToThreshold": "≥", "GreaterThanThreshold": ">", "LessThanThreshold": "<", "LessThanOrEqualToThreshold": "≤",
    "LessThanLowerOrGreaterThanUpperThreshold": "outside", "LessThanLowerThreshold": "< lower bound",
    "GreaterThanUpperThreshold": "> upper bound",
}  # fmt: skip


@dataclass(frozen=True)
class Alarm:
    """One change of an alarm's state, whoever told of it."""

    name: str
    account: str
    region: str
    description: str
    state: str
    before: str
    reason: str
    at: datetime | None
    since: datetime | None
    """When the state before began, where it is said."""
    suppressed: str
    series: Mapping[str, str]
    """Which time series of a contributor alarm."""
    facts: Mapping[str, str]


def is_alarm(document: Mapping[str, Any]) -> bool:
    """Whether this is a change of an alarm's state, as either service writes it."""
    if document.get("source") == "aws.cloudwatch":
        return string(document.get("detail-type")).startswith("CloudWatch Alarm")
    return bool(said(document.get("AlarmName"))) and "NewStateValue" in document


def map_alarm(notice: Notice) -> Mapped:
    """The alarm's draft. Raises `Unmapped` for a state it does not know."""
    document = notice.document
    if string(document.get("detail-type")).endswith("Configuration Change"):
        return _reconfigured(document)
    alarm = _of_sns(document, notice) if "NewStateValue" in document else _of_eventbridge(document)
    if not alarm.name or alarm.state not in _STATES:
        raise Unmapped(f"unknown alarm state {alarm.state!r}" if alarm.name else "the alarm has no name")
    if alarm.suppressed and alarm.state != "OK":
        return Mapped(ignored=f"the alarm's actions are suppressed: {alarm.suppressed}")
    return Mapped(drafts=(_draft(alarm),))


def _reconfigured(event: Mapping[str, Any]) -> Mapped:
    """An alarm that is deleted while it is on never tells that it is over."""
    operation = said(mapping(event.get("detail")).get("operation"), 40)
    alarm = replace(_of_eventbridge(event), state="OK", before="", reason="The alarm was deleted.", at=parse_time(event.get("time")))
    if operation != "delete" or not alarm.name:
        return Mapped(ignored=f"the configuration of an alarm changed: {operation or 'nothing that went wrong'}")
    return Mapped(drafts=(_draft(alarm),))


def _of_sns(document: Mapping[str, Any], notice: Notice) -> Alarm:
    arn = (string(document.get("AlarmArn")).split(":") + [""] * 7)[:7]
    trigger = mapping(document.get("Trigger"))
    return Alarm(
        name=said(document.get("AlarmName"), 255),
        account=said(document.get("AWSAccountId"), 20) or said(arn[4], 20) or notice.account,
        # An alarm tells topics of its own region; `Region` is a name in words that has changed over the years.
        region=said(arn[3], 40) or notice.region,
        description=string(document.get("AlarmDescription")),
        state=said(document.get("NewStateValue"), 40).upper(),
        before=said(document.get("OldStateValue"), 40).upper(),
        reason=string(document.get("NewStateReason")),
        at=parse_time(document.get("StateChangeTime")),
        since=None,
        suppressed="",
        series=_series(document.get("AlarmContributorAttributes"), document.get("AlarmContributorId")),
        facts={**_metric(trigger), **_composite(document)},
    )


def _of_eventbridge(event: Mapping[str, Any]) -> Alarm:
    detail = mapping(event.get("detail"))
    state, before, configuration = (mapping(detail.get(name)) for name in ("state", "previousState", "configuration"))
    contributor = mapping(detail.get("alarmContributor"))
    by, why = said(state.get("actionsSuppressedBy")), said(state.get("actionsSuppressedReason"))
    return Alarm(
        name=said(detail.get("alarmName"), 255),
        account=said(event.get("account"), 20),
        region=said(event.get("region"), 40),
        description=string(configuration.get("description")),
        state=said(state.get("value"), 40).upper(),
        before=said(before.get("value"), 40).upper(),
        reason=string(state.get("reason")),
        at=parse_time(state.get("timestamp")) or parse_time(event.get("time")),
        since=parse_time(before.get("timestamp")),
        suppressed=f"{by}: {why}" if by and why else by,
        series=_series(contributor.get("attributes"), contributor.get("id")),
        facts={"Rule": said(configuration.get("alarmRule"), 400), **_metrics(configuration.get("metrics"))},
    )


def _draft(alarm: Alarm) -> Draft:
    state = _STATES[alarm.state]
    words, description = _told(alarm.description)
    label = ", ".join(f"{key}={value}" for key, value in alarm.series.items() if key != "id")
    since = f"{alarm.at.isoformat()} {alarm.state.lower()}" if alarm.at else None
    return Draft(
        slug="aws-cloudwatch-alarm",
        event_data={"account": alarm.account, "region": alarm.region, "alarm": alarm.name},
        category=Category.INCIDENT,
        level=_level(alarm, words),
        state=state,
        title=f"{alarm.name} is in alarm",
        member=Member(key=alarm.series.get("id") or label, label=label or alarm.series["id"]) if alarm.series else None,
        pipeline=alarm.name,
        occurrence=since,
        occurred_at=alarm.at,
        message=_message(alarm, description),
        links={"Open alarm": _url(alarm), "Runbook": words.get("runbook", "")},
        facts={**alarm.facts, "Account": alarm.account, "Region": alarm.region},
        owners=tuple(owner.strip() for key in ("owner", "team") for owner in words.get(key, "").split(",")),
    )


def _level(alarm: Alarm, words: Mapping[str, str]) -> Level:
    """The description may name a severity. Data that stops coming is a warning, unless it stops while the alarm is on."""
    if alarm.state == "OK":
        return Level.SUCCESS
    level = _LEVELS.get(words.get("severity", "") or words.get("priority", ""), Level.ERROR)
    if alarm.state == "INSUFFICIENT_DATA" and alarm.before != "ALARM" and level is Level.ERROR:
        return Level.WARNING
    return level


def _message(alarm: Alarm, description: str) -> str:
    reason = alarm.reason.strip()
    if alarm.state == "OK":
        lasted = alarm.at - alarm.since if alarm.at and alarm.since and alarm.before == "ALARM" else timedelta()
        recovered = f"Was in alarm for {duration(lasted)}." if lasted > timedelta() else ""
        return "\n\n".join(filter(None, (recovered, reason or "OK again.")))
    no_data = (
        ("No data any more; it was in alarm." if alarm.before == "ALARM" else "No data.") if alarm.state == "INSUFFICIENT_DATA" else ""
    )
    return "\n\n".join(filter(None, (no_data, reason, description)))


def _told(description: str) -> tuple[dict[str, str], str]:
    """What lines `owner: …`, `severity: …` and `runbook: …` of the description say, and the rest: a message has no other place for them."""
    told: dict[str, str] = {}
    rest: list[str] = []
    for line in description.splitlines()[:200]:
        key, colon, value = line.strip(" *-").partition(":")
        key, value = key.strip(" *").lower(), one_line(value.strip(" *"), 500)
        if colon and key in ("owner", "team", "severity", "priority", "runbook"):
            told.setdefault(key, value.lower() if key in ("severity", "priority") else value)
        else:
            rest.append(line)
    return told, "\n".join(rest).strip()


def _series(attributes: object, identifier: object) -> dict[str, str]:
    series = {said(key, 60): said(value, 120) for key, value in list(mapping(attributes).items())[:20]}
    series = {key: value for key, value in series.items() if key and value and key != "id"}
    if name := said(identifier, 60):
        series["id"] = name
    return series


def _metric(trigger: Mapping[str, Any]) -> dict[str, str]:
    metric = " ".join(filter(None, (said(trigger.get("Namespace")), said(trigger.get("MetricName")))))
    if not metric and isinstance(trigger.get("Metrics"), list):
        metric = ", ".join(_expressions(trigger["Metrics"]))
    sign = _SIGNS.get(said(trigger.get("ComparisonOperator")), "")
    threshold = said(trigger.get("Threshold"), 40).removesuffix(".0")
    count, period = said(trigger.get("EvaluationPeriods"), 10), said(trigger.get("Period"), 10)
    return {
        "Metric": metric,
        "Dimensions": _dimensions(trigger.get("Dimensions")),
        "Threshold": " ".join(filter(None, (sign, threshold, f"for {count} × {period} s" if count and period else ""))) if sign else "",
    }


def _dimensions(value: object) -> str:
    listed = [mapping(one) for one in value[:10]] if isinstance(value, list) else []
    return ", ".join(f"{said(one.get('name'), 60)}={said(one.get('value'), 120)}" for one in listed if said(one.get("name")))


def _expressions(metrics: list[Any]) -> list[str]:
    told = []
    for one in metrics[:10]:
        metric = mapping(mapping(mapping(one).get("MetricStat")).get("Metric"))
        name = " ".join(filter(None, (said(metric.get("Namespace"), 80), said(metric.get("MetricName"), 80))))
        told.append(said(mapping(one).get("Label"), 80) or said(mapping(one).get("Expression"), 200) or name)
    return [name for name in told if name]


def _metrics(value: object) -> dict[str, str]:
    """The same in EventBridge's letters."""
    told, dimensions = [], ""
    for one in value[:10] if isinstance(value, list) else []:
        metric = mapping(mapping(mapping(one).get("metricStat")).get("metric"))
        name = " ".join(filter(None, (said(metric.get("namespace"), 80), said(metric.get("name"), 80))))
        told.append(name or said(mapping(one).get("expression"), 200))
        dimensions = dimensions or ", ".join(
            f"{said(key, 60)}={said(value, 120)}" for key, value in list(mapping(metric.get("dimensions")).items())[:10]
        )
    return {"Metric": ", ".join(filter(None, told)), "Dimensions": dimensions}


def _composite(document: Mapping[str, Any]) -> dict[str, str]:
    children = document.get("TriggeringChildren")
    names = [string(mapping(one).get("Arn")).rpartition(":alarm:")[2] for one in children[:10]] if isinstance(children, list) else []
    return {"Rule": said(document.get("AlarmRule"), 400), "Triggered by": ", ".join(filter(None, names))}


def _url(alarm: Alarm) -> str:
    base = console(alarm.region)
    return f"{base}/cloudwatch/home?region={alarm.region}#alarmsV2:alarm/{quote(alarm.name, safe='', errors='replace')}" if base else ""
