"""Dagster: the job is the thread, its steps are the members; asset checks are their assets', whichever job made them."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mappers.contract import Category, Draft, Headers, Inbound, Level, Mapped, Phase, State, Unmapped
from mappers.dagster import SOURCE

FIXTURES = Path(__file__).parents[1] / "fixtures" / "dagster"


def inbound(case: str) -> Inbound:
    document = json.loads((FIXTURES / f"{case}.request.json").read_text(encoding="utf-8"))
    return Inbound(body=document["body"].encode(), headers=Headers(document["headers"]))


def body(case: str) -> dict[str, Any]:
    return dict(json.loads(inbound(case).body))


def mapped(what: str | dict[str, Any]) -> Mapped:
    return SOURCE.map(inbound(what) if isinstance(what, str) else Inbound(body=json.dumps(what).encode()))


def of(what: str | dict[str, Any], category: Category = Category.JOB_FAILURE) -> dict[str, Draft]:
    return {draft.member.label if draft.member else "": draft for draft in mapped(what).drafts if draft.category is category}


def thread(draft: Draft) -> str:
    return json.dumps([draft.slug, draft.event_data, draft.title], sort_keys=True)


@pytest.mark.req("R4")
def test_each_failed_step_is_a_member_with_its_own_error():
    failed = of("job-failed")
    assert set(failed) == {"load", "flaky"}
    assert failed["load"].message == 'ValueError: relation "orders" does not exist'
    assert failed["flaky"].facts["Attempts"] == "2"
    assert {draft.level for draft in failed.values()} == {Level.ERROR}
    assert len({thread(draft) for draft in failed.values()}) == 1


def test_a_run_that_failed_in_no_step_is_told_by_itself():
    (draft,) = mapped("run-failed-without-a-step").drafts
    assert (draft.message, draft.member and draft.member.label) == ("Run worker pod failed: OOMKilled", "the run")


@pytest.mark.req("R16")
def test_a_run_that_will_be_retried_is_only_a_signal():
    answer = mapped("job-failed-will-retry")
    assert answer.drafts == ()
    assert [signal.phase for signal in answer.signals] == [Phase.RETRYING]
    assert of("job-failed-last-retry")["load"].facts["Retry"] == "1"
    assert mapped({**body("asset-job-failed-with-checks"), "will_retry": True}).drafts == ()


def test_a_whole_run_ends_everything_and_a_part_of_it_only_what_it_ran():
    (whole,) = mapped("job-success").drafts
    part = of("part-of-a-job-success")
    assert (whole.member, whole.state) == (None, State.RESOLVED)
    assert set(part) == {"load", "the run"}
    assert {thread(whole)} == {thread(draft) for draft in part.values()} == {thread(draft) for draft in of("job-failed").values()}


def test_runs_of_assets_without_a_job_end_only_what_they_made():
    """All of them are called `__ASSET_JOB`, whatever they make."""
    failed, mended = of("assets-without-a-job-failed"), of("assets-without-a-job-success")
    assert failed["revenue"].title == "Assets of shop failed"
    assert mended["revenue"].state is State.RESOLVED
    assert all(draft.member for draft in mended.values())


@pytest.mark.req("R10")
def test_asset_checks_fail_by_their_severity_and_freshness_is_lateness():
    checks = of("asset-job-failed-with-checks", Category.DBT_TEST_FAILURE)
    assert {label: draft.level for label, draft in checks.items()} == {"orders: no_nulls": Level.ERROR, "orders: volume": Level.WARNING}
    (late,) = of("asset-job-failed-with-checks", Category.LATE_RUN).values()
    assert late.level is Level.WARNING
    for category in (Category.DBT_TEST_FAILURE, Category.LATE_RUN):
        failed, passed = (of(case, category) for case in ("asset-job-failed-with-checks", "asset-job-success"))
        assert {thread(draft) for draft in failed.values()} == {thread(draft) for draft in passed.values()}
        assert {draft.state for draft in passed.values()} == {State.RESOLVED}
        assert failed.keys() == passed.keys()


@pytest.mark.req("R10")
def test_a_check_that_failed_in_one_job_is_mended_by_another():
    failed = of("asset-job-failed-with-checks", Category.DBT_TEST_FAILURE)
    passed = of({**body("asset-job-success"), "job": "another_job"}, Category.DBT_TEST_FAILURE)
    assert {thread(draft) for draft in failed.values()} == {thread(draft) for draft in passed.values()}


@pytest.mark.req("R58")
def test_owners_are_the_assets_and_a_tag_names_one_too():
    assert of("asset-job-failed-with-checks")["revenue"].owners == ("analytics", "ana@acme.test")
    assert of({**body("job-failed"), "tags": {"owner": "ops", "team": "sales"}})["load"].owners == ("ops",)
    assert of("job-failed")["load"].tags == ("team:sales",)


@pytest.mark.req("R2", "R19")
@pytest.mark.parametrize("case", ["user-flat-failed", "user-nested", "user-form", "broken-by-a-quote", "cut-in-the-middle"])
def test_what_peoples_own_sensors_say_is_read(case: str):
    (draft,) = mapped(case).drafts
    assert (draft.title, draft.state, draft.level) == ("orders_job failed", State.FIRING, Level.ERROR)
    assert thread(draft) == thread(mapped("user-flat-success").drafts[0])


@pytest.mark.req("R19")
def test_an_error_with_a_quote_in_it_comes_out_whole():
    (draft,) = mapped("broken-by-a-quote").drafts
    assert draft.message == 'relation "orders" does not exist'
    assert draft.links == {"Open run": "https://dagster.example/runs/c6"}


@pytest.mark.req("R19")
def test_wherever_a_message_is_cut_it_is_read_or_unmapped():
    whole = inbound("job-failed").body
    for cut in range(0, len(whole), 3):
        with suppress(Unmapped):
            answer = SOURCE.map(Inbound(body=whole[:cut]))
            assert {signal.pipeline for signal in answer.signals} <= {"orders_job"[:length] for length in range(1, 11)}, whole[:cut]


def test_a_canceled_run_is_a_note_and_a_started_one_a_signal():
    assert [draft.state for draft in mapped("canceled").drafts] == [State.NOTE]
    assert [signal.phase for signal in mapped("started").signals] == [Phase.RUNNING]


@pytest.mark.req("R15")
def test_the_key_is_run_state_and_time():
    keys = [SOURCE.request_key(inbound(case)) for case in ("job-failed", "job-success", "started", "canceled")]
    assert None not in keys
    assert len(set(keys)) == 4
    assert SOURCE.request_key(inbound("user-flat-failed")) is None
