"""Better Stack: an incident belongs to its monitor or heartbeat, whatever its number."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappers.better_stack import SOURCE
from mappers.contract import Category, Draft, Headers, Inbound, Level, Mapped, State, Unmapped

FIXTURES = Path(__file__).parents[1] / "fixtures" / "better_stack"


def request(case: str) -> Inbound:
    kept = json.loads((FIXTURES / f"{case}.request.json").read_text())
    return Inbound(body=kept["body"].encode(), headers=Headers(kept["headers"]))


def sent(body: Any) -> Inbound:
    return Inbound(body=json.dumps(body).encode())


def document(case: str) -> dict[str, Any]:
    return dict(json.loads(request(case).body))


def only(answer: Mapped) -> Draft:
    (draft,) = answer.drafts
    return draft


@pytest.mark.req("R13")
@pytest.mark.parametrize(
    ("failing", "recovering"),
    [
        ("started", "resolved"),
        ("acknowledged", "resolved"),
        ("reopened", "resolved"),
        ("started", "log-drain-resolved"),
        ("log-drain-started", "resolved"),
        ("template-flat-started", "resolved"),
        ("heartbeat-started", "heartbeat-resolved"),
        ("certificate-started", "certificate-resolved"),
        ("manual-started", "manual-resolved"),
        ("published-status-page", "status-page-resolved"),
        ("status-page-component-degraded", "status-page-component-operational"),
    ],
)
def test_a_recovery_resolves_what_was_opened(failing: str, recovering: str):
    down, up = only(SOURCE.map(request(failing))), only(SOURCE.map(request(recovering)))
    assert (down.slug, down.event_data, down.pipeline) == (up.slug, up.event_data, up.pipeline)
    assert (down.state, up.state, up.level) == (State.FIRING, State.RESOLVED, Level.SUCCESS)
    assert {down.category, up.category} == {Category.INCIDENT}


@pytest.mark.req("R14")
def test_an_acknowledgement_is_the_same_happening_and_opens_what_was_lost():
    started, acknowledged = only(SOURCE.map(request("started"))), only(SOURCE.map(request("acknowledged")))
    assert (started.occurrence, started.occurred_at) == (acknowledged.occurrence, acknowledged.occurred_at)
    assert acknowledged.facts["Acknowledged by"] == "Jane Doe"


@pytest.mark.req("R14")
def test_a_reopened_incident_and_its_second_recovery_are_happenings_of_their_own():
    again = document("resolved")
    again["data"]["attributes"]["resolved_at"] = "2026-11-22T11:00:00Z"
    assert only(SOURCE.map(sent(again))).occurrence != only(SOURCE.map(request("resolved"))).occurrence
    assert only(SOURCE.map(request("reopened"))).occurrence is None


@pytest.mark.req("R14")
def test_the_recovery_tells_how_long_it_was_down():
    assert only(SOURCE.map(request("resolved"))).message == "Down for 42 min: Status 503"


def test_the_next_incident_of_a_monitor_is_the_same_thread_and_another_happening():
    following = document("started")
    following["data"]["id"] = "702999"
    first, second = only(SOURCE.map(request("started"))), only(SOURCE.map(sent(following)))
    assert first.event_data == second.event_data
    assert first.occurrence != second.occurrence


def test_a_certificate_that_expires_is_a_thread_beside_the_monitors_own():
    draft = only(SOURCE.map(request("certificate-started")))
    assert (draft.level, draft.title) == (Level.WARNING, "Warehouse API: certificate expires")
    assert draft.event_data != only(SOURCE.map(request("started"))).event_data
    expired = document("started")
    expired["data"]["attributes"]["cause"] = "SSL error: certificate has expired"
    assert only(SOURCE.map(sent(expired))).level is Level.ERROR


@pytest.mark.req("R58")
def test_team_and_metadata_are_owners():
    assert only(SOURCE.map(request("started"))).owners == ("Data platform", "jane@example.org")


@pytest.mark.parametrize("case", ["comment", "monitor-paused", "on-call-changed", "log-drain-checked", "status-page-component-maintenance"])
def test_what_says_nothing_of_an_incident_is_ignored(case: str):
    answer = SOURCE.map(request(case))
    assert answer.drafts == ()
    assert answer.ignored


def test_planned_maintenance_is_a_note():
    draft = only(SOURCE.map(request("status-page-maintenance")))
    assert (draft.state, draft.level) == (State.NOTE, Level.INFO)


@pytest.mark.req("R15")
def test_a_redelivery_has_the_same_key_and_each_step_another():
    cases = ("started", "acknowledged", "resolved", "published-status-page", "status-page-resolved", "log-drain-resolved")
    keys = [SOURCE.request_key(request(case)) for case in cases]
    assert None not in keys
    assert len(set(keys)) == len(keys) - 1, "the log drain tells the same resolution"
    assert SOURCE.request_key(request("reopened")) is None


@pytest.mark.req("R17")
@pytest.mark.parametrize("case", ["unknown-event", "empty", "not-better-stack", "no-incident"])
def test_what_is_no_incident_is_unmapped(case: str):
    with pytest.raises(Unmapped):
        SOURCE.map(request(case))


@pytest.mark.req("R19")
@given(cut=st.integers(90, 900))
@settings(max_examples=100, deadline=None)
def test_a_body_cut_off_after_its_incident_still_tells_the_failure(cut: int):
    body = request("started").body[:cut]
    draft = only(SOURCE.map(Inbound(body=body)))
    assert draft.state is State.FIRING
    assert draft.event_data in ({"incident": "702341"}, {"monitor": "2104"})
