"""Elementary: drawn for people in six ways, the same alert all the same; what it opens closes by a silence."""

import json
from pathlib import Path
from typing import Any

import pytest

from mappers.contract import Category, Draft, Inbound, Level, Mapped, State, Unmapped
from mappers.elementary import SOURCE

FIXTURES = Path(__file__).parents[1] / "fixtures" / "elementary"


def body(case: str) -> str:
    return str(json.loads((FIXTURES / f"{case}.request.json").read_text(encoding="utf-8"))["body"])


def mapped(given: str | dict[str, Any]) -> Mapped:
    return SOURCE.map(Inbound(body=(given if isinstance(given, str) else json.dumps(given)).encode()))


def only(case: str) -> Draft:
    (draft,) = mapped(body(case)).drafts
    return draft


def identity(draft: Draft) -> tuple[str, str, str]:
    return draft.slug, json.dumps(draft.event_data, sort_keys=True), draft.member.key if draft.member else ""


def unique_id(case: str) -> Draft:
    return next(draft for draft in mapped(body(case)).drafts if draft.member and draft.member.key.startswith('"unique_orders_id"'))


@pytest.mark.parametrize(
    "case",
    [
        "adaptive-card",
        "adaptive-card-in-teams-message",
        "adaptive-card-group-by-table",
        "older-slack-test",
        "older-teams-card",
        "workflow-test",
        "workflow-test-in-text",
        "workflow-several",
    ],
)
def test_the_same_test_is_the_same_member_however_it_is_drawn(case: str) -> None:
    assert identity(unique_id(case)) == identity(only("test-fails"))
    assert unique_id(case).level is Level.ERROR


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("older-slack-model", "workflow-model"),
        ("schema-column-removed", "older-slack-schema"),
        ("test-passes", "test-fails"),
    ],
)
def test_other_alerts_are_known_again_too(one: str, other: str) -> None:
    assert identity(only(one)) == identity(only(other))


@pytest.mark.parametrize(
    ("case", "category", "level", "state"),
    [
        ("test-fails", Category.DBT_TEST_FAILURE, Level.ERROR, State.FIRING),
        ("anomaly-warns", Category.DBT_TEST_FAILURE, Level.WARNING, State.FIRING),
        ("test-of-unknown-status", Category.DBT_TEST_FAILURE, Level.ERROR, State.FIRING),
        ("test-passes", Category.DBT_TEST_FAILURE, Level.SUCCESS, State.RESOLVED),
        ("published-block-kit-model", Category.JOB_FAILURE, Level.ERROR, State.FIRING),
        ("snapshot-fails", Category.JOB_FAILURE, Level.ERROR, State.FIRING),
        ("published-block-kit-freshness", Category.LATE_RUN, Level.ERROR, State.FIRING),
        ("workflow-source", Category.LATE_RUN, Level.WARNING, State.FIRING),
        ("freshness-cannot-be-calculated", Category.LATE_RUN, Level.ERROR, State.FIRING),
        ("schema-column-removed", Category.SCHEMA_CHANGE, Level.ERROR, State.NOTE),
        ("schema-column-added", Category.SCHEMA_CHANGE, Level.INFO, State.NOTE),
        ("workflow-schema-change", Category.SCHEMA_CHANGE, Level.ERROR, State.NOTE),
    ],
)
def test_what_an_alert_becomes(case: str, category: Category, level: Level, state: State) -> None:
    draft = only(case)
    assert (draft.category, draft.level, draft.state) == (category, level, state)
    assert draft.closes_itself is (state is State.FIRING), "nothing it says can resolve what it opened"


def test_a_failing_test_says_what_was_found_and_whose_it_is() -> None:
    draft = only("test-fails")
    assert draft.title == "Tests failing on shop.public.orders"
    assert draft.message == '"unique_orders_id" test failed on shop.public.orders.id\n\nGot 2 results, configured to fail if != 0'
    assert draft.owners == ("ana@acme.test", "U0BEN")
    assert draft.tags == ("finance", "daily")
    assert draft.links == {"View in Elementary": "https://reports.acme.test/#/test"}
    assert draft.environment == "prod"
    assert "having count(*) > 1" in draft.excerpt


@pytest.mark.req("R12")
def test_a_schema_change_names_the_column_and_whether_it_breaks_readers() -> None:
    assert only("schema-column-removed").message.startswith("Column Removed on shop.public.orders.coupon (breaks readers)")
    assert only("schema-column-added").message.startswith("Column Added on shop.public.orders.coupon (harmless)")


def test_a_list_is_taken_apart_into_its_alerts() -> None:
    drafts = mapped(body("adaptive-card-group-by-table")).drafts
    assert [(draft.category, draft.level) for draft in drafts] == [
        (Category.JOB_FAILURE, Level.ERROR),
        (Category.DBT_TEST_FAILURE, Level.ERROR),
        (Category.DBT_TEST_FAILURE, Level.WARNING),
    ]
    assert drafts[0].owners == ("ana@acme.test", "ben@acme.test")
    assert len({identity(draft)[:2] for draft in drafts[1:]}) == 1, "the tests of a table are members of one thread"
    assert len({(draft.pipeline, draft.run) for draft in drafts}) == 1, "a list is one conversation and one happening: one mail"


def test_a_table_has_one_name_in_a_thread_however_it_is_written() -> None:
    first, second, _model = json.loads(body("workflow-several"))
    second["table_full_name"] = "SHOP.PUBLIC.ORDERS"
    drafts = SOURCE.map(Inbound(body=json.dumps([first, second]).encode())).drafts
    assert {(identity(draft)[1], draft.title) for draft in drafts} == {
        ('{"table": "shop.public.orders"}', "Tests failing on shop.public.orders")
    }


def test_a_list_of_warnings_and_errors_gives_each_line_the_level_of_its_heading() -> None:
    drafts = mapped(body("published-block-kit-group")).drafts
    assert len({identity(draft)[1] for draft in drafts}) == 10
    assert {draft.level for draft in drafts} == {Level.ERROR}, "the same test warned and failed: the worse line is taken"
    assert drafts[2].owners == ("resolved_owner1", "resolved_owner2")


@pytest.mark.req("R15")
def test_the_key_is_the_id_of_the_alert_and_a_drawing_has_none() -> None:
    alone, in_text, several, card = (
        SOURCE.request_key(Inbound(body=body(case).encode()))
        for case in ("workflow-test", "workflow-test-in-text", "workflow-several", "adaptive-card")
    )
    assert alone == in_text is not None
    assert several not in (None, alone)
    assert card is None


@pytest.mark.req("R19")
def test_no_depth_of_a_drawing_is_too_much() -> None:
    nested: Any = []
    for _ in range(400):
        nested = [{"items": nested}]
    with pytest.raises(Unmapped):
        mapped(json.dumps({"body": nested}))


def test_that_it_ran_with_nothing_new_to_tell_is_ignored() -> None:
    assert mapped(body("ran-successfully")).ignored


@pytest.mark.req("R17")
@pytest.mark.parametrize(
    "given",
    ["", "{", "[]", "null", "7", '{"text": "hello"}', '{"blocks": [{"type": "header", "text": {"text": "Failure: x"}}]}', '{"text": "{"}'],
)
def test_what_is_no_alert_is_unmapped(given: str) -> None:
    with pytest.raises(Unmapped):
        mapped(given)
