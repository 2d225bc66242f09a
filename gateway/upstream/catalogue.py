"""Whose APIs can be asked."""

from collections.abc import Mapping
from typing import Final

from gateway.upstream import aws_sns, dbt_cloud, prefect
from gateway.upstream.asking import Upstream

UPSTREAMS: Final[Mapping[str, Upstream]] = {
    "aws_sns": aws_sns.UPSTREAM,
    "dbt_cloud": dbt_cloud.UPSTREAM,
    "prefect": prefect.UPSTREAM,
}
"""By the kind of the source that has access to them."""
