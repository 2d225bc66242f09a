"""Airbyte: a connection is a pipeline; one that syncs is neither failing nor switched off."""

import json
from pathlib import Path
from typing import Any

import pytest

from mappers.airbyte import SOURCE
from mappers.contract import Category, Draft, Inbound, Level, Mapped, Phase, State, Unmapped

FIXTURES = Path(__file__).parents[1] / "fixtures" / "airbyte"


def body(case: str) -> str:
    return str(json.loads((FIXTURES / f"{case}.request.json").read_text(encoding="utf-8"))["body"])


def mapped(given: str | dict[str, Any]) -> Mapped:
    return SOURCE.map(Inbound(body=(given if isinstance(given, str) else json.dumps(given)).encode()))


def only(case: str) -> Draft:
    (draft,) = mapped(body(case)).drafts
    return draft


def identity(draft: Draft) -> tuple[str, str]:
    return draft.slug, json.dumps(draft.event_data, sort_keys=True)


@pytest.mark.parametrize(
    "failure",
    [
        "sync-failure",
        "sync-failure-text-only",
        "sync-failure-bare-summary",
        "sync-failure-text-only-before-names",
        "text-with-raw-quotes",
        "truncated",
        "connection-disabled",
        "connection-disabled-text-only",
        "connection-warning",
        "schema-changed-connection-off",
        "schema-changed-text-only-breaking",
    ],
)
@pytest.mark.parametrize("recovery", ["sync-success", "sync-success-text-only"])
def test_a_sync_that_succeeds_resolves_what_any_body_opened(failure: str, recovery: str) -> None:
    resolved = {identity(draft): draft.state for draft in mapped(body(recovery)).drafts}
    assert resolved[identity(only(failure))] is State.RESOLVED


@pytest.mark.req("R15")
def test_a_sync_told_twice_is_one_request_and_its_success_another() -> None:
    failure, again, success = (
        SOURCE.request_key(Inbound(body=body(case).encode())) for case in ("sync-failure", "sync-failure", "sync-success")
    )
    assert failure == again
    assert failure != success
    assert None not in (failure, success)


def test_a_failure_says_why_how_much_came_through_and_where_to_look() -> None:
    draft = only("sync-failure")
    assert draft.title == "Orders & returns → DWH failed to sync"
    assert draft.message == 'Failed to read "orders": connection to 10.0.0.7 timed out\n\n10 records were loaded before it failed.'
    assert draft.facts["Failed in"] == "source, config error"
    assert draft.links["Open connection"].endswith("/connections/64d901a1-2520-4d91-93c8-9df438668ff0")
    assert draft.run == "9989"


def test_a_text_with_quotes_that_is_no_json_comes_out_whole() -> None:
    assert only("text-with-raw-quotes").message == 'relation "orders" does not exist'


def test_switching_off_is_a_rise_in_level_over_the_warning_before_it() -> None:
    warning, disabled = only("connection-warning"), only("connection-disabled")
    assert identity(warning) == identity(disabled)
    assert (warning.level, disabled.level) == (Level.WARNING, Level.ERROR)
    assert disabled.category is Category.JOB_FAILURE


def test_a_queued_sync_says_no_success_and_has_not_failed() -> None:
    answer = mapped(body("sync-queued"))
    assert not answer.drafts
    assert [signal.phase for signal in answer.signals] == [Phase.SCHEDULED]


@pytest.mark.req("R12")
def test_a_schema_change_names_each_column_and_whether_it_breaks_readers() -> None:
    draft = only("schema-changed-applied")
    assert (draft.category, draft.level, draft.state) == (Category.SCHEMA_CHANGE, Level.ERROR, State.NOTE)
    assert draft.facts["main.users.added_too"] == "column added (harmless)"
    assert draft.facts["main.users.alpha.beta.delta"] == "column removed (breaks readers)"
    assert draft.facts["main.users.cow"] == "column changed its type (breaks readers)"
    assert draft.facts["deprecated"] == "stream removed (breaks readers)"
    assert draft.facts["stream_with_new_pk"].startswith("primary key changed (also_old_pk -> [new_pk, this_one_is_compound])")
    assert all(name in draft.message for name in ("main.users.cow", "ns.foo", "schema1.also_removed"))


@pytest.mark.req("R12")
@pytest.mark.parametrize(
    ("case", "level", "state"),
    [
        ("schema-changed-applied-harmless", Level.INFO, State.NOTE),
        ("schema-changed-to-review-harmless", Level.WARNING, State.FIRING),
        ("schema-changed-to-review", Level.ERROR, State.FIRING),
        ("schema-changed-connection-off", Level.ERROR, State.FIRING),
        ("schema-changed-text-only-propagated", Level.WARNING, State.NOTE),
    ],
)
def test_how_bad_a_schema_change_is(case: str, level: Level, state: State) -> None:
    draft = only(case)
    assert (draft.level, draft.state) == (level, state)


def test_only_a_review_that_nothing_reports_as_done_closes_by_itself() -> None:
    assert only("schema-changed-to-review").closes_itself
    assert not only("schema-changed-connection-off").closes_itself


@pytest.mark.parametrize("case", ["published-hello-world", "test-sync-failure", "test-schema-change", "test-action-required"])
def test_the_test_button_rings_nothing(case: str) -> None:
    answer = mapped(body(case))
    assert answer.ignored
    assert (answer.drafts, answer.signals) == ((), ())


def test_an_error_that_speaks_of_something_else_is_still_a_failed_sync() -> None:
    notice = json.loads(body("sync-failure"))
    notice["data"]["errorMessage"] = "Connection disabled: the slot was automatically disabled, and Airbyte detected schema changes"
    notice["text"] = notice["text"].replace("Failed to read", "was automatically disabled, succeeded\n")
    (draft,) = mapped(notice).drafts
    assert draft.slug == "airbyte-sync-failed"


@pytest.mark.req("R17")
@pytest.mark.parametrize(
    "given", ["", "{", "[]", "null", "hello", '{"text": 7}', '{"data": {"success": false}}', '{"blocks": [[], {"text": 5}, null]}']
)
def test_what_is_no_notice_is_unmapped_and_has_no_key(given: str) -> None:
    with pytest.raises(Unmapped):
        mapped(given)
    assert SOURCE.request_key(Inbound(body=given.encode())) is None
