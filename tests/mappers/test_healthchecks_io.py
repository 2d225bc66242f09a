"""Healthchecks: whatever the templates made of a check, it is the same check, down or up."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappers.contract import Category, Draft, Headers, Inbound, Level, Mapped, State, Unmapped, parse_time
from mappers.healthchecks_io import SOURCE

FIXTURES = Path(__file__).parents[1] / "fixtures" / "healthchecks_io"
UUID = "2c2b27eb-5d5f-49c6-b7cf-58213a6a7783"
DOWN = ("json-down", "safe-down", "get-down", "broken-name-down", "broken-body-down", "form-down")
UP = ("json-up", "safe-up", "get-up", "json-grace", "broken-body-first-up")


def request(case: str) -> Inbound:
    kept = json.loads((FIXTURES / f"{case}.request.json").read_text())
    return Inbound(
        body=kept["body"].encode(),
        headers=Headers(kept["headers"]),
        method=kept["method"],
        path=kept["path"],
        query=kept["query"],
        received_at=parse_time(kept["received_at"]) or Inbound().received_at,
    )


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
    assert (failing.slug, failing.event_data) == (recovering.slug, recovering.event_data) == ("healthchecks-check", {"check": UUID})
    assert (failing.state, failing.level, failing.category) == (State.FIRING, Level.ERROR, Category.INCIDENT)
    assert (recovering.state, recovering.level, recovering.category) == (State.RESOLVED, Level.SUCCESS, Category.INCIDENT)
    assert failing.occurrence != recovering.occurrence


@pytest.mark.req("R14")
def test_dialects_that_tell_the_time_tell_the_same_happening():
    told = {only(SOURCE.map(request(case))).occurrence for case in DOWN}
    assert told == {"2026-11-22T00:01:24+00:00 down"}


@pytest.mark.req("R14")
def test_what_went_down_by_silence_did_not_go_down_at_its_last_ping():
    body = json.loads(request("json-down").body)
    draft = only(SOURCE.map(posted(json.dumps({**body, "last_ping": "2026-11-20T02:00:00+00:00"}))))
    assert draft.occurred_at is None
    assert draft.facts["Last ping"] == "2026-11-20 02:00:00 UTC"


@pytest.mark.req("R15")
def test_a_redelivery_has_the_same_key_and_the_next_transition_another():
    keys = [SOURCE.request_key(request(case)) for case in ("safe-down", "safe-up")]
    assert keys == [SOURCE.request_key(request(case)) for case in ("safe-down", "safe-up")]
    assert None not in keys
    assert len(set(keys)) == 2


def test_no_key_without_a_time():
    assert SOURCE.request_key(posted(f'{{"code": "{UUID}", "status": "down"}}')) is None


@pytest.mark.req("R19")
def test_quotes_and_line_breaks_in_name_and_body_lose_nothing():
    draft = only(SOURCE.map(request("broken-body-down")))
    assert draft.pipeline == 'Nightly "orders" load'
    assert draft.message == draft.excerpt == 'exit 1: "disk full"\nline2 {"status": "up", "rows": 100}'
    assert draft.facts == {"Exit status": "1"}


@pytest.mark.req("R19")
@given(name=st.text(max_size=40), body=st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_no_name_and_no_body_hides_a_failure_behind_it(name: str, body: str):
    """`$BODY` last, as the page recommends: then whatever a ping said cannot be taken for something else."""
    text = f'{{"code": "{UUID}", "status": "down", "now": "2026-11-22T00:01:24+00:00", "name": "{name}", "body": "{body}"}}'
    draft = only(SOURCE.map(posted(text)))
    assert (draft.event_data, draft.state) == ({"check": UUID}, State.FIRING)
    assert draft.occurrence == "2026-11-22T00:01:24+00:00 down"


@pytest.mark.req("R13")
def test_the_transition_wins_over_the_status_at_sending():
    inner = json.loads(request("json-down").body)
    assert only(SOURCE.map(posted(json.dumps({"status": "up", "check": inner})))).state is State.RESOLVED
    assert only(SOURCE.map(posted(json.dumps({"check": inner, "status": "up"})))).state is State.RESOLVED
    assert only(SOURCE.map(posted(json.dumps(inner), query="status=up"))).state is State.FIRING


@pytest.mark.req("R13")
@pytest.mark.parametrize(
    ("text", "name", "state"),
    [
        ("pick-up is down", "pick-up", State.FIRING),
        ("DOWN: start-up job", "start-up job", State.FIRING),
        ("The check Nightly load has gone DOWN", "Nightly load", State.FIRING),
        ("🟢 Nightly load is back up", "Nightly load", State.RESOLVED),
        ("slow-down probe is now up", "slow-down probe", State.RESOLVED),
    ],
)
def test_a_sentence_is_read_where_no_key_tells(text: str, name: str, state: State):
    draft = only(SOURCE.map(posted(json.dumps({"text": text}))))
    assert (draft.pipeline, draft.state) == (name, state)


def test_what_a_ping_said_is_no_sentence_about_its_check():
    with pytest.raises(Unmapped):
        SOURCE.map(posted("the replica is up", path=f"/{UUID}"))


@pytest.mark.parametrize("text", ["pick-up job late", "slow-down probe", "upstream"])
def test_a_name_alone_is_no_sentence(text: str):
    with pytest.raises(Unmapped):
        SOURCE.map(posted(json.dumps({"text": text})))


@pytest.mark.req("R58")
def test_owners_come_from_tags_and_description_and_the_rest_are_tags():
    draft = only(SOURCE.map(request("json-cron-down")))
    assert draft.owners == ("data-platform", "jane@example.org")
    assert draft.tags == ("warehouse",)


@pytest.mark.req("R33")
def test_the_link_is_the_page_of_the_check_and_never_its_ping_address():
    draft = only(SOURCE.map(request("json-down")))
    assert draft.links == {"Open check": f"http://127.0.0.1:18000/checks/{UUID}/details/"}


@pytest.mark.parametrize("case", ["test-button-json", "test-button-get"])
def test_the_test_button_alerts_nobody(case: str):
    answer = SOURCE.map(request(case))
    assert answer.drafts == ()
    assert "test" in str(answer.ignored)


def test_a_check_that_somebody_named_test_still_alerts():
    assert only(SOURCE.map(request("check-named-test-down"))).state is State.FIRING


@pytest.mark.req("R17")
@pytest.mark.parametrize("case", ["no-status", "no-check", "unknown-status", "empty"])
def test_what_names_no_check_or_no_status_is_unmapped(case: str):
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
    | st.sampled_from(["down", "up", "TEST", UUID, "0001-01-01"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["status", "uuid", "name", "check", "last_ping", "x"]), inner)
    ),
    max_leaves=12,
)


@pytest.mark.req("R17")
@given(
    document=st.dictionaries(st.sampled_from([*json.loads(SOURCE.example.body), "uuid", "slug", "tags", "desc", "grace", "n_pings"]), JSON),
    path=st.text(max_size=30),
    query=st.text(max_size=30),
    cut=st.integers(0, 400),
)
@settings(max_examples=300, deadline=None)
def test_no_body_path_or_query_makes_it_raise_anything_but_unmapped(document: dict[str, Any], path: str, query: str, cut: int):
    body = json.dumps({"status": "down", "code": UUID, **document})
    for text in (body, body[:cut], body.replace('\\"', '"')):
        inbound = posted(text, path=path, query=query)
        key = SOURCE.request_key(inbound)
        assert key is None or 0 < len(key) <= 250
        assert told(inbound)
