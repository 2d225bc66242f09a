"""StatusCake: a test is known by its name and address, however its webhook is set up."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappers.contract import Category, Draft, Headers, Inbound, Level, Mapped, State, Unmapped
from mappers.statuscake import SOURCE

FIXTURES = Path(__file__).parents[1] / "fixtures" / "statuscake"
DOWN = ("form", "form-timeout", "form-unlabelled", "multipart", "get")


def request(case: str) -> Inbound:
    kept = json.loads((FIXTURES / f"{case}.request.json").read_text())
    return Inbound(body=kept["body"].encode(), headers=Headers(kept["headers"]), method=kept["method"], query=kept["query"])


def sent(body: Any) -> Inbound:
    return Inbound(body=(body if isinstance(body, str) else json.dumps(body)).encode("utf-8", "surrogatepass"))


def only(answer: Mapped) -> Draft:
    (draft,) = answer.drafts
    return draft


@pytest.mark.req("R13")
@pytest.mark.parametrize("down", DOWN)
@pytest.mark.parametrize("up", ["form-up", "get-up"])
def test_a_recovery_in_any_form_resolves_what_any_form_opened(down: str, up: str):
    failing, recovering = only(SOURCE.map(request(f"{down}-down"))), only(SOURCE.map(request(up)))
    assert (failing.slug, failing.event_data, failing.pipeline) == (recovering.slug, recovering.event_data, recovering.pipeline)
    assert (failing.state, failing.level, failing.category) == (State.FIRING, Level.ERROR, Category.INCIDENT)
    assert (recovering.state, recovering.level) == (State.RESOLVED, Level.SUCCESS)


@pytest.mark.req("R13")
@pytest.mark.parametrize(("down", "up"), [("json-down", "published-up"), ("heartbeat-down", "heartbeat-up")])
def test_json_and_heartbeats_recover_too(down: str, up: str):
    failing, recovering = only(SOURCE.map(request(down))), only(SOURCE.map(request(up)))
    assert failing.event_data == recovering.event_data
    assert (failing.state, recovering.state) == (State.FIRING, State.RESOLVED)


def test_two_tests_of_one_name_are_two():
    body = json.loads(request("json-down").body)
    assert only(SOURCE.map(sent(body))).event_data != only(SOURCE.map(sent({**body, "URL": "http://www.example.com"}))).event_data


@pytest.mark.parametrize(
    ("case", "told"), [("form-down", "Answered with status code 503."), ("form-timeout-down", "No answer: timed out, or not reached.")]
)
def test_the_status_code_is_told_in_words(case: str, told: str):
    assert only(SOURCE.map(request(case))).message == told


def test_the_token_is_shown_nowhere():
    assert "5f4dcc3b" not in only(SOURCE.map(request("form-down"))).model_dump_json()


@pytest.mark.req("R58")
def test_an_owner_tag_is_an_owner():
    draft = only(SOURCE.map(request("form-down")))
    assert (draft.owners, draft.tags) == (("data-platform",), ("prod",))


@pytest.mark.parametrize(("case", "slug"), [("ssl-expiring", "statuscake-certificate"), ("pagespeed-slower", "statuscake-pagespeed")])
def test_what_is_never_taken_back_closes_by_itself(case: str, slug: str):
    draft = only(SOURCE.map(request(case)))
    assert (draft.slug, draft.level, draft.closes_itself) == (slug, Level.WARNING, True)


@pytest.mark.req("R19")
def test_quotes_in_a_name_lose_nothing():
    draft = only(SOURCE.map(request("broken-json-down")))
    assert (draft.pipeline, draft.message) == ('Warehouse "prod" API', "Answered with status code 503.")


@pytest.mark.req("R17")
@pytest.mark.parametrize("case", ["placeholders", "unknown-status", "no-test", "empty"])
def test_what_names_no_test_or_no_status_is_unmapped(case: str):
    with pytest.raises(Unmapped):
        SOURCE.map(request(case))


@pytest.mark.req("R17")
@given(fields=st.dictionaries(st.sampled_from(["Name", "Status", "StatusCode", "URL", "Tags", "Type", "Message"]), st.text(max_size=30)))
@settings(max_examples=200, deadline=None)
def test_no_fields_make_it_raise(fields: dict[str, str]):
    for one in (fields, {"Status": "Down", **fields}, json.dumps(fields)[:40]):
        try:
            assert len(SOURCE.map(sent(one)).drafts) <= 1
        except Unmapped:
            continue
