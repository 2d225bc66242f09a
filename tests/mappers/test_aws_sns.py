"""Amazon SNS: an alarm is a thread whoever tells of it; a recovery resolves what the failure opened."""

import json
from pathlib import Path
from typing import Any

import pytest

from mappers.aws_sns import SOURCE
from mappers.aws_sns.words import state_of, state_of_field, stem
from mappers.contract import Category, Draft, Headers, Inbound, Level, Mapped, State, Unmapped

FIXTURES = Path(__file__).parents[1] / "fixtures" / "aws_sns"


def inbound(case: str) -> Inbound:
    document = json.loads((FIXTURES / f"{case}.request.json").read_text(encoding="utf-8"))
    return Inbound(body=document["body"].encode(), headers=Headers((name, value) for name, value in document["headers"]))


def mapped(case: str) -> Mapped:
    return SOURCE.map(inbound(case))


def first(case: str) -> Draft:
    return mapped(case).drafts[0]


def identity(draft: Draft) -> str:
    return json.dumps([draft.slug, draft.event_data, draft.member and draft.member.key], sort_keys=True)


def message(text: str | dict[str, Any], subject: str = "") -> Mapped:
    given = text if isinstance(text, str) else json.dumps(text)
    envelope = {"Type": "Notification", "MessageId": "1", "TopicArn": "arn:aws:sns:eu-central-1:123456789012:alerts", "Message": given}
    return SOURCE.map(Inbound(body=json.dumps({**envelope, "Subject": subject}).encode()))


@pytest.mark.req("R14", "R46")
@pytest.mark.parametrize(
    ("failing", "recovering"),
    [
        ("alarm", "alarm-ok"),
        ("alarm", "eventbridge-alarm-ok"),
        ("alarm", "eventbridge-alarm-deleted"),
        ("alarm-raw-delivery", "alarm-ok"),
        ("truncated-alarm", "alarm-ok"),
        ("truncated-raw-alarm", "alarm-ok"),
        ("alarm-no-data", "alarm-ok"),
        ("glue-job-failed", "glue-job-succeeded"),
        ("glue-job-timeout", "glue-job-succeeded"),
        ("eventbridge-api-destination", "glue-job-succeeded"),
        ("step-functions-failed", "step-functions-succeeded"),
        ("ecs-task-failed", "ecs-task-succeeded"),
        ("ecs-service-impaired", "ecs-service-steady"),
        ("rds-low-storage", "rds-restarted"),
        ("rds-own-notification", "rds-restarted"),
        ("text-failed", "text-succeeded"),
    ],
)
def test_a_recovery_resolves_what_the_failure_opened(failing: str, recovering: str) -> None:
    opened, closed = first(failing), first(recovering)
    assert (opened.state, closed.state) == (State.FIRING, State.RESOLVED)
    assert identity(opened) == identity(closed)
    assert opened.occurrence != closed.occurrence or opened.run


@pytest.mark.req("R14")
def test_the_same_change_told_by_both_services_is_one_happening() -> None:
    assert first("alarm-ok").occurrence == first("eventbridge-alarm-ok").occurrence
    assert first("eventbridge-alarm-ok").message.startswith("Was in alarm for 43 min.")


def test_data_that_stops_coming_never_makes_an_alarm_look_better() -> None:
    assert first("alarm-no-data").level is Level.WARNING
    assert first("alarm-no-data-while-on").level is Level.ERROR
    assert first("alarm-no-data-while-on").state is State.FIRING


@pytest.mark.req("R58")
def test_the_description_tells_owner_severity_and_runbook_and_is_not_shown_twice() -> None:
    draft = first("alarm")
    assert draft.owners == ("data-platform",)
    assert draft.links["Runbook"] == "https://runbooks.example.test/queue"
    assert draft.message.endswith("\n\nOrders wait to be loaded.")
    assert first("alarm-low-severity").level is Level.WARNING
    assert first("alarm-low-severity").owners == ("storage", "@ops")


def test_each_time_series_of_an_alarm_is_a_member() -> None:
    member = first("alarm-contributor").member
    assert member is not None
    assert (member.key, member.label) == ("0a1b2c3d", "InstanceId=i-0123, AZ=eu-central-1a")


@pytest.mark.req("R16")
def test_retries_of_a_glue_job_are_attempts_of_one_run() -> None:
    once, again = first("glue-job-failed"), first("glue-job-retry-failed")
    assert (once.run, once.attempt, again.attempt) == (again.run, None, 1)


@pytest.mark.req("R8")
def test_a_glue_job_is_late_until_its_run_ends_however_it_ends() -> None:
    late = first("glue-job-late")
    assert (late.category, late.level, late.state) == (Category.LATE_RUN, Level.WARNING, State.FIRING)
    for ended in ("glue-job-failed", "glue-job-succeeded", "glue-job-stopped", "glue-job-timeout"):
        assert [identity(draft) for draft in mapped(ended).drafts if draft.state is State.RESOLVED][-1] == identity(late)


@pytest.mark.req("R4")
def test_what_a_state_machine_says_in_json_is_told_in_words() -> None:
    assert first("step-functions-failed").message.startswith('UndefinedTable: relation "orders" does not exist')


def test_a_name_made_for_one_run_is_the_name_without_its_date() -> None:
    event = {"detail-type": "SageMaker Training Job State Change", "source": "aws.sagemaker", "account": "1", "region": "eu-central-1"}
    for name in ("churn-2026-11-22-02-00-00-123", "churn-2026-11-23-02-00-00-456"):
        (draft,) = message({**event, "detail": {"TrainingJobName": name, "TrainingJobStatus": "Failed"}}).drafts
        assert draft.event_data["name"] == "churn"


def test_a_subscription_is_confirmed_by_its_topic_and_token_and_never_by_the_address_it_names() -> None:
    answer = mapped("subscription-confirmation")
    assert answer.drafts == ()
    assert answer.ignored
    (follow_up,) = answer.follow_ups
    assert "https" not in follow_up.model_dump_json()
    with pytest.raises(Unmapped, match="names no topic"):
        mapped("confirmation-of-something-else")


@pytest.mark.req("R15")
def test_the_key_is_the_message_id_in_body_or_header() -> None:
    assert SOURCE.request_key(inbound("alarm")) == "35ecbe70-f71e-42d7-b099-720e3d5a0001"
    assert SOURCE.request_key(inbound("alarm-raw-delivery")) == "35ecbe70-f71e-42d7-b099-720e3d5aed0b"
    assert SOURCE.request_key(inbound("eventbridge-api-destination")) == "11112222-1234-5678-9abc-def012345678"
    assert SOURCE.request_key(inbound("empty")) is None


@pytest.mark.req("R33")
def test_each_partition_has_its_own_console() -> None:
    assert first("alarm-raw-in-china").links["Open alarm"].startswith("https://cn-north-1.console.amazonaws.cn/")


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("nightly-orders FAILED", State.FIRING),
        ("[FIRING:1] DiskFull", State.FIRING),
        ("[RESOLVED] DiskFull", State.RESOLVED),
        ("load completed with errors", State.FIRING),
        ("load completed, no errors", State.RESOLVED),
        ("0 failed, 12 passed", State.RESOLVED),
        ("not available", None),
        ("Deploy of version 7 begins", None),
        ("WARNING: disk 80 % full", State.FIRING),
        ("set up failed", State.FIRING),
    ],
)
def test_words_tell_a_state(text: str, state: State | None) -> None:
    assert state_of(text) is state


@pytest.mark.req("R46")
@pytest.mark.parametrize(
    "text",
    [
        "[RESOLVED] DiskFull", "RESOLVED: disk full", "Resolved: disk full", "OK: orders-db", "[OK] orders-db", "SUCCESS - nightly load",
        "RECOVERED orders-db", "** RECOVERY Service Alert: db1/load is OK **", "orders-db UP", "Health check OK", "Finished: SUCCESS",
        "status: ok", "nightly-orders succeeded", "nightly-orders succeeded (run 8)", "nightly load completed, no errors",
        "load finished in 4 min",
        "orders-load succeeded 2026-11-23", "The export of orders completed successfully.", "Successfully loaded orders", "Backup complete",
        "orders-db has recovered after 12 minutes", "orders-db is available again", "orders-db is back up", "orders-db is back to normal",
        "orders-db is up again", "all is well again", "12 tests passed", "0 failed, 12 passed",
        "orders-db is healthy", "Load was successful",
        "Service restored.", "Incident 12 resolved by ana", "load run=7 completed run=7",
    ],
)  # fmt: skip
def test_a_statement_that_it_is_over_is_a_recovery(text: str) -> None:
    assert state_of(text) is State.RESOLVED


@pytest.mark.req("R46")
@pytest.mark.parametrize(
    "text",
    [
        "A new version is available", "Update available for orders-db", "Version 7 is now available", "AVAILABLE NOW: NEW FEATURES",
        "How to set up alerts", "Set up your account", "Your account is set up", "Back up orders-db before Friday",
        "Sign up for the webinar",
        "CPU credits are up for renewal", "Traffic is up 20 %", "Customer success weekly", "Disaster recovery plan was updated",
        "Resolved issues of this week", "OK to deploy?", "Please confirm once the load has completed", "Load will be completed at 9",
        "Is the load finished?", "If the load succeeded, tell ana", "The load has not finished", "The load can't be completed",
        "To set it up successfully, read on", "Snapshot restored to test",
        "Load completed 3 steps of 5, waiting", "The date has passed us by",
        "Waiting until orders-db is healthy", "ACCOUNT SET UP", "not available",
        f"We write to tell you about {'many ' * 40} things, of which the first one is completed",
    ],
)  # fmt: skip
def test_words_that_happen_to_be_in_a_text_are_no_recovery(text: str) -> None:
    assert state_of(text) is None
    (draft,) = message("Read more in the console.", text).drafts
    assert draft.state is State.NOTE
    assert text.startswith(draft.title.removesuffix("…"))


@pytest.mark.parametrize(
    ("value", "state"),
    [
        ("SUCCEEDED", State.RESOLVED), ("available", State.RESOLVED), ("UP", State.RESOLVED), ("job.completed", State.RESOLVED),
        ("Order Load Succeeded", State.RESOLVED), ("FAILED", State.FIRING), ("set up failed", State.FIRING), ("Update Available", None),
        ("Account Set Up", None), ("not ok", None), ("Customer Success Report", None), ("", None),
    ],
)  # fmt: skip
def test_a_field_is_read_as_a_state_and_an_events_type_by_its_last_word(value: str, state: State | None) -> None:
    assert state_of_field(value) is state


def test_the_stem_of_a_text_has_no_state_number_date_or_id_in_it() -> None:
    told = ("orders-load FAILED 2026-11-22 run=8f14e45fceea167a", "SUCCEEDED: orders-load (2026-11-23) run=c9f0f895fb98ab91")
    assert {stem(text) for text in told} == {"orders-load run"}


def test_a_failing_text_closes_itself_for_nobody_promises_its_recovery() -> None:
    draft = message("3 files are missing", "nightly-orders FAILED").drafts[0]
    assert draft.closes_itself
    assert (draft.category, draft.level) == (Category.INCIDENT, Level.ERROR)
    assert message("x", "nightly load FAILED").drafts[0].category is Category.JOB_FAILURE


def test_a_message_that_is_only_json_text_is_text() -> None:
    assert message('"The job orders failed"').drafts[0].message == "The job orders failed"


@pytest.mark.req("R19")
def test_json_that_was_cut_off_is_never_read_to_anyone() -> None:
    with pytest.raises(Unmapped, match="not quite JSON"):
        message('{"a": [1, 2', "Something happened")
    (draft,) = message('{"a": [1, 2', "nightly load FAILED").drafts
    assert (draft.state, draft.message) == (State.FIRING, "nightly load FAILED")


@pytest.mark.req("R19")
@pytest.mark.parametrize("case", ["alarm", "alarm-raw-delivery", "glue-job-failed"])
def test_wherever_a_message_is_cut_off_it_is_whole_or_unmapped(case: str) -> None:
    whole, given = first(case), inbound(case)
    for end in range(0, len(given.body), 7):
        try:
            drafts = SOURCE.map(Inbound(body=given.body[:end], headers=given.headers)).drafts
        except Unmapped:
            continue
        for draft in drafts:
            assert "{" not in draft.title + draft.message
            assert draft.event_data == whole.event_data or draft.closes_itself or draft.state is not State.FIRING


def test_a_failed_query_is_told_once_for_nothing_can_say_that_it_works_again() -> None:
    assert (first("athena-query-failed").state, first("athena-query-failed").level) == (State.NOTE, Level.ERROR)
    assert mapped("athena-query-succeeded").drafts == ()


def test_an_event_that_is_not_known_is_read_by_its_own_names_and_states() -> None:
    draft = first("sagemaker-tuning-failed")
    assert (draft.title, draft.message) == ("SageMaker HyperParameter Tuning Job churn-tuning failed", "no data")
    assert first("chat-custom").message == "3 files are missing"
