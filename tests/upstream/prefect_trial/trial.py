"""`make test-prefect`: a real Prefect server, real flows, and what Tocsin makes of each. In this order: the tests share their servers."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.upstream.asking import Asked
from gateway.upstream.prefect import UPSTREAM
from gateway.upstream.web import Web
from mappers.contract import Inbound
from mappers.prefect import SOURCE
from tests.acceptance.conftest import eventually, text_of
from tests.upstream.prefect_trial.conftest import Trial
from tests.upstream.prefect_trial.server import IDLE, POOL, SLOW, end

ERROR = 'no rows for "2026-11-30"\nlooked in C:\\orders\\{today}'
"""What breaks a payload that quotes by itself."""
BEHIND = 20
"""Seconds that a webhook is given to come by itself before its run is looked for."""


def test_connecting_makes_a_block_and_two_automations_and_its_test_arrives(trial: Trial) -> None:
    nothing = trial.stands()
    assert trial.connect("--dry-run").count("would be made") == 3
    assert trial.stands() == nothing
    said = trial.connect("--test")
    assert said.count(": made") == 3
    assert "answered 202: it arrived" in said
    stands = trial.stands()
    assert len(stands["automations"]) == len(nothing["automations"]) + 2
    assert len(stands["blocks"]) == len(nothing["blocks"]) + 1


def test_connecting_again_changes_nothing(trial: Trial) -> None:
    before = trial.stands()
    assert trial.connect().count("is as it should be") == 3
    assert trial.stands() == before


def test_a_run_that_is_late_and_starts_soon_is_told_to_nobody(connected: Trial, request: pytest.FixtureRequest) -> None:
    run = connected.prefect.start_run("parcels")
    connected.told_of(run, "Late")
    request.getfixturevalue("working")
    connected.prefect.reaches(run, "Completed")
    connected.told_of(run, "Completed")
    assert connected.threads("parcels") == []
    assert connected.mails_about("parcels") == []
    connected.tell("Late for some seconds", mails=0)


def test_a_run_that_succeeds_is_told_to_nobody(working: Trial) -> None:
    run = working.prefect.start_run("customers")
    working.prefect.reaches(run, "Completed")
    working.told_of(run, "Completed")
    assert working.threads("customers") == []
    assert working.mails_about("customers") == []
    working.tell("Completed", mails=0)


def test_a_failure_is_told_with_its_error_whole_and_resolved_by_the_next_run(working: Trial) -> None:
    run = working.prefect.start_run("orders", error=ERROR)
    working.prefect.reaches(run, "Failed")
    failed = working.thread("orders", status="open")
    assert (failed["category"], failed["level"], failed["urgent"], failed["occurrences"]) == ("job_failure", "error", True, 1)
    assert ERROR in failed["message"]
    assert failed["run"] == run
    assert failed["links"]["Open run"].endswith(f"/runs/flow-run/{run}")
    (mail,) = working.mails_about("orders")
    assert mail["Subject"] == "[acme/prod] orders: job failure"
    assert text_of(mail).startswith("FAILED")
    assert all(line in text_of(mail) for line in ERROR.splitlines())
    working.tell("Failed", failed, mails=1)
    working.prefect.reaches(working.prefect.start_run("orders", error=""), "Completed")
    resolved = working.thread("orders", status="resolved")
    assert (resolved["id"], resolved["occurrences"]) == (failed["id"], 1)
    _, recovery = working.mails_about("orders")
    assert recovery["Subject"] == "Re: [acme/prod] orders: job failure"
    assert text_of(recovery).startswith("RESOLVED")
    working.tell("Completed, after Failed", resolved, mails=2)


def test_a_killed_process_is_a_failure_that_says_so(working: Trial) -> None:
    run = working.prefect.start_run("payments")
    working.prefect.reaches(run, "Crashed")
    crashed = working.thread("payments", status="open")
    assert (crashed["category"], crashed["level"], crashed["urgent"], crashed["occurrences"]) == ("job_failure", "error", True, 1)
    assert "SIGKILL" in crashed["message"]
    assert len(working.mails_about("payments")) == 1
    working.tell("Crashed (SIGKILL)", crashed, mails=1)


def test_a_failing_task_is_told_once_as_the_failure_of_its_flow_and_its_log_is_read(working: Trial) -> None:
    run = working.prefect.start_run("invoices")
    working.prefect.reaches(run, "Failed")
    failed = working.thread("invoices", status="open")
    assert (failed["category"], failed["level"], failed["occurrences"]) == ("job_failure", "error", 1)
    assert "exit code 1" in failed["message"]
    summary = eventually(lambda: working.summary(failed, "missing_relation"), SLOW)
    assert any('relation "raw.invoices" does not exist' in one["quote"] for one in summary["evidence"])
    assert len(working.mails_about("invoices")) == 1
    working.tell("Failed (by a task)", failed, mails=1)


def test_only_the_last_attempt_is_told(working: Trial) -> None:
    run = working.prefect.start_run("ledger")
    working.prefect.reaches(run, "Failed")
    failed = working.thread("ledger", status="open")
    assert working.relay.of("AwaitingRetry", run), "there was a first attempt"
    assert (failed["category"], failed["occurrences"]) == ("job_failure", 1)
    assert len(working.mails_about("ledger")) == 1
    working.tell("AwaitingRetry, then Failed", failed, mails=1)


def test_a_run_that_takes_too_long_is_a_failure(working: Trial) -> None:
    run = working.prefect.start_run("shipments")
    working.prefect.reaches(run, "TimedOut")
    failed = working.thread("shipments", status="open")
    assert (failed["category"], failed["level"], failed["urgent"]) == ("job_failure", "error", True)
    assert len(working.mails_about("shipments")) == 1
    working.tell("TimedOut", failed, mails=1)


def test_failed_dbt_tests_are_told_by_name_and_resolved_by_the_next_run(working: Trial) -> None:
    run = working.prefect.start_run("marts", broken=True)
    working.prefect.reaches(run, "DBT_TEST_FAILED")
    failed = working.thread("marts", status="open")
    assert (failed["category"], failed["level"], failed["urgent"]) == ("dbt_test_failure", "error", True)
    assert "not_null_marts_id" in failed["message"]
    assert len(working.mails_about("marts")) == 1
    working.tell("DBT_TEST_FAILED", failed, mails=1)
    working.prefect.reaches(working.prefect.start_run("marts", broken=False), "Completed")
    resolved = working.thread("marts", status="resolved")
    assert len(working.mails_about("marts")) == 2
    working.tell("Completed, after DBT_TEST_FAILED", resolved, mails=2)


def test_a_cancelled_run_is_a_note_without_a_mail(working: Trial) -> None:
    run = working.prefect.start_run("returns")
    working.prefect.reaches(run, "Running")
    working.prefect.ask("POST", f"flow_runs/{run}/set_state", {"state": {"type": "CANCELLING", "name": "Cancelling"}})
    working.prefect.reaches(run, "Cancelled")
    working.told_of(run, "Cancelled")
    note = working.thread("returns")
    assert (note["category"], note["level"], note["urgent"], note["status"]) == ("job_failure", "info", False, "resolved")
    assert working.mails_about("returns") == []
    working.tell("Cancelled", note, mails=0)


def test_a_planned_run_that_nobody_starts_is_late_until_somebody_does(working: Trial) -> None:
    run = working.planned
    late = working.thread("stock", status="open")
    assert (late["category"], late["level"], late["urgent"], late["occurrences"]) == ("late_run", "warning", False, 1)
    assert late["run"] == run
    assert len(working.mails_about("stock")) == 1
    working.tell("Late", late, mails=1)
    working.prefect.work(IDLE)
    working.prefect.reaches(run, "Completed")
    started = working.thread("stock", status="resolved")
    assert started["id"] == late["id"]
    assert len(working.mails_about("stock")) == 2
    working.tell("Completed, after Late", started, mails=2)


def test_a_work_pool_whose_worker_dies_is_an_incident_until_one_works_there_again(working: Trial) -> None:
    end(working.prefect.workers.pop(POOL))
    down = working.thread(POOL, status="open")
    assert (down["category"], down["level"], down["urgent"]) == ("incident", "warning", False)
    assert down["title"] == f"Work pool {POOL} is not ready"
    assert len(working.mails_about(POOL)) == 1
    working.tell("Work pool not ready", down, mails=1)
    working.prefect.work(POOL)
    up = working.thread(POOL, status="resolved")
    assert up["id"] == down["id"]
    assert len(working.mails_about(POOL)) == 2
    working.tell("Work pool ready again", up, mails=2)


def test_a_failure_while_the_gateway_is_down_is_found_once_and_its_webhook_doubles_nothing(working: Trial) -> None:
    working.settle()
    assert working.found() == [], "nothing whose webhook came is found again"
    assert working.tocsin.stop() == 0
    run = working.prefect.start_run("refunds")
    working.prefect.reaches(run, "Failed")
    eventually(lambda: working.relay.of("Failed", run), SLOW)
    time.sleep(BEHIND + 1)
    working.tocsin.start()
    found = working.thread("refunds", status="open")
    assert (found["category"], found["level"], found["urgent"], found["occurrences"]) == ("job_failure", "error", True, 1)
    assert "the bank is closed" in found["message"]
    assert [path for path, body in working.found() if run in body] == ["/prefect/ended_run"]
    assert len(working.found()) == 1
    assert len(working.mails_about("refunds")) == 1
    lost = [one for one in working.relay.kept if not one.status]
    assert working.relay.of("Failed", run)[0] in lost
    assert [working.relay.again(one).body["status"] for one in lost] == ["accepted"] * len(lost)
    assert [working.relay.again(one).body["status"] for one in lost] == ["duplicate"] * len(lost)
    again = working.thread("refunds", status="open")
    assert (again["id"], again["occurrences"]) == (found["id"], 1)
    assert len(working.mails_about("refunds")) == 1
    working.tell("Failed while Tocsin was down", again, mails=1)


def meaning(body: bytes) -> dict[str, list[Any]]:
    """What makes it the same happening, and how it is told; not that a thread of the run alone ends, as whoever looks a run up says too."""
    mapped = SOURCE.map(Inbound(body=body))
    drafts = [one for one in mapped.drafts if "flow_run" not in one.event_data]
    return {
        "signals": [(one.pipeline, one.run, one.phase, one.at, one.attempt, one.state) for one in mapped.signals],
        "drafts": [(one.slug, one.event_data, one.member, one.occurrence, one.state, one.level, one.message) for one in drafts],
    }


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    web = Web()
    yield web
    await web.close()


async def test_what_prefect_says_of_a_run_when_asked_is_what_its_webhook_said(working: Trial, web: Web) -> None:
    settings = SOURCE.read_settings({"api_url": working.prefect.api})
    now = datetime.now(UTC)
    assert UPSTREAM.ended_runs is not None
    ended = [run async for page in UPSTREAM.ended_runs(Asked(web, settings, {}), now - timedelta(hours=1), now) for run in page]
    compared = set()
    for run in ended:
        asked = meaning(run.body)
        state = asked["signals"][0][-1]
        assert [meaning(one.body) for one in working.relay.of(state, run.run)] == [asked]
        compared.add(state)
    assert {"Completed", "Failed", "Crashed", "TimedOut", "Cancelled", "DBT_TEST_FAILED"} <= compared


def test_all_that_prefect_sent_was_understood(working: Trial) -> None:
    working.settle()
    counts = working.tocsin.api("/api/events/counts").body["by_status"]
    assert {status for status, count in counts.items() if count} == {"mapped", "ignored"}
    assert working.tocsin.api("/api/rejections").body["items"] == []


def test_undoing_leaves_nothing_behind(working: Trial) -> None:
    assert working.connect("--undo").count(": deleted") == 3
    assert working.stands() == {"automations": [], "blocks": []}
    assert "nothing of ours is there" in working.connect("--undo")
    calls = len(working.relay.kept)
    working.prefect.reaches(working.prefect.start_run("customers"), "Completed")
    assert len(working.relay.kept) == calls
