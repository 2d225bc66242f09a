"""Gatus: whatever the template made of an endpoint, it is the same endpoint, triggered or resolved."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappers.contract import Category, Draft, Headers, Inbound, Level, Mapped, State, Unmapped
from mappers.gatus import SOURCE

FIXTURES = Path(__file__).parents[1] / "fixtures" / "gatus"
PAIRS = [
    "recommended",
    "own-words",
    "settings-words",
    "readme-slack",
    "slash-text",
    "attachments",
    "get-query",
    "plain-word-first",
    "is-down",
]


def request(case: str) -> Inbound:
    kept = json.loads((FIXTURES / f"{case}.request.json").read_text())
    return Inbound(
        body=kept["body"].encode(),
        headers=Headers(kept["headers"]),
        method=kept["method"],
        path=kept["path"],
        query=kept["query"],
        settings=SOURCE.read_settings(kept.get("settings", {})),
    )


def posted(body: str, **given: Any) -> Inbound:
    return Inbound(body=body.encode("utf-8", "surrogatepass"), settings=SOURCE.read_settings({}), **given)


def only(answer: Mapped) -> Draft:
    (draft,) = answer.drafts
    return draft


@pytest.mark.req("R13")
@pytest.mark.parametrize("pair", PAIRS)
def test_a_recovery_resolves_what_the_same_template_opened(pair: str):
    down, up = only(SOURCE.map(request(f"{pair}-triggered"))), only(SOURCE.map(request(f"{pair}-resolved")))
    assert (down.slug, down.event_data, down.pipeline) == (up.slug, up.event_data, up.pipeline)
    assert (down.state, down.level, down.category) == (State.FIRING, Level.ERROR, Category.INCIDENT)
    assert (up.state, up.level) == (State.RESOLVED, Level.SUCCESS)


@pytest.mark.req("R13")
@pytest.mark.parametrize(
    "case",
    [
        "recommended",
        "broken-quotes",
        "broken-backslash",
        "old-version-placeholders-left",
        "readme-slack",
        "slash-text",
        "get-query",
        "form",
    ],
)
def test_every_template_that_tells_group_and_name_tells_the_same_endpoint(case: str):
    draft = only(SOURCE.map(request(case if case.endswith("left") else f"{case}-triggered")))
    assert draft.event_data == {"group": "core", "name": "warehouse-api"}
    assert draft.title == "core/warehouse-api is down"


@pytest.mark.req("R19")
def test_quotes_line_breaks_and_backslashes_lose_nothing():
    draft = only(SOURCE.map(request("broken-quotes-triggered")))
    assert 'Failed: [BODY].status (the "db" is\ndown) == UP' in draft.message
    assert draft.excerpt.startswith('Get "https://warehouse.example.org/health": dial tcp')
    assert draft.owners == ("data-platform",)


def test_only_the_conditions_that_failed_are_told():
    message = only(SOURCE.map(request("recommended-triggered"))).message
    assert "Failed: [CONNECTED] (false) == true, [STATUS] (0) == 200\n" in message
    assert "CERTIFICATE" not in message


def test_placeholders_that_gatus_left_standing_are_no_text():
    assert only(SOURCE.map(request("old-version-placeholders-left"))).message == "healthcheck failed 3 times in a row"


def test_the_template_may_tell_severity_owner_tags_and_environment():
    draft = only(SOURCE.map(request("severity-warning-triggered")))
    assert (draft.level, draft.owners, draft.tags, draft.environment) == (Level.WARNING, ("docs-team", "@ana"), ("web",), "staging")


@pytest.mark.req("R33")
def test_the_link_to_the_endpoint_is_built_as_gatus_builds_its_key():
    assert only(SOURCE.map(request("no-group-triggered"))).links["Open endpoint"] == "https://gatus.example.org/endpoints/_orders-api"


@pytest.mark.req("R17")
@pytest.mark.parametrize(
    "case",
    [
        "unknown-word",
        "unknown-word-and-an-error-that-says-resolved",
        "no-state-but-a-description-that-says-up",
        "no-name",
        "empty",
        "not-replaced",
    ],
)
def test_what_names_no_endpoint_or_no_state_is_unmapped(case: str):
    with pytest.raises(Unmapped):
        SOURCE.map(request(case))


@pytest.mark.req("R19")
@given(errors=st.text(max_size=200), conditions=st.text(max_size=100))
@settings(max_examples=200, deadline=None)
def test_nothing_an_endpoint_answers_hides_its_failure(errors: str, conditions: str):
    escaped = errors.replace('"', '\\"')
    body = f'{{"status": "TRIGGERED", "group": "core", "name": "api", "errors": "{escaped}", "conditions": "{conditions}"}}'
    draft = only(SOURCE.map(posted(body)))
    assert (draft.event_data, draft.state) == ({"group": "core", "name": "api"}, State.FIRING)


@pytest.mark.req("R17")
@given(body=st.text(max_size=60), word=st.sampled_from(["TRIGGERED", "RESOLVED", "core/api RESOLVED: x"]), path=st.text(max_size=20))
@settings(max_examples=200, deadline=None)
def test_no_text_makes_it_raise(body: str, word: str, path: str):
    for text in (body + word, word + body, json.dumps({"text": word + body}), json.dumps([body, {"name": body, "state": word}])):
        try:
            drafts = SOURCE.map(posted(text, path=path)).drafts
        except Unmapped:
            continue
        assert len(drafts) == 1
