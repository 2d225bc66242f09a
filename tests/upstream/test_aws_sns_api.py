"""Confirming a subscription: only ever at the vendor's own address, made of the topic's ARN alone."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from gateway.upstream.asking import Asked, Refused, Unavailable
from gateway.upstream.aws_sns import UPSTREAM, address
from gateway.upstream.web import Answer, Web
from mappers.aws_sns import SOURCE

TOPIC = "arn:aws:sns:eu-central-1:123456789012:alerts"


class Said(Web):
    """Answers with a status, and remembers what was asked."""

    def __init__(self, status: int, headers: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.status, self.headers = status, headers or {}
        self.asked: list[tuple[str, str, Mapping[str, str] | None]] = []

    async def ask(self, method: str, url: str, *, params: Mapping[str, str] | None = None, **_: Any) -> Answer:
        self.asked.append((method, url, params))
        return Answer(self.status, self.headers, b"<ConfirmSubscriptionResponse/>")


def asked(web: Web, **ids: str) -> Asked:
    return Asked(web, SOURCE.settings(), ids)


confirm = UPSTREAM.operations["confirm_subscription"]


async def test_it_asks_the_region_of_the_topic_and_enters_nothing() -> None:
    web = Said(200)
    assert await confirm(asked(web, topic=TOPIC, token="2336412f37")) is None
    params = {"Action": "ConfirmSubscription", "TopicArn": TOPIC, "Token": "2336412f37", "Version": "2010-03-31"}
    assert web.asked == [("GET", "https://sns.eu-central-1.amazonaws.com/", params)]


@pytest.mark.parametrize(
    ("topic", "host"),
    [
        ("arn:aws-cn:sns:cn-north-1:123456789012:alerts", "https://sns.cn-north-1.amazonaws.com.cn/"),
        ("arn:aws-us-gov:sns:us-gov-west-1:123456789012:alerts", "https://sns.us-gov-west-1.amazonaws.com/"),
        (TOPIC, "https://sns.eu-central-1.amazonaws.com/"),
    ],
)
def test_each_partition_has_its_own_hosts(topic: str, host: str) -> None:
    assert address(topic) == host


@pytest.mark.parametrize(
    ("topic", "token"),
    [
        ("", "2336"),
        ("https://evil.test/", "2336"),
        ("arn:aws:sns:evil.test/?x=:123456789012:alerts", "2336"),
        ("arn:aws:sns:a.evil.test#:123456789012:alerts", "2336"),
        ("arn:aws:sns:eu-central-1:123456789012:alerts\n", "2336"),
        (TOPIC, ""),
        (TOPIC, "2336&TopicArn=other"),
        (TOPIC, "2" * 2000),
    ],
)
async def test_what_is_no_topic_or_no_token_is_never_asked(topic: str, token: str) -> None:
    web = Said(200)
    with pytest.raises(Refused, match="subscribe again"):
        await confirm(asked(web, topic=topic, token=token))
    assert web.asked == []


async def test_a_token_that_has_run_out_is_final_and_an_outage_is_not() -> None:
    for status in (400, 404):
        with pytest.raises(Refused, match="Amazon SNS"):
            await confirm(asked(Said(status), topic=TOPIC, token="2336"))
    with pytest.raises(Unavailable) as raised:
        await confirm(asked(Said(503, {"retry-after": "7"}), topic=TOPIC, token="2336"))
    assert raised.value.retry_after == timedelta(seconds=7)


def test_the_mapper_asks_for_what_can_be_asked() -> None:
    import json
    from pathlib import Path

    from mappers.contract import Inbound

    case = Path(__file__).parent.parent / "fixtures" / "aws_sns" / "subscription-confirmation.request.json"
    mapped = SOURCE.map(Inbound(body=json.loads(case.read_text(encoding="utf-8"))["body"].encode()))
    assert [(one.kind, one.operation in UPSTREAM.operations) for one in mapped.follow_ups] == [("aws_sns", True)]
    assert set(mapped.follow_ups[0].ids) == {"topic", "token"}
