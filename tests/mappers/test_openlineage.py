"""OpenLineage: the run at the top is the pipeline, what runs below it are its parts, whoever tells of them."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mappers.contract import Category, Draft, Inbound, Level, Mapped, Phase, State, Unmapped, parse_time
from mappers.openlineage import SOURCE

FIXTURES = Path(__file__).parents[1] / "fixtures"


def inbound(case: str) -> Inbound:
    document = json.loads((FIXTURES / "openlineage" / f"{case}.request.json").read_text(encoding="utf-8"))
    return Inbound(
        body=document["body"].encode(),
        received_at=parse_time(document["received_at"]) or pytest.fail("no time"),
        documents={name: body.encode() for name, body in document.get("documents", {}).items()},
    )


def body(case: str) -> dict[str, Any]:
    return dict(json.loads(inbound(case).body))


def mapped(what: str | dict[str, Any] | list[Any], documents: Mapping[str, bytes] | None = None) -> Mapped:
    given = inbound(what) if isinstance(what, str) else Inbound(body=json.dumps(what).encode())
    return SOURCE.map(replace(given, documents=documents) if documents is not None else given)


def only(what: str | dict[str, Any]) -> Draft:
    (draft,) = mapped(what).drafts
    return draft


def thread(draft: Draft) -> str:
    return json.dumps([draft.slug, draft.event_data, draft.title, draft.pipeline], sort_keys=True)


class Gateway:
    """Maps events in order and gives each the documents that those before it kept."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def hear(self, event: dict[str, Any]) -> Mapped:
        given = Inbound(body=json.dumps(event).encode())
        documents = SOURCE.documents(given)
        answer = SOURCE.map(replace(given, documents={name: self.kept[name] for name in documents.wants if name in self.kept}))
        self.kept |= dict.fromkeys(documents.keeps, given.body)
        return answer


@pytest.mark.req("R4", "R58")
def test_a_failed_task_belongs_to_its_dag_and_says_whose_it_is_and_where_its_log_is():
    draft = only("airflow3-task-failed-last-try")
    assert (draft.category, draft.level, draft.title, draft.pipeline) == (
        Category.JOB_FAILURE,
        Level.ERROR,
        "orders_dag failed",
        "orders_dag",
    )
    assert draft.member
    assert draft.member.label == "load_orders"
    assert draft.message == 'relation "orders" does not exist'
    assert draft.owners == ("data-platform", "sales")
    assert list(draft.links) == ["Open log"]
    assert draft.impact == ("publish",)
    assert draft.facts["Try"] == "2 of 2"


@pytest.mark.req("R16")
def test_a_try_that_airflow_will_repeat_is_a_signal_and_no_alert():
    answer = mapped("airflow3-task-failed-will-retry")
    assert answer.drafts == ()
    assert [signal.phase for signal in answer.signals] == [Phase.RETRYING]
    assert only("airflow3-task-failed-for-good-at-its-first-try").level is Level.ERROR


@pytest.mark.req("R16")
def test_a_try_whose_retries_nobody_tells_alerts():
    event = body("airflow3-task-failed-will-retry")
    del event["run"]["facets"]["airflow"]
    assert only(event).state is State.FIRING


@pytest.mark.req("R15")
def test_a_dags_own_failure_adds_nothing_to_that_of_its_task_and_is_told_where_no_task_was():
    assert mapped("airflow3-dag-failed-after-its-task").drafts == ()
    alone = only("airflow3-dag-failed-alone")
    assert alone.message == "Failed tasks: each, load_orders."
    assert thread(alone) == thread(only("airflow3-task-failed-last-try"))
    assert alone.run == only("airflow3-task-failed-last-try").run
    assert only("airflow3-dag-timed-out").message == "The DAG run took longer than its dagrun_timeout."


def test_a_dag_run_ends_everything_and_a_task_only_its_own_failure():
    failure, task, dag = only("airflow3-task-failed-last-try"), only("airflow3-task-complete"), only("airflow3-dag-complete")
    assert {thread(failure)} == {thread(task), thread(dag)}
    assert {task.state, dag.state} == {State.RESOLVED}
    assert (task.member, dag.member) == (failure.member, None)
    assert dag.spares_own_run is False


def test_instances_of_a_mapped_task_are_members_of_their_own():
    draft = only("airflow3-mapped-task-failed")
    assert draft.member
    assert draft.member.label == "each[1]"


def test_recoveries_of_one_run_are_never_one_happening():
    """Merged they would have happened at the earliest time, before a failure that they ended."""
    occurrences = [only(case).occurrence for case in ("airflow3-task-complete", "airflow3-dag-complete")]
    assert len(set(occurrences)) == 2


@pytest.mark.req("R4")
def test_spark_below_an_airflow_task_is_in_the_dags_thread_by_its_root():
    assert thread(only("spark-action-failed-root-is-airflow")) == thread(only("airflow3-task-failed-last-try"))
    assert thread(only("spark-action-failed-whose-application-said-more")) == thread(only("airflow3-task-failed-last-try"))


@pytest.mark.req("R16")
def test_what_runs_in_an_airflow_task_leaves_the_word_to_the_task_which_repeats_its_error():
    gateway = Gateway()
    for case in ("airflow3-task-started", "spark-application-started-below-airflow"):
        gateway.hear(body(case))
    application = body("spark-application-failed-below-a-known-airflow-task")
    assert gateway.hear(application).drafts == ()
    (told,) = gateway.hear(body("airflow3-task-failed-last-try")).drafts
    assert "TABLE_OR_VIEW_NOT_FOUND" in told.message
    assert gateway.hear(body("airflow3-dag-failed-alone")).drafts == ()


def test_an_application_that_completes_mends_nothing_that_failed_in_the_same_run():
    assert only("spark-application-complete").spares_own_run
    assert thread(only("spark-application-complete")) == thread(only("spark-action-failed-without-root"))


def test_a_job_that_fails_again_in_the_same_run_is_another_happening():
    first = body("spark-action-failed-root-is-airflow")
    again = json.loads(json.dumps(first))
    again["run"]["runId"] = "0199c0de-0000-7000-8000-000000000099"
    assert only(first).occurrence != only(again).occurrence
    assert only(first).run == only(again).run


@pytest.mark.req("R10")
def test_forty_failed_checks_are_forty_members_of_one_thread():
    event = body("great-expectations-several-assertions")
    facet = event["inputs"][0]["inputFacets"]["dataQualityAssertions"]
    facet["assertions"] = [{"assertion": "not_null", "success": False, "column": f"c{number}"} for number in range(40)]
    drafts = [draft for draft in mapped(event).drafts if draft.category is Category.DBT_TEST_FAILURE]
    assert len({draft.member.key for draft in drafts if draft.member}) == 40
    assert len({thread(draft) for draft in drafts}) == 1


@pytest.mark.req("R10")
def test_a_dbt_test_is_one_member_however_many_facets_tell_of_it_and_is_mended_when_it_passes():
    failed = only("dbt-test-failed")
    passed = next(draft for draft in mapped("dbt-test-passed").drafts if draft.slug == failed.slug)
    assert (thread(failed), failed.member) == (thread(passed), passed.member)
    assert failed.owners == ("analytics",)
    assert only("dbt-old-test-failed-without-facets").category is Category.DBT_TEST_FAILURE
    warned = next(draft for draft in mapped("dbt-singular-test-warned").drafts if draft.state is State.FIRING)
    assert warned.level is Level.WARNING


@pytest.mark.req("R12")
def test_changed_columns_are_named_with_whether_they_break_readers():
    (draft,) = (draft for draft in mapped("schema-changed").drafts if draft.category is Category.SCHEMA_CHANGE)
    assert draft.level is Level.ERROR
    assert draft.facts["amount"] == "removed, was decimal(10,2) (breaks readers)"
    assert draft.facts["address.zip"] == "added, string (harmless)"
    assert draft.owners == ("sales",)
    (added,) = (draft for draft in mapped("schema-column-added").drafts if draft.category is Category.SCHEMA_CHANGE)
    assert added.level is Level.INFO


@pytest.mark.req("R12")
@pytest.mark.parametrize("case", ["schema-first-told", "schema-unchanged", "schema-of-an-older-run", "dataset-event-first-told"])
def test_a_schema_that_is_new_the_same_or_older_is_no_change(case: str):
    assert not [draft for draft in mapped(case).drafts if draft.category is Category.SCHEMA_CHANGE]


@pytest.mark.req("R12")
def test_a_schema_is_compared_with_what_the_same_writer_told_and_not_with_anothers():
    gateway = Gateway()
    gateway.hear(body("schema-first-told"))
    other = body("schema-changed")
    other["job"]["name"] = "another_writer"
    assert not [draft for draft in gateway.hear(other).drafts if draft.category is Category.SCHEMA_CHANGE]
    changed = [draft for draft in gateway.hear(body("schema-changed")).drafts if draft.category is Category.SCHEMA_CHANGE]
    assert len(changed) == 1


def test_a_failed_run_says_nothing_of_schemas():
    event = {**body("schema-changed"), "eventType": "FAIL"}
    assert not [draft for draft in mapped(event, inbound("schema-changed").documents).drafts if draft.category is Category.SCHEMA_CHANGE]


def test_an_aborted_run_is_a_note_and_a_skipped_part_of_one_is_nothing():
    assert only("flink-aborted").state is State.NOTE
    assert mapped("dbt-model-skipped").drafts == ()


@pytest.mark.parametrize(
    ("case", "phases"),
    [("flink-started", [Phase.RUNNING]), ("flink-running", [Phase.RUNNING]), ("other-more-about-a-run", []), ("airflow3-task-started", [])],
)
def test_only_what_tells_of_the_whole_run_is_a_signal(case: str, phases: list[Phase]):
    answer = mapped(case)
    assert [signal.phase for signal in answer.signals] == phases
    assert answer.drafts == ()
    assert answer.ignored


@pytest.mark.req("R19")
def test_a_failure_without_a_run_or_below_a_parent_without_one_is_told_all_the_same():
    event = body("flink-failed")
    event["run"] = {}
    assert (only(event).title, only(event).run, only(event).occurrence) == ("clickstream failed", None, None)
    event["run"] = {"runId": "r1", "facets": {"parent": {"job": {"namespace": "flink-prod", "name": "shop"}, "run": {}}}}
    assert (only(event).title, only(event).run) == ("shop failed", "r1")


def test_one_bad_event_of_a_batch_does_not_lose_the_others():
    assert {draft.pipeline for draft in mapped("batch").drafts} == {"clickstream", "orders_dag"}


@pytest.mark.req("R19")
def test_an_event_cut_in_the_middle_is_read_as_far_as_it_goes():
    draft = only("cut-in-the-middle")
    assert (draft.title, draft.closes_itself) == ("clickstream failed", True)
    assert SOURCE.request_key(inbound("cut-in-the-middle")) is None


@pytest.mark.req("R19")
def test_wherever_an_event_is_cut_it_is_read_or_unmapped():
    whole = inbound("captured-fail").body
    for cut in range(0, len(whole), 3):
        with suppress(Unmapped):
            answer = SOURCE.map(Inbound(body=whole[:cut]))
            assert all(draft.closes_itself or draft.state is not State.FIRING for draft in answer.drafts), whole[:cut]


@pytest.mark.req("R15")
def test_the_key_is_run_type_and_time_and_that_of_a_batch_all_of_them():
    keys = [
        SOURCE.request_key(inbound(case)) for case in ("flink-started", "flink-running", "flink-failed", "batch", "lines", "captured-fail")
    ]
    assert None not in keys
    assert len(set(keys)) == len(keys)


def test_documents_are_asked_for_by_what_is_needed():
    task = SOURCE.documents(inbound("airflow3-task-complete"))
    assert (task.keeps, task.wants) == ((), ())
    assert SOURCE.documents(inbound("airflow3-task-failed-will-retry")).keeps == ()
    assert len(SOURCE.documents(inbound("airflow3-task-failed-last-try")).keeps) == 1
    assert all(len(name) <= 300 for name in SOURCE.documents(inbound("schema-changed")).wants)
