"""Pingdom: uptime and transaction checks, by whichever of its webhooks."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappers.contract import Category, Draft, Inbound, Level, Mapped, State, Unmapped, parse_time
from mappers.pingdom import SOURCE

FIXTURES = Path(__file__).parents[1] / "fixtures" / "pingdom"


def request(case: str) -> Inbound:
    kept = json.loads((FIXTURES / f"{case}.request.json").read_text())
    return Inbound(body=kept["body"].encode(), method=kept["method"], query=kept["query"])


def sent(body: Any) -> Inbound:
    return Inbound(body=json.dumps(body).encode())


def only(answer: Mapped) -> Draft:
    (draft,) = answer.drafts
    return draft


@pytest.mark.req("R13")
@pytest.mark.parametrize(
    ("failing", "recovering"),
    [
        ("http-down", "http-up"),
        ("cut-off-down", "http-up"),
        ("numbers-as-strings-down", "http-up"),
        ("beepmanager-assign", "http-up"),
        ("http-down", "beepmanager-close"),
        ("beepmanager-python-repr", "beepmanager-close"),
        ("transaction-failing", "transaction-success"),
    ],
)
def test_a_recovery_resolves_what_any_of_its_webhooks_opened(failing: str, recovering: str):
    down, up = only(SOURCE.map(request(failing))), only(SOURCE.map(request(recovering)))
    assert (down.slug, down.event_data, down.pipeline) == (up.slug, up.event_data, up.pipeline)
    assert (down.state, down.level, down.category) == (State.FIRING, Level.ERROR, Category.INCIDENT)
    assert (up.state, up.level) == (State.RESOLVED, Level.SUCCESS)


@pytest.mark.req("R13")
@pytest.mark.parametrize("case", ["http-custom", "tcp", "ping", "dns", "smtp", "published"])
def test_every_type_of_check_goes_down(case: str):
    draft = only(SOURCE.map(request(f"{case}-down")))
    assert draft.state is State.FIRING
    assert draft.message
    assert draft.facts["Target"]


def test_the_time_is_that_of_the_change_in_utc():
    assert only(SOURCE.map(request("http-down"))).occurred_at == parse_time("2026-11-22T09:58:10Z")
    assert only(SOURCE.map(request("only-utc-time-down"))).occurrence == only(SOURCE.map(request("http-down"))).occurrence


def test_a_transaction_check_is_not_the_uptime_check_of_the_same_number():
    body = json.loads(request("http-down").body)
    transaction = json.loads(request("transaction-failing").body)
    assert only(SOURCE.map(sent({**body, "check_id": 97}))).event_data != only(SOURCE.map(sent(transaction))).event_data


def test_low_importance_is_a_warning_and_the_custom_message_is_told():
    draft = only(SOURCE.map(request("http-down-low-importance")))
    assert draft.level is Level.WARNING
    assert draft.message.endswith("Ask the warehouse team first.")


@pytest.mark.req("R58")
def test_an_owner_tag_is_an_owner():
    draft = only(SOURCE.map(request("http-down")))
    assert (draft.owners, draft.tags) == (("data-platform",), ("prod",))


@pytest.mark.parametrize("case", ["unconfirmed", "unknown", "paused"])
def test_what_says_nothing_of_the_state_is_ignored(case: str):
    answer = SOURCE.map(request(case))
    assert answer.drafts == ()
    assert answer.ignored


@pytest.mark.req("R15")
def test_a_redelivery_has_the_same_key_and_the_next_change_another():
    keys = [SOURCE.request_key(request(case)) for case in ("http-down", "http-up", "transaction-failing", "published-down")]
    assert None not in keys
    assert len(set(keys)) == 4
    assert SOURCE.request_key(request("beepmanager-assign")) is None


@pytest.mark.req("R17")
@pytest.mark.parametrize("case", ["unknown-state", "empty", "no-check"])
def test_what_is_no_change_of_a_check_is_unmapped(case: str):
    with pytest.raises(Unmapped):
        SOURCE.map(request(case))


@pytest.mark.req("R19")
@given(cut=st.integers(560, 900))
@settings(max_examples=60, deadline=None)
def test_a_body_cut_off_after_its_state_still_tells_the_failure(cut: int):
    draft = only(SOURCE.map(Inbound(body=request("http-down").body[:cut])))
    assert (draft.event_data, draft.state) == ({"check": "2048467"}, State.FIRING)
