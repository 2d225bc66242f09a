"""Finding the dialect: a message in its envelope, delivered raw, or posted without SNS at all.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from mappers.contract import BadBody, Inbound, Unmapped, parse_time
from mappers.contract.inbound import parse_json
from mappers.contract.text import one_line

CONFIRM: Final = "SubscriptionConfirmation"
UNSUBSCRIBED: Final = "UnsubscribeConfirmation"
_TYPES: Final = frozenset({"Notification", CONFIRM, UNSUBSCRIBED})
_ENVELOPE: Final = ("Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp", "Token")
_MESSAGE: Final = (
    "AlarmName", "AlarmDescription", "AWSAccountId", "NewStateValue", "NewStateReason", "OldStateValue", "StateChangeTime", "AlarmArn",
    "detail-type", "source", "account", "region", "time", "id", "state", "status", "jobName", "jobRunId", "message", "stateMachineArn",
    "executionArn", "cause", "error", "jobQueue", "jobId", "statusReason", "name", "pipeline",
)  # fmt: skip
_STRING: Final = re.compile(r'"((?:[^"\\]++|\\.)*+)("?)', re.DOTALL)
_PROSE: Final = frozenset({"Message", "AlarmDescription", "NewStateReason", "message", "cause", "error", "statusReason"})
"""What says something also where its end is missing; half a name would be another's."""
_OF_THE_EVENT: Final = frozenset({"detail-type", "source", "account", "region", "time", "id"})


@dataclass(frozen=True)
class Notice:
    """One message of a topic, whichever way it came."""

    type: str
    id: str
    topic: str
    subject: str
    text: str
    """The message itself."""
    document: Mapping[str, Any]
    """The message where it is a JSON object, or what could be salvaged of one; otherwise empty."""
    at: datetime | None
    token: str

    @property
    def region(self) -> str:
        """`eu-central-1`, of the topic."""
        return (self.topic.split(":") + [""] * 4)[3]

    @property
    def account(self) -> str:
        """The topic's owner."""
        return (self.topic.split(":") + [""] * 5)[4]

    @property
    def topic_name(self) -> str:
        """What people call the topic."""
        return self.topic.rpartition(":")[2]


def read(inbound: Inbound) -> Notice:
    """The message, out of whatever it is wrapped in. Raises `Unmapped` where there is none."""
    body = inbound.text
    if not body.strip():
        raise Unmapped("the body is empty")
    envelope = _object(body)
    kind = inbound.headers.get("x-amz-sns-message-type", "")
    is_raw = inbound.headers.get("x-amz-sns-rawdelivery", "").lower() == "true"
    if not envelope and not is_raw and '"TopicArn"' in body and '"Message"' in body:
        envelope = dict(salvaged(body, _ENVELOPE))
    if "TopicArn" in envelope and ("Message" in envelope or envelope.get("Type") in _TYPES):
        return _notice(*(string(envelope.get(name)) for name in _ENVELOPE))
    return _notice(
        kind, inbound.headers.get("x-amz-sns-message-id", ""), inbound.headers.get("x-amz-sns-topic-arn", ""), "", body, "", ""
    )  # fmt: skip


def _notice(kind: str, identifier: str, topic: str, subject: str, text: str, timestamp: str, token: str) -> Notice:
    return Notice(
        type=kind if kind in _TYPES else "Notification",
        id=one_line(identifier, 200),
        topic=one_line(topic, 350),
        subject=one_line(subject, 200),
        text=text,
        document=_document(text),
        at=parse_time(timestamp),
        token=token,
    )


def _document(text: str) -> Mapping[str, Any]:
    document = _object(text)
    if document or not text.lstrip().startswith("{"):
        return document
    flat = salvaged(text, _MESSAGE)  # cut off, or a template of somebody's: its known keys tell what happened all the same
    if "detail-type" not in flat:
        return flat if "AlarmName" in flat else {}
    detail = {name: value for name, value in flat.items() if name not in _OF_THE_EVENT}
    return {**{name: value for name, value in flat.items() if name in _OF_THE_EVENT}, "detail": detail}


def _object(text: str) -> dict[str, Any]:
    if not text.lstrip("\ufeff \t\r\n").startswith("{"):
        return {}
    try:
        document = parse_json(text)
    except BadBody:
        return {}
    return document if isinstance(document, dict) else {}


def salvaged(text: str, names: tuple[str, ...]) -> dict[str, str]:
    """The string values of these keys in what is not quite JSON; the last one may be cut off."""
    found: dict[str, str] = {}
    for name in names:
        _, key, rest = text.partition(f'"{name}"')
        rest = rest[:600_000].lstrip()
        if key and rest.startswith(":") and (rest := rest[1:].lstrip()).startswith('"'):
            value = _STRING.match(rest)
            if value and (value[2] or name in _PROSE):
                found[name] = _unescaped(value[1])
    return found


def _unescaped(written: str) -> str:
    try:
        return str(json.loads(f'"{written}"', strict=False))
    except ValueError:
        return written.replace('\\"', '"').replace("\\n", "\n").replace("\\\\", "\\")


def string(value: object) -> str:
    """A string as it is; anything else is none."""
    return value if isinstance(value, str) else ""


def said(value: object, limit: int = 200) -> str:
    """A name, number or word on one line; nothing for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    try:
        return one_line(str(value)[: limit * 10], limit)
    except ValueError:  # an integer of thousands of digits
        return ""


def mapping(value: object) -> Mapping[str, Any]:
    """An object as it is; empty for anything else."""
    return value if isinstance(value, dict) else {}


def console(region: str) -> str:
    """The web console of a region: three companies run three of them."""
    if not region or not region.replace("-", "").isalnum() or not region.isascii():
        return ""
    if region.startswith("cn-"):
        return f"https://{region}.console.amazonaws.cn"
    return "https://console.amazonaws-us-gov.com" if region.startswith("us-gov-") else f"https://{region}.console.aws.amazon.com"
