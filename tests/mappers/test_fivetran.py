"""Fivetran: what it will try again by itself rings nothing; what waits for somebody says for what."""

import json
from pathlib import Path
from typing import Any

import pytest

from mappers.contract import Category, Draft, Inbound, Level, Mapped, Phase, State, Unmapped, parse_time
from mappers.fivetran import SOURCE

FIXTURES = Path(__file__).parents[1] / "fixtures" / "fivetran"


def body(case: str) -> str:
    return str(json.loads((FIXTURES / f"{case}.request.json").read_text(encoding="utf-8"))["body"])


def mapped(given: str | dict[str, Any]) -> Mapped:
    return SOURCE.map(Inbound(body=(given if isinstance(given, str) else json.dumps(given)).encode()))


def only(case: str) -> Draft:
    (draft,) = mapped(body(case)).drafts
    return draft


def identity(draft: Draft) -> tuple[str, str]:
    return draft.slug, json.dumps(draft.event_data, sort_keys=True)


def resolved_by(case: str) -> set[tuple[str, str]]:
    return {identity(draft) for draft in mapped(body(case)).drafts if draft.state is State.RESOLVED}


FAILURES = [
    "sync-failure",
    "sync-failure-with-task",
    "sync-failure-newer-names",
    "sync-failure-older-status-on-top",
    "status-failure",
    "truncated",
    "connection-failure",
    "paused-by-fivetran",
]


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("recovery", ["sync-success", "deleted"])
def test_a_connection_that_syncs_or_is_deleted_is_in_no_trouble(failure: str, recovery: str) -> None:
    assert only(failure).state is State.FIRING
    assert identity(only(failure)) in resolved_by(recovery)


def test_what_is_resumed_is_not_paused_and_what_passes_its_tests_does_not_fail_them() -> None:
    assert resolved_by("resumed") == {identity(only("paused-by-fivetran"))}
    assert resolved_by("connection-successful") == {identity(only("connection-failure"))}


@pytest.mark.req("R16")
def test_a_sync_that_fivetran_will_try_again_does_not_alert() -> None:
    answer = mapped(body("sync-rescheduled"))
    assert not answer.drafts
    assert answer.ignored
    (signal,) = answer.signals
    assert (signal.phase, signal.expected_at) == (Phase.RETRYING, parse_time("2026-11-22T02:34:10Z"))


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("sync-failure", 'java.lang.RuntimeException: FATAL: too many connections for role "etl"'),
        ("sync-failure-with-task", "The sheet is not shared with Fivetran any more.\n\nFivetran waits for somebody to act: reconnect."),
        ("sync-failure-reason-in-json", 'Quota of the "Sheets" API is used up'),
        ("sync-failure-data-in-a-string", "FATAL: password expired\n\nFivetran waits for somebody to act: reconnect."),
        ("sync-failure-newer-names", "The sync of google_sheets.orders failed."),
        ("truncated", 'The sheet "orders" is gone'),
    ],
)
def test_a_failure_says_why_and_what_it_waits_for(case: str, message: str) -> None:
    draft = only(case)
    assert draft.message == message
    assert (draft.category, draft.level) == (Category.JOB_FAILURE, Level.ERROR)


def test_a_pause_is_news_only_where_nobody_wanted_it() -> None:
    assert (only("paused-by-a-person").state, only("paused-by-a-person").level) == (State.NOTE, Level.INFO)
    assert (only("paused-by-fivetran").state, only("paused-by-fivetran").level) == (State.FIRING, Level.ERROR)
    assert identity(only("paused-by-a-person")) != identity(only("paused-by-fivetran"))


def test_a_canceled_sync_neither_breaks_nor_mends_its_connection() -> None:
    draft = only("sync-canceled")
    assert (draft.state, draft.level) == (State.NOTE, Level.INFO)
    assert identity(draft) not in {identity(only(failure)) for failure in FAILURES}


def test_a_dbt_run_names_the_steps_that_failed_and_what_they_said() -> None:
    failed = only("dbt-run-failed")
    assert failed.facts["Failed steps"] == "Scheduled: Test"
    assert "Failure in test unique_orders_id" in failed.message
    assert "\x1b" not in failed.excerpt
    assert resolved_by("dbt-run-succeeded") == {identity(failed)}
    start, end = (mapped(body(case)).signals[0] for case in ("dbt-run-start", "dbt-run-failed"))
    assert start.run == end.run


def test_a_transformation_of_another_name_is_read_by_the_same_rules() -> None:
    assert only("transformation-failed-without-steps").message == "Query timed out"
    assert resolved_by("transformation-succeeded") == {identity(only("transformation-failed-without-steps"))}


@pytest.mark.req("R12")
def test_a_schema_change_names_the_column_and_whether_it_breaks_readers() -> None:
    added, dropped = only("alter-table-add-column"), only("alter-table-drop-column")
    assert added.message == "shop.orders.coupon: add column STRING (harmless)"
    assert dropped.message == "shop.orders.coupon: drop column (breaks readers)"
    assert (added.level, dropped.level) == (Level.INFO, Level.ERROR)
    assert {added.category, dropped.category} == {Category.SCHEMA_CHANGE}


@pytest.mark.parametrize("case", ["published-test-event", "test-of-sync-end", "created", "edited", "resync-table", "drop-staging-table"])
def test_tests_and_administration_ring_nothing(case: str) -> None:
    answer = mapped(body(case))
    assert answer.ignored
    assert (answer.drafts, answer.signals) == ((), ())


@pytest.mark.req("R15")
def test_the_key_tells_a_redelivery_from_the_next_step_of_the_same_sync() -> None:
    keys = [
        SOURCE.request_key(Inbound(body=body(case).encode()))
        for case in ("sync-start", "sync-failure", "sync-rescheduled", "dbt-run-failed", "resumed")
    ]
    assert None not in keys
    assert len(set(keys)) == len(keys)
    again = json.loads(body("sync-failure"))
    assert SOURCE.request_key(Inbound(body=json.dumps(again).encode())) == keys[1]


@pytest.mark.req("R17")
@pytest.mark.parametrize(
    "given",
    ["", "{", "[]", "null", '{"event": 7}', '{"event": "sync_end"}', '{"event": "sync_end", "connector_id": "a", "data": {"status": "?"}}'],
)
def test_what_is_no_event_is_unmapped(given: str) -> None:
    with pytest.raises(Unmapped):
        mapped(given)
