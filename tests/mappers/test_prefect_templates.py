"""Templates of somebody's own, bodies that were cut, and what Prefect's API says of the same runs: all from a real server."""

import dataclasses
import json
from pathlib import Path

import pytest

from mappers.contract import Category, Draft, Inbound, Mapped, State, Unmapped
from mappers.prefect import SOURCE
from tests.mappers.test_contract import request_of

FIXTURES = Path(__file__).parents[1] / "fixtures" / "prefect"
ALL = sorted(FIXTURES.glob("*.request.json"))
API = {"api_url": "http://prefect.test:4200/api"}
RUN = "7d1f0c52-8a53-4a6e-9a5e-0a3f5b1c2d3e"


def case(name: str) -> Inbound:
    return request_of(FIXTURES / f"{name}.request.json")


def mapped(body: str, settings: dict[str, str] | None = None) -> Mapped:
    return SOURCE.map(Inbound(body=body.encode(), settings=SOURCE.read_settings(settings or {})))


def failure(result: Mapped) -> Draft:
    (draft,) = (draft for draft in result.drafts if draft.state is State.FIRING)
    return draft


OWN = [path for path in ALL if path.name.startswith("own-") and path.name.endswith("-failed.request.json")]


@pytest.mark.req("R1", "R2", "R4")
@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name.removesuffix(".request.json"))
def test_any_template_that_holds_the_run_and_its_state_is_a_failure_of_that_run(path: Path) -> None:
    request = request_of(path)
    draft = failure(SOURCE.map(request))
    assert draft.category is Category.JOB_FAILURE
    assert draft.run is not None
    assert draft.run in request.text + request.query
    assert draft.title.endswith(" failed")


@pytest.mark.req("R2")
@pytest.mark.parametrize(
    ("name", "flow"),
    [("camel-case", "orders.v2 etl_daily"), ("yaml", "orders.v2 etl_daily"), ("notification-teams", "orders.v2 etl_daily")],
)
def test_a_flow_that_a_template_names_is_its_thread(name: str, flow: str) -> None:
    assert failure(SOURCE.map(case(f"own-{name}-failed"))).event_data == {"flow": flow}


@pytest.mark.req("R4", "R19")
def test_a_broken_template_of_somebodys_own_loses_nothing() -> None:
    body = f'{{"id": "{RUN}", "state": "Failed", "flow": "orders", "error": "a "quote"\nand \\d", "when": "2026-11-22 02:10:00+00:00"}}'
    draft = failure(mapped(body))
    assert (draft.event_data, draft.run, draft.message) == ({"flow": "orders"}, RUN, 'a "quote"\nand \\d')
    assert draft.occurrence == f"{RUN} 2026-11-22T02:10:00+00:00"


@pytest.mark.req("R1")
@pytest.mark.parametrize("name", ["my run", "a.b_c", "run with id 12 entered state Completed", "entered state", " with id "])
def test_no_name_of_a_run_is_taken_for_its_state(name: str) -> None:
    draft = failure(mapped(json.dumps({"body": f"Flow run {name} with id {RUN} entered state Failed"})))
    assert draft.run == RUN
    assert draft.facts["Flow run"] == " ".join(name.split())


def test_an_error_that_quotes_a_child_run_is_not_that_childs() -> None:
    child = "Flow run child with id 0b8e6a51-1c9d-4a0e-8f52-5b0a7c3d9e10 entered state Crashed"
    draft = failure(mapped(json.dumps({"run_id": RUN, "state": "Failed", "error": child})))
    assert (draft.run, draft.facts["State"]) == (RUN, "Failed")


def test_an_id_of_something_else_is_not_the_runs() -> None:
    with pytest.raises(Unmapped):
        mapped(json.dumps({"flow_id": RUN, "state": "Failed"}))
    with pytest.raises(Unmapped):
        mapped(f"prefect.work-pool.{RUN} Failed")


# Cut at any byte --------------------------------------------------------------------------------------------------------


@pytest.mark.req("R17", "R19")
@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name.removesuffix(".request.json"))
def test_half_a_body_is_never_taken_for_something_else(path: Path) -> None:
    """Cut anywhere, it tells of the same run in the same phase and of the same flow, or is kept as unmapped."""
    request = request_of(path)
    try:
        whole = SOURCE.map(request)
    except Unmapped:
        return
    identities = [draft.event_data for draft in whole.drafts]
    for cut in range(1, len(request.body), max(1, len(request.body) // 150)):
        try:
            half = SOURCE.map(dataclasses.replace(request, body=request.body[:cut]))
        except Unmapped:
            continue
        if whole.signals and half.signals:
            assert (half.signals[0].run, half.signals[0].phase) == (whole.signals[0].run, whole.signals[0].phase), cut
        for draft in half.drafts:
            assert draft.event_data in identities or set(draft.event_data) <= {"flow_run", "deployment"}, cut


# What Prefect's API says -------------------------------------------------------------------------------------------------

LOOKED_UP = [path.name.removesuffix("-webhook.request.json") for path in ALL if path.name.endswith("-webhook.request.json")]


def happening(result: Mapped) -> list[object]:
    return [
        (draft.slug, draft.state, draft.event_data, draft.member, draft.occurrence, draft.run, draft.attempt, draft.message)
        for draft in result.drafts
        if "flow_run" not in draft.event_data and draft.category is not Category.LATE_RUN
    ]


@pytest.mark.req("R23")
@pytest.mark.parametrize("name", LOOKED_UP)
def test_what_the_api_says_of_a_run_is_the_same_happening_as_its_webhook(name: str) -> None:
    webhook, asked = SOURCE.map(case(f"{name}-webhook")), SOURCE.map(case(name))
    assert happening(webhook) == happening(asked)
    assert happening(webhook)
    one, two = webhook.signals[0], asked.signals[0]
    assert (one.pipeline, one.run, one.phase, one.at, one.state) == (two.pipeline, two.run, two.phase, two.at, two.state)


def looked_up(state: str = "Failed", kind: str = "FAILED", flow: str | None = "orders") -> str:
    run = {"id": RUN, "name": "amber-lynx", "state": {"name": state, "type": kind, "timestamp": "2026-11-22T02:10:00Z"}}
    return json.dumps({"tocsin": "flow_run", "flow_run": run, "flow": {"name": flow} if flow else None, "deployment": None})


def text(state: str) -> str:
    return json.dumps({"body": f"Flow run amber-lynx with id {RUN} entered state {state}"})


@pytest.mark.req("R1", "R2")
def test_a_failure_whose_flow_is_not_named_waits_for_the_api_and_then_never_was() -> None:
    asked = mapped(text("Failed"), API)
    held = failure(asked)
    (follow_up,) = asked.follow_ups
    assert held.hold is not None
    assert held.hold.total_seconds() == 15
    assert (follow_up.operation, follow_up.ids) == ("flow_run", {"flow_run_id": RUN, "state": "Failed", "at": ""})
    told = mapped(looked_up(), API)
    assert failure(told).event_data == {"flow": "orders"}
    (ended,) = (draft for draft in told.drafts if draft.event_data == {"flow_run": RUN})
    assert (ended.slug, ended.state, ended.member) == (held.slug, State.RESOLVED, held.member)
    assert (ended.occurrence, ended.occurred_at) == (None, None)  # when it is received: after what was held
    assert told.follow_ups == ()


def test_the_hold_of_the_source_outlasts_the_asking() -> None:
    held = failure(mapped(text("Failed"), {**API, "hold": "2m"}))
    assert held.hold is not None
    assert held.hold.total_seconds() == 120


def test_a_recovery_whose_flow_is_not_named_is_asked_for_too() -> None:
    assert [one.ids["state"] for one in mapped(text("Completed"), API).follow_ups] == ["Completed"]
    recovered = mapped(looked_up("Completed", "COMPLETED"), API)
    assert {draft.state for draft in recovered.drafts} == {State.RESOLVED}
    assert all(draft.event_data == {"flow": "orders"} for draft in recovered.drafts)


@pytest.mark.parametrize("state", ["Running", "Late", "Retrying"])
def test_what_ends_no_run_is_not_asked_for(state: str) -> None:
    assert mapped(text(state), API).follow_ups == ()


def test_without_an_api_the_run_speaks_for_itself() -> None:
    result = mapped(text("Failed"))
    assert (failure(result).hold, result.follow_ups) == (None, ())


def test_a_flow_that_the_api_does_not_know_leaves_the_run_its_own() -> None:
    result = mapped(looked_up(flow=None), API)
    assert [draft.state for draft in result.drafts if draft.event_data == {"flow_run": RUN} and draft.category is Category.JOB_FAILURE] == [
        State.FIRING
    ]
    assert result.follow_ups == ()


def test_a_state_of_somebodys_own_is_asked_for_where_its_type_is_not_told() -> None:
    (asked,) = mapped(text("Quality Gate: red"), API).follow_ups
    assert asked.ids["state"] == "Quality Gate: red"
    assert failure(mapped(looked_up("Quality Gate: red", "FAILED"), API)).event_data == {"flow": "orders"}


@pytest.mark.req("R17")
def test_what_the_api_said_is_never_asked_for_again() -> None:
    bare = json.dumps({"tocsin": "flow_run", "flow_run": {"id": RUN, "state": {"state_details": {}, "name": ""}}, "flow": None})
    with pytest.raises(Unmapped):
        mapped(bare, API)
    assert mapped(looked_up("Late", "SCHEDULED"), API).follow_ups == ()
