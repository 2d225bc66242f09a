"""Alertmanager: a group is a thread, whoever receives it; its alerts are the members, each with its own state."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappers.alertmanager import SOURCE
from mappers.alertmanager.group import fingerprint
from mappers.contract import Category, Draft, Inbound, Level, Mapped, State, Unmapped, parse_time

FIXTURES = Path(__file__).parents[1] / "fixtures" / "alertmanager"


def document(case: str) -> dict[str, Any]:
    return dict(json.loads(json.loads((FIXTURES / f"{case}.request.json").read_text())["body"]))


def mapped(given: Any) -> Mapped:
    return SOURCE.map(inbound(given))


def inbound(given: Any) -> Inbound:
    return Inbound(body=json.dumps(given).encode())


def identity(draft: Draft) -> str:
    return json.dumps([draft.slug, draft.event_data, draft.environment, draft.title, draft.pipeline], sort_keys=True)


def threads(answer: Mapped) -> set[str]:
    return {identity(draft) for draft in answer.drafts}


def members(answer: Mapped) -> dict[str, State]:
    return {draft.member.label: draft.state for draft in answer.drafts if draft.member}


@pytest.mark.req("R13")
def test_a_group_is_one_thread_and_its_alerts_are_the_members():
    answer = mapped(document("grouped-firing"))
    assert len(threads(answer)) == 1
    assert members(answer) == {"db1": State.FIRING, "db2": State.FIRING}
    assert {draft.category for draft in answer.drafts} == {Category.INCIDENT}


@pytest.mark.req("R13")
def test_a_group_that_still_fires_tells_which_of_its_alerts_recovered():
    before, after = mapped(document("grouped-firing")), mapped(document("grouped-one-resolved"))
    assert members(after) == {"db1": State.RESOLVED, "db2": State.FIRING}
    assert threads(after) == threads(before)
    assert [draft.member and draft.member.key for draft in after.drafts] == [draft.member and draft.member.key for draft in before.drafts]


@pytest.mark.req("R14")
def test_an_alert_that_goes_on_firing_is_the_same_happening_in_every_message():
    before, after = (mapped(document(case)).drafts[1] for case in ("grouped-firing", "grouped-one-resolved"))
    assert before.occurrence == after.occurrence
    assert mapped(document("grouped-one-resolved")).drafts[0].occurrence not in (None, before.occurrence)


@pytest.mark.req("R14")
def test_an_alert_that_fires_again_is_a_new_happening():
    again = document("single-firing")
    again["alerts"][0]["startsAt"] = "2026-11-22T01:00:00Z"
    first, second = mapped(document("single-firing")).drafts[0], mapped(again).drafts[0]
    assert first.occurrence != second.occurrence
    assert identity(first) == identity(second)


@pytest.mark.req("R14")
def test_the_recovery_tells_how_long_it_fired():
    (draft,) = mapped(document("single-resolved")).drafts
    assert (draft.message, draft.level) == ("Fired for 15 s: api:443 down", Level.SUCCESS)
    assert draft.occurred_at == parse_time("2026-11-22T00:00:23.674951Z")
    assert identity(draft) == identity(mapped(document("single-firing")).drafts[0])


def test_the_year_0001_is_no_end():
    (draft,) = mapped(document("resolved-without-end")).drafts
    assert (draft.state, draft.occurred_at, draft.message) == (State.RESOLVED, None, "Resolved.")


@pytest.mark.req("R45")
def test_two_receivers_of_one_source_tell_one_thread_and_one_happening():
    one, other = mapped(document("grouped-firing")), mapped(document("other-receiver-firing"))
    assert threads(one) == threads(other)
    assert [draft.occurrence for draft in one.drafts] == [draft.occurrence for draft in other.drafts]


@pytest.mark.req("R47")
def test_the_thread_does_not_depend_on_who_else_is_in_the_group():
    """What a group has in common changes as alerts come and go; its labels and the alert's own name do not."""
    whole = document("by-cluster-no-fingerprint")
    alone = {**whole, "alerts": whole["alerts"][:1], "commonLabels": whole["alerts"][0]["labels"]}
    first = mapped(whole).drafts[0]
    assert identity(first) == identity(mapped(alone).drafts[0])
    assert len(threads(mapped(whole))) == 2
    assert {draft.pipeline for draft in mapped(whole).drafts} == {"cluster=eu-1"}


def test_a_missing_fingerprint_is_computed_as_alertmanager_does():
    for case in ("grouped-firing", "single-firing"):
        for alert in document(case)["alerts"]:
            assert fingerprint(alert["labels"]) == alert["fingerprint"]


@pytest.mark.req("R13")
@pytest.mark.parametrize(
    ("severity", "level"),
    [
        ("critical", Level.ERROR),
        ("Page", Level.ERROR),
        ("high", Level.ERROR),
        ("warning", Level.WARNING),
        ("info", Level.INFO),
        ("none", Level.INFO),
        ("whatever", Level.ERROR),
        ("", Level.ERROR),
    ],
)
def test_the_severity_label_is_the_level(severity: str, level: Level):
    given = document("single-firing")
    given["alerts"][0]["labels"]["severity"] = severity
    assert mapped(given).drafts[0].level is level


@pytest.mark.req("R58")
def test_team_and_owner_labels_are_owners():
    assert mapped(document("no-severity")).drafts[0].owners == ("data-platform", "jane@example.org", "@ops")


@pytest.mark.req("R33")
def test_links_are_query_runbook_and_dashboard_and_nothing_that_is_no_address():
    assert list(mapped(document("single-firing")).drafts[0].links) == ["Open query", "Runbook", "Open Alertmanager"]
    assert list(mapped(document("dashboard")).drafts[0].links) == ["Open query", "Dashboard", "Open Alertmanager"]


def test_what_max_alerts_left_out_is_said():
    (draft,) = mapped(document("truncated-firing")).drafts
    assert draft.facts["not sent"] == "1 more in this group (max_alerts)"


def test_an_environment_label_is_a_fact_and_not_another_thread():
    draft = mapped(document("by-cluster-no-fingerprint")).drafts[0]
    assert draft.environment is None
    assert draft.facts["environment"] == "prod"


@pytest.mark.req("R15")
def test_the_key_is_the_same_for_a_retry_and_an_unchanged_repeat_and_changes_with_any_state():
    cases = ("grouped-firing", "grouped-one-resolved", "other-receiver-firing", "single-firing", "single-resolved")
    keys = [SOURCE.request_key(inbound(document(case))) for case in cases]
    assert None not in keys
    assert len(set(keys)) == len(cases)
    reordered = document("grouped-firing")
    reordered["alerts"].reverse()
    assert SOURCE.request_key(inbound(reordered)) == keys[0]


@pytest.mark.req("R17")
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"alerts": {}}', b'{"text": "firing"}', b"\xff\xfe"])
def test_what_is_no_group_is_unmapped_and_has_no_key(body: bytes):
    with pytest.raises(Unmapped):
        SOURCE.map(Inbound(body=body))
    assert SOURCE.request_key(Inbound(body=body)) is None


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["resolved", "firing", "2026-11-22T00:00:08Z"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
LABELS = st.dictionaries(st.sampled_from(["alertname", "instance", "severity", "team", "x"]), JSON | st.text(max_size=20)) | JSON
ALERT = st.fixed_dictionaries(
    {},
    optional={
        "labels": LABELS,
        "annotations": LABELS,
        **dict.fromkeys(("status", "startsAt", "endsAt", "generatorURL", "fingerprint"), JSON),
    },
)


@pytest.mark.req("R17")
@given(
    alerts=st.lists(ALERT | JSON, max_size=4),
    rest=st.dictionaries(st.sampled_from(["status", "groupLabels", "commonLabels", "receiver", "externalURL", "truncatedAlerts"]), LABELS),
)
@settings(max_examples=300, deadline=None)
def test_no_group_makes_it_raise_and_members_never_share_a_key(alerts: list[Any], rest: dict[str, Any]):
    given = inbound({**rest, "alerts": alerts})
    try:
        answer = SOURCE.map(given)
    except Unmapped:
        assert alerts, "an empty group is understood"
        return
    timed = all(draft.occurrence or draft.state is State.RESOLVED for draft in answer.drafts)
    assert SOURCE.request_key(given) is None or (answer.drafts and timed)
    assert bool(answer.drafts) != bool(answer.ignored)
    keys = [(identity(draft), draft.member and draft.member.key) for draft in answer.drafts]
    assert len(set(keys)) == len(keys)


@pytest.mark.req("R19")
def test_of_a_body_cut_off_every_whole_alert_is_told():
    body = json.loads((FIXTURES / "cut-off-firing.request.json").read_text())["body"]
    (draft,) = SOURCE.map(Inbound(body=body.encode())).drafts
    assert draft.member
    assert (draft.member.label, draft.closes_itself) == ("db1", True)


@pytest.mark.req("R13")
@pytest.mark.parametrize("pair", ["prometheus", "template-flat", "template-subject"])
def test_what_is_no_group_recovers_too(pair: str):
    drafts = []
    for case in (f"{pair}-firing", f"{pair}-resolved"):
        kept = json.loads((FIXTURES / f"{case}.request.json").read_text())
        received = parse_time(kept["received_at"]) or Inbound().received_at
        drafts.extend(SOURCE.map(Inbound(body=kept["body"].encode(), received_at=received)).drafts)
    down, up = drafts
    assert identity(down) == identity(up)
    assert down.member
    assert up.member
    assert down.member.key == up.member.key
    assert (down.state, up.state) == (State.FIRING, State.RESOLVED)


@pytest.mark.req("R15")
def test_no_key_without_a_time():
    """A second outage would tell the same bytes."""
    given = document("single-firing")
    del given["alerts"][0]["startsAt"]
    assert SOURCE.request_key(inbound(given)) is None


@pytest.mark.req("R13")
def test_a_templates_recovery_need_not_repeat_how_bad_it_was():
    down = mapped({"status": "firing", "alertname": "Disk", "instance": "wh-1", "severity": "critical", "team": "data"})
    up = mapped({"status": "resolved", "alertname": "Disk", "instance": "wh-1"})
    assert members(down).keys() == members(up).keys()
    assert [draft.member and draft.member.key for draft in down.drafts] == [draft.member and draft.member.key for draft in up.drafts]
    assert threads(down) == threads(up)
