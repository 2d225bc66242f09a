"""Amazon SNS: a subscription is confirmed at the topic's own region. The address that a message names for it is never used.

https://docs.aws.amazon.com/sns/latest/api/API_ConfirmSubscription.html
"""

import re
from typing import Final

from gateway.upstream.asking import Asked, Document, Refused, Upstream, ask
from mappers.contract.signature import is_topic

WHOSE: Final = "Amazon SNS"
PATIENCE: Final = 10.0
_AT_MOST: Final = 64 * 1024
_TOKEN: Final = re.compile(r"[A-Za-z0-9]{1,1024}")


async def confirm_subscription(asked: Asked) -> Document | None:
    """Confirms it; there is nothing to enter. Confirming twice is as good as once."""
    topic, token = asked.ids.get("topic", ""), asked.ids.get("token", "")
    if not is_topic(topic) or not _TOKEN.fullmatch(token):
        raise Refused("what is to be confirmed names no topic, or has no token of SNS; subscribe again")
    params = {"Action": "ConfirmSubscription", "TopicArn": topic, "Token": token, "Version": "2010-03-31"}
    answer = await ask(asked.web, "GET", address(topic), whose=WHOSE, params=params, at_most=_AT_MOST, within=PATIENCE)
    if answer.status == 404:
        raise Refused(f"{WHOSE} knows neither this topic nor its token any more; subscribe again")
    return None


def address(topic: str) -> str:
    """The API of a topic's region. https://docs.aws.amazon.com/general/latest/gr/sns.html"""
    _, partition, _, region, *_ = topic.split(":")
    return f"https://sns.{region}.amazonaws.com{'.cn' if partition == 'aws-cn' else ''}/"


UPSTREAM: Final = Upstream({"confirm_subscription": confirm_subscription})
