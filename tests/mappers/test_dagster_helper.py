"""docs/examples/dagster/tocsin_dagster.py without Dagster: what its sensors say of the objects that Dagster hands over."""

import importlib.util
import json
import sys
import threading
from collections.abc import Callable, Iterator
from enum import Enum
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from mappers.contract import Category, Inbound, Mapped, State
from mappers.dagster import SOURCE

HELPER = Path(__file__).parents[2] / "docs" / "examples" / "dagster" / "tocsin_dagster.py"


class Status(Enum):
    STARTED = "STARTED"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    CANCELED = "CANCELED"


class EventType(Enum):
    STEP_FAILURE = "STEP_FAILURE"
    ASSET_CHECK_EVALUATION = "ASSET_CHECK_EVALUATION"
    ASSET_MATERIALIZATION_PLANNED = "ASSET_MATERIALIZATION_PLANNED"


def fake_dagster() -> Any:
    """As much of Dagster as the helper imports; a sensor is its function with what it was made of."""

    def run_status_sensor(**given: Any) -> Callable[[Any], Any]:
        return lambda function: SimpleNamespace(evaluate=function, **given)

    module: Any = ModuleType("dagster")
    module.DagsterRunStatus, module.DagsterEventType = Status, EventType
    module.DefaultSensorStatus = SimpleNamespace(RUNNING="RUNNING")
    module.RunStatusSensorContext, module.run_status_sensor = object, run_status_sensor
    return module


@pytest.fixture
def helper(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setitem(sys.modules, "dagster", fake_dagster())
    spec = importlib.util.spec_from_file_location("tocsin_dagster", HELPER)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "PAUSES", (0.0, 0.0))
    return module


class Instance:
    """An instance with the events of one run, which began at 10:00 and ended at 10:01."""

    run_retries_enabled = False

    def __init__(self, steps: dict[str, str], events: dict[EventType, list[Any]], plan: list[str]) -> None:
        self.steps, self.events, self.plan = steps, events, plan

    def get_run_step_stats(self, run_id: str) -> list[Any]:
        return [
            SimpleNamespace(step_key=key, status=SimpleNamespace(value=status), attempts_list=[1]) for key, status in self.steps.items()
        ]

    def get_records_for_run(self, *, run_id: str, of_type: EventType, limit: int) -> Any:
        records = [SimpleNamespace(event_log_entry=SimpleNamespace(dagster_event=event)) for event in self.events.get(of_type, [])]
        return SimpleNamespace(records=records)

    def get_run_record_by_id(self, run_id: str) -> Any:
        return SimpleNamespace(start_time=1795341600.0, end_time=1795341660.0)

    def get_execution_plan_snapshot(self, snapshot: str) -> Any:
        return SimpleNamespace(steps=[SimpleNamespace(key=key) for key in self.plan])


class Key:
    def to_user_string(self) -> str:
        return "orders"


ORDERS = Key()
CAUSE = SimpleNamespace(message="ValueError: no rows\n", cause=None)
ERROR = SimpleNamespace(message='Error occurred while executing op "load"', cause=CAUSE, to_string=lambda: "Traceback\nValueError: no rows")
FAILED = SimpleNamespace(step_key="load", event_specific_data=SimpleNamespace(error=ERROR))
PLANNED = SimpleNamespace(step_key="load", asset_key=ORDERS)
CHECKED = SimpleNamespace(
    event_specific_data=SimpleNamespace(
        asset_key=ORDERS, check_name="no_nulls", passed=False, severity=SimpleNamespace(value="WARN"), description="3 nulls",
        partition=None, blocking=True, metadata={"secret": "s3cret"},
    )
)  # fmt: skip
FRESH = SimpleNamespace(
    event_specific_data=SimpleNamespace(
        asset_key=ORDERS, check_name="freshness_check", passed=False, severity=SimpleNamespace(value="ERROR"), description="overdue",
        partition=None, blocking=False, metadata={"dagster/freshness_params": {}},
    )
)  # fmt: skip


def context(status: Status, *, tags: dict[str, str] | None = None, instance: Any = None, **run: Any) -> Any:
    location = SimpleNamespace(code_location_origin=SimpleNamespace(location_name="shop"))
    given = {
        "run_id": "r1", "job_name": "orders_job", "status": status, "tags": tags or {}, "root_run_id": None, "parent_run_id": None,
        "asset_selection": None, "asset_check_selection": None, "step_keys_to_execute": None, "execution_plan_snapshot_id": "p",
        "remote_job_origin": SimpleNamespace(repository_origin=location), "run_config": {"password": "s3cret"}, **run,
    }  # fmt: skip
    return SimpleNamespace(
        dagster_run=SimpleNamespace(**given),
        instance=instance or Instance({"load": "FAILURE", "extract": "SUCCESS"}, {EventType.STEP_FAILURE: [FAILED]}, ["load", "extract"]),
        dagster_event=SimpleNamespace(message="Execution of run failed."),
        repository_def=None,
    )


def said_of(helper: Any, given: Any) -> dict[str, Any]:
    """What is told by the sensor of the state that the run is in."""
    return dict(helper.message(given, given.dagster_run.status))


def meaning(said: dict[str, Any]) -> Mapped:
    return SOURCE.map(Inbound(body=json.dumps(said, default=str).encode()))


@pytest.mark.req("R4")
def test_a_failed_step_is_told_with_its_innermost_cause_and_nothing_that_may_be_secret(
    helper: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOCSIN_DAGSTER_UI_URL", "https://dagster.test/")
    said = said_of(helper, context(Status.FAILURE, tags={"team": "sales", ".dagster/grpc_info": "x", "dagster/image": "y"}))
    drafts = {draft.state: draft for draft in meaning(said).drafts}
    failed = drafts[State.FIRING]
    assert (failed.message, failed.event_data) == ("ValueError: no rows", {"location": "shop", "job": "orders_job"})
    assert failed.links == {"Open run": "https://dagster.test/runs/r1"}
    assert failed.tags == ("team:sales",)
    assert drafts[State.RESOLVED].member
    assert drafts[State.RESOLVED].member.key == "extract"
    assert "s3cret" not in json.dumps(said)


@pytest.mark.req("R10")
def test_checks_are_told_without_their_metadata_and_freshness_by_it(helper: Any) -> None:
    events = {EventType.ASSET_CHECK_EVALUATION: [CHECKED, FRESH], EventType.ASSET_MATERIALIZATION_PLANNED: [PLANNED]}
    said = said_of(helper, context(Status.SUCCESS, instance=Instance({"load": "SUCCESS"}, events, ["load"])))
    assert "s3cret" not in json.dumps(said)
    assert said["steps"][0]["assets"] == ["orders"]
    assert {draft.category for draft in meaning(said).drafts if draft.state is State.FIRING} == {
        Category.DBT_TEST_FAILURE,
        Category.LATE_RUN,
    }


@pytest.mark.parametrize(
    ("run", "is_part"),
    [
        ({}, False),
        ({"step_keys_to_execute": ["load", "extract"]}, False),
        ({"step_keys_to_execute": ["load"]}, True),
        ({"asset_selection": {ORDERS}}, True),
    ],
)
def test_a_run_of_every_step_is_no_part(helper: Any, run: dict[str, Any], is_part: bool) -> None:
    assert said_of(helper, context(Status.SUCCESS, **run)).get("is_part", False) is is_part


@pytest.mark.req("R16")
@pytest.mark.parametrize(
    ("tags", "enabled", "will"),
    [
        ({"dagster/will_retry": "true"}, False, True),
        ({"dagster/will_retry": "false", "dagster/max_retries": "3"}, True, False),
        ({"dagster/max_retries": "1"}, False, True),
        ({"dagster/max_retries": "1", "dagster/retry_number": "1"}, False, False),
        ({}, True, True),
        ({"dagster/retry_number": "2"}, True, False),
        ({}, False, False),
        ({"dagster/max_retries": "many"}, True, False),
    ],
)
def test_whether_a_run_will_be_retried_is_known_by_its_tag_or_counted(helper: Any, tags: dict[str, str], enabled: bool, will: bool) -> None:
    given = context(Status.FAILURE, tags=tags)
    given.instance.run_retries_enabled, given.instance.run_retries_max_retries = enabled, 2
    said = said_of(helper, given)
    assert said["will_retry"] is will
    assert bool(meaning(said).drafts) is not will


@pytest.mark.req("R58")
def test_owners_are_the_jobs_and_those_of_the_runs_assets(helper: Any) -> None:
    given = context(Status.FAILURE)
    given.instance.events[EventType.ASSET_MATERIALIZATION_PLANNED] = [PLANNED]
    graph = SimpleNamespace(has=lambda key: key is ORDERS, get=lambda key: SimpleNamespace(owners=["team:analytics"]))
    given.repository_def = SimpleNamespace(
        has_job=lambda name: True, get_job=lambda name: SimpleNamespace(owners=["ana@acme.test"]), asset_graph=graph
    )
    assert said_of(helper, given)["owners"] == ["ana@acme.test", "team:analytics"]


def test_a_start_that_is_told_late_is_a_start_though_the_run_has_failed_since(helper: Any) -> None:
    said = helper.message(context(Status.FAILURE), Status.STARTED)
    assert meaning(said).drafts == ()
    assert (said["state"], said["at"]) == ("STARTED", "2026-11-22T10:00:00+00:00")
    assert said_of(helper, context(Status.FAILURE))["at"] == "2026-11-22T10:01:00+00:00"


def test_what_has_not_ended_is_not_asked_for_steps(helper: Any) -> None:
    said = said_of(helper, context(Status.STARTED, instance=SimpleNamespace()))
    assert meaning(said).signals
    assert "steps" not in said


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[list[int], list[Any]]]:
    """A gateway: what it is to answer, and what it heard."""
    to_give: list[int] = []
    heard: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append((self.headers["Authorization"], json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.send_response(to_give.pop(0) if to_give else 202)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("TOCSIN_DAGSTER_URL", f"http://127.0.0.1:{server.server_port}/webhooks/acme/dagster")
    monkeypatch.setenv("TOCSIN_DAGSTER_TOKEN", "a-token-of-the-source")
    yield to_give, heard
    server.shutdown()
    server.server_close()


def test_there_is_a_sensor_for_each_state_and_each_tells(helper: Any, answers: tuple[list[int], list[Any]]) -> None:
    sensors = helper.tocsin_sensors(monitor_all_code_locations=True)
    assert [sensor.name for sensor in sensors] == ["tocsin_failure", "tocsin_success", "tocsin_canceled", "tocsin_started"]
    assert all(sensor.monitor_all_code_locations and sensor.default_status == "RUNNING" for sensor in sensors)
    for sensor in sensors:
        sensor.evaluate(context(sensor.run_status))
    assert [body["state"] for _, body in answers[1]] == ["FAILURE", "SUCCESS", "CANCELED", "STARTED"]
    assert {proof for proof, _ in answers[1]} == {"Bearer a-token-of-the-source"}


@pytest.mark.parametrize(
    ("given", "asked", "told"), [([503, 202], 2, True), ([500, 500, 500], 3, False), ([401], 1, False), ([429, 202], 2, True)]
)
def test_what_may_pass_is_tried_again_and_what_was_not_told_fails_the_tick(
    helper: Any, answers: tuple[list[int], list[Any]], given: list[int], asked: int, told: bool
) -> None:
    answers[0][:] = given
    try:
        helper.send({"job": "orders_job"})
    except helper.TocsinNotTold:
        assert not told
    else:
        assert told
    assert len(answers[1]) == asked


def test_without_an_address_a_tick_says_so(helper: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ("", "file:///etc/passwd"):
        monkeypatch.setenv("TOCSIN_DAGSTER_URL", wrong)
        with pytest.raises(helper.TocsinNotTold, match="TOCSIN_DAGSTER_URL"):
            helper.send({})
