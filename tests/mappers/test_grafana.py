"""Grafana: a rule of a group is a thread, whoever receives it; its alerts are the members, each with its own state."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappers.contract import Category, Draft, Inbound, Level, Mapped, State, Unmapped
from mappers.grafana import SOURCE

FIXTURES = Path(__file__).parents[1] / "fixtures" / "grafana"


def body(case: str) -> str:
    return str(json.loads((FIXTURES / f"{case}.request.json").read_text())["body"])


def document(case: str) -> dict[str, Any]:
    return dict(json.loads(body(case)))


def mapped(given: Any) -> Mapped:
    return SOURCE.map(inbound(given))


def inbound(given: Any) -> Inbound:
    return Inbound(body=(given if isinstance(given, str) else json.dumps(given)).encode("utf-8", "surrogatepass"))


def identity(draft: Draft) -> str:
    key = draft.member.key if draft.member else None
    return json.dumps([draft.slug, draft.event_data, draft.environment, draft.title, draft.pipeline, key], sort_keys=True)


@pytest.mark.req("R13")
@pytest.mark.parametrize(
    ("failing", "recovering"),
    [
        ("firing", "resolved"),
        ("firing", "resolved-missing-series"),
        ("no-data-firing", "no-data-resolved"),
        ("template-simple-alerts-firing", "template-simple-alerts-resolved"),
        ("template-flat-firing", "template-flat-resolved"),
        ("template-slack-text", "template-plain-text-resolved"),
        ("legacy-alerting", "legacy-ok"),
        ("legacy-no-data", "legacy-ok"),
        ("legacy-v4-alerting", "legacy-ok"),
    ],
)
def test_a_recovery_resolves_what_the_same_dialect_opened(failing: str, recovering: str):
    (down,), (up,) = mapped(body(failing)).drafts, mapped(body(recovering)).drafts
    assert identity(down) == identity(up)
    assert (down.state, up.state, up.level) == (State.FIRING, State.RESOLVED, Level.SUCCESS)
    assert {down.category, up.category} == {Category.INCIDENT}


@pytest.mark.req("R13")
def test_a_group_that_still_fires_tells_which_of_its_alerts_recovered():
    states = {draft.member.label: draft.state for draft in mapped(body("two-one-resolved")).drafts if draft.member}
    assert states == {"warehouse-1": State.RESOLVED, "warehouse-2": State.FIRING}


@pytest.mark.req("R14")
def test_an_alert_that_goes_on_firing_is_the_same_happening_in_every_message():
    again = document("firing")
    again["alerts"][0]["values"] = {"B": 99.1, "C": 1}
    assert mapped(again).drafts[0].occurrence == mapped(body("firing")).drafts[0].occurrence
    again["alerts"][0]["startsAt"] = "2026-11-22T10:50:10Z"
    assert mapped(again).drafts[0].occurrence != mapped(body("firing")).drafts[0].occurrence


def test_no_data_and_errors_are_members_of_the_rules_own_thread():
    cases = ("firing", "no-data-firing", "error-firing")
    drafts = [mapped(body(case)).drafts[0] for case in cases]
    assert len({json.dumps([draft.slug, draft.event_data, draft.title, draft.pipeline]) for draft in drafts}) == 1
    assert [draft.member and draft.member.label for draft in drafts] == ["warehouse-1", "no data", "error"]


@pytest.mark.req("R14")
@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("resolved", "Fired for 42 min: 94 % used"),
        ("resolved-paused-rule", "Fired for 42 min; ended because its rule was paused: 94 % used"),
        ("no-data-resolved", "No data for 22 min: 94 % used"),
    ],
)
def test_the_recovery_tells_how_long_it_fired_and_whether_it_is_one(case: str, told: str):
    assert mapped(body(case)).drafts[0].message == told


@pytest.mark.req("R13")
@pytest.mark.parametrize(
    ("severity", "level"),
    [("critical", Level.ERROR), ("Warning", Level.WARNING), ("info", Level.INFO), ("whatever", Level.ERROR), ("", Level.ERROR)],
)
def test_the_severity_label_is_the_level(severity: str, level: Level):
    given = document("firing")
    given["alerts"][0]["labels"]["severity"] = severity
    assert mapped(given).drafts[0].level is level
    assert mapped({**document("template-flat-firing"), "severity": severity}).drafts[0].level is level


@pytest.mark.parametrize("case", ["test-button", "test-button-own-labels", "legacy-test-button", "published-legacy-test"])
def test_the_test_button_alerts_nobody(case: str):
    answer = mapped(body(case))
    assert answer.drafts == ()
    assert "test" in str(answer.ignored)


@pytest.mark.req("R19")
def test_of_a_body_cut_off_every_whole_alert_is_told():
    cut = body("cut-off-firing")
    whole = mapped(cut)
    assert len(whole.drafts) == 2
    shorter = mapped(cut[: cut.index("warehouse-2")])
    assert [draft.member and draft.member.label for draft in shorter.drafts] == ["warehouse-1"]


@pytest.mark.req("R19")
def test_a_quote_in_a_template_loses_nothing():
    (draft,) = mapped(body("template-broken-firing")).drafts
    assert draft.message == 'query said "out of space" on C:\\data\nsecond line'
    assert draft.facts["Severity"] == "critical"


@pytest.mark.req("R15")
def test_the_key_is_the_same_for_a_retry_and_changes_with_any_state_or_value():
    keys = [SOURCE.request_key(inbound(body(case))) for case in ("firing", "resolved", "two-one-resolved", "no-data-firing")]
    assert None not in keys
    assert len(set(keys)) == 4
    retry = document("firing")
    retry["alerts"][0]["dashboardURL"] = "https://grafana.example.org/d/abc?from=1&to=3"  # ends at the time of sending
    assert SOURCE.request_key(inbound(retry)) == keys[0]
    retry["alerts"][0]["values"] = {"B": 1}
    assert SOURCE.request_key(inbound(retry)) != keys[0]


@pytest.mark.parametrize("case", ["template-flat-firing", "legacy-alerting", "not-grafana", "empty"])
def test_no_key_without_a_time(case: str):
    assert SOURCE.request_key(inbound(body(case))) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(["resolved", "firing", "alerting"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
KEYS = ["status", "state", "alerts", "labels", "tags", "ruleName", "ruleId", "title", "message", "evalMatches", "groupLabels", "startsAt"]


@pytest.mark.req("R17")
@given(
    given=st.dictionaries(st.sampled_from(KEYS), JSON),
    alerts=st.lists(st.dictionaries(st.sampled_from(KEYS), JSON) | JSON),
    cut=st.integers(0, 300),
)
@settings(max_examples=300, deadline=None)
def test_no_body_makes_it_raise_and_members_never_share_a_key(given: dict[str, Any], alerts: list[Any], cut: int):
    for one in (given, {**given, "alerts": alerts}, json.dumps({**given, "alerts": alerts})[:cut]):
        SOURCE.request_key(inbound(one))
        try:
            drafts = mapped(one).drafts
        except Unmapped:
            continue
        assert len({identity(draft) for draft in drafts}) == len(drafts)


@pytest.mark.req("R13")
def test_a_templates_recovery_need_not_repeat_how_bad_it_was():
    down, up = (
        SOURCE.map(Inbound(body=json.dumps([alert]).encode())).drafts[0]
        for alert in ({"alert": "Disk", "status": "firing", "severity": "warning", "team": "data"}, {"alert": "Disk", "status": "resolved"})
    )
    assert (down.slug, down.event_data, down.member) == (up.slug, up.event_data, up.member)
