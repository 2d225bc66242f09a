"""Airflow: our callback helper, or callbacks that people wrote themselves.

    bytes ── dialects ──▶ message ── threads ──▶ drafts, signal

The helper and its message: docs/connect-airflow.md. Airflow's own OpenLineage provider is the kind `openlineage`.
"""

import hashlib
from typing import Final

from mappers.airflow.dialects import read
from mappers.airflow.message import Message
from mappers.airflow.threads import map_message
from mappers.contract import Documents, Example, Inbound, Mapped, Phase, SourceKind, Unmapped
from mappers.contract.signature import Scheme


def map_(inbound: Inbound) -> Mapped:
    """What a callback said. Raises `Unmapped`, and nothing else."""
    message = read(inbound)
    return map_message(message, _before(inbound, message))


def _before(inbound: Inbound, message: Message) -> Message | None:
    body = inbound.documents.get(_name(message))
    try:
        return read(Inbound(body=body)) if body else None
    except Unmapped:
        return None


def _name(message: Message) -> str:
    """The document that holds the last failure of a task in this DAG."""
    return f"failure/{hashlib.sha256(message.dag.encode('utf-8', 'surrogatepass')).hexdigest()}"


def documents(inbound: Inbound) -> Documents:
    """A DAG run's own failure is told only where that of its task was not."""
    try:
        message = read(inbound)
    except Unmapped:
        return Documents()
    if message.phase is not Phase.FAILED or not message.run:
        return Documents()
    return Documents(keeps=(_name(message),)) if message.task else Documents(wants=(_name(message),))


def request_key(inbound: Inbound) -> str | None:
    """What happened to which run or try, and when; None where the time or the run is missing."""
    try:
        message = read(inbound)
    except Unmapped:
        return None
    if message.at is None or not message.run:
        return None
    parts = (message.dag, message.run, message.part, message.try_number, message.clear_number, message.state, message.at.isoformat())
    return hashlib.sha256("\n".join(map(str, parts)).encode("utf-8", "surrogatepass")).hexdigest()


EXAMPLE: Final = Example(
    headers={"Content-Type": "application/json", "User-Agent": "tocsin-airflow/1"},
    body=b"""{
  "tocsin": "airflow", "event": "task", "state": "failed", "at": "2026-11-22T02:10:41.483863+00:00",
  "dag_id": "orders_dag", "task_id": "load_orders", "run_id": "scheduled__2026-11-22T02:00:00+00:00", "map_index": -1,
  "try_number": 2, "max_tries": 1, "clear_number": 0, "logical_date": "2026-11-22T02:00:00+00:00",
  "exception": "ValueError: relation \\"orders\\" does not exist", "owners": ["data-platform"], "tags": ["shop"],
  "downstream": ["publish"], "log_url": "http://localhost:8080/dags/orders_dag/runs/scheduled__2026-11-22/tasks/load_orders?try_number=2"
}""",
)

SOURCE: Final = SourceKind(
    kind="airflow",
    title="Airflow",
    auth=(Scheme.BEARER, Scheme.TOKEN, Scheme.HEADER, Scheme.BASIC),
    event_types=("task", "dag_run", "sla_miss", "deadline"),
    map=map_,
    request_key=request_key,
    documents=documents,
    example=EXAMPLE,
    steps=(
        "Copy tocsin_airflow.py (docs/examples/airflow in Tocsin's repository) into Airflow's plugins folder: it then tells of all DAGs.",
        "Or copy it into the DAGs folder and name its callbacks in the DAGs that are to be heard of.",
        "Set TOCSIN_AIRFLOW_URL={url} and TOCSIN_AIRFLOW_TOKEN={token} where Airflow runs: scheduler, DAG processor, triggerer, workers.",
        "Restart them, so that the plugin is loaded.",
        "Run a DAG that fails, see it on the page; run it well, and it is resolved.",
    ),
)
