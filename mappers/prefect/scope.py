"""What a flow run's threads stand for.

The dialects do not know the same things: events name flow and deployment, the web interface's own payload names the
flow alone, the shortest notification only the run. A recovery told in one must resolve what another opened, so a thread
stands for the *flow* wherever its name is known, and the deployment is a *member* of it: two deployments of one flow
fail and recover by themselves, and a message that names no deployment speaks for the thread as a whole.

With `group_by = "deployment"` each deployment has its own thread and pipeline; then every message must name it.
"""

from typing import NamedTuple

from mappers.contract import Member
from mappers.contract.draft import Scalar
from mappers.contract.text import one_line
from mappers.prefect.message import NAME_LIMIT, RunMessage
from mappers.prefect.settings import PrefectSettings


class Scope(NamedTuple):
    """The identity of a run's threads and the pipeline they belong to."""

    event_data: dict[str, Scalar]
    pipeline: str
    member: Member | None = None
    is_run: bool = False
    """Nothing but the run is known: only its own later states can speak of it again."""


def scope_of(message: RunMessage, settings: PrefectSettings) -> Scope:
    """The best identity this message allows."""
    flow, deployment = message.flow, message.deployment
    if flow and deployment and settings.group_by == "deployment":
        return Scope({"flow": flow, "deployment": deployment}, one_line(f"{flow}/{deployment}", NAME_LIMIT))
    if flow:
        return Scope({"flow": flow}, flow, Member(key=deployment, label=deployment) if deployment else None)
    if deployment:
        return Scope({"deployment": deployment}, deployment)
    return Scope({"flow_run": message.run}, message.run_name or message.run, is_run=True)
