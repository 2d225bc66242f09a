"""docs/examples/airflow/tocsin_airflow.py without Airflow: what it says of what Airflow hands over, and that it is in nobody's way."""

import asyncio
import importlib.util
import json
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from mappers.airflow import SOURCE
from mappers.contract import Category, Draft, Inbound, Level, Mapped, Phase, State

HELPER = Path(__file__).parents[2] / "docs" / "examples" / "airflow" / "tocsin_airflow.py"
AT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
TOKEN = "a-token-of-the-source"


class Gateway:
    """A server that remembers what it was told, and answers as it is told to; while `held`, not at all."""

    def __init__(self) -> None:
        self.heard: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.answers: list[int] = []
        self.free = threading.Event()
        self.free.set()
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                gateway.heard.append((dict(self.headers.items()), json.loads(body)))
                gateway.free.wait(30)
                self.send_response(gateway.answers.pop(0) if gateway.answers else 202)
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/webhooks/acme/airflow"

    def meaning(self) -> Mapped:
        """What the mapper makes of the only message."""
        ((_, body),) = self.heard
        return SOURCE.map(Inbound(body=json.dumps(body).encode()))

    def draft(self, category: Category = Category.JOB_FAILURE) -> Draft:
        (draft,) = (draft for draft in self.meaning().drafts if draft.category is category)
        return draft


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    gateway = Gateway()
    monkeypatch.setenv("TOCSIN_AIRFLOW_URL", gateway.url)
    monkeypatch.setenv("TOCSIN_AIRFLOW_TOKEN", TOKEN)
    yield gateway
    gateway.free.set()
    gateway.server.shutdown()
    gateway.server.server_close()


def load() -> Any:
    spec = importlib.util.spec_from_file_location("tocsin_airflow", HELPER)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["tocsin_airflow"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def helper(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setitem(sys.modules, "airflow", None)
    return load()


DAG = SimpleNamespace(dag_id="orders_dag", owner="data-platform", tags={"shop"})
TASK = SimpleNamespace(owner="sales", downstream_task_ids={"publish"}, dag=DAG)
RUN = SimpleNamespace(run_id="scheduled__1", dag_id="orders_dag", logical_date=AT, clear_number=0, start_date=AT, run_type="scheduled")


def instance(**more: Any) -> Any:
    return SimpleNamespace(
        **{
            "dag_id": "orders_dag", "task_id": "load", "run_id": "scheduled__1", "map_index": -1, "try_number": 2, "max_tries": 1,
            "log_url": "http://airflow.test/dags/orders_dag/runs/scheduled__1/tasks/load", "task": TASK, "dag_run": RUN,
            "rendered_task_instance_fields": {"password": "s3cret"}, **more,
        }
    )  # fmt: skip


def context(**more: Any) -> dict[str, Any]:
    return {"dag": DAG, "ti": instance(), "dag_run": RUN, "params": {"key": "s3cret"}, "conf": {"fernet": "s3cret"}, **more}


@pytest.mark.req("R4")
def test_a_failed_task_is_told_with_its_error_and_nothing_that_may_be_secret(helper: Any, gateway: Gateway) -> None:
    helper.on_failure_callback(context(exception=ValueError("no rows")))
    draft = gateway.draft()
    assert (draft.message, draft.state, draft.owners, draft.tags) == ("ValueError: no rows", State.FIRING, ("sales",), ("shop",))
    assert draft.member
    assert draft.member.label == "load"
    headers, body = gateway.heard[0]
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert "s3cret" not in json.dumps(body)


@pytest.mark.req("R16")
def test_a_retry_is_told_as_one(helper: Any, gateway: Gateway) -> None:
    helper.on_retry_callback(context(exception=ValueError("no rows")))
    assert gateway.meaning().drafts == ()
    assert [signal.phase for signal in gateway.meaning().signals] == [Phase.RETRYING]


def test_a_success_resolves_what_the_failure_opened(helper: Any, gateway: Gateway) -> None:
    helper.on_success_callback(context())
    assert (gateway.draft().state, gateway.draft().level) == (State.RESOLVED, Level.SUCCESS)


def test_a_callback_with_a_reason_is_the_dags_own(helper: Any, gateway: Gateway) -> None:
    helper.on_failure_callback(context(reason="timed_out"))
    assert gateway.draft().message == "The DAG run took longer than its dagrun_timeout."
    assert gateway.draft().links == {"Open DAG run": "http://airflow.test/dags/orders_dag/grid?dag_run_id=scheduled__1"}


def test_a_dags_callback_may_know_of_no_task_and_no_run(helper: Any, gateway: Gateway) -> None:
    """Airflow 3 calls it so where the last task is unknown."""
    helper.on_failure_callback({"dag": DAG, "run_id": "scheduled__1", "reason": "task_failure"})
    assert gateway.draft().run == "scheduled__1"


def test_before_2_10_the_number_of_a_try_that_is_over_is_one_too_many(helper: Any, gateway: Gateway) -> None:
    helper.on_failure_callback(context(ti=instance(_try_number=2, try_number=3), exception="boom"))
    assert gateway.draft().facts["Try"] == "2 of 2"


@pytest.mark.req("R8")
def test_missed_slas_and_deadlines_are_late_runs(helper: Any, gateway: Gateway) -> None:
    helper.sla_miss_callback(DAG, "", "", [SimpleNamespace(task_id="load", dag_id="orders_dag", execution_date=AT)], [])
    assert gateway.draft(Category.LATE_RUN).member == gateway.draft(Category.LATE_RUN).member
    by_sla = gateway.draft(Category.LATE_RUN)
    gateway.heard.clear()
    run = {"dag_id": "orders_dag", "dag_run_id": "scheduled__1", "logical_date": "2026-11-22T02:00:00Z", "state": "running"}
    asyncio.run(helper.on_deadline_missed(context={"dag_run": run, "deadline": {"id": "7", "deadline_time": AT}}))
    by_deadline = gateway.draft(Category.LATE_RUN)
    assert (by_deadline.member, by_deadline.event_data) == (by_sla.member, by_sla.event_data)
    assert by_deadline.run == "scheduled__1"


class Awkward:
    """An object of Airflow's whose database session is closed."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


def test_nothing_that_airflow_hands_over_makes_it_raise(helper: Any, gateway: Gateway) -> None:
    for given in (None, {}, Awkward(), {"ti": Awkward(), "dag": Awkward()}, {"ti": object(), "exception": Awkward}):
        helper.on_failure_callback(given)


def test_a_task_does_not_wait_for_a_gateway_that_does_not_answer(helper: Any, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helper, "LIMIT", 0.2)
    gateway.free.clear()
    helper.on_failure_callback(context(exception="boom"))
    assert not gateway.free.is_set(), "it came back though nobody answered"


def test_the_scheduler_waits_for_nobody_and_what_is_on_its_way_is_bounded(helper: Any, gateway: Gateway) -> None:
    gateway.free.clear()
    for _ in range(helper.MOST_WAITING + 10):
        helper._tell(lambda: {"dag_id": "orders_dag"}, wait=False)
    assert helper._waiting.acquire(blocking=False) is False
    gateway.free.set()


@pytest.mark.parametrize(("answers", "asked"), [([500, 202], 2), ([500, 500, 500], 2), ([401], 1), ([404], 1)])
def test_what_may_pass_is_tried_once_more_and_a_wrong_token_is_not(helper: Any, gateway: Gateway, answers: list[int], asked: int) -> None:
    gateway.answers = answers
    helper.on_failure_callback(context(exception="boom"))
    assert len(gateway.heard) == asked


def test_without_an_address_nothing_happens(helper: Any, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOCSIN_AIRFLOW_URL")
    helper.on_failure_callback(context())
    monkeypatch.setenv("TOCSIN_AIRFLOW_URL", "file:///etc/passwd")
    helper.on_failure_callback(context())
    assert gateway.heard == []


def modules(version: str) -> dict[str, ModuleType]:
    """As much of Airflow as the plugin imports."""
    airflow, listeners, plugins = (ModuleType(name) for name in ("airflow", "airflow.listeners", "airflow.plugins_manager"))
    airflow.__version__ = version  # type: ignore[attr-defined]
    listeners.hookimpl = lambda function: function  # type: ignore[attr-defined]
    plugins.AirflowPlugin = type("AirflowPlugin", (), {})  # type: ignore[attr-defined]
    return {module.__name__: module for module in (airflow, listeners, plugins)}


@pytest.fixture(params=["2.9.3", "2.10.5", "3.3.2"])
def plugin(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, module in modules(request.param).items():
        monkeypatch.setitem(sys.modules, name, module)
    loaded = load()
    assert loaded.TocsinPlugin.listeners == [loaded]
    loaded.version = request.param
    return loaded


def failed(plugin: Any, told: Any, error: Any) -> None:
    """As each version calls its listeners: before 2.10 they are told no error."""
    plugin.on_task_instance_failed("running", told) if plugin.version == "2.9.3" else plugin.on_task_instance_failed("running", told, error)


@pytest.mark.req("R16")
@pytest.mark.parametrize(
    ("known", "drafts"),
    [
        ({"state": "up_for_retry"}, 0),
        ({"state": "failed"}, 1),
        ({"state": "running", "is_eligible_to_retry": lambda: True}, 0),
        ({"state": "running", "is_eligible_to_retry": lambda: False}, 1),
        ({"state": "running"}, 1),
    ],
)
def test_the_listener_tells_a_retry_from_a_failure(plugin: Any, gateway: Gateway, known: dict[str, Any], drafts: int) -> None:
    failed(plugin, instance(**known), ValueError("no rows"))
    assert len(gateway.meaning().drafts) == drafts


@pytest.mark.req("R16")
def test_what_fails_at_once_is_a_failure_whatever_its_retries(plugin: Any, gateway: Gateway) -> None:
    error = type("AirflowFailException", (Exception,), {})("gone")
    failed(plugin, instance(state="running", is_eligible_to_retry=lambda: True), error)
    if plugin.version == "2.9.3":  # its listeners are told no error
        assert gateway.meaning().drafts == ()
    else:
        assert gateway.draft().message == "AirflowFailException: gone"


def test_the_listener_finds_the_run_where_the_instance_does_not_hold_it(plugin: Any, gateway: Gateway) -> None:
    """Airflow 3's does not."""
    told = instance(dag_run=None, state="success", get_template_context=lambda: {"dag_run": RUN})
    plugin.on_task_instance_success("running", told)
    assert gateway.heard[0][1]["logical_date"] == "2026-11-22T02:00:00+00:00"


def test_the_listener_tells_of_whole_runs(plugin: Any, gateway: Gateway) -> None:
    for tell in (plugin.on_dag_run_running, plugin.on_dag_run_success, plugin.on_dag_run_failed):
        tell(SimpleNamespace(**vars(RUN), dag=DAG), "")
    for thread in threading.enumerate():
        if thread.name == "tocsin":
            thread.join(10)
    assert {body["state"] for _, body in gateway.heard} == {"running", "success", "failed"}
    assert all(body["owners"] == ["data-platform"] for _, body in gateway.heard)
