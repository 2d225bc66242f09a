"""Prefect's API, of a server of one's own or of Prefect Cloud: a run with its flow, its logs, and the runs that have ended.

https://docs.prefect.io/v3/api-ref/rest-api
"""

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from gateway.upstream.asking import Asked, Document, EndedRun, NotYet, Refused, Unavailable, Upstream, ask_json
from mappers.contract import SourceSettings, parse_time
from mappers.contract.text import clean
from mappers.prefect.message import plain
from mappers.prefect.settings import PrefectSettings, settings_of
from mappers.prefect.states import read_state

WHOSE: Final = "Prefect's API"
ENDS: Final = ("succeeded", "failed", "cancelled")
ENDED: Final = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
"""The types of a state that nothing follows."""

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_PAGE: Final = 200
"""The most that one request may give. PREFECT_SERVER_API_DEFAULT_LIMIT"""
_MOST_HALVINGS: Final = 40
_LOG_CHARACTERS: Final = 60_000
_LAST_LINES_AFTER: Final = (0.5, 1.0, 1.5)
"""Seconds after which it is looked again for a run's last lines."""
_OF_A_RUN: Final = (
    *("id", "name", "tags", "run_count", "expected_start_time", "start_time", "end_time", "flow_id", "deployment_id"),
    *("state_type", "state_name", "work_pool_name", "work_queue_name", "parent_task_run_id"),
)
"""What is kept of a run: not its parameters, job variables and context, which may hold secrets and are nobody's news."""
_OF_A_STATE: Final = ("id", "type", "name", "timestamp", "message")
_OF_OTHERS: Final = ("id", "name", "tags")


async def flow_run(asked: Asked) -> Document | None:
    """A run with its flow and deployment, in the state that was asked about, or else in its own."""
    run = await _get(asked, f"flow_runs/{_id(asked.ids, 'flow_run_id')}")
    if run is None:
        raise NotYet("Prefect knows no such flow run (yet), the key may not see it, or api_url lacks its /api")
    wanted = asked.ids.get("state", "")
    if wanted and not _is_state(run.get("state"), wanted, asked.ids.get("at", "")):
        states = await _ask(asked, "GET", "flow_run_states/", params={"flow_run_id": _id(asked.ids, "flow_run_id")})
        found = [state for state in _tables(states) if _is_state(state, wanted, asked.ids.get("at", ""))]
        run = {**run, "state": found[-1]} if found else run
    flow = await _related(asked, "flows", run.get("flow_id"))
    deployment = await _related(asked, "deployments", run.get("deployment_id"))
    return Document(_entry(run, flow, deployment))


async def flow_run_logs(asked: Asked) -> Document | None:
    """What the run logged: the task runs that failed first, then the flow run's own lines, each from the end."""
    run = _id(asked.ids, "flow_run_id")
    lines = await _whole_log(asked, run)
    failed = await _ask(
        asked, "POST", "task_runs/filter",
        body={
            "flow_runs": {"id": {"any_": [run]}}, "task_runs": {"state": {"type": {"any_": ["FAILED", "CRASHED"]}}},
            "sort": "END_TIME_DESC", "limit": 3,
        },
    )  # fmt: skip
    tasks = {str(one["id"]): str(one.get("name", "")) for one in _tables(failed) if _UUID.fullmatch(str(one.get("id", "")))}
    parts = [
        (f"Task run {name or task}", _text(await _logs(asked, run, {"task_run_id": {"any_": [task]}}))) for task, name in tasks.items()
    ]
    parts.append(("Flow run", _text(line for line in lines if line.get("task_run_id") not in tasks)))
    told = [f"{title}:\n{text}" for title, text in parts if text]
    if not told:
        raise NotYet("the run has logged nothing yet")
    text = "\n\n".join(told)
    cut = f"\n… {len(text) - _LOG_CHARACTERS} characters after this are left out" if len(text) > _LOG_CHARACTERS else ""
    return Document(f"{text[:_LOG_CHARACTERS]}{cut}".encode("utf-8", "replace"), "text/plain; charset=utf-8")


async def ended_runs(asked: Asked, since: datetime, until: datetime) -> AsyncIterator[Sequence[EndedRun]]:
    """Runs that ended within (since, until], oldest first. Prefect sorts by the end the other way round: a full page is halved in time."""
    flows: dict[str, Any] = {}
    deployments: dict[str, Any] = {}
    spans = [(since, until, 0)]
    while spans:
        begin, end, depth = spans.pop()
        runs = await _ended_within(asked, begin, end)
        if len(runs) >= _PAGE and depth < _MOST_HALVINGS and (end - begin).total_seconds() > 0.001:
            middle = begin + (end - begin) / 2
            spans += [(middle, end, depth + 1), (begin, middle, depth + 1)]
            continue
        await _look_up(asked, "flows", flows, (run.get("flow_id") for run in runs))
        await _look_up(asked, "deployments", deployments, (run.get("deployment_id") for run in runs))
        ended = [_ended(run, flows.get(run.get("flow_id", "")), deployments.get(run.get("deployment_id") or "")) for run in runs]
        yield sorted((run for run in ended if run and begin < run.ended_at <= end), key=lambda run: run.ended_at)


async def _ended_within(asked: Asked, since: datetime, until: datetime) -> list[dict[str, Any]]:
    """At most a page of them, the newest."""
    body = {
        "flow_runs": {
            "end_time": {"after_": since.isoformat(), "before_": until.isoformat()},
            "state": {"type": {"any_": list(ENDED)}},
        },
        "sort": "END_TIME_DESC",
        "limit": _PAGE,
    }
    return _tables(await _ask(asked, "POST", "flow_runs/filter", body=body))


def _ended(run: dict[str, Any], flow: Any, deployment: Any) -> EndedRun | None:
    state = run.get("state")
    at = parse_time(state.get("timestamp")) if isinstance(state, dict) else None
    ended_at = parse_time(run.get("end_time")) or at
    reading = read_state(str(state.get("name", "")), str(state.get("type", ""))) if isinstance(state, dict) else None
    if reading is None or ended_at is None or reading.phase not in ENDS or not isinstance(run.get("id"), str):
        return None
    return EndedRun(run["id"], reading.phase, ended_at, _entry(run, flow, deployment))


def _entry(run: Mapping[str, Any], flow: Any, deployment: Any) -> bytes:
    """The body that enters the journal, in the dialect that `mappers.prefect` reads as its own."""
    kept = {**(_only(run, _OF_A_RUN) or {}), "state": _only(run.get("state"), _OF_A_STATE)}
    document: dict[str, Any] = {
        "tocsin": "flow_run",
        "flow_run": kept,
        "flow": _only(flow, _OF_OTHERS),
        "deployment": _only(deployment, _OF_OTHERS),
    }
    return json.dumps(document, separators=(",", ":")).encode()


def _is_state(state: Any, wanted: str, at: str) -> bool:
    """Whether this is the state a message told of, by its name, and by its time where the message had one."""
    if not isinstance(state, dict) or plain(str(state.get("name", ""))) != plain(wanted):
        return False
    return not at or parse_time(state.get("timestamp")) == parse_time(at)


async def _whole_log(asked: Asked, run: str) -> list[dict[str, Any]]:
    """The run's lines once the last ones are there: a state is told at once, what led to it is sent every other second.

    PREFECT_LOGGING_TO_API_BATCH_INTERVAL. After its last state a run logs that it finished in it; one that was killed may not.
    """
    ended_at = parse_time((await _get(asked, f"flow_runs/{run}") or {}).get("end_time"))
    lines = await _logs(asked, run, {"level": {"ge_": 20}})
    for pause in _LAST_LINES_AFTER:
        newest = parse_time(lines[-1].get("timestamp")) if lines else None
        if ended_at is None or (newest is not None and newest >= ended_at):
            break
        await asyncio.sleep(pause)
        lines = await _logs(asked, run, {"level": {"ge_": 20}})
    return lines


async def _logs(asked: Asked, run: str, which: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The last lines of these, oldest first."""
    body = {"logs": {"flow_run_id": {"any_": [run]}, **which}, "sort": "TIMESTAMP_DESC", "limit": _PAGE}
    return _tables(await _ask(asked, "POST", "logs/filter", body=body))[::-1]


def _text(lines: Iterable[Mapping[str, Any]]) -> str:
    return "\n".join(map(_line, lines))


def _line(log: Mapping[str, Any]) -> str:
    at, level = parse_time(log.get("timestamp")), log.get("level")
    name = _LEVELS.get(level // 10 * 10, str(level)) if isinstance(level, int) else ""
    return f"{at:%H:%M:%S} {name} {clean(str(log.get('message', '')))}" if at else clean(str(log.get("message", "")))


_LEVELS: Final = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}


async def _related(asked: Asked, what: str, identifier: object) -> Any:
    return await _get(asked, f"{what}/{identifier}") if isinstance(identifier, str) and _UUID.fullmatch(identifier) else None


async def _look_up(asked: Asked, what: str, known: dict[str, Any], identifiers: Iterable[object]) -> None:
    """Adds those that are not known yet, in one request: what does not exist any more is not asked for again."""
    wanted = sorted({one for one in identifiers if isinstance(one, str) and _UUID.fullmatch(one)} - known.keys())
    if wanted:
        known.update(dict.fromkeys(wanted))
        found = await _ask(asked, "POST", f"{what}/filter", body={what: {"id": {"any_": wanted}}, "limit": _PAGE})
        known.update({one["id"]: one for one in _tables(found) if isinstance(one.get("id"), str)})


async def _get(asked: Asked, path: str) -> dict[str, Any] | None:
    """None for a 404."""
    found = await ask_json(asked.web, "GET", _url(asked, path), whose=WHOSE, headers=_headers(asked))
    if found is not None and not isinstance(found, dict):
        raise _strange()
    return found


async def _ask(asked: Asked, method: str, path: str, **how: Any) -> Any:
    found = await ask_json(asked.web, method, _url(asked, path), whose=WHOSE, headers=_headers(asked), **how)
    if found is None:
        raise Refused(f"{WHOSE} answered 404: api_url must end in /api, or be a Cloud workspace's address")
    return found


def _tables(found: Any) -> list[dict[str, Any]]:
    if not isinstance(found, list):
        raise _strange()
    return [one for one in found if isinstance(one, dict)]


def _strange() -> Unavailable:
    return Unavailable(f"{WHOSE} answered something else than it should: is api_url its address?")


def _only(found: Any, names: Sequence[str]) -> dict[str, Any] | None:
    return {name: found[name] for name in names if name in found} if isinstance(found, Mapping) else None


def _url(asked: Asked, path: str) -> str:
    return f"{(_settings(asked).api_url or '').rstrip('/')}/{path}"


def _id(ids: Mapping[str, str], name: str) -> str:
    found = ids.get(name, "")
    if not _UUID.fullmatch(found):
        raise Refused(f"{found[:40]!r} is no id of a flow run")
    return found


def _headers(asked: Asked) -> dict[str, str]:
    """A key of Prefect Cloud, or what a server of one's own calls PREFECT_SERVER_API_AUTH_STRING."""
    settings = _settings(asked)
    if settings.api_key:
        return {"Authorization": f"Bearer {settings.api_key.get_secret_value()}"}
    if settings.api_auth_string:
        return {"Authorization": f"Basic {base64.b64encode(settings.api_auth_string.get_secret_value().encode()).decode()}"}
    return {}


def _settings(asked: Asked) -> PrefectSettings:
    return settings_of(asked.settings)


def _is_reachable(settings: SourceSettings) -> bool:
    return bool(settings_of(settings).api_url)


UPSTREAM: Final = Upstream(
    operations={"flow_run": flow_run, "flow_run_logs": flow_run_logs},
    ended_runs=ended_runs,
    is_reachable=_is_reachable,
    addresses=lambda settings: {"api_url": settings_of(settings).api_url or ""},
)
