"""Uptime Kuma: one monitor is one thread, in whatever way it is told, and a reminder is no new failure."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappers.contract import NO_DOCUMENTS, Category, Documents, Draft, Headers, Inbound, Level, Mapped, State, Unmapped, parse_time
from mappers.uptime_kuma import SOURCE

FIXTURES = Path(__file__).parents[1] / "fixtures" / "uptime_kuma"
DOWN = ("json-down", "form-down", "get-down", "get-cut-off-down", "custom-json-filter-down", "custom-broken-with-id-down")
UP = ("json-up", "get-up", "json-local-zone-up")


def request(case: str, **changes: Any) -> Inbound:
    kept = json.loads((FIXTURES / f"{case}.request.json").read_text())
    given = {
        "body": kept["body"].encode(),
        "headers": Headers(kept["headers"]),
        "method": kept["method"],
        "query": kept["query"],
        "received_at": parse_time(kept["received_at"]),
        "settings": SOURCE.read_settings(kept.get("settings", {})),
        "documents": {name: text.encode() for name, text in kept.get("documents", {}).items()},
    }
    return Inbound(**{**given, **changes})


def posted(body: str, **given: Any) -> Inbound:
    return Inbound(body=body.encode("utf-8", "surrogatepass"), **given)


def only(answer: Mapped) -> Draft:
    (draft,) = answer.drafts
    return draft


@pytest.mark.req("R13")
@pytest.mark.parametrize("down", DOWN)
@pytest.mark.parametrize("up", UP)
def test_a_recovery_in_any_dialect_resolves_what_any_dialect_opened(down: str, up: str):
    failing, recovering = only(SOURCE.map(request(down))), only(SOURCE.map(request(up)))
    assert (failing.slug, failing.event_data) == (recovering.slug, recovering.event_data) == ("uptime-kuma-monitor", {"monitor": "1"})
    assert (failing.state, failing.level, failing.category) == (State.FIRING, Level.ERROR, Category.INCIDENT)
    assert (recovering.state, recovering.level) == (State.RESOLVED, Level.SUCCESS)
    assert failing.pipeline == recovering.pipeline == 'Warehouse "prod" API'


@pytest.mark.req("R13")
def test_a_custom_body_without_a_number_is_known_by_name_down_and_up():
    failing, recovering = only(SOURCE.map(request("custom-broken-down"))), only(SOURCE.map(request("custom-broken-up")))
    assert failing.event_data == recovering.event_data == {"monitor": 'Warehouse "prod" API'}
    assert failing.message == "connect ECONNREFUSED 127.0.0.1:18001"
    assert recovering.state is State.RESOLVED


@pytest.mark.req("R14")
def test_all_dialects_tell_the_same_happening():
    assert {only(SOURCE.map(request(case))).occurrence for case in DOWN} == {"2026-11-22T00:06:10.841000+00:00 down"}


@pytest.mark.req("R14")
def test_a_reminder_is_the_happening_it_reminds_of():
    failing = only(SOURCE.map(request("json-down")))
    for case in ("json-reminder", "json-reminder-of-form"):
        reminder = only(SOURCE.map(request(case)))
        assert (reminder.occurrence, reminder.occurred_at) == (failing.occurrence, failing.occurred_at)
        assert reminder.event_data == failing.event_data


@pytest.mark.req("R14")
def test_the_next_failure_is_a_new_happening():
    assert only(SOURCE.map(request("json-down-again"))).occurrence != only(SOURCE.map(request("json-down"))).occurrence


@pytest.mark.req("R14")
def test_transitions_are_kept_for_the_reminders_that_want_them():
    for case in ("json-down", "json-up", "form-down", "json-down-again"):
        assert SOURCE.documents(request(case)) == Documents(keeps=("monitor 1",))
    assert SOURCE.documents(request("json-reminder")) == Documents(wants=("monitor 1",))
    for case in ("get-down", "json-test", "json-pending", "json-certificate", "custom-broken-down", "empty"):
        assert SOURCE.documents(request(case)) == NO_DOCUMENTS


@pytest.mark.req("R14")
def test_reminders_of_a_failure_that_never_arrived_open_it_as_one_happening():
    """Kuma tries once: the down message may be lost, and the last thing kept is the recovery before it."""
    recovered = request("json-up")
    first = request("json-reminder-lost-down")
    later = request("json-reminder-lost-down", body=first.body.replace(b"00:09:51.100", b"00:10:31.200"))
    told = [only(SOURCE.map(reminder)) for reminder in (first, later)]
    assert told[0].occurrence == told[1].occurrence != only(SOURCE.map(request("json-down"))).occurrence
    for draft in told:
        assert draft.state is State.FIRING
        assert draft.occurred_at is not None
        assert draft.occurred_at > (only(SOURCE.map(recovered)).occurred_at or draft.occurred_at)


@pytest.mark.req("R22")
def test_a_replayed_reminder_is_not_taken_for_a_later_failure():
    reminder, later = only(SOURCE.map(request("json-reminder-replayed"))), only(SOURCE.map(request("json-down-again")))
    assert reminder.occurrence != later.occurrence
    assert reminder.occurred_at != later.occurred_at


@pytest.mark.req("R14")
def test_the_recovery_tells_how_long_it_was_down_where_kuma_says_since_when():
    assert only(SOURCE.map(request("json-up"))).message.startswith("Down for 1 min, since 2026-11-22 00:06:10 UTC.")


@pytest.mark.req("R47")
def test_times_are_utc_whatever_the_zone_of_the_server():
    assert only(SOURCE.map(request("json-local-zone-up"))).occurred_at == only(SOURCE.map(request("json-up"))).occurred_at
    local = {"status": 0, "localDateTime": "2026-11-22 05:36:10", "timezoneOffset": "+05:30"}
    without_utc = only(SOURCE.map(posted(json.dumps({"heartbeat": local, "monitor": {"id": 1}, "msg": ""}))))
    assert without_utc.occurred_at == parse_time("2026-11-22T00:06:10Z")


@pytest.mark.req("R15")
def test_a_redelivery_has_the_same_key_and_every_message_of_its_own():
    cases = ("json-down", "json-reminder", "json-up", "json-down-again")
    keys = [SOURCE.request_key(request(case)) for case in cases]
    assert None not in keys
    assert len(set(keys)) == 4
    assert keys == [SOURCE.request_key(request(case)) for case in cases]


@pytest.mark.req("R17")
@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("json-test", "test"),
        ("get-test", "test"),
        ("custom-test", "test"),
        ("json-pending", "pending"),
        ("json-maintenance", "maintenance"),
    ],
)
def test_tests_and_states_that_alert_nobody_are_ignored_with_their_reason(case: str, reason: str):
    answer = SOURCE.map(request(case))
    assert answer.drafts == ()
    assert reason in str(answer.ignored)


@pytest.mark.req("R13")
@pytest.mark.parametrize("case", ["json-certificate", "custom-certificate"])
def test_a_certificate_about_to_expire_warns_even_where_the_template_calls_it_a_test(case: str):
    draft = only(SOURCE.map(request(case)))
    assert (draft.slug, draft.level, draft.closes_itself) == ("uptime-kuma-certificate", Level.WARNING, True)
    assert draft.event_data == {"monitor": 'Warehouse "prod" API', "certificate": "warehouse.example.org", "type": "server"}
    assert draft.links == {"Open target": "https://warehouse.example.org/health"}


def test_the_days_left_are_no_part_of_what_expires():
    drafts = [
        only(
            SOURCE.map(
                posted(json.dumps({"heartbeat": None, "monitor": None, "msg": f"Domain name example.org will expire in {days} days"}))
            )
        )
        for days in (21, 7)
    ]
    assert drafts[0].event_data == drafts[1].event_data == {"domain": "example.org"}
    assert drafts[0].occurrence != drafts[1].occurrence


@pytest.mark.req("R58")
def test_owner_tag_and_description_are_owners_and_other_tags_stay():
    draft = only(SOURCE.map(request("json-tags-down")))
    assert (draft.owners, draft.tags) == (("jane@example.org",), ("tier-1", "stage:prod"))
    assert draft.facts["Target"] == "db.example.org:5432"
    assert only(SOURCE.map(request("json-down"))).owners == ("jane@example.org",)


@pytest.mark.req("R33")
def test_the_monitor_is_linked_where_the_settings_say_where_kuma_is():
    assert list(only(SOURCE.map(request("json-ui-url"))).links) == ["Open monitor", "Open target"]
    assert list(only(SOURCE.map(request("json-down"))).links) == ["Open target"]


@pytest.mark.req("R19")
@given(
    name=st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=40), text=st.text(max_size=80)
)
@settings(max_examples=200, deadline=None)
def test_no_name_in_a_custom_body_hides_the_failure(name: str, text: str):
    body = f'{{"Title": "Alert - {name}", "id": 12, "Body": "[{name}] [🔴 Down] {text}"}}'
    draft = only(SOURCE.map(posted(body)))
    assert draft.state is State.FIRING


@pytest.mark.req("R17")
@pytest.mark.parametrize("case", ["not-kuma", "empty", "custom-no-monitor", "json-unknown-status"])
def test_what_is_not_understood_is_unmapped(case: str):
    with pytest.raises(Unmapped):
        SOURCE.map(request(case))


def told(inbound: Inbound) -> object:
    """What a request came to: drafts, or why there are none."""
    try:
        answer = SOURCE.map(inbound)
    except Unmapped as refusal:
        return refusal.reason
    return answer.drafts or answer.ignored


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([0, 1, "🔴 Down", "[a] [✅ Up] b", "9999-12-31 23:59:59"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["status", "id", "name", "time", "msg", "tags", "path"]), inner)
    ),
    max_leaves=12,
)
PART = st.dictionaries(
    st.sampled_from(["status", "time", "msg", "important", "lastDownTime", "id", "name", "tags", "path", "port", "url"]), JSON
)


@pytest.mark.req("R17")
@given(heartbeat=PART | JSON, monitor=PART | JSON, msg=JSON, document=JSON, cut=st.integers(0, 400))
@settings(max_examples=300, deadline=None)
def test_no_body_makes_it_raise_anything_but_unmapped(heartbeat: Any, monitor: Any, msg: Any, document: Any, cut: int):
    body = json.dumps({"heartbeat": heartbeat, "monitor": monitor, "msg": msg}, ensure_ascii=False)
    for text in (body, body[:cut], json.dumps(document), f"msg={body}", f'{{"x": "{body}"}}'):
        for inbound in (posted(text, documents={"monitor 1": text.encode("utf-8", "replace")}), Inbound(query=text, method="GET")):
            key = SOURCE.request_key(inbound)
            assert key is None or 0 < len(key) <= 250
            SOURCE.documents(inbound)
            assert told(inbound)


@pytest.mark.req("R13")
@pytest.mark.parametrize("down", ["custom-sentence-down", "custom-object-object-down", "custom-object-object-quoted-down"])
@pytest.mark.parametrize("up", ["custom-sentence-up", "custom-word-apart-up"])
def test_templates_that_tell_only_a_name_and_a_state_tell_one_monitor(down: str, up: str):
    failing, recovering = only(SOURCE.map(request(down))), only(SOURCE.map(request(up)))
    assert failing.event_data == recovering.event_data == {"monitor": "Warehouse"}
    assert (failing.state, recovering.state) == (State.FIRING, State.RESOLVED)
