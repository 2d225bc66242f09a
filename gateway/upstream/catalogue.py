"""Whose APIs can be asked."""

from collections.abc import Mapping
from typing import Final

from gateway.upstream import dbt_cloud, prefect
from gateway.upstream.asking import Upstream

UPSTREAMS: Final[Mapping[str, Upstream]] = {"dbt_cloud": dbt_cloud.UPSTREAM, "prefect": prefect.UPSTREAM}
"""By the kind of the source that has access to them."""
