"""What Prefect says, in every dialect it says it in."""

import contextlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappers.contract import Category, Draft, Headers, Inbound, Level, Mapped, Phase, State, Unmapped
from mappers.prefect import SOURCE
from mappers.prefect.salvage import FLAT_KEYS, OBJECT_KEYS, salvage

FIXTURES = Path(__file__).parent.parent / "fixtures" / "prefect"
RUN = "7d1f0c52-8a53-4a6e-9a5e-0a3f5b1c2d3e"
OTHER_RUN = "0b8e6a51-1c9d-4a0e-8f52-5b0a7c3d9e10"
RECEIVED = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
AT = "2026-11-22T02:10:00.250000+00:00"


def inbound(body: Any, settings: dict[str, Any] | None = None, content_type: str = "application/json") -> Inbound:
    raw = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    headers = Headers([("Content-Type", content_type)])
    return Inbound(body=raw, headers=headers, received_at=RECEIVED, settings=SOURCE.read_settings(settings or {}))


def mapped(body: Any, **settings: Any) -> Mapped:
    return SOURCE.map(inbound(body, settings))


def captured(case: str) -> Mapped:
    return SOURCE.map(captured_request(case))


def captured_request(case: str) -> Inbound:
    document = json.loads((FIXTURES / f"{case}.request.json").read_text())
    return Inbound(body=document["body"].encode(), headers=Headers(map(tuple, document["headers"])), received_at=RECEIVED)


def only(drafts: tuple[Draft, ...], category: Category) -> Draft:
    (draft,) = (draft for draft in drafts if draft.category is category)
    return draft


# The same happening in each dialect ------------------------------------------------------------------------------


def event(
    state: str, kind: str, run: str = RUN, deployment: str = "nightly", at: str = AT, before: str = "Running", message: str = ""
) -> Any:
    related = [{"prefect.resource.id": "prefect.flow.f", "prefect.resource.name": "orders", "prefect.resource.role": "flow"}]
    if deployment:
        related.append(
            {"prefect.resource.id": "prefect.deployment.d", "prefect.resource.name": deployment, "prefect.resource.role": "deployment"}
        )
    return {
        "event": f"prefect.flow-run.{state}",
        "id": f"id-of-{run}-{state}-{at}",
        "occurred": at,
        "payload": {"initial_state": {"name": before, "type": "RUNNING"}},
        "related": related,
        "resource": {
            "prefect.resource.id": f"prefect.flow-run.{run}",
            "prefect.resource.name": "amber-lynx",
            "prefect.run-count": "1",
            "prefect.state-message": message,
            "prefect.state-name": state,
            "prefect.state-timestamp": at,
            "prefect.state-type": kind,
        },
    }


def full_objects(state: str, kind: str, run: str = RUN) -> Any:
    return {"event": event(state, kind, run), "flow": {"name": "orders"}, "flow_run": {"id": run}, "deployment": {"name": "nightly"}}


def interface_custom(state: str, kind: str, run: str = RUN) -> Any:
    said = event(state, kind, run)
    return {"automation_name": "a", "event_id": said["id"], "event_resource": said["resource"], "event_related": said["related"]}


def interface_run(state: str, kind: str, run: str = RUN, message: str = "") -> Any:
    return {
        "flow_name": "orders",
        "flow_run_name": "amber-lynx",
        "flow_run_id": run,
        "flow_run_state_type": f"StateType.{kind}",
        "flow_run_state_name": state,
        "flow_run_state_timestamp": AT.replace("T", " "),
        "flow_run_state_message": message,
        "flow_run_url": f"http://127.0.0.1:4200/runs/flow-run/{run}",
    }


def broken_interface_run(state: str, kind: str, run: str = RUN) -> str:
    return json.dumps(interface_run(state, kind, run, "MESSAGE"), indent=2).replace("MESSAGE", 'a "quote"\nand \\d')


def notification(state: str, kind: str, run: str = RUN) -> Any:
    said = f"Flow run orders/amber-lynx observed in state `{state}` at {AT.replace('T', ' ')}.\nFlow ID: f\nFlow run ID: {run}\n"
    return {"subject": "Prefect flow run notification", "body": f"{said}Flow run URL: None\nState message: ", "name": "n"}


def prefect_2(state: str, kind: str, run: str = RUN) -> Any:
    return {"body": f"\nFlow run orders/amber-lynx entered state `{state}` at {AT}.\n\nFlow ID: f\nFlow run ID: {run}\nState message: x\n"}


def run_object(state: str, kind: str, run: str = RUN) -> Any:
    return {
        "flow_run": {"id": run, "name": "amber-lynx", "state": {"name": state, "type": kind, "timestamp": AT}},
        "flow": {"name": "orders"},
    }


def sentence(state: str, kind: str, run: str = RUN) -> Any:
    return {"body": f"Flow run amber-lynx with id {run} entered state {state}"}


NAMING_FLOW = [event, full_objects, interface_custom, interface_run, broken_interface_run, notification, prefect_2, run_object]
ALL = [*NAMING_FLOW, sentence]

MEANINGS = [
    ("Failed", "FAILED", Category.JOB_FAILURE, Level.ERROR, Phase.FAILED),
    ("Crashed", "CRASHED", Category.JOB_FAILURE, Level.ERROR, Phase.FAILED),
    ("TimedOut", "FAILED", Category.JOB_FAILURE, Level.ERROR, Phase.FAILED),
    ("DBT_TEST_FAILED", "COMPLETED", Category.DBT_TEST_FAILURE, Level.ERROR, Phase.FAILED),
    ("Late", "SCHEDULED", Category.LATE_RUN, Level.WARNING, Phase.LATE),
]


@pytest.mark.req("R1", "R2", "R4", "R5", "R7", "R8")
@pytest.mark.parametrize("dialect", ALL)
@pytest.mark.parametrize(("state", "kind", "category", "level", "phase"), MEANINGS)
def test_every_dialect_gives_the_same_run_state_and_category(dialect, state, kind, category, level, phase):
    result = mapped(dialect(state, kind))
    (firing,) = (draft for draft in result.drafts if draft.state is State.FIRING)
    (signal,) = result.signals
    assert (firing.category, firing.level, firing.run) == (category, level, RUN)
    assert (signal.run, signal.phase, signal.state, signal.name) == (RUN, phase, state, "amber-lynx")
    assert signal.pipeline == firing.pipeline


@pytest.mark.req("R2")
@pytest.mark.parametrize("opening", NAMING_FLOW)
@pytest.mark.parametrize("closing", NAMING_FLOW)
@pytest.mark.parametrize(("state", "kind", "category"), [(m[0], m[1], m[2]) for m in MEANINGS])
def test_a_recovery_in_one_dialect_is_of_the_thread_that_another_opened(opening, closing, state, kind, category):
    failing = next(draft for draft in mapped(opening(state, kind)).drafts if draft.state is State.FIRING)
    recovering_run = RUN if category is Category.LATE_RUN else OTHER_RUN
    recovery = only(mapped(closing("Completed", "COMPLETED", recovering_run)).drafts, category)
    assert recovery.state is State.RESOLVED
    assert (recovery.slug, recovery.event_data, recovery.environment) == (failing.slug, failing.event_data, failing.environment)
    assert recovery.title == failing.title
    assert recovery.pipeline == failing.pipeline
    # none on either side speaks for the whole thread
    assert failing.member is None or recovery.member is None or recovery.member.key == failing.member.key


@pytest.mark.req("R2", "R15")
@pytest.mark.parametrize("first", NAMING_FLOW)
@pytest.mark.parametrize("second", NAMING_FLOW)
def test_dialects_that_tell_the_time_name_the_same_happening(first, second):
    one, two = (only(mapped(dialect("Failed", "FAILED")).drafts, Category.JOB_FAILURE) for dialect in (first, second))
    assert one.occurrence == two.occurrence
    assert one.occurrence is not None


# Identity ----------------------------------------------------------------------------------------------------------


def test_two_deployments_of_a_flow_fail_and_recover_by_themselves():
    nightly = only(mapped(event("Failed", "FAILED")).drafts, Category.JOB_FAILURE)
    hourly = only(mapped(event("Completed", "COMPLETED", OTHER_RUN, deployment="hourly")).drafts, Category.JOB_FAILURE)
    assert nightly.member is not None
    assert hourly.member is not None
    assert nightly.member.key != hourly.member.key


def test_per_deployment_each_has_its_own_thread_and_pipeline():
    nightly, hourly = (
        only(mapped(event("Failed", "FAILED", deployment=name), group_by="deployment").drafts, Category.JOB_FAILURE)
        for name in ("nightly", "hourly")
    )
    assert nightly.event_data == {"flow": "orders", "deployment": "nightly"}
    assert hourly.event_data == {"flow": "orders", "deployment": "hourly"}
    assert (nightly.pipeline, nightly.member) == ("orders/nightly", None)


@pytest.mark.req("R1")
def test_a_run_of_which_nothing_else_is_known_closes_by_itself():
    failing = only(mapped(sentence("Failed", "")).drafts, Category.JOB_FAILURE)
    assert failing.event_data == {"flow_run": RUN}
    assert failing.closes_itself
    assert not only(mapped(notification("Failed", "")).drafts, Category.JOB_FAILURE).closes_itself


@pytest.mark.req("R40")
def test_no_run_time_or_text_is_part_of_the_identity():
    first, second = (
        only(mapped(event("Failed", "FAILED", run, at=at, message=said)).drafts, Category.JOB_FAILURE)
        for run, at, said in ((RUN, AT, "boom"), (OTHER_RUN, "2026-11-23T02:10:00+00:00", "bang"))
    )
    assert (first.slug, first.event_data, first.member, first.title) == (second.slug, second.event_data, second.member, second.title)
    assert first.occurrence != second.occurrence


# States ------------------------------------------------------------------------------------------------------------


@pytest.mark.req("R6", "R16")
@pytest.mark.parametrize("dialect", ALL)
@pytest.mark.parametrize(
    ("state", "kind"), [("Running", "RUNNING"), ("Pending", "PENDING"), ("Completed", "COMPLETED"), ("Scheduled", "SCHEDULED")]
)
def test_good_news_never_alerts(dialect, state, kind):
    result = mapped(dialect(state, kind))
    assert all(draft.state is State.RESOLVED for draft in result.drafts)
    assert len(result.signals) == 1


@pytest.mark.req("R6", "R16")
@pytest.mark.parametrize("dialect", ALL)
@pytest.mark.parametrize(("state", "kind"), [("AwaitingRetry", "SCHEDULED"), ("Retrying", "RUNNING")])
def test_an_attempt_that_will_be_retried_is_a_signal_only(dialect, state, kind):
    result = mapped(dialect(state, kind))
    assert result.drafts == ()
    assert result.ignored == f"{state} alerts nobody"
    assert [signal.phase for signal in result.signals] == [Phase.RETRYING]


@pytest.mark.req("R16")
def test_the_event_outweighs_the_run_as_it_is_when_the_template_is_rendered():
    """In this capture the run is Retrying by its event and Failed by `flow_run.state_name`."""
    result = captured("webhook-full-objects-retrying")
    assert result.drafts == ()
    assert result.signals[0].attempt == 2


@pytest.mark.parametrize("spelling", ["TimedOut", "Timed Out", "TIMED_OUT", "timedout"])
def test_a_state_may_be_spelt_in_any_way(spelling):
    assert only(mapped(sentence(spelling, "")).drafts, Category.JOB_FAILURE).state is State.FIRING


@pytest.mark.req("R7")
def test_the_name_outweighs_the_type():
    result = mapped(event("DBT_TEST_FAILED", "COMPLETED", message="Failure in test not_null_orders_id (models/schema.yml)"))
    assert Category.JOB_FAILURE not in {draft.category for draft in result.drafts}
    assert only(result.drafts, Category.DBT_TEST_FAILURE).facts["Tests"] == "not_null_orders_id"


@pytest.mark.parametrize(
    ("text", "tests"),
    [
        ("test.shop.unique_orders_id.1a2b3c failed", "unique_orders_id"),
        ("2 tests failed: see test `accepted_values_status`", "accepted_values_status"),
        ("Failure in test a_b (x)\nFailure in test c_d (x)\nFailure in test a_b (x)", "a_b, c_d"),
    ],
)
@pytest.mark.req("R7")
def test_names_of_dbt_tests_are_found_in_the_message(text, tests):
    assert only(mapped(event("DBT_TEST_FAILED", "COMPLETED", message=text)).drafts, Category.DBT_TEST_FAILURE).facts["Tests"] == tests


def test_no_test_is_made_up():
    facts = only(mapped(event("DBT_TEST_FAILED", "COMPLETED", message="the test suite failed")).drafts, Category.DBT_TEST_FAILURE).facts
    assert "Tests" not in facts


@pytest.mark.req("R7")
def test_a_completion_does_not_mend_the_tests_that_its_own_run_failed():
    after = mapped(event("Completed", "COMPLETED", before="DBT_TEST_FAILED"))
    assert Category.DBT_TEST_FAILURE not in {draft.category for draft in after.drafts}
    same_run_only = mapped(sentence("Completed", ""))
    assert Category.DBT_TEST_FAILURE not in {draft.category for draft in same_run_only.drafts}
    another = mapped(event("Completed", "COMPLETED", OTHER_RUN))
    assert only(another.drafts, Category.DBT_TEST_FAILURE).state is State.RESOLVED


def test_a_name_of_somebodys_own_is_read_by_its_type():
    assert only(mapped(event("CrashLoopBackOff", "CRASHED")).drafts, Category.JOB_FAILURE).state is State.FIRING
    assert only(mapped(event("AllFailedRowsMended", "COMPLETED")).drafts, Category.JOB_FAILURE).state is State.RESOLVED


def test_without_a_type_a_bad_name_is_a_failure_and_a_harmless_one_is_shown_to_admins():
    assert only(mapped(sentence("OOMKilled", "")).drafts, Category.JOB_FAILURE).state is State.FIRING
    with pytest.raises(Unmapped, match="Polishing"):
        mapped(sentence("Polishing", ""))


def test_a_cancelled_run_is_a_note():
    draft = only(mapped(event("Cancelled", "CANCELLED", message="by operator")).drafts, Category.JOB_FAILURE)
    assert (draft.state, draft.level, draft.message) == (State.NOTE, Level.INFO, "by operator")


# Lateness ------------------------------------------------------------------------------------------------------------


@pytest.mark.req("R8")
def test_a_late_run_tells_when_it_was_expected_and_waits_out_the_hold():
    late = only(captured("webhook-full-objects-late").drafts, Category.LATE_RUN)
    assert late.facts["Expected"] == "2026-11-22 00:00:25 UTC"
    assert late.facts["Delay"] == "5 s"
    assert late.hold == timedelta(minutes=5)


@pytest.mark.req("R8")
@pytest.mark.parametrize(
    ("given", "hold"),
    [({"late_hold": "90s"}, timedelta(seconds=90)), ({"hold": "2m", "late_hold": "9m"}, timedelta(minutes=2)), ({"late_hold": "0s"}, None)],
)
def test_the_hold_of_a_late_run_is_the_sources_own(given, hold):
    assert only(mapped(event("Late", "SCHEDULED"), **given).drafts, Category.LATE_RUN).hold == hold


@pytest.mark.req("R8")
@pytest.mark.parametrize("state", ["Pending", "Running", "Completed", "Failed", "Crashed", "Cancelled", "DBT_TEST_FAILED"])
def test_any_later_state_of_a_late_run_ends_its_own_lateness_and_no_other(state):
    late = only(mapped(event("Late", "SCHEDULED")).drafts, Category.LATE_RUN)
    later = only(mapped(interface_run(state, "")).drafts, Category.LATE_RUN)
    another = only(mapped(interface_run(state, "", OTHER_RUN)).drafts, Category.LATE_RUN)
    assert later.state is State.RESOLVED
    assert (later.slug, later.event_data, later.member) == (late.slug, late.event_data, late.member)
    assert another.member != late.member


@pytest.mark.req("R6")
def test_a_run_that_starts_in_time_was_never_late():
    result = mapped(event("Pending", "PENDING", before="Scheduled"))
    assert result.drafts == ()
    assert only(mapped(event("Pending", "PENDING", before="Late")).drafts, Category.LATE_RUN).state is State.RESOLVED


@pytest.mark.req("R8", "R89")
def test_a_late_runs_expected_time_is_asked_for_where_only_the_api_knows_it():
    (asked,) = mapped(event("Late", "SCHEDULED"), api_url="http://prefect:4200/api").follow_ups
    assert (asked.kind, asked.operation, asked.ids) == ("prefect", "flow_run", {"flow_run_id": RUN})
    assert mapped(event("Late", "SCHEDULED")).follow_ups == ()
    webhook = only(mapped(event("Late", "SCHEDULED")).drafts, Category.LATE_RUN)
    looked_up = only(mapped(run_object("Late", "SCHEDULED")).drafts, Category.LATE_RUN)
    assert (looked_up.occurrence, looked_up.event_data, looked_up.member) == (webhook.occurrence, webhook.event_data, webhook.member)


# What a failure carries ------------------------------------------------------------------------------------------------


@pytest.mark.req("R4")
def test_a_failure_carries_run_deployment_error_and_link():
    body = full_objects("Failed", "FAILED") | {"flow_run_url": f"https://prefect.acme.test/runs/flow-run/{RUN}"}
    body["event"]["resource"]["prefect.state-message"] = "ValueError: boom"
    draft = only(mapped(body).drafts, Category.JOB_FAILURE)
    assert (draft.run, draft.attempt, draft.message, draft.excerpt) == (RUN, 1, "ValueError: boom", "ValueError: boom")
    assert draft.facts["Deployment"] == "nightly"
    assert draft.links == {"Open run": f"https://prefect.acme.test/runs/flow-run/{RUN}"}


@pytest.mark.req("R89")
def test_a_failure_says_where_its_logs_are_but_asks_for_nothing_odd():
    pointer = only(mapped(event("Failed", "FAILED")).drafts, Category.JOB_FAILURE).logs
    assert pointer is not None
    assert (pointer.kind, pointer.operation, pointer.ids) == ("prefect", "flow_run_logs", {"flow_run_id": RUN})
    hostile = only(
        mapped(interface_run("Failed", "FAILED", "../../admin?x="), api_url="http://prefect:4200/api").drafts, Category.JOB_FAILURE
    )
    assert hostile.logs is None


@pytest.mark.req("R33")
def test_a_link_is_built_where_the_body_has_none():
    built = only(mapped(event("Failed", "FAILED"), ui_url="https://prefect.acme.test/").drafts, Category.JOB_FAILURE)
    assert built.links == {"Open run": f"https://prefect.acme.test/runs/flow-run/{RUN}"}
    assert only(mapped(notification("Failed", "")).drafts, Category.JOB_FAILURE).links == {}
    unsafe = interface_run("Failed", "FAILED") | {"flow_run_url": "javascript:alert(1)"}
    result = mapped(unsafe)
    assert only(result.drafts, Category.JOB_FAILURE).links == {}
    assert result.signals[0].url == ""


@pytest.mark.req("R58")
def test_tags_name_owners():
    draft = only(captured("webhook-event-tojson-cancelled").drafts, Category.JOB_FAILURE)
    assert draft.owners == ("jane@example.org",)
    assert draft.tags == ("prod",)
    nobody = only(mapped(event("Failed", "FAILED"), owners=["@oncall"]).drafts, Category.JOB_FAILURE)
    assert nobody.owners == ("@oncall",)


# Infrastructure --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failing", "recovery"),
    [
        ("webhook-infra-event-deployment-not-ready", "webhook-ui-deployment-ready"),
        ("webhook-ui-deployment-not-ready", "webhook-infra-event-deployment-ready"),
        ("notification-deployment-not-ready", None),
        ("ui-work-pool-not-ready", "webhook-infra-event-work-pool-ready"),
        ("ui-work-queue-not-ready", "infra-event-work-queue-ready"),
        ("notification-work-queue-body-only", "infra-event-work-queue-ready"),
    ],
)
def test_what_is_not_ready_is_an_incident_that_ready_resolves_in_any_dialect(failing, recovery):
    (fired,) = captured(failing).drafts
    assert (fired.category, fired.level, fired.state, fired.hold) == (Category.INCIDENT, Level.WARNING, State.FIRING, timedelta(minutes=1))
    if recovery:
        (resolved,) = captured(recovery).drafts
        assert resolved.state is State.RESOLVED
        assert (resolved.slug, resolved.event_data, resolved.title) == (fired.slug, fired.event_data, fired.title)


# Salvage -----------------------------------------------------------------------------------------------------------------


@pytest.mark.req("R2", "R19")
@pytest.mark.parametrize("case", ["webhook-ui-flowrun-headers-failed", "webhook-ui-flowrun-noheaders-failed"])
def test_prefects_own_invalid_payload_loses_nothing(case):
    broken = only(captured(case).drafts, Category.JOB_FAILURE)
    valid = only(captured("webhook-full-objects-failed").drafts, Category.JOB_FAILURE)
    for field in ("event_data", "message", "excerpt", "links", "occurrence", "run", "occurred_at"):
        assert getattr(broken, field) == getattr(valid, field), field


@pytest.mark.req("R19")
@given(message=st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_any_message_in_the_default_payload_leaves_run_state_and_identity_alone(message):
    body = json.dumps(interface_run("Failed", "FAILED", message="MESSAGE"), indent=2).replace("MESSAGE", message)
    result = mapped(body)
    failing = next(draft for draft in result.drafts if draft.state is State.FIRING)
    assert (failing.event_data, failing.run, result.signals[0].state) == ({"flow": "orders"}, RUN, "Failed")


@pytest.mark.req("R19")
def test_json_inside_the_message_is_not_taken_for_fields():
    draft = only(captured("ui-flowrun-crashed-broken-json-with-json-inside").drafts, Category.JOB_FAILURE)
    assert draft.message == 'HTTP 500: {"id": 7, "message": "no space left", "state": "bad"}\nTraceback: C:\\data'


@pytest.mark.req("R2", "R19")
@pytest.mark.parametrize("case", ["object-payload-with-quoted-event", "event-cut-short", "payload-as-a-json-string"])
def test_an_event_in_an_odd_wrapping_is_still_an_event(case):
    draft = only(captured(case).drafts, Category.JOB_FAILURE)
    assert (draft.run, draft.event_data) == (RUN, {"flow": "orders-etl"})
    assert draft.member is not None
    assert draft.member.key == "nightly"


# Requests -------------------------------------------------------------------------------------------------------------------


@pytest.mark.req("R15")
def test_the_request_key_is_the_events_id_or_run_state_and_time():
    assert SOURCE.request_key(captured_request("webhook-full-objects-failed")) == "01a2008c-28a0-75ef-a177-3f6b8885ba28"
    assert SOURCE.request_key(captured_request("webhook-ui-custom-failed")) == "01a2008c-28a0-75ef-a177-3f6b8885ba28"
    default = SOURCE.request_key(inbound(interface_run("Failed", "FAILED")))
    assert default == SOURCE.request_key(inbound(broken_interface_run("Failed", "FAILED")))
    assert default is not None
    assert default != SOURCE.request_key(inbound(interface_run("Crashed", "CRASHED")))


@pytest.mark.req("R15")
def test_a_message_without_a_time_has_no_request_key_for_the_run_may_fail_again():
    assert SOURCE.request_key(inbound(sentence("Failed", ""))) is None
    assert SOURCE.request_key(captured_request("webhook-ui-deployment-not-ready")) is None


@pytest.mark.req("R17")
@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("empty-without-payload", "give the automation's webhook action a payload"),
        ("webhook-ui-flowrun-headers-empty", "its length was announced"),
        ("event-of-somebody-else", "none of the payloads"),
        ("infra-event-unknown-status", "degraded"),
    ],
)
def test_what_cannot_be_read_says_why(case, reason):
    with pytest.raises(Unmapped, match=reason):
        captured(case)


def test_bookkeeping_events_are_understood_and_ignored():
    for case in ("event-task-run", "event-heartbeat", "event-deployment-updated"):
        result = captured(case)
        assert result.drafts == ()
        assert result.ignored


# Hostile input -----------------------------------------------------------------------------------------------------------------

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
KEYS = st.sampled_from([*FLAT_KEYS, *OBJECT_KEYS, "name", "type", "body", "text", "tags", "run_count", "payload", "state_details"])
NAMES = st.sampled_from(
    ["Failed", "Late", "Completed", "prefect.flow-run.x", "prefect.flow-run.Failed", "NOT_READY", "flow", "tag", "\ud800", "\x00"]
)
JSON = st.recursive(SCALARS | NAMES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=8), max_leaves=30)


def survives(request: Inbound) -> None:
    """Anything but `Unmapped` that `map` raises, and whatever `request_key` raises, fails the test."""
    SOURCE.request_key(request)
    with contextlib.suppress(Unmapped):
        SOURCE.map(request)


@pytest.mark.req("R17", "R19")
@settings(max_examples=400)
@given(document=JSON)
def test_no_json_makes_it_raise_anything_but_unmapped(document):
    survives(inbound(json.dumps(document)))


@pytest.mark.req("R17", "R19")
@given(
    body=st.binary(max_size=300),
    content_type=st.sampled_from(["", "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]),
)
def test_no_bytes_make_it_raise_anything_but_unmapped(body, content_type):
    survives(inbound(body, content_type=content_type))


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in items for place in _places(item, (*path, key)))]


def _with(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _with(value[path[0]], path[1:], new)
    return copy


@pytest.mark.req("R17", "R19")
@pytest.mark.parametrize("dialect", [full_objects, interface_custom, interface_run, run_object, notification])
@pytest.mark.parametrize("odd", [None, 7, True, "", "None", [], {}, [[]], {"a": 1}, "\ud800\x00\u202e", "x" * 100_000, -1.5], ids=repr)
def test_any_value_may_be_of_any_type(dialect, odd):
    document = dialect("Failed", "FAILED")
    for place in _places(document):
        survives(inbound(json.dumps(_with(document, place, odd))))


@pytest.mark.req("R19")
@pytest.mark.parametrize(
    "body",
    [
        b'"' * 5_000_000,
        b'{"event":' * 500_000,
        b"[" * 2_000_000,
        b'{"flow_run_state_name": "' * 200_000,
        b'{"resource": {' * 300_000,
        b"Flow run x with id y entered state " * 100_000,
        b'"flow_run":[' * 400_000,
        ("é" * 2_000_000).encode(),
    ],
    ids=["quotes", "objects", "lists", "fields", "resources", "sentences", "list-fields", "letters"],
)
def test_large_nonsense_is_given_up_quickly(body):
    before = datetime.now(UTC)
    survives(inbound(body))
    assert datetime.now(UTC) - before < timedelta(seconds=5)


@given(text=st.text(max_size=200))
def test_salvage_finds_a_field_whatever_stands_before_it(text):
    assert salvage(f'{text}\n"flow_run_state_name": "Failed",\n"flow_run_id": "{RUN}"}}').get("flow_run_id") == RUN
