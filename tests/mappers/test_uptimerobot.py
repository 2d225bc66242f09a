"""UptimeRobot: whatever its variables were put into, it is the same monitor, down or up."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappers.contract import Category, Draft, Headers, Inbound, Level, Mapped, State, Unmapped, parse_time
from mappers.uptimerobot import SOURCE

FIXTURES = Path(__file__).parents[1] / "fixtures" / "uptimerobot"
DOWN = ("json", "json-numbers", "form", "post-query", "nested", "rich", "broken-quote", "discord-fields", "published-get")
UP = ("json-up", "form-up", "get-up", "up-friendly-duration")


def request(case: str) -> Inbound:
    kept = json.loads((FIXTURES / f"{case}.request.json").read_text())
    return Inbound(
        body=kept["body"].encode(),
        headers=Headers(kept["headers"]),
        method=kept["method"],
        query=kept["query"],
        received_at=parse_time(kept["received_at"]) or Inbound().received_at,
    )


def sent(body: Any) -> Inbound:
    return Inbound(body=(body if isinstance(body, str) else json.dumps(body)).encode("utf-8", "surrogatepass"))


def only(answer: Mapped) -> Draft:
    (draft,) = answer.drafts
    return draft


@pytest.mark.req("R13")
@pytest.mark.parametrize("down", DOWN)
@pytest.mark.parametrize("up", UP)
def test_a_recovery_in_any_form_resolves_what_any_form_opened(down: str, up: str):
    failing, recovering = only(SOURCE.map(request(f"{down}-down"))), only(SOURCE.map(request(up)))
    assert (
        (failing.slug, failing.event_data) == (recovering.slug, recovering.event_data) == ("uptimerobot-monitor", {"monitor": "778368750"})
    )
    assert (failing.state, failing.level, failing.category) == (State.FIRING, Level.ERROR, Category.INCIDENT)
    assert (recovering.state, recovering.level) == (State.RESOLVED, Level.SUCCESS)


@pytest.mark.req("R13")
@pytest.mark.parametrize("form", ["short-names", "slack-text"])
def test_forms_without_a_number_go_by_the_name(form: str):
    down, up = only(SOURCE.map(request(f"{form}-down"))), only(SOURCE.map(request(f"{form}-up")))
    assert down.event_data == up.event_data == {"monitor": "Warehouse API"}
    assert (down.state, up.state) == (State.FIRING, State.RESOLVED)


@pytest.mark.req("R14")
@pytest.mark.parametrize("case", ["json-up", "form-up", "get-up"])
def test_the_recovery_tells_how_long_it_was_down(case: str):
    assert only(SOURCE.map(request(case))).message == "Down for 42 min: HTTP 200 - OK"


def test_names_are_freed_of_html_and_unset_variables_are_nothing():
    draft = only(SOURCE.map(request("json-down")))
    assert draft.title == "Warehouse API (prod) is down"
    assert "*" not in draft.model_dump_json()


@pytest.mark.req("R19")
def test_quotes_in_a_name_lose_nothing():
    draft = only(SOURCE.map(request("broken-quote-down")))
    assert (draft.pipeline, draft.message) == ('Warehouse "prod" API', 'Keyword "ok" not found')


def test_what_expires_is_a_thread_of_its_own_that_closes_by_itself():
    draft, expired = only(SOURCE.map(request("ssl-expiry"))), only(SOURCE.map(request("ssl-expired")))
    assert (draft.slug, draft.level, draft.closes_itself) == ("uptimerobot-certificate", Level.WARNING, True)
    assert (expired.slug, expired.event_data, expired.level) == (draft.slug, draft.event_data, Level.ERROR)
    assert only(SOURCE.map(request("domain-expiry"))).slug == "uptimerobot-domain"


@pytest.mark.req("R58")
def test_tags_tell_owners():
    draft = only(SOURCE.map(request("rich-down")))
    assert (draft.owners, draft.tags) == (("jane@example.org",), ("prod",))


@pytest.mark.req("R15")
def test_a_redelivery_has_the_same_key_in_every_form_and_the_next_change_another():
    keys = [SOURCE.request_key(request(case)) for case in ("json-down", "form-down", "json-up", "get-up")]
    assert None not in keys
    assert (keys[0], keys[2]) == (keys[1], keys[3])
    assert keys[0] != keys[2]
    assert SOURCE.request_key(request("slack-text-down")) is None


@pytest.mark.req("R17")
@pytest.mark.parametrize(
    "case", ["placeholders-only", "placeholders-without-stars", "unknown-type", "no-type-but-details-that-say-up", "no-monitor", "empty"]
)
def test_what_names_no_monitor_or_no_type_is_unmapped(case: str):
    with pytest.raises(Unmapped):
        SOURCE.map(request(case))


@pytest.mark.req("R19")
@given(name=st.text(max_size=40), details=st.text(max_size=100))
@settings(max_examples=200, deadline=None)
def test_no_name_and_no_detail_hides_a_failure(name: str, details: str):
    body = f'{{"monitorID": "7", "alertType": "1", "monitorFriendlyName": "{name}", "alertDetails": "{details}"}}'
    draft = only(SOURCE.map(sent(body)))
    assert (draft.event_data, draft.state) == ({"monitor": "7"}, State.FIRING)


@pytest.mark.req("R17")
@given(body=st.text(max_size=80), word=st.sampled_from(["x is Down", "Monitor is UP: x", '{"alertType": "2", "monitor": ', "[]"]))
@settings(max_examples=200, deadline=None)
def test_no_text_makes_it_raise(body: str, word: str):
    for text in (body + word, word + body, json.dumps([{"monitor": {"name": body}, "text": word}])):
        SOURCE.request_key(sent(text))
        try:
            assert len(SOURCE.map(sent(text)).drafts) <= 1
        except Unmapped:
            continue
