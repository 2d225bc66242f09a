"""Soda: a dataset is a thread, its checks are the members; incidents are what people make of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from mappers.contract import Category, Draft, Inbound, Level, Mapped, State, Unmapped
from mappers.soda import SOURCE

FIXTURES = Path(__file__).parents[1] / "fixtures" / "soda"


def body(case: str) -> str:
    return str(json.loads((FIXTURES / f"{case}.request.json").read_text(encoding="utf-8"))["body"])


def mapped(given: str | dict[str, Any]) -> Mapped:
    return SOURCE.map(Inbound(body=(given if isinstance(given, str) else json.dumps(given)).encode()))


def only(case: str) -> Draft:
    (draft,) = mapped(body(case)).drafts
    return draft


def identity(draft: Draft) -> tuple[str, str, str]:
    return draft.slug, json.dumps(draft.event_data, sort_keys=True), draft.member.key if draft.member else ""


@pytest.mark.parametrize(
    ("failing", "passing"),
    [
        ("check-fails", "check-passes"),
        ("check-warns", "check-passes"),
        ("check-cannot-be-evaluated", "check-passes"),
        ("contract-check-fails", "contract-check-passes"),
        ("incident-created", "incident-resolved"),
        ("incident-opened-again", "incident-resolved"),
    ],
)
def test_what_passes_or_is_resolved_resolves_what_failed(failing: str, passing: str) -> None:
    assert (only(failing).state, only(passing).state) == (State.FIRING, State.RESOLVED)
    assert identity(only(failing)) == identity(only(passing))


def test_a_check_is_known_again_although_the_id_of_its_result_is_new_with_every_scan() -> None:
    ids = [json.loads(body(case))["checkResults"][0]["id"] for case in ("contract-check-fails", "contract-check-passes")]
    assert ids[0] != ids[1]
    assert identity(only("contract-check-fails")) == identity(only("contract-check-passes"))


@pytest.mark.parametrize(
    ("case", "level"),
    [
        ("check-fails", Level.ERROR),
        ("check-warns", Level.WARNING),
        ("check-cannot-be-evaluated", Level.ERROR),
        ("incident-created", Level.ERROR),
        ("incident-newer-names", Level.WARNING),
    ],
)
def test_how_bad_it_is(case: str, level: Level) -> None:
    assert only(case).level is level


def test_the_checks_of_a_dataset_are_the_members_of_one_thread_and_one_happening() -> None:
    drafts = mapped(body("several-checks")).drafts
    assert len({identity(draft)[:2] for draft in drafts}) == 1
    assert len({identity(draft) for draft in drafts}) == len(drafts) == 3
    assert [draft.state for draft in drafts] == [State.FIRING, State.FIRING, State.RESOLVED]
    assert len({draft.run for draft in drafts}) == 1
    assert {draft.title for draft in drafts} == {"Soda checks failing on orders"}
    assert len({identity(draft)[1] for draft in mapped(body("two-datasets")).drafts}) == 2


def test_a_check_says_what_it_measured_and_whose_data_it_is() -> None:
    draft = only("check-fails")
    assert draft.category is Category.DBT_TEST_FAILURE
    assert draft.message == "missing_count(customer_id) = 1 fails.\nMeasured value: 12."
    assert draft.owners == ("ana@acme.test",)
    assert draft.tags == ("finance",)
    assert draft.facts["Data Domain"] == "Product"
    assert only("contract-check-fails").owners == ("ana@acme.test", "ben@acme.test")


def test_an_incident_tells_how_long_it_was_open_and_who_leads_it() -> None:
    draft = only("incident-resolved")
    assert draft.message.startswith("Resolved after 2 h.")
    assert draft.owners == ("personn@soda.io",)
    assert draft.category is Category.INCIDENT


def test_an_update_of_an_open_incident_is_the_same_happening_and_one_opened_again_is_not() -> None:
    opened, investigated, again = (only(case) for case in ("incident-created", "incident-investigated", "incident-opened-again"))
    assert opened.occurrence == investigated.occurrence
    assert again.occurrence != opened.occurrence


@pytest.mark.req("R15")
def test_the_key_is_the_same_for_a_retry_and_another_for_every_scan_and_update() -> None:
    cases = ("check-fails", "check-passes", "several-checks", "incident-created", "incident-investigated", "incident-resolved")
    keys = [SOURCE.request_key(Inbound(body=body(case).encode())) for case in cases]
    assert None not in keys
    assert len(set(keys)) == len(keys)


@pytest.mark.req("R12")
def test_a_published_contract_is_a_note() -> None:
    draft = only("contract-published")
    assert (draft.category, draft.level, draft.state) == (Category.SCHEMA_CHANGE, Level.INFO, State.NOTE)


@pytest.mark.parametrize("case", ["published-validate", "agreement-created", "no-results"])
def test_validation_and_administration_ring_nothing(case: str) -> None:
    assert mapped(body(case)).ignored


@pytest.mark.req("R17")
@pytest.mark.parametrize(
    "given", ["", "{", "[]", "null", '{"event": 7}', '{"event": "checkEvaluation"}', '{"event": "incidentCreated", "incident": {}}']
)
def test_what_is_no_event_is_unmapped_and_has_no_key(given: str) -> None:
    with pytest.raises(Unmapped):
        mapped(given)
    assert SOURCE.request_key(Inbound(body=given.encode())) is None


def test_an_incident_opened_again_is_open_since_then_and_not_since_before_its_resolution() -> None:
    resolved, again = only("incident-resolved"), only("incident-opened-again")
    assert resolved.occurred_at is not None
    assert again.occurred_at is not None
    assert again.occurred_at > resolved.occurred_at
    assert again.pipeline == resolved.pipeline


def test_a_dataset_has_one_name_in_a_thread_whatever_its_results_call_it() -> None:
    evaluation = json.loads(body("several-checks"))
    evaluation["checkResults"][1]["datasets"][0]["label"] = "Orders (renamed)"
    assert {draft.title for draft in mapped(evaluation).drafts} == {"Soda checks failing on orders"}
