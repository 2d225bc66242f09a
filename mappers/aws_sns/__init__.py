"""Amazon SNS: CloudWatch alarms, EventBridge events, and whatever else a topic is told.

https://docs.aws.amazon.com/sns/latest/dg/sns-http-https-endpoint-as-subscriber.html
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from mappers.aws_sns import alarm, runs, services, words
from mappers.aws_sns.envelope import CONFIRM, UNSUBSCRIBED, Notice, mapping, read, said, string
from mappers.contract import Category, Draft, Example, FollowUp, Inbound, Level, Mapped, SourceKind, State, Unmapped, parse_time
from mappers.contract.secrets import without_secrets
from mappers.contract.signature import Scheme, is_topic
from mappers.contract.text import one_line

_TESTS: Final = ("s3:TestEvent", "autoscaling:TEST_NOTIFICATION")
_NAMES: Final = ("pipeline", "job", "jobName", "job_name", "name", "flow", "workflow", "task", "dag", "dag_id", "model", "table", "service")
_STATES: Final = ("state", "status", "result", "outcome", "event", "level", "severity")
_TEXTS: Final = ("error", "errorMessage", "error_message", "message", "reason", "cause", "description", "text", "detail", "FailureReason")


def _map(inbound: Inbound) -> Mapped:
    notice = read(inbound)
    if notice.type == CONFIRM:
        return _confirm(notice)
    if notice.type == UNSUBSCRIBED:
        return Mapped(drafts=(_unsubscribed(notice),))
    document = notice.document
    if alarm.is_alarm(document):
        return alarm.map_alarm(notice)
    if "detail" in document and runs.detail_type(document):
        return runs.map_run(document) or services.map_event(document) or _any_event(document, notice)
    if not document:
        return _any_text(notice)
    return _of_a_service(notice) or _custom(notice) or _any_document(notice)


def _confirm(notice: Notice) -> Mapped:
    """The address that it asks to be visited is never used: anybody could write one."""
    token = notice.token
    if not is_topic(notice.topic) or not token or len(token) > 1024 or not token.isascii() or not token.isprintable():
        raise Unmapped("a request to confirm a subscription that names no topic, or has no token")
    follow_up = FollowUp(kind="aws_sns", operation="confirm_subscription", ids={"topic": notice.topic, "token": token})
    return Mapped(follow_ups=(follow_up,), ignored=f"the subscription to {notice.topic_name} is being confirmed")


def _unsubscribed(notice: Notice) -> Draft:
    return Draft(
        slug="aws-sns-unsubscribed",
        event_data={"topic": notice.topic},
        category=Category.SYSTEM,
        level=Level.WARNING,
        state=State.NOTE,
        title=f"Topic {notice.topic_name} no longer sends here",
        occurrence=notice.id or None,
        occurred_at=notice.at,
        message="Somebody ended the subscription. Alarms of this topic do not arrive any more; subscribe it again if that is not wanted.",
        facts={"Topic": notice.topic},
    )


def _of_a_service(notice: Notice) -> Mapped | None:
    """Services that publish by themselves, each in a shape of its own."""
    document = notice.document
    if said(document.get("Event")) in _TESTS:
        return Mapped(ignored="a test of the sending service: the topic is connected")
    if isinstance(document.get("Records"), list) and document["Records"] and mapping(document["Records"][0]).get("eventSource") == "aws:s3":
        return Mapped(ignored="objects of a bucket changed: nothing that went wrong")
    if "Event Message" in document:
        return services.service_event(notice)
    if "requestContext" in document and "functionArn" in mapping(document["requestContext"]):
        return services.function_result(notice)
    if "anomalyId" in document and "impact" in document:
        return services.cost_anomaly(notice)
    return None


def _any_event(event: Mapping[str, Any], notice: Notice) -> Mapped:
    """An EventBridge event of any other sort: its own words of state are believed, in its type before its fields."""
    kind, detail = runs.detail_type(event), mapping(event.get("detail"))
    if kind == "Scheduled Event":
        return Mapped(ignored="a schedule's tick")
    told = _state_word(detail)
    name = _name(detail) or runs.short(said((event.get("resources") or [""])[0], 300) if isinstance(event.get("resources"), list) else "")
    stem = words.stem(kind)
    subject = " ".join(filter(None, (stem or kind, name)))
    state = words.state_of_field(told) or words.state_of_field(kind)
    place = runs.place(event)
    identity = {**place, "source": said(event.get("source"), 100), "type": stem or kind, "name": name}
    return _told(
        notice, "aws-event", identity, subject, state, runs.why_of(detail, _TEXTS) or told, f"{kind} {told}", parse_time(event.get("time")),
        {"Type": kind, "Source": said(event.get("source"), 100), "State": told},
    )  # fmt: skip


def _custom(notice: Notice) -> Mapped | None:
    """What is written for chat: https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html"""
    content = mapping(notice.document.get("content"))
    title = said(content.get("title"))
    return _any_text(replace(notice, subject=title, text=string(content.get("description")) or title)) if title else None


def _any_document(notice: Notice) -> Mapped:
    """JSON of somebody's own."""
    document = notice.document
    told = _state_word(document)
    name = _name(document) or words.stem(notice.subject)
    state = words.state_of_field(told) or words.state_of(notice.subject)
    if not name or (state is None and not notice.subject):
        raise Unmapped("the message is JSON of no known shape: it has neither a name nor a state")
    text = next(filter(None, (string(document.get(key)).strip() for key in _TEXTS)), "")
    identity = {"topic": notice.topic_name, "name": name}
    told_words = " ".join((notice.subject, told, *(key for key in _NAMES if key in document)))
    return _told(notice, "aws-sns-message", identity, name, state, text or notice.subject, told_words, notice.at, {"State": told})


def _any_text(notice: Notice) -> Mapped:
    """Prose: its subject, or else its first line, says what it is about."""
    known = services.budget(notice) or services.stack(notice)
    if known is not None:
        return known
    text = notice.text.strip().strip('"')
    if text.startswith(("{", "[")):  # JSON that was cut off is nothing to read to anyone; its subject may be
        if words.state_of(notice.subject) is None:
            raise Unmapped("the message is not quite JSON, or a list: nothing in it says what happened")
        text = notice.subject
    head = notice.subject or one_line(text.partition("\n")[0][:2000], 200)
    if not head:
        raise Unmapped("the message is empty")
    name = words.stem(head) or notice.topic_name or "message"
    identity = {"topic": notice.topic_name, "name": name}
    if state := words.state_of(head):
        return _told(notice, "aws-sns-message", identity, name, state, text, head, notice.at, {}, head)
    first = text.partition("\n")[0]  # a subject that only names: what happened stands below it
    state = words.state_of(first)
    return _told(notice, "aws-sns-message", identity, name, state, text, f"{head} {first}", notice.at, {}, "" if state else head)


def _told(
    notice: Notice, slug: str, identity: Mapping[str, str | int | bool | None], name: str, state: State | None, text: str, words_told: str,
    at: Any, facts: Mapping[str, str], title: str = "",
) -> Mapped:  # fmt: skip
    """A draft of what says of itself whether it is bad: what does not is kept as a note."""
    firing = state is State.FIRING
    level = Level.WARNING if firing and words.is_warning(words_told) else Level.ERROR if firing else Level.SUCCESS if state else Level.INFO
    category = words.category_of(f"{words_told} {name}") if state else Category.SYSTEM
    said_so = "failed" if category is Category.JOB_FAILURE else "is in trouble"
    title = title or (f"{name} {said_so}" if state else name)
    draft = Draft(
        slug=slug,
        event_data=dict(identity),
        category=category,
        level=level,
        state=state or State.NOTE,
        title=title,
        pipeline=name,
        occurrence=notice.id or None,
        occurred_at=at or notice.at,
        message=text or notice.subject or name,
        facts={**facts, "Topic": notice.topic_name},
        closes_itself=firing,
        excerpt=text if firing else "",
    )
    return Mapped(drafts=(draft,))


def _state_word(document: Mapping[str, Any]) -> str:
    """By its usual keys, else any that ends in `state` or `status` and is not of before."""
    known = next(filter(None, (said(document.get(key), 100) for key in _STATES)), "")
    others = (
        said(value, 100)
        for key, value in list(document.items())[:100]
        if key.lower().endswith(("state", "status")) and not key.lower().startswith(("previous", "old", "prior"))
    )
    return known or next(filter(None, others), "")


def _name(document: Mapping[str, Any]) -> str:
    """By what people would call it: a known key, else any that ends in `name`."""
    known = next(filter(None, (said(document.get(key), 150) for key in _NAMES)), "")
    return known or next(
        filter(None, (said(value, 150) for key, value in list(document.items())[:100] if key.lower().endswith("name"))), ""
    )


def _request_key(inbound: Inbound) -> str | None:
    """`MessageId`: the same for every try; EventBridge's own id where SNS is not in between."""
    try:
        notice = read(inbound)
    except Unmapped:
        return None
    return notice.id or ((said(notice.document.get("id"), 100) or None) if "detail-type" in notice.document else None)


_EXAMPLE: Final = (
    b'{"Type":"Notification","MessageId":"35ecbe70-f71e-42d7-b099-720e3d5aed0b","TopicArn":"arn:aws:sns:eu-central-1:123456789012:alerts",'
    b'"Subject":"ALARM: \\"orders-queue-is-long\\" in EU (Frankfurt)","Message":"{\\"AlarmName\\":\\"orders-queue-is-long\\",'
    b'\\"AlarmDescription\\":\\"owner: data-platform\\",\\"AWSAccountId\\":\\"123456789012\\",\\"NewStateValue\\":\\"ALARM\\",'
    b'\\"NewStateReason\\":\\"Threshold Crossed: 1 datapoint (12.0) was greater than the threshold (10.0).\\",'
    b'\\"StateChangeTime\\":\\"2026-11-22T09:58:11.214+0000\\",\\"Region\\":\\"EU (Frankfurt)\\",\\"AlarmArn\\":'
    b'\\"arn:aws:cloudwatch:eu-central-1:123456789012:alarm:orders-queue-is-long\\",\\"OldStateValue\\":\\"OK\\",\\"Trigger\\":'
    b'{\\"MetricName\\":\\"ApproximateNumberOfMessagesVisible\\",\\"Namespace\\":\\"AWS/SQS\\",\\"Dimensions\\":'
    b'[{\\"value\\":\\"orders\\",\\"name\\":\\"QueueName\\"}],\\"Period\\":60,\\"EvaluationPeriods\\":1,'
    b'\\"ComparisonOperator\\":\\"GreaterThanThreshold\\",\\"Threshold\\":10.0}}","Timestamp":"2026-11-22T09:58:11.301Z",'
    b'"SignatureVersion":"1","Signature":"EXAMPLE","SigningCertURL":"https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-x.pem"}'
)

SOURCE: Final = SourceKind(
    kind="aws_sns",
    title="Amazon SNS and CloudWatch",
    auth=(Scheme.SNS, Scheme.TOKEN, Scheme.BASIC, Scheme.HEADER, Scheme.BEARER),
    event_types=("CloudWatch alarms", *runs.SHAPES, *services.EVENTS, "RDS DB Instance Event"),
    map=without_secrets(_map),
    request_key=_request_key,
    example=Example(
        body=_EXAMPLE,
        headers={
            "Content-Type": "text/plain; charset=UTF-8", "x-amz-sns-message-type": "Notification",
            "x-amz-sns-topic-arn": "arn:aws:sns:eu-central-1:123456789012:alerts", "User-Agent": "Amazon Simple Notification Service Agent",
        },
    ),
    steps=(
        "In the SNS console open the topic that your alarms notify (or create one) and choose Create subscription.",
        "Protocol: HTTPS. Endpoint: {url}",
        "Leave \"Enable raw message delivery\" off, or the signature is left out.",
        "Name the topic's ARN in the source's auth, { sns = [...] }: messages of any other topic are refused.",
        "The subscription is confirmed by itself within a minute; its status in the console becomes Confirmed.",
        "Let each alarm notify the topic In alarm and on OK, or nothing ever recovers.",
        "To see one arrive: aws cloudwatch set-alarm-state --alarm-name NAME --state-value ALARM --state-reason test",
    ),
)  # fmt: skip
