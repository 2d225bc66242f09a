"""OpenLineage: what any producer (Airflow, Spark, dbt, Flink, Dagster) says of its runs and datasets.

    bytes ── events ──▶ place ── runs      ──▶ job failures, recoveries, the pipeline's signal
                        (top)    quality   ──▶ failed checks of data
                                 schemas   ──▶ changed columns

https://openlineage.io/docs/spec/object-model
"""

import hashlib
from collections.abc import Mapping
from typing import Final

from mappers.contract import Documents, Example, Inbound, Mapped, SourceKind, SourceSettings, Unmapped
from mappers.contract.signature import Scheme
from mappers.openlineage.events import Event, read
from mappers.openlineage.place import began, failed, place_of, wanted
from mappers.openlineage.quality import map_checks
from mappers.openlineage.runs import is_final, map_run
from mappers.openlineage.schemas import documents_of, map_schemas


class Settings(SourceSettings):
    """Settings every source has."""

    max_body: int = 16_777_216
    """Spark's events hold whole query plans."""


def map_(inbound: Inbound) -> Mapped:
    """What a request of an OpenLineage client means. Raises `Unmapped`, and nothing else."""
    parts = [_map(event, inbound.documents) for event in read(inbound)]
    drafts = tuple(draft for part in parts for draft in part.drafts)
    said = dict.fromkeys(part.ignored for part in parts if part.ignored)
    signals = tuple(signal for part in parts for signal in part.signals)
    return Mapped(drafts=drafts, signals=signals, ignored=None if drafts else "; ".join(list(said)[:3]) or "nothing to tell anyone")


def _map(event: Event, documents: Mapping[str, bytes]) -> Mapped:
    place = place_of(event, documents)
    run = map_run(event, place, documents) if place and event.type else Mapped(ignored=_static(event))
    drafts = (*run.drafts, *map_checks(event, place), *map_schemas(event, place, documents))
    return Mapped(drafts=drafts, signals=run.signals, ignored=None if drafts else run.ignored)


def _static(event: Event) -> str:
    return "what a job is, not how it ran" if event.job else "a dataset, and nothing changed in it since it was last told"


def documents(inbound: Inbound) -> Documents:
    """Kept: what a job said when it began, a pipeline's last failure, each dataset's last schema. Wanted: the same, of others."""
    try:
        events = read(inbound)
    except Unmapped:
        return Documents()
    keeps: dict[str, None] = {}
    wants: dict[str, None] = {}
    for event in events:
        schemas = documents_of(event)
        keeps |= dict.fromkeys((*schemas, *_kept(event)))
        wants |= dict.fromkeys((*schemas, *_asked(event)))
    return Documents(keeps=tuple(keeps), wants=tuple(wants))


def _kept(event: Event) -> tuple[str, ...]:
    place = place_of(event, {})
    if place is None or event.job is None:
        return ()
    if event.type == "START":
        return (began(event.job),)
    return (failed(place.job),) if event.type == "FAIL" and not place.is_top and is_final(event) else ()


def _asked(event: Event) -> tuple[str, ...]:
    place = place_of(event, {})
    if place is None or not event.type:
        return ()
    if event.type != "FAIL" or event.job is None:
        return wanted(event)
    return tuple(dict.fromkeys((*wanted(event), failed(place.job), failed(event.job))))


def request_key(inbound: Inbound) -> str | None:
    """Run, type and time of each event; None where any of them says less."""
    try:
        events = read(inbound)
    except Unmapped:
        return None
    keys = [_key(event) for event in events]
    if len(keys) == 1 or None in keys:
        return keys[0] if len(keys) == 1 else None
    return hashlib.sha256("\n".join(filter(None, keys)).encode("utf-8", "surrogatepass")).hexdigest()


def _key(event: Event) -> str | None:
    if event.at is None or event.is_cut:
        return None
    if event.run:
        return f"{event.run} {event.type} {event.at.isoformat()}"
    what = event.job or event.outputs[0]
    said = f"{what.namespace}\0{what.name}\0{event.type}"
    return f"{hashlib.sha256(said.encode('utf-8', 'surrogatepass')).hexdigest()} {event.at.isoformat()}"


EXAMPLE: Final = Example(
    headers={"Content-Type": "application/json"},
    body=b"""{
  "eventTime": "2026-11-22T00:09:25.101748+00:00",
  "eventType": "FAIL",
  "producer": "https://github.com/apache/airflow/tree/providers-openlineage/2.20.3",
  "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
  "job": {"namespace": "airflow-prod", "name": "orders_dag.load_orders", "facets": {
    "jobType": {"integration": "AIRFLOW", "jobType": "TASK", "processingType": "BATCH"},
    "ownership": {"owners": [{"name": "data-platform"}]}}},
  "run": {"runId": "cd1e9f55-c644-48ff-bdc3-74390b3917e7", "facets": {
    "errorMessage": {"message": "relation \\"orders\\" does not exist", "programmingLanguage": "python"},
    "parent": {"job": {"namespace": "airflow-prod", "name": "orders_dag"},
               "run": {"runId": "30b3d4f3-276a-47b0-bc5f-9207bb1b72c8"}}}},
  "inputs": [], "outputs": []
}""",
)

SOURCE: Final = SourceKind(
    kind="openlineage",
    title="OpenLineage",
    auth=(Scheme.BEARER, Scheme.TOKEN, Scheme.HEADER, Scheme.BASIC),
    event_types=("START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER", "DatasetEvent", "JobEvent"),
    map=map_,
    request_key=request_key,
    documents=documents,
    example=EXAMPLE,
    settings=Settings,
    steps=(
        "Where the producer runs (Airflow, dbt-ol, your own code), set OPENLINEAGE_URL={url}/ and mind the slash at its end.",
        "There too, set OPENLINEAGE_API_KEY={token} and leave OPENLINEAGE_ENDPOINT unset.",
        "Spark: set spark.openlineage.transport.type to http, .url to {url}, .auth.type to api_key and .auth.apiKey to {token}.",
        "Set one namespace for each scheduler (OPENLINEAGE_NAMESPACE, or [openlineage] namespace): it is part of every job's name.",
        "Run something that fails, and see it on the page; a run that completes resolves it.",
    ),
)
