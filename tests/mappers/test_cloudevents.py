"""CloudEvents: one event whichever mode carries it; what an unknown type means is said by its words or the source's settings."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mappers.cloudevents import SOURCE, Settings
from mappers.cloudevents.words import matches, phase_of, phase_of_type, stem
from mappers.contract import Category, Draft, Headers, Inbound, Level, Mapped, Phase, State, Unmapped

FIXTURES = Path(__file__).parents[1] / "fixtures" / "cloudevents"


def inbound(case: str) -> Inbound:
    document = json.loads((FIXTURES / f"{case}.request.json").read_text(encoding="utf-8"))
    return Inbound(
        body=document["body"].encode(),
        headers=Headers((name, value) for name, value in document["headers"]),
        settings=SOURCE.read_settings(document.get("settings", {})),
    )


def mapped(case: str) -> Mapped:
    return SOURCE.map(inbound(case))


def first(case: str) -> Draft:
    return mapped(case).drafts[0]


def identity(draft: Draft) -> str:
    return json.dumps([draft.slug, draft.event_data], sort_keys=True)


def event(kind: str, data: Any = None, **more: Any) -> Mapped:
    body = {"specversion": "1.0", "id": "1", "source": "/loads", "type": kind, "subject": "orders", "data": data, **more}
    return SOURCE.map(Inbound(body=json.dumps(body).encode(), settings=Settings()))


@pytest.mark.req("R14", "R46")
@pytest.mark.parametrize(
    ("failing", "recovering"),
    [
        ("failed-rich", "succeeded"),
        ("run-id-in-subject", "run-id-in-subject-recovered"),
        ("alert-raised", "alert-resolved"),
        ("chosen-failing", "chosen-recovering"),
        ("cdevents-pipelinerun-failure", "cdevents-pipelinerun-success"),
        ("cdevents-incident-detected", "cdevents-incident-resolved"),
        ("tekton-failed", "tekton-successful"),
        ("azure-health-unavailable", "azure-health-available"),
        ("azure-ml-run-failed", "azure-ml-run-completed"),
    ],
)
def test_a_recovery_resolves_what_the_failure_opened(failing: str, recovering: str) -> None:
    opened, closed = first(failing), first(recovering)
    assert (opened.state, closed.state) == (State.FIRING, State.RESOLVED)
    assert identity(opened) == identity(closed)
    assert opened.title == closed.title


def test_every_mode_and_version_carries_the_same_event() -> None:
    binary, structured = first("captured-binary"), first("captured-structured")
    assert binary == structured
    assert (
        SOURCE.request_key(inbound("captured-binary"))
        == SOURCE.request_key(inbound("captured-structured"))
        == "/prefect/prod A234-1234-1234"
    )
    assert identity(first("version-0-1")) == identity(first("version-0-3"))
    assert first("version-0-3").message == first("data-base64").message == "boom"


def test_headers_are_unquoted_and_decoded() -> None:
    assert first("binary-encoded-headers").event_data["subject"] == "Bestellungen €"
    assert first("binary-encoded-headers").level is Level.WARNING
    assert first("binary-quoted-header").event_data["subject"] == 'a "quoted" name'


def test_a_batch_tells_each_of_its_events() -> None:
    answer = mapped("batch")
    assert [(draft.event_data["subject"], draft.state) for draft in answer.drafts] == [
        ("orders", State.FIRING), ("customers", State.RESOLVED),
    ]  # fmt: skip
    assert answer.ignored is None
    assert mapped("batch-empty").ignored == "an empty batch"
    key = SOURCE.request_key(inbound("batch"))
    assert key not in (None, SOURCE.request_key(inbound("batch-of-nothing-known")))


@pytest.mark.req("R19")
def test_a_failure_that_was_cut_off_is_complete_all_the_same() -> None:
    draft = first("truncated")
    assert (draft.state, draft.message) == (State.FIRING, 'relation "orders" does not exist')


@pytest.mark.req("R14")
def test_a_recovery_tells_how_long_it_was_so() -> None:
    assert first("alert-resolved").message == "Was so for 42 min."


@pytest.mark.parametrize(
    ("case", "category"),
    [
        ("late", Category.LATE_RUN),
        ("schema", Category.SCHEMA_CHANGE),
        ("quality", Category.DBT_TEST_FAILURE),
        ("cdevents-testsuite-fail", Category.DBT_TEST_FAILURE),
        ("failed-rich", Category.JOB_FAILURE),
        ("alert-raised", Category.INCIDENT),
        ("kubernetes-warning", Category.INCIDENT),
    ],
)
def test_the_category_is_what_its_words_speak_of(case: str, category: Category) -> None:
    assert first(case).category is category


@pytest.mark.parametrize(
    ("kind", "phase"),
    [
        ("com.acme.pipelineRun.failed.v1", Phase.FAILED),
        ("com.acme.run.TimedOut", Phase.FAILED),
        ("Microsoft.Resources.ResourceWriteFailure", Phase.FAILED),
        ("com.acme.errors.resolved", Phase.SUCCEEDED),
        ("com.acme.alert.raised", Phase.FAILED),
        ("com.github.pull_request.opened", None),
        ("com.acme.pipeline.triggered", None),
        ("com.acme.order.paid", None),
        ("com.acme.job.started", Phase.RUNNING),
        ("com.acme.job.cancelled", Phase.CANCELLED),
        ("prefect.flow-run.Crashed", Phase.FAILED),
        ("down.com.acme.order", None),
    ],
)
def test_a_type_says_its_state_at_its_end(kind: str, phase: Phase | None) -> None:
    assert phase_of_type(kind) is phase


def test_failing_goes_before_recovering_and_no_errors_is_no_failure() -> None:
    assert phase_of("completed with errors") is Phase.FAILED
    assert phase_of("completed, 0 errors") is Phase.SUCCEEDED
    assert phase_of("no data") is None


def test_the_data_goes_before_the_type() -> None:
    assert event("com.acme.run.finished", {"state": "FAILED"}).drafts[0].state is State.FIRING
    assert event("com.acme.run.failed", {"status": "resolved"}).drafts[0].state is State.RESOLVED
    assert event("com.acme.sync.finished", {"success": False}).drafts[0].state is State.FIRING
    assert event("com.acme.log", {"severity": "ERROR", "message": "boom"}).drafts[0].level is Level.ERROR


def test_a_type_without_its_state_and_version_is_the_same_for_all_states() -> None:
    for kinds in (
        ("com.acme.run.failed.v1", "com.acme.run.succeeded.v1", "com.acme.run.started.v2"),
        ("com.acme.RunFailed", "com.acme.RunSucceeded"),
        ("com.acme.alert.raised", "com.acme.alert.cleared"),
    ):
        assert len({stem(kind) for kind in kinds}) == 1, kinds
    assert stem("failed") == "failed"


def test_what_says_neither_is_ignored_and_says_how_to_name_it() -> None:
    told = mapped("order-created").ignored
    assert told is not None
    assert "`failing`, `recovering` or `notes`" in told


def test_settings_name_what_words_do_not_say() -> None:
    assert mapped("chosen-ignored").ignored == "com.acme.payment.failed is in the source's `ignore`"
    note = first("chosen-note")
    assert (note.state, note.category, note.level) == (State.NOTE, Category.SYSTEM, Level.INFO)
    assert not first("chosen-failing").closes_itself, "its recovery is named in the settings"
    assert first("captured-structured").closes_itself, "nobody promises a recovery"
    with pytest.raises(ValidationError):
        SOURCE.read_settings({"failing": [""]})


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        ("com.acme.*.red", ["com.acme.load.red", "COM.ACME.a.b.red"], ["com.acme.red", "com.acme.load.red.v1", "x.com.acme.load.red"]),
        ("*failed*", ["a.failed", "failed", "failed.b"], ["fail"]),
        ("*", ["", "anything"], []),
        ("a*a", ["aa", "aba"], ["a", "ab"]),
        ("exact", ["exact"], ["exactly", "inexact"]),
    ],
)
def test_a_star_stands_for_anything(pattern: str, fits: list[str], fits_not: list[str]) -> None:
    assert all(matches([pattern], text) for text in fits)
    assert not any(matches([pattern], text) for text in fits_not)


@given(parts=st.lists(st.text(alphabet="ab", max_size=3), min_size=1, max_size=5), fill=st.text(alphabet="ab", max_size=4))
@settings(max_examples=300, deadline=None)
def test_a_pattern_fits_what_it_was_made_from(parts: list[str], fill: str) -> None:
    assert matches(["*".join(parts)], fill.join(parts))


def test_a_task_of_a_tekton_pipeline_is_left_to_its_run() -> None:
    assert mapped("tekton-task-of-a-pipeline").drafts == ()
    assert first("tekton-cancelled").state is State.NOTE
    assert "nightly-x7k2p" not in identity(first("tekton-failed"))


@pytest.mark.req("R17")
@pytest.mark.parametrize("body", [b"", b"{", b"7", b"[7]", b'{"type": "a"}', b'{"specversion": "1.0"}', b'"x"', b"null", b"[null]"])
def test_what_is_no_cloudevent_is_unmapped_and_has_no_key(body: bytes) -> None:
    with pytest.raises(Unmapped):
        SOURCE.map(Inbound(body=body))
    assert SOURCE.request_key(Inbound(body=body)) is None
