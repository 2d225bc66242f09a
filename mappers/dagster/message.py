"""Reading: our sensor's message; or what people's own sensors and templates say of a run, flat, by the usual names."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from mappers.contract import BadBody, Inbound, Phase, Unmapped, parse_time
from mappers.contract.text import one_line

_PHASES: Final = {
    **dict.fromkeys(("failure", "failed", "fail", "error", "run_failure", "pipeline_failure", "job_failure"), Phase.FAILED),
    **dict.fromkeys(("success", "succeeded", "run_success", "pipeline_success", "job_success", "completed", "ok"), Phase.SUCCEEDED),
    **dict.fromkeys(("canceled", "cancelled", "canceling", "run_canceled", "pipeline_canceled"), Phase.CANCELLED),
    **dict.fromkeys(("started", "starting", "running", "run_start", "pipeline_start"), Phase.RUNNING),
    **dict.fromkeys(("queued", "not_started", "managed", "scheduled"), Phase.SCHEDULED),
}
_SPELLINGS: Final = {
    "job": ("job", "job_name", "pipeline_name", "pipeline", "jobname"),
    "run_id": ("run_id", "runid", "dagster_run_id", "run"),
    "state": ("state", "status", "run_status", "event_type", "event_type_value", "alert_type"),
    "message": ("message", "error", "error_message", "exception", "text", "description"),
    "url": ("url", "run_url", "dagster_url", "link"),
    "at": ("at", "timestamp", "time", "end_time", "ended_at"),
    "code_location": ("code_location", "location", "location_name", "code_location_name"),
    "partition": ("partition", "partition_key"),
}
_OURS: Final = (
    *("retry_number", "will_retry", "is_part", "schedule", "backfill", "tags", "owners", "steps", "checks", "root_run_id", "parent_run_id"),
)
_FIELDS: Final = {spelling: field for field, spellings in _SPELLINGS.items() for spelling in spellings} | {name: name for name in _OURS}
_KEY: Final = re.compile(r'[{,]\s{0,20}"(\w{1,40})"\s{0,20}:')
_SALVAGED: Final = 200_000


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a run: an op, or what makes an asset."""

    key: str
    label: str
    failed: bool
    passed: bool
    error: str
    trace: str
    attempts: str


@dataclass(frozen=True, slots=True)
class Check:
    """One evaluation of an asset check."""

    asset: str
    name: str
    passed: bool
    warns: bool
    description: str
    is_freshness: bool


@dataclass(frozen=True, slots=True)
class Run:
    """A run in one state."""

    job: str
    id: str
    phase: Phase
    state: str
    at: datetime | None
    location: str
    said: str
    url: str
    partition: str
    retry: str
    schedule: str
    will_retry: bool
    is_part: bool
    steps: tuple[Step, ...]
    checks: tuple[Check, ...]
    owners: tuple[str, ...]
    tags: tuple[str, ...]


def read(inbound: Inbound) -> Run:
    """The run a request tells of. Raises `Unmapped` where it names no job, or no state that is known."""
    found: dict[str, Any] = {}
    for layer in (_body(inbound), inbound.form, inbound.query_values):
        for key, value in list(layer.items())[:300]:
            field = _FIELDS.get(key.lower())
            if field and value not in (None, "", "None"):
                found.setdefault(field, value)
    job = _string(found.get("job"), 200)
    if not job:
        raise Unmapped("names no job: neither our sensor's message nor one with a `job_name`")
    state = _string(found.get("state"), 60)
    phase = _PHASES.get(state.lower().rsplit(".", 1)[-1])
    if phase is None:
        raise Unmapped(f"unknown state {state!r}" if state else f"names the job {job} and no state")
    return _run(found, job, state, phase)


def _run(found: Mapping[str, Any], job: str, state: str, phase: Phase) -> Run:
    tags = _table(found.get("tags"))
    owners = [_string(owner, 200) for owner in (*_list(found.get("owners")), tags.get("owner", ""))]
    return Run(
        job=job,
        id=_string(found.get("run_id"), 200),
        phase=phase,
        state=state,
        at=parse_time(found.get("at")),
        location=_string(found.get("code_location"), 150),
        said=_text(found.get("message"), 10_000),
        url=_text(found.get("url"), 2000),
        partition=_string(found.get("partition"), 200),
        retry=_string(found.get("retry_number"), 20),
        schedule=_string(found.get("schedule"), 200),
        will_retry=found.get("will_retry") in (True, "true", "True"),
        is_part=found.get("is_part") in (True, "true", "True"),
        steps=tuple(_steps(found.get("steps"))),
        checks=tuple(_checks(found.get("checks"))),
        owners=tuple(owner.removeprefix("team:") for owner in owners if owner),
        tags=tuple(f"{key[:80]}:{_string(value, 100)}" for key, value in list(tags.items())[:20] if key != "owner" and _string(value, 100)),
    )


def _steps(given: object) -> Iterator[Step]:
    for one in _list(given):
        step = _table(one)
        key, status = _string(step.get("key"), 250), _string(step.get("status"), 30).upper()
        if key:
            assets = [name for name in (_string(asset, 100) for asset in _list(step.get("assets"))[:5]) if name]
            yield Step(
                key=key,
                label=", ".join(assets) or key,
                failed=status == "FAILURE",
                passed=status == "SUCCESS",
                error=_text(step.get("error"), 8000),
                trace=_text(step.get("trace"), 20_000),
                attempts=_string(step.get("attempts"), 10),
            )


def _checks(given: object) -> Iterator[Check]:
    for one in _list(given):
        check = _table(one)
        asset, name = _string(check.get("asset"), 150), _string(check.get("check"), 120)
        if asset and name and isinstance(check.get("passed"), bool):
            warns = _string(check.get("severity"), 20).upper().startswith("WARN")
            yield Check(asset, name, check["passed"], warns, _text(check.get("description"), 4000), check.get("freshness") is True)


def _body(inbound: Inbound) -> Mapping[str, Any]:
    try:
        document = inbound.json
    except BadBody:
        return _salvaged(inbound.text[:_SALVAGED])
    body = _table(document)
    inner = next(
        (_table(body[name]) for name in ("run", "data", "payload", "event", "dagster_run") if isinstance(body.get(name), dict)), {}
    )
    return {**inner, **body} if inner else body


def _salvaged(text: str) -> dict[str, str]:
    """The known keys of JSON that was cut, or broken by a quote in an error text: a value ends where the next of them begins."""
    found: dict[str, str] = {}
    key, start = "", 0
    for match in _KEY.finditer(text):
        if match[1].lower() in _FIELDS:
            _keep(found, key, text[start : match.start()])
            key, start = match[1], match.end()
    _keep(found, key, text[start:].rstrip(" \t\r\n}],\\"))
    return found


def _keep(found: dict[str, str], key: str, raw: str) -> None:
    """Only an error's text may hold a quote; after the one that ends any other value stands what the cut left of the next key."""
    said = raw.strip()
    if not key or key in found or said.startswith(("{", "[")):
        return
    said = said.removeprefix('"')
    if _FIELDS[key.lower()] == "message":
        found[key] = said.removesuffix('"').replace("\\n", "\n").replace('\\"', '"')
    else:
        found[key] = said.partition('"')[0]


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value[:1000] if isinstance(value, list) else []


def _text(value: object, limit: int) -> str:
    return value.strip()[-limit:] if isinstance(value, str) else ""


def _string(value: object, limit: int) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**15:
        value = str(value)
    return one_line(value[:2000], limit) if isinstance(value, str) else ""
