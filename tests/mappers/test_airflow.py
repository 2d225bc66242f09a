"""Airflow's callbacks: ours and people's own. The DAG is the thread, its tasks are the members."""

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mappers.airflow import SOURCE
from mappers.contract import Category, Draft, Inbound, Level, Mapped, Phase, State, Unmapped

FIXTURES = Path(__file__).parents[1] / "fixtures" / "airflow"


def inbound(case: str) -> Inbound:
    document = json.loads((FIXTURES / f"{case}.request.json").read_text(encoding="utf-8"))
    documents = {name: body.encode() for name, body in document.get("documents", {}).items()}
    return Inbound(body=document["body"].encode(), documents=documents)


def body(case: str) -> dict[str, Any]:
    return dict(json.loads(inbound(case).body))


def mapped(what: str | dict[str, Any]) -> Mapped:
    return SOURCE.map(inbound(what) if isinstance(what, str) else Inbound(body=json.dumps(what).encode()))


def of(what: str | dict[str, Any], category: Category) -> Draft:
    (draft,) = (draft for draft in mapped(what).drafts if draft.category is category)
    return draft


def failure(what: str | dict[str, Any]) -> Draft:
    return of(what, Category.JOB_FAILURE)


def thread(draft: Draft) -> str:
    return json.dumps([draft.slug, draft.event_data, draft.title, draft.pipeline], sort_keys=True)


@pytest.mark.req("R4", "R58")
def test_a_failed_task_says_what_went_wrong_whose_it_is_and_where_its_log_is():
    draft = failure("airflow3-task-failed")
    assert (draft.title, draft.level, draft.member and draft.member.label) == ("orders_dag failed", Level.ERROR, "load_orders")
    assert draft.message == 'ValueError: relation "orders" does not exist, password=***'
    assert draft.owners == ("data-platform", "sales")
    assert list(draft.links) == ["Open log"]
    assert draft.impact == ("publish",)
    assert draft.facts["Try"] == "2 of 2"


@pytest.mark.req("R16")
@pytest.mark.parametrize("case", ["airflow3-task-will-retry", "airflow2-listener-task-will-retry"])
def test_a_try_that_will_be_repeated_is_only_a_signal(case: str):
    answer = mapped(case)
    assert answer.drafts == ()
    assert [signal.phase for signal in answer.signals] == [Phase.RETRYING]


@pytest.mark.req("R15")
def test_a_dag_run_that_failed_of_its_task_adds_nothing_and_another_runs_task_is_not_its_own():
    assert mapped("airflow3-dag-failed-after-its-task").drafts == ()
    alone = failure("airflow3-dag-failed-alone")
    assert failure("airflow3-dag-failed-after-a-task-of-an-earlier-run") == alone
    task = failure("airflow3-task-failed")
    assert (thread(alone), alone.run, alone.attempt, alone.occurrence) == (thread(task), task.run, task.attempt, task.occurrence)
    assert failure("airflow2-dag-timed-out").message == "The DAG run took longer than its dagrun_timeout."


def test_a_dag_run_asks_for_what_its_task_kept():
    task, dag = (SOURCE.documents(inbound(case)) for case in ("airflow3-task-failed", "airflow3-dag-failed-alone"))
    assert task.keeps == dag.wants
    assert task.wants == dag.keeps == ()
    assert SOURCE.documents(inbound("airflow3-task-will-retry")).keeps == ()


def test_a_dag_run_ends_everything_and_a_task_only_its_own_failure():
    failed, task, dag = (failure(case) for case in ("airflow3-task-failed", "airflow3-task-success", "airflow3-dag-success"))
    assert {task.state, dag.state} == {State.RESOLVED}
    assert {thread(failed)} == {thread(task), thread(dag)}
    assert (task.member, dag.member) == (failed.member, None)
    assert task.occurrence != dag.occurrence


def test_a_cleared_run_that_fails_again_is_a_new_happening():
    assert failure("airflow3-task-failed").attempt is None
    assert failure("cleared-and-failed-again").attempt == 2
    uncounted = {**body("airflow3-task-failed"), "clear_number": None}
    assert failure(uncounted).occurrence != failure({**uncounted, "try_number": 3}).occurrence


@pytest.mark.req("R8")
def test_a_missed_deadline_is_a_late_run_until_that_run_ends():
    late = of("deadline-missed", Category.LATE_RUN)
    ended = of("deadline-run-succeeded", Category.LATE_RUN)
    assert (late.level, late.state, ended.state) == (Level.WARNING, State.FIRING, State.RESOLVED)
    assert (thread(late), late.member) == (thread(ended), ended.member)
    assert late.facts["Delay"] == "20 s"
    assert late.closes_itself


@pytest.mark.req("R8")
def test_missed_slas_of_a_run_are_one_late_run():
    late = of("sla-missed", Category.LATE_RUN)
    assert late.message == "Missed their SLAs: load_orders, publish."
    assert late.member
    assert late.member.key == "2026-11-21T02:00:00+00:00"


USERS = (
    "user-flat-failed",
    "user-flat-no-state",
    "user-nested",
    "user-context-dumped-airflow2",
    "user-context-dumped-airflow3",
    "user-slack-text",
    "user-form",
    "user-broken-by-a-quote",
)


@pytest.mark.req("R2", "R19")
@pytest.mark.parametrize("case", USERS)
def test_peoples_own_callbacks_are_of_the_same_thread_and_member_as_ours(case: str):
    request = json.loads((FIXTURES / f"{case}.request.json").read_text(encoding="utf-8"))
    from mappers.contract import Headers

    (draft,) = SOURCE.map(replace(inbound(case), headers=Headers(request["headers"]))).drafts
    ours = failure("airflow3-task-failed")
    assert (thread(draft), draft.member, draft.level) == (thread(ours), ours.member, Level.ERROR)


@pytest.mark.req("R19")
def test_an_error_with_a_quote_in_it_comes_out_whole():
    assert failure("user-broken-by-a-quote").message == 'relation "orders" does not exist'
    assert failure("user-broken-by-a-quote").links == {"Open log": "http://airflow.example/log"}


@pytest.mark.req("R19")
def test_wherever_a_message_is_cut_it_is_read_or_unmapped():
    whole = inbound("airflow3-task-failed").body
    for cut in range(0, len(whole), 3):
        with suppress(Unmapped):
            answer = SOURCE.map(Inbound(body=whole[:cut]))
            assert {draft.pipeline for draft in answer.drafts} <= {"orders_dag"[:length] for length in range(1, 11)}, whole[:cut]


def test_the_default_owner_is_nobody():
    assert failure({**body("airflow3-task-failed"), "owners": ["airflow"], "tags": []}).owners == ()


def test_only_what_tells_of_the_run_moves_it_on():
    assert [signal.phase for signal in mapped("airflow3-dag-running").signals] == [Phase.RUNNING]
    assert mapped("airflow3-task-failed").signals == ()
    assert [signal.phase for signal in mapped("airflow3-dag-success").signals] == [Phase.SUCCEEDED]


@pytest.mark.req("R15")
def test_the_key_needs_a_run_and_a_time():
    cases = (
        "airflow3-task-failed",
        "airflow3-task-will-retry",
        "airflow3-mapped-task-failed",
        "airflow3-dag-failed-alone",
        "airflow3-dag-success",
    )
    keys = [SOURCE.request_key(inbound(case)) for case in cases]
    assert None not in keys
    assert len(set(keys)) == len(keys)
    assert SOURCE.request_key(inbound("user-flat-failed")) is None
