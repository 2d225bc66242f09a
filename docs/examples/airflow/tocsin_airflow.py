"""Tells Tocsin how DAGs and tasks of Airflow end: copy this file. It needs nothing but Python 3.8 and Airflow 2.4 to 3.x.

In the DAGs folder, for the DAGs that use its callbacks:

    import tocsin_airflow

    DAG("orders", ...,
        default_args={"on_failure_callback": tocsin_airflow.on_failure_callback,
                      "on_retry_callback": tocsin_airflow.on_retry_callback,
                      "on_success_callback": tocsin_airflow.on_success_callback},
        on_failure_callback=tocsin_airflow.on_failure_callback,
        on_success_callback=tocsin_airflow.on_success_callback)

In the plugins folder (Airflow 2.5 and newer), for all DAGs, without a change to any of them.

TOCSIN_AIRFLOW_URL is the address of a source of kind `airflow`, TOCSIN_AIRFLOW_TOKEN its bearer token. Nothing here fails a task, and
nothing holds one up for more than 8 seconds. What is sent: names, times, owners, tags, the error and its traceback, with what Airflow
masks masked; never params, conf, variables or connections.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import threading
import time
import traceback
import urllib.request
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

log = logging.getLogger("tocsin_airflow")

TIMEOUT = 3.0
"""Seconds that one attempt may take to connect, and again to be answered."""
ATTEMPTS = 2
LIMIT = 8.0
"""Seconds that a task or callback waits at most, whatever happens."""
MOST_WAITING = 50
"""What may be on its way from the scheduler at once; it never waits, and what comes on top of that is dropped and logged."""

_waiting = threading.BoundedSemaphore(MOST_WAITING)


# For a DAG's and its tasks' own callbacks.


def on_failure_callback(context: Any) -> None:
    """A task failed and will not be tried again, or a DAG run failed."""
    _tell(lambda: _of_context(context, "failed"))


def on_success_callback(context: Any) -> None:
    """A task or a DAG run succeeded: ends what was told of its failure."""
    _tell(lambda: _of_context(context, "success"))


def on_retry_callback(context: Any) -> None:
    """A task failed and will be tried again: nobody is alerted."""
    _tell(lambda: _of_context(context, "up_for_retry"))


def sla_miss_callback(dag: Any, task_list: str, blocking_task_list: str, slas: Iterable[Any], blocking_tis: Iterable[Any]) -> None:
    """Tasks missed their SLA (Airflow 2)."""
    _tell(lambda: _of_slas(dag, list(slas), list(blocking_tis)))


async def on_deadline_missed(context: Any = None, **_: Any) -> None:
    """A DAG run missed its deadline, as an AsyncCallback (Airflow 3.1 and newer)."""
    await asyncio.get_running_loop().run_in_executor(None, on_deadline_missed_sync, context)


def on_deadline_missed_sync(context: Any = None, **_: Any) -> None:
    """A DAG run missed its deadline, as a SyncCallback."""
    _tell(lambda: _of_deadline(context))


# What is said.


def _of_context(context: Any, state: str) -> dict[str, Any]:
    """A DAG's callback is told a reason, a task's is not."""
    run, instance = _get(context, "dag_run"), _get(context, "ti") or _get(context, "task_instance")
    dag = _get(context, "dag") or _get(run, "dag")
    if _get(context, "reason") is not None or instance is None:
        message = _of_run(run, dag, state, _get(context, "reason"), _get(context, "run_id"))
        return message if message.get("dag_url") else {**message, "dag_url": _dag_url(_get(instance, "log_url"), message)}
    return _of_task(instance, run, dag, state, _get(context, "exception"))


def _of_task(instance: Any, run: Any, dag: Any, state: str, error: Any) -> dict[str, Any]:
    task = _get(instance, "task")
    return {
        **_named("task", state, dag, run, _get(instance, "run_id")),
        "dag_id": _get(instance, "dag_id") or _get(dag, "dag_id"),
        "task_id": _get(instance, "task_id"),
        "map_index": _get(instance, "map_index"),
        "try_number": _try_number(instance),
        "max_tries": _get(instance, "max_tries"),
        "started_at": _time(_get(instance, "start_date")),
        "ended_at": _time(_get(instance, "end_date")),
        "operator": _get(instance, "operator") or (type(task).__name__ if task is not None else None),
        "owners": _names([_get(task, "owner")]) or _names([_get(dag, "owner")]),
        "downstream": _names(sorted(_get(task, "downstream_task_ids") or []))[:100],
        "log_url": _get(instance, "log_url"),
        **(_of_error(error) if state != "success" else {}),
    }


def _of_run(run: Any, dag: Any, state: str, reason: Any, run_id: Any = None) -> dict[str, Any]:
    message = {
        **_named("dag_run", state, dag, run, run_id),
        "started_at": _time(_get(run, "start_date")),
        "ended_at": _time(_get(run, "end_date")),
        "owners": _names([_get(dag, "owner")]),
        "reason": str(reason) if reason else None,
    }
    return {**message, "dag_url": _dag_url("", message)}


def _of_slas(dag: Any, slas: list[Any], blocking: list[Any]) -> dict[str, Any]:
    return {
        "tocsin": "airflow",
        "event": "sla_miss",
        "state": "late",
        "at": _now(),
        "dag_id": _get(dag, "dag_id") or (_get(slas[0], "dag_id") if slas else None),
        "owners": _names([_get(dag, "owner")]),
        "tags": _names(_get(dag, "tags") or []),
        "missed": [{"task_id": _get(one, "task_id"), "logical_date": _time(_get(one, "execution_date"))} for one in slas[:200]],
        "blocking": [_get(one, "task_id") for one in blocking[:200]],
    }


def _of_deadline(context: Any) -> dict[str, Any]:
    run, deadline = _get(context, "dag_run"), _get(context, "deadline")
    return {
        **_named("deadline", "late", None, run, None),
        "deadline": _time(_get(deadline, "deadline_time")),
        "deadline_id": _text(_get(deadline, "id")),
        "run_state": _text(_get(run, "state")),
    }


def _named(event: str, state: str, dag: Any, run: Any, run_id: Any) -> dict[str, Any]:
    logical = _get(run, "logical_date") or _get(run, "execution_date")
    return {
        "tocsin": "airflow",
        "event": event,
        "state": state,
        "at": _now(),
        "dag_id": _get(dag, "dag_id") or _get(run, "dag_id"),
        "run_id": run_id or _get(run, "run_id") or _get(run, "dag_run_id"),
        "run_type": _text(_get(run, "run_type")),
        "clear_number": _get(run, "clear_number"),
        "logical_date": _time(logical),
        "tags": _names(_get(dag, "tags") or []),
    }


def _of_error(error: Any) -> dict[str, Any]:
    """The error in a line or more, and its traceback; secrets that Airflow knows of are masked."""
    if error is None:
        return {}
    if not isinstance(error, BaseException):
        return {"exception": _masked(str(error))[:4000]}
    trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return {"exception": _masked(f"{type(error).__name__}: {error}")[:4000], "traceback": _masked(trace)[-15000:]}


def _masked(text: str) -> str:
    for module in (
        "airflow.sdk.log",
        "airflow.sdk._shared.secrets_masker",
        "airflow.sdk.execution_time.secrets_masker",
        "airflow.utils.log.secrets_masker",
    ):
        try:
            redact = __import__(module, fromlist=["redact"]).redact
            return str(redact(text))
        except Exception:  # noqa: S112 - it moves between versions; the next one is tried
            continue
    return text


def _try_number(instance: Any) -> Any:
    """Before 2.10 `try_number` is one too many once the try is over."""
    stored = _get(instance, "_try_number")
    return stored if isinstance(stored, int) else _get(instance, "try_number")


def _dag_url(log_url: Any, message: dict[str, Any]) -> str | None:
    """The DAG run's page: where the UI lies is known from a task's log, else from the configuration."""
    dag, run = message.get("dag_id"), message.get("run_id")
    base = str(log_url).split("/dags/", 1)[0] if "/dags/" in str(log_url) else _base_url()
    if not (base and dag and run):
        return None
    by_run = f"/runs/{quote(str(run), safe='')}" if _version() >= (3, 0) else f"/grid?dag_run_id={quote(str(run), safe='')}"
    return f"{base.rstrip('/')}/dags/{quote(str(dag), safe='')}{by_run}"


def _base_url() -> str | None:
    try:
        from airflow.configuration import conf

        return str(conf.get("api" if _version() >= (3, 0) else "webserver", "base_url", fallback="") or "") or None
    except Exception:
        return None


def _version() -> tuple[int, int]:
    try:
        from airflow import __version__

        major, minor = __version__.split(".")[:2]
        return int(major), int(minor)
    except Exception:
        return (0, 0)


def _get(thing: Any, name: str) -> Any:
    """An attribute or an item; None where there is none, or where reading it fails, as of a row whose session is closed."""
    try:
        if isinstance(thing, dict) or hasattr(thing, "keys"):
            return thing.get(name)
        return getattr(thing, name, None)
    except Exception:
        return None


def _names(given: Any) -> list[str]:
    try:
        return [part.strip() for one in given if one for part in str(one).split(",") if part.strip()][:50]
    except TypeError:
        return []


def _time(value: Any) -> str | None:
    return value.isoformat() if hasattr(value, "isoformat") else _text(value)


def _text(value: Any) -> str | None:
    return None if value is None else str(getattr(value, "value", value))


def _now() -> str:
    return datetime.now(timezone.utc).isoformat()  # noqa: UP017 - Python 3.8


# How it is sent.


def _tell(say: Callable[[], dict[str, Any]], *, wait: bool = True) -> None:
    """Sends what `say` gives. Never raises, and waits no longer than LIMIT, also where the network hangs."""
    try:
        url = os.environ.get("TOCSIN_AIRFLOW_URL", "")
        if not url:
            log.warning("TOCSIN_AIRFLOW_URL is not set: Tocsin is not told")
            return
        body = json.dumps({key: value for key, value in say().items() if value not in (None, [], "")}, default=str).encode()
        if not _waiting.acquire(blocking=False):
            log.error("Tocsin is not told: %s messages are on their way already", MOST_WAITING)
            return
        # One that is waited for must not outlive its limit; one that is not must not die with a short-lived process.
        sender = threading.Thread(target=_send, args=(url, body), name="tocsin", daemon=wait)
        sender.start()
        if wait:
            sender.join(LIMIT)
    except Exception:  # a pipeline's own end counts for more
        log.exception("Tocsin was not told")


def _send(url: str, body: bytes) -> None:
    try:
        for attempt in range(ATTEMPTS):
            try:
                if attempt:
                    time.sleep(0.5)
                _post(url, body)
            except Exception as error:
                log.warning("Tocsin was not told at attempt %s of %s: %s", attempt + 1, ATTEMPTS, _short(error))
                if 400 <= getattr(error, "code", 0) < 500:  # a wrong token or address does not pass
                    return
            else:
                return
    finally:
        _waiting.release()


def _short(error: Exception) -> str:
    return " ".join(str(part) for part in (type(error).__name__, getattr(error, "code", "")) if part)


def _post(url: str, body: bytes) -> None:
    headers = {"Content-Type": "application/json", "User-Agent": "tocsin-airflow/1"}
    token = os.environ.get("TOCSIN_AIRFLOW_TOKEN", "")
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if not url.startswith(("http://", "https://")):
        raise ValueError("TOCSIN_AIRFLOW_URL is no http address")
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
        answer.read(1000)


# For all DAGs: a listener, where this file lies in the plugins folder.
# https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/listeners.html

try:
    from airflow.listeners import hookimpl
    from airflow.plugins_manager import AirflowPlugin
except ImportError:  # no Airflow, or one before 2.5: the callbacks are all there is
    pass
else:

    def _failed(task_instance: Any, error: Any) -> None:
        _tell(lambda: _of_listened(task_instance, "up_for_retry" if _will_retry(task_instance, error) else "failed", error))

    if _version() >= (2, 10):  # a listener may only ask for what its version tells

        @hookimpl
        def on_task_instance_failed(previous_state: Any, task_instance: Any, error: Any) -> None:
            """A try of a task failed."""
            _failed(task_instance, error)

    else:

        @hookimpl
        def on_task_instance_failed(previous_state: Any, task_instance: Any) -> None:
            """A try of a task failed."""
            _failed(task_instance, None)

    @hookimpl
    def on_task_instance_success(previous_state: Any, task_instance: Any) -> None:
        """A task succeeded."""
        _tell(lambda: _of_listened(task_instance, "success", None))

    @hookimpl
    def on_dag_run_running(dag_run: Any, msg: str) -> None:
        """A DAG run began. This and the next two happen in the scheduler, which must not wait."""
        _tell(lambda: _of_run(dag_run, _get(dag_run, "dag"), "running", None), wait=False)

    @hookimpl
    def on_dag_run_success(dag_run: Any, msg: str) -> None:
        """A DAG run succeeded."""
        _tell(lambda: _of_run(dag_run, _get(dag_run, "dag"), "success", None), wait=False)

    @hookimpl
    def on_dag_run_failed(dag_run: Any, msg: str) -> None:
        """A DAG run failed."""
        _tell(lambda: _of_run(dag_run, _get(dag_run, "dag"), "failed", msg or "failed"), wait=False)

    def _of_listened(instance: Any, state: str, error: Any) -> dict[str, Any]:
        given = None if _get(instance, "dag_run") is not None else _called(instance, "get_template_context")
        run = _get(instance, "dag_run") or _get(given, "dag_run")
        return _of_task(instance, run, _get(_get(instance, "task"), "dag"), state, error)

    def _will_retry(instance: Any, error: Any) -> bool:
        """Airflow 3 has decided by now; Airflow 2 asks the instance, which does not know of errors that fail at once."""
        state = _text(_get(instance, "state"))
        if state in ("up_for_retry", "failed"):
            return state == "up_for_retry"
        if type(error).__name__ in ("AirflowFailException", "AirflowSensorTimeout"):
            return False
        return bool(_called(instance, "is_eligible_to_retry"))

    def _called(thing: Any, name: str) -> Any:
        try:
            return getattr(thing, name)()
        except Exception:
            return None

    class TocsinPlugin(AirflowPlugin):  # type: ignore[misc]
        """What Airflow finds in its plugins folder."""

        name = "tocsin"
        listeners = [sys.modules[__name__]]
