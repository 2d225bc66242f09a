"""Tells Tocsin how Dagster's runs end, what failed in them, and which asset checks did: copy this file into a code location.

    import dagster as dg
    from tocsin_dagster import tocsin_sensors

    defs = dg.Definitions(jobs=[...], sensors=[*tocsin_sensors()])

It needs nothing but Dagster 1.6 or newer. TOCSIN_DAGSTER_URL is the address of a source of kind `dagster`, TOCSIN_DAGSTER_TOKEN its
bearer token; TOCSIN_DAGSTER_UI_URL, where people open Dagster, is for the links. The sensors run in Dagster's daemon: no run waits
for them. What is sent: names, times, owners, your own tags, errors with their traces, and how asset checks ended; never run
configuration or metadata.
"""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

import dagster as dg

TIMEOUT = 5.0
"""Seconds that one attempt may take to connect, and again to be answered."""
PAUSES = (1.0, 3.0)
"""Seconds before each further attempt. A sensor may take 60 seconds in all, and is not asked about the same run again."""

STATES = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.STARTED)


class TocsinNotTold(Exception):
    """The gateway could not be reached or refused: the sensor's tick is shown as failed, and this run is not told."""


def tocsin_sensors(*, default_status: Any = dg.DefaultSensorStatus.RUNNING, **given: Any) -> list[Any]:
    """A sensor for each state a run can end in, and one for its start.

    What else is given goes to `dagster.run_status_sensor`: `monitor_all_code_locations=True`, `monitored_jobs=[…]`,
    `minimum_interval_seconds=…`. Without it the runs of this code location are told.
    """

    def sensor(status: dg.DagsterRunStatus) -> Any:
        @dg.run_status_sensor(run_status=status, name=f"tocsin_{status.value.lower()}", default_status=default_status, **given)
        def tell(context: dg.RunStatusSensorContext) -> None:
            send(message(context, status))

        return tell

    return [sensor(status) for status in STATES]


def message(context: Any, status: dg.DagsterRunStatus) -> dict[str, Any]:
    """What is told of a run that came to `status`: when a sensor looks, it may have gone on already."""
    run, instance = context.dagster_run, context.instance
    ended = status in (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS)
    assets = _assets(instance, run.run_id) if ended else {}
    said = {
        "tocsin": "dagster",
        "event": "run",
        "state": status.value,
        "at": _at(instance, run.run_id, status) or _now(),
        "job": run.job_name,
        "run_id": run.run_id,
        "root_run_id": _get(run, "root_run_id"),
        "parent_run_id": _get(run, "parent_run_id"),
        "code_location": _location(run),
        "is_part": _is_part(instance, run),
        "retry_number": run.tags.get("dagster/retry_number"),
        "will_retry": status is dg.DagsterRunStatus.FAILURE and _will_retry(instance, run),
        "partition": run.tags.get("dagster/partition"),
        "schedule": run.tags.get("dagster/schedule_name"),
        "backfill": run.tags.get("dagster/backfill"),
        "tags": {key: value for key, value in run.tags.items() if not key.startswith((".dagster/", "dagster/"))},
        "message": _get(_get(context, "dagster_event"), "message"),
        "steps": _steps(instance, run.run_id, assets) if ended else [],
        "checks": _checks(instance, run.run_id) if ended else [],
        "owners": _owners(context, run.job_name, {key for keys in assets.values() for key in keys}),
        "url": _url(run.run_id),
    }
    return {key: value for key, value in said.items() if value not in (None, "", [], {})}


def _steps(instance: Any, run_id: str, assets: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """How each step ended, and what went wrong in it: the innermost cause, for the outer one only says which step it was."""
    failures = {event.step_key: event.event_specific_data for event in _events(instance, run_id, dg.DagsterEventType.STEP_FAILURE)}
    steps = []
    for stats in instance.get_run_step_stats(run_id)[:500]:
        step = {"key": stats.step_key, "status": _get(stats.status, "value"), "attempts": len(_get(stats, "attempts_list") or []) or None}
        error = _get(failures.get(stats.step_key), "error")
        if error is not None:
            inner = error
            while _get(inner, "cause") is not None:
                inner = inner.cause
            step |= {"error": str(inner.message).strip()[:4000], "trace": error.to_string()[-15000:]}
        keys = assets.get(stats.step_key)
        steps.append({**step, **({"assets": [key.to_user_string() for key in keys[:50]]} if keys else {})})
    return steps


def _checks(instance: Any, run_id: str) -> list[dict[str, Any]]:
    checks = []
    for event in _events(instance, run_id, dg.DagsterEventType.ASSET_CHECK_EVALUATION)[:1000]:
        data = event.event_specific_data
        found = {
            "asset": data.asset_key.to_user_string(),
            "check": data.check_name,
            "passed": bool(data.passed),
            "severity": _get(_get(data, "severity"), "value"),
            "description": str(_get(data, "description") or "")[:2000],
            "partition": _get(data, "partition"),
            "blocking": _get(data, "blocking"),
            "freshness": any(str(key).startswith("dagster/freshness") for key in (_get(data, "metadata") or {})),
        }
        checks.append({key: value for key, value in found.items() if value not in (None, "")})
    return checks


def _assets(instance: Any, run_id: str) -> dict[str, list[Any]]:
    """step → the assets it was to make"""
    made: dict[str, list[Any]] = {}
    for event in _events(instance, run_id, dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED):
        if event.step_key and _get(event, "asset_key") is not None:
            made.setdefault(event.step_key, []).append(event.asset_key)
    return made


def _events(instance: Any, run_id: str, of_type: Any) -> list[Any]:
    records = instance.get_records_for_run(run_id=run_id, of_type=of_type, limit=2000).records
    return [record.event_log_entry.dagster_event for record in records if record.event_log_entry.dagster_event]


def _is_part(instance: Any, run: Any) -> bool:
    """Whether some of the job's steps were left out on purpose: what they failed of earlier is not mended then."""
    if _get(run, "asset_selection") or _get(run, "asset_check_selection"):
        return True
    chosen = _get(run, "step_keys_to_execute")
    try:
        plan = instance.get_execution_plan_snapshot(run.execution_plan_snapshot_id)
        return bool(chosen) and {step.key for step in plan.steps} > set(chosen)
    except Exception:  # no plan was kept
        return bool(chosen)


def _will_retry(instance: Any, run: Any) -> bool:
    """Dagster tags a failed run with it; older versions leave it to be counted."""
    tagged = run.tags.get("dagster/will_retry")
    if tagged is not None:
        return str(tagged).lower() == "true"
    most = run.tags.get("dagster/max_retries")
    if most is None and _get(instance, "run_retries_enabled"):
        most = _get(instance, "run_retries_max_retries")
    try:
        return int(run.tags.get("dagster/retry_number") or 0) < int(most or 0)
    except ValueError:
        return False


def _owners(context: Any, job: str, assets: Iterable[Any]) -> list[str]:
    """Of the assets the run was to make, and of the job; where the sensor's own code location knows them."""
    try:
        repository = context.repository_def
        owners = list(_get(repository.get_job(job), "owners") or []) if repository.has_job(job) else []
        for key in assets:
            if repository.asset_graph.has(key):
                owners.extend(repository.asset_graph.get(key).owners)
        return list(dict.fromkeys(str(owner) for owner in owners))[:50]
    except Exception:  # the names of owners are not worth a failure that is not told
        return []


def _location(run: Any) -> str | None:
    origin = _get(run, "remote_job_origin") or _get(run, "external_job_origin")
    repository = _get(origin, "repository_origin") or _get(origin, "external_repository_origin")
    return _get(_get(repository, "code_location_origin"), "location_name")


def _url(run_id: str) -> str | None:
    ui = os.environ.get("TOCSIN_DAGSTER_UI_URL", "")
    return f"{ui.rstrip('/')}/runs/{run_id}" if ui else None


def _get(thing: Any, name: str) -> Any:
    try:
        return getattr(thing, name, None)
    except Exception:  # as of a property that this version cannot compute
        return None


def _at(instance: Any, run_id: str, status: dg.DagsterRunStatus) -> str | None:
    """When the run started or ended: the same however often a sensor tells of it."""
    try:
        record = instance.get_run_record_by_id(run_id)
    except Exception:  # then the time is that of the telling
        return None
    return _time(_get(record, "start_time" if status is dg.DagsterRunStatus.STARTED else "end_time"))


def _time(seconds: Any) -> str | None:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat() if isinstance(seconds, (int, float)) else None  # noqa: UP017 - Python 3.9


def _now() -> str:
    return datetime.now(timezone.utc).isoformat()  # noqa: UP017


def send(said: dict[str, Any]) -> None:
    """Posts a message. Raises `TocsinNotTold` when every attempt failed, or another one would."""
    url, token = os.environ.get("TOCSIN_DAGSTER_URL", ""), os.environ.get("TOCSIN_DAGSTER_TOKEN", "")
    if not url.startswith(("http://", "https://")):
        raise TocsinNotTold("TOCSIN_DAGSTER_URL is not set, or no http address")
    headers = {"Content-Type": "application/json", "User-Agent": "tocsin-dagster/1"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    body = json.dumps(said, default=str).encode()
    trouble = ""
    for pause in (0.0, *PAUSES):
        time.sleep(pause)
        try:
            request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
                answer.read(1000)
                return
        except urllib.error.HTTPError as error:
            trouble = f"answered {error.code}"
            if 400 <= error.code < 500 and error.code != 429:  # a wrong token or address does not pass
                break
        except OSError as error:
            trouble = type(error).__name__
    raise TocsinNotTold(trouble)
