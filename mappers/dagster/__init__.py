"""Dagster: our run status sensors, or what people's own sensors say.

    bytes ── message ──▶ run ── threads ──▶ drafts, signal

The sensors and their message: docs/connect-dagster.md. Webhooks of Dagster+ (early access) send what their template says.
"""

from typing import Final

from mappers.contract import Example, Inbound, Mapped, SourceKind, Unmapped
from mappers.contract.signature import Scheme
from mappers.dagster.message import read
from mappers.dagster.threads import map_run


def map_(inbound: Inbound) -> Mapped:
    """What a sensor said of a run. Raises `Unmapped`, and nothing else."""
    return map_run(read(inbound))


def request_key(inbound: Inbound) -> str | None:
    """Run, state and time; None where one of them is missing."""
    try:
        run = read(inbound)
    except Unmapped:
        return None
    return f"{run.id} {run.state} {run.at.isoformat()}" if run.id and run.at else None


EXAMPLE: Final = Example(
    headers={"Content-Type": "application/json", "User-Agent": "tocsin-dagster/1"},
    body=b"""{
  "tocsin": "dagster", "event": "run", "state": "FAILURE", "at": "2026-11-22T02:10:08.372290+00:00", "job": "orders_job",
  "run_id": "0bfe68cf-db1b-4437-8bf2-5c3561776785", "code_location": "shop", "is_part": false, "will_retry": false,
  "message": "Execution of run for \\"orders_job\\" failed. Steps failed: ['load'].", "owners": ["team:analytics"],
  "steps": [{"key": "load", "status": "FAILURE", "attempts": 2, "error": "ValueError: relation \\"orders\\" does not exist"},
            {"key": "extract", "status": "SUCCESS", "attempts": 1}],
  "url": "https://dagster.example/runs/0bfe68cf-db1b-4437-8bf2-5c3561776785"
}""",
)

SOURCE: Final = SourceKind(
    kind="dagster",
    title="Dagster",
    auth=(Scheme.BEARER, Scheme.TOKEN, Scheme.HEADER, Scheme.BASIC),
    event_types=("FAILURE", "SUCCESS", "CANCELED", "STARTED"),
    map=map_,
    request_key=request_key,
    example=EXAMPLE,
    steps=(
        "Copy tocsin_dagster.py (docs/examples/dagster in Tocsin's repository) beside your definitions.",
        "Add its sensors to them: Definitions(…, sensors=[*tocsin_sensors()]).",
        "Set TOCSIN_DAGSTER_URL={url} and TOCSIN_DAGSTER_TOKEN={token} where the code location runs.",
        "Set TOCSIN_DAGSTER_UI_URL there to the address where you open Dagster, for the links.",
        "Reload the code location: the sensors tocsin_failure, tocsin_success, tocsin_canceled and tocsin_started run by themselves.",
        "Run a job that fails, see it on the page within half a minute; run it well, and it is resolved.",
    ),
)
