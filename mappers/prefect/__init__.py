"""Prefect 2 and 3: automations that call a webhook or send a notification.

    bytes ── reading ──▶ message ── runs | infrastructure ──▶ drafts, signal
             (dialects, sentences, salvage)   (states, scope)

Identity (see `scope`): a run's threads stand for its flow wherever the flow's name is known, with the deployment as a
member; else for the deployment, else for the run, which closes by itself. What the engine does with that:

- a draft without a member speaks for the whole thread: its recovery ends every member, and any recovery ends it;
- a completion does not mend the dbt tests that failed in the same run (here told by the event's previous state only).
"""

from typing import Final

from mappers.contract import Example, Inbound, Mapped, SourceKind, Unmapped
from mappers.contract.signature import Scheme
from mappers.prefect.infrastructure import map_infrastructure
from mappers.prefect.message import InfrastructureMessage, Nothing
from mappers.prefect.reading import event_id, read
from mappers.prefect.runs import map_run
from mappers.prefect.settings import PrefectSettings, settings_of


def map_(inbound: Inbound) -> Mapped:
    """What a request of Prefect means. Raises `Unmapped`, and nothing else."""
    message = read(inbound)
    if isinstance(message, Nothing):
        return Mapped(ignored=message.reason)
    settings = settings_of(inbound.settings)
    if isinstance(message, InfrastructureMessage):
        return map_infrastructure(message, settings)
    return map_run(message, settings, inbound.received_at)


def request_key(inbound: Inbound) -> str | None:
    """The event's id; else run, state and time; None where the time is missing, for a run may fail twice."""
    if key := event_id(inbound):
        return key
    try:
        message = read(inbound)
    except Unmapped:
        return None
    if isinstance(message, Nothing):
        return None
    if message.event_id:
        return message.event_id
    if isinstance(message, InfrastructureMessage) or not message.at:
        return None
    return f"{message.run} {message.state} {message.at.isoformat()}"


EVENT_TYPES: Final = (
    *("prefect.flow-run.*", "prefect.deployment.ready", "prefect.deployment.not-ready"),
    *("prefect.work-pool.ready", "prefect.work-pool.not-ready", "prefect.work-pool.paused"),
    *("prefect.work-queue.ready", "prefect.work-queue.not-ready", "prefect.work-queue.paused"),
)

EXAMPLE: Final = Example(
    headers={"Content-Type": "application/json", "User-Agent": "python-httpx/0.28.1"},
    body=b"""{
  "flow_name": "orders-etl",
  "flow_run_name": "prompt-frogmouth",
  "flow_run_id": "c44ce9ad-d076-400a-830c-48f8a3306f67",
  "flow_run_state_type": "StateType.FAILED",
  "flow_run_state_name": "Failed",
  "flow_run_state_timestamp": "2026-11-21 23:58:35.168520+00:00",
  "flow_run_state_message": "Flow run encountered an exception: ValueError: no rows for 2026-11-21",
  "flow_run_url": "http://127.0.0.1:4200/runs/flow-run/c44ce9ad-d076-400a-830c-48f8a3306f67"
}""",
)

STEPS: Final = (
    "Let `tocsin connect prefect --api-url http://HOST:4200/api` do all of what follows, or do it by hand",
    'Blocks: add a Webhook block, method POST, URL {url}, headers {"Authorization": "Bearer {token}", "Content-Type": "application/json"}',
    "Automations: add one for prefect.flow-run.* that calls this webhook, with the payload of docs/connect-prefect.md",
    "Automations: add one for work pools and work queues, ready and not ready, with the payload {{ event|tojson }}",
)

SOURCE: Final = SourceKind(
    kind="prefect",
    title="Prefect",
    auth=(Scheme.BEARER, Scheme.HEADER, Scheme.BASIC, Scheme.TOKEN, Scheme.HMAC),
    event_types=EVENT_TYPES,
    map=map_,
    request_key=request_key,
    example=EXAMPLE,
    steps=STEPS,
    settings=PrefectSettings,
)
