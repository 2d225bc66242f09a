"""The dbt platform's Admin API: a run's artifacts and logs, and the runs that have ended.

https://docs.getdbt.com/dbt-cloud/api-v2 · answers are `{"data": …, "status": …, "extra": {"pagination": …}}`.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from gateway.upstream.artifacts import bundle_of
from gateway.upstream.asking import Asked, Document, EndedRun, NotYet, Refused, Unavailable, Upstream, ask, ask_json
from mappers.contract import SourceSettings, parse_time
from mappers.contract.text import clean
from mappers.dbt_cloud.settings import Settings, settings_of

WHOSE: Final = "the dbt platform"
PHASES: Final = {10: "succeeded", 20: "failed", 30: "cancelled"}
"""The statuses of a run, or of a step, that has ended. 1 queued, 2 starting, 3 running."""

_PAGE: Final = 100
"""The most runs a page may have."""
_MOST_PAGES: Final = 200
_RUN_AT_MOST: Final = 32 * 1024 * 1024
"""A run with its steps holds the logs of each."""
_ARTIFACT_AT_MOST: Final = 128 * 1024 * 1024
_ARTIFACT_WITHIN: Final = 120.0
_LOG_CHARACTERS: Final = 60_000
_RUNS_NOTHING: Final = ("deps", "debug", "clean", "list", "ls", "parse", "init")
"""dbt commands without results."""


async def run_artifacts(asked: Asked) -> Document | None:
    """Everything the artifacts of a run say, as one bundle; None where the run never came to dbt."""
    run = await _run(asked, "run_steps", "job", "environment")
    steps = [(index, command) for index, command in _dbt_steps(run) if command.split(" ", 1)[0] not in _RUNS_NOTHING]
    if not steps:
        return None
    if run.get("artifacts_saved") is False:
        raise NotYet("the platform has not saved the run's artifacts yet")

    async def artifact(name: str, step: int | None) -> bytes | None:
        """None where the step wrote none."""
        params = {"step": str(step)} if step else None
        url = f"{_runs(asked)}{_id(asked.ids, 'run')}/artifacts/{name}"
        answer = await ask(
            asked.web, "GET", url, whose=WHOSE, headers=_headers(asked), params=params, at_most=_ARTIFACT_AT_MOST, within=_ARTIFACT_WITHIN
        )
        if answer.cut:
            raise Refused(f"{name} has more than {_ARTIFACT_AT_MOST} bytes")
        return None if answer.status == 404 else answer.body

    bundle = await bundle_of(artifact, steps)
    if bundle is None:
        if run.get("artifacts_saved") is True:
            return None
        raise NotYet("the run's artifacts are not there yet")
    return Document(json.dumps({**bundle, **_about(asked, run)}, separators=(",", ":")).encode())


def _about(asked: Asked, run: Mapping[str, Any]) -> dict[str, Any]:
    """Whose run it is, in the words of the run's own webhook: both are of one run and one conversation.

    The environment takes the place of the target: jobs of several environments run the same nodes, and dbt notes the same
    target for all of them.
    """
    settings = _settings(asked)
    job, project = _text(run.get("job_definition_id") or run.get("job_id")), _text(run.get("project_id"))
    name = _text(_table(run.get("job")).get("name"))
    about = {
        "pipeline": name or f"dbt job {job}",
        "run": _id(asked.ids, "run"),
        "url": settings.page(_account(asked), project, _id(asked.ids, "run")),
        "target": _text(_table(run.get("environment")).get("name")),
        "owners": list(settings.owners_of(name, job)),
    }
    return {key: value for key, value in about.items() if value}


async def run_logs(asked: Asked) -> Document | None:
    """The log of the step that failed, from its end; None where no step failed."""
    run = await _run(asked, "run_steps")
    failed = [step for step in _steps(run) if step.get("status") == 20]
    if not failed:
        return None
    said = next((text for step in failed for key in ("logs", "debug_logs", "truncated_debug_logs") if (text := _text(step.get(key)))), "")
    if not said:
        raise NotYet("the log of the failing step is not there yet")
    said = clean(said)
    cut = f"… {len(said) - _LOG_CHARACTERS} characters before this are left out\n" if len(said) > _LOG_CHARACTERS else ""
    return Document(f"{cut}{said[-_LOG_CHARACTERS:]}".encode(), "text/plain; charset=utf-8")


async def ended_runs(asked: Asked, since: datetime, until: datetime) -> AsyncIterator[Sequence[EndedRun]]:
    """Runs of the account, of the jobs that are watched, that ended within (since, until], oldest first."""
    jobs = _settings(asked).jobs
    for page in range(_MOST_PAGES):
        params = {
            "finished_at__range": json.dumps([since.isoformat(), until.isoformat()]),
            "status__in": json.dumps(sorted(PHASES)),
            "order_by": "finished_at",
            "limit": str(_PAGE),
            "offset": str(page * _PAGE),
            "include_related": json.dumps(["job", "environment", "trigger"]),
        }
        found = await ask_json(asked.web, "GET", _runs(asked), whose=WHOSE, headers=_headers(asked), params=params, at_most=_RUN_AT_MOST)
        runs = _data(found, list)
        told = (_ended(one) for one in runs if isinstance(one, dict) and (not jobs or _text(one.get("job_definition_id")) in jobs))
        ended = [run for run in told if run and since < run.ended_at <= until]
        yield sorted(ended, key=lambda run: run.ended_at)
        if len(runs) < _PAGE:
            return


def _ended(run: dict[str, Any]) -> EndedRun | None:
    phase, ended_at = PHASES.get(run.get("status", 0)), parse_time(run.get("finished_at"))
    if phase is None or ended_at is None or type(run.get("id")) is not int:
        return None
    body = {"tocsin": "run", "run": {key: value for key, value in run.items() if key != "run_steps"}}
    return EndedRun(str(run["id"]), phase, ended_at, json.dumps(body, separators=(",", ":")).encode())


async def _run(asked: Asked, *related: str) -> dict[str, Any]:
    """The run, ended. Raises `NotYet` while it is not."""
    url = f"{_runs(asked)}{_id(asked.ids, 'run')}/"
    params = {"include_related": json.dumps(related)}
    found = await ask_json(asked.web, "GET", url, whose=WHOSE, headers=_headers(asked), params=params, at_most=_RUN_AT_MOST)
    if found is None:
        raise NotYet("the platform knows no such run (yet), or the token may not see it")
    run: dict[str, Any] = _data(found, dict)
    if run.get("status") not in PHASES:
        raise NotYet("the run has not ended yet")
    return run


def _steps(run: Mapping[str, Any]) -> list[dict[str, Any]]:
    steps = run.get("run_steps")
    return [step for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []


def _dbt_steps(run: Mapping[str, Any]) -> list[tuple[int, str]]:
    """index and command of the steps in which dbt ran: they are named "Invoke dbt with `dbt build --select x`"."""
    found = []
    for step in _steps(run):
        _, invoked, command = _text(step.get("name")).partition("dbt with `dbt ")
        index = step.get("index")
        if invoked and type(index) is int and step.get("status") in (10, 20):
            found.append((index, command.rstrip("` ")))
    return found


def _data(found: Any, shape: type) -> Any:
    data = found.get("data") if isinstance(found, dict) else None
    if not isinstance(data, shape):
        raise Unavailable(f"{WHOSE} answered something else than its API does: is settings.host the access URL?")
    return data


def _runs(asked: Asked) -> str:
    return f"{_settings(asked).address}/api/v2/accounts/{_account(asked)}/runs/"


def _account(asked: Asked) -> str:
    """The account the run is of; where nobody says, that of the settings. Raises `Refused` where they differ."""
    configured = _settings(asked).account
    if "account" not in asked.ids:
        if not configured:
            raise Refused("set account in the source's settings: the id in the address of your dbt account")
        return _id({"account": configured}, "account")
    account = _id(asked.ids, "account")
    if configured and configured != account:
        raise Refused(f"the webhook is of account {account}, the source's settings are for account {configured}")
    return account


def _id(ids: Mapping[str, str], name: str) -> str:
    found = ids.get(name, "")
    if not (found.isascii() and found.isdigit() and len(found) < 20):
        raise Refused(f"{found[:40]!r} is no id of a dbt {name}")
    return found


def _headers(asked: Asked) -> dict[str, str]:
    token = _settings(asked).api_token
    return {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}


def _settings(asked: Asked) -> Settings:
    return settings_of(asked.settings)


def _text(value: object) -> str:
    return value if isinstance(value, str) else str(value) if type(value) is int else ""


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _is_reachable(settings: SourceSettings) -> bool:
    known = settings_of(settings)
    return bool(known.address and known.api_token)


UPSTREAM: Final = Upstream(
    operations={"run_artifacts": run_artifacts, "run_logs": run_logs},
    ended_runs=ended_runs,
    is_reachable=_is_reachable,
    addresses=lambda settings: {"host": settings_of(settings).address},
)
