"""dbt platform webhooks: two events of one failed run are one happening, and the job is what fails and recovers."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappers.contract import Category, Draft, Headers, Inbound, Level, Mapped, Phase, State, Unmapped
from mappers.contract.signature import Proof, Refusal, Scheme, Secret, authenticate
from mappers.dbt_cloud import SOURCE

FIXTURES = Path(__file__).parents[1] / "fixtures" / "dbt_cloud"


def body(case: str) -> str:
    return str(json.loads((FIXTURES / f"{case}.request.json").read_text())["body"])


def inbound(raw: Any, **given: Any) -> Inbound:
    text = raw if isinstance(raw, str) else json.dumps(raw)
    return Inbound(body=text.encode(), received_at=datetime(2023, 2, 1, tzinfo=UTC), settings=SOURCE.read_settings(given))


def mapped(raw: Any, **given: Any) -> Mapped:
    return SOURCE.map(inbound(raw, **given))


def only(answer: Mapped) -> Draft:
    (draft,) = answer.drafts
    return draft


def identity(draft: Draft) -> tuple[str, str, str | None]:
    return draft.slug, json.dumps(draft.event_data, sort_keys=True), draft.environment


@pytest.mark.req("R9")
def test_errored_and_failing_completed_are_one_occurrence_of_one_thread():
    errored, completed = mapped(body("job.run.errored")), mapped(body("job.run.completed-of-the-errored-run"))
    first, second = only(errored), only(completed)
    assert identity(first) == identity(second)
    assert (first.run, first.attempt, first.state, first.occurrence) == (second.run, second.attempt, second.state, second.occurrence)
    assert first.category is Category.JOB_FAILURE
    assert errored.follow_ups == completed.follow_ups != ()
    assert SOURCE.request_key(inbound(body("job.run.errored"))) != SOURCE.request_key(inbound(body("job.run.completed-of-the-errored-run")))


@pytest.mark.req("R9")
@pytest.mark.parametrize(
    ("failing", "recovering"),
    [
        ("job.run.completed-errored", "job.run.completed-success"),
        ("beta-v1-errored", "job.run.completed-success"),
        ("legacy-v0-error", "legacy-v0-success"),
        ("api-run-errored", "api-run-success"),
    ],
)
def test_success_resolves_what_any_dialect_opened(failing: str, recovering: str):
    fired, recovered = only(mapped(body(failing))), only(mapped(body(recovering)))
    assert identity(fired) == identity(recovered)
    assert (fired.level, fired.state) == (Level.ERROR, State.FIRING)
    assert (recovered.level, recovered.state) == (Level.SUCCESS, State.RESOLVED)


def test_the_job_keeps_its_thread_when_ids_are_numbers_and_when_it_is_renamed():
    raw = json.loads(body("job.run.errored"))
    renamed = {**raw, "accountId": "1", "data": {**raw["data"], "jobId": 123, "jobName": "renamed"}}
    assert identity(only(mapped(raw))) == identity(only(mapped(renamed)))


@pytest.mark.req("R6")
@pytest.mark.parametrize("case", ["job.run.started", "beta-v1-started", "legacy-v0-running"])
def test_a_started_run_is_a_signal_and_nothing_else(case: str):
    answer = mapped(body(case))
    assert not answer.drafts
    assert not answer.follow_ups
    assert answer.ignored
    assert answer.signals[0].phase is Phase.RUNNING


def test_a_cancelled_run_is_a_note_that_cannot_touch_the_failure_of_its_job():
    note = only(mapped(body("job.run.completed-cancelled")))
    assert (note.state, note.level) == (State.NOTE, Level.INFO)
    assert identity(note) != identity(only(mapped(body("job.run.errored"))))


@pytest.mark.req("R9")
def test_an_errored_event_fails_whatever_its_status_says():
    raw = json.loads(body("job.run.errored"))
    for code, status in ((3, "Running"), (None, "None"), (99, "Exploded")):
        raw["data"].update(runStatusCode=code, runStatus=status)
        assert only(mapped(raw)).state is State.FIRING


def test_the_string_none_is_nothing():
    draft = only(mapped(body("job.run.errored")))
    assert "None" not in draft.message
    assert draft.excerpt == ""


def test_a_link_needs_the_host_of_the_account():
    raw = body("job.run.errored")
    page = {"Open run": "https://ab123.us1.dbt.com/deploy/1/projects/167194/runs/12345"}
    assert only(mapped(raw)).links == {}
    assert only(mapped(raw, host="https://ab123.us1.dbt.com/")).links == page
    assert only(mapped(raw, host="ab123.us1.dbt.com")).links == page
    assert only(mapped(body("beta-v1-errored"), host="ab123.us1.dbt.com")).links == {}, "no project id, no page"


@pytest.mark.req("R15")
def test_the_event_id_is_the_request_key():
    assert SOURCE.request_key(inbound(body("job.run.errored"))) == "wev_2L6m5BggBw9uPNuSmtg4MUiW4Re"
    assert SOURCE.request_key(inbound(body("legacy-v0-error"))) is None
    assert SOURCE.request_key(inbound('{"eventId": "None"}')) is None
    assert SOURCE.request_key(inbound("[")) is None


@pytest.mark.req("R9")
def test_the_signature_is_bare_hex_over_the_raw_body():
    raw = body("job.run.errored").encode()
    proof = Proof(SOURCE.auth[0], (Secret(key=b"invented"),))
    good = hmac.new(b"invented", raw, hashlib.sha256).hexdigest()
    now = datetime(2023, 2, 1, tzinfo=UTC)
    assert SOURCE.auth == (Scheme.DBT,)
    assert authenticate([proof], Headers([("authorization", good)]), None, raw, now) is None
    assert authenticate([proof], Headers([("authorization", good)]), None, raw + b" ", now) is Refusal.WRONG


@pytest.mark.req("R23")
def test_runs_of_the_api_are_one_request_each_however_often_they_are_found():
    assert SOURCE.request_key(inbound(body("api-run-errored"))) == "run 4711 70555823001 failed"
    assert SOURCE.request_key(inbound(body("api-run-success"))) == "run 4711 70555823002 succeeded"
    assert SOURCE.request_key(inbound('{"tocsin": "run", "run": {}}')) is None


@pytest.mark.req("R58")
def test_a_job_has_the_owners_its_name_or_id_is_given():
    raw = body("job.run.errored")
    assert only(mapped(raw, job_owners={"dbt Vault": ["@vault"], "123": ["@other"]})).owners == ("@vault",)
    assert only(mapped(raw, job_owners={"123": ["@other"]})).owners == ("@other",)
    assert only(mapped(raw)).owners == ()


def test_the_token_of_the_api_is_not_printed():
    assert "dbtu_hidden" not in repr(SOURCE.read_settings({"api_token": "dbtu_hidden"}))


@pytest.mark.req("R17")
@pytest.mark.parametrize(
    "raw",
    ["", "ping", "[]", "{}", '{"data": null}', '{"data": {"jobId": "1", "runId": "2"}, "eventType": "job.run.deleted"}', "[" * 100_000],
)
def test_what_is_not_understood_is_unmapped_with_a_reason(raw: str):
    with pytest.raises(Unmapped) as caught:
        mapped(raw)
    assert caught.value.reason


ANYTHING = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.just("\ud800") | st.lists(st.integers(), max_size=2)
)
FIELDS = ["jobId", "jobName", "runId", "projectId", "projectName", "runStatusMessage", "runStartedAt", "runFinishedAt", "runErroredAt"]
DATA = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(FIELDS, ANYTHING),
        "jobId": st.just("1") | ANYTHING,
        "runId": st.just(2) | ANYTHING,
        "runStatusCode": st.sampled_from([3, 10, 20, 30]) | ANYTHING,
        "runStatus": st.sampled_from(["Errored", "Success"]) | ANYTHING,
    },
)
RUN = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(["status_humanized", "job", "environment", "trigger", "started_at", "finished_at", "status_message"], ANYTHING),
        "id": st.just(7) | ANYTHING,
        "job_definition_id": st.just(1) | ANYTHING,
        "status": st.sampled_from([3, 10, 20, 30]) | ANYTHING,
    },
)
EVENT = st.fixed_dictionaries(
    {},
    optional={
        "eventType": st.sampled_from(["job.run.errored", "job.run.completed", "job.run.started"]) | ANYTHING,
        "data": DATA | ANYTHING,
        "payload": DATA | ANYTHING,
        "tocsin": st.just("run") | ANYTHING,
        "run": RUN | ANYTHING,
        "accountId": ANYTHING,
        "eventId": ANYTHING,
        "timestamp": ANYTHING,
    },
)


@given(raw=EVENT, host=st.none() | st.text(max_size=10))
@settings(max_examples=300, deadline=None)
@pytest.mark.req("R17")
def test_no_body_makes_it_raise_anything_but_unmapped(raw: Any, host: str | None):
    try:
        answer = SOURCE.map(inbound(raw, host=host))
    except Unmapped:
        pass
    else:
        assert answer.signals
        assert answer.drafts or answer.ignored
    assert SOURCE.request_key(inbound(raw)) != ""


@pytest.mark.req("R19")
def test_a_failure_that_is_cut_off_anywhere_is_of_the_same_thread_and_run_or_of_none():
    whole = body("job.run.errored")
    known = only(mapped(whole))
    told = 0
    for end in range(0, len(whole), 7):
        try:
            draft = only(mapped(whole[:end]))
        except Unmapped:
            continue
        told += 1
        assert (identity(draft), draft.run, draft.state) == (identity(known), known.run, known.state)
    assert told > 20
