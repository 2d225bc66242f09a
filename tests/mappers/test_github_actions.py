"""GitHub Actions: a workflow on a branch is a thread, and the data team hears of the branches that matter to it."""

import json
from pathlib import Path

import pytest

from mappers.contract import Draft, Headers, Inbound, Level, Mapped, Phase, State, Unmapped, parse_time
from mappers.github_actions import SOURCE

FIXTURES = Path(__file__).parents[1] / "fixtures" / "github_actions"


def inbound(case: str) -> Inbound:
    document = json.loads((FIXTURES / f"{case}.request.json").read_text(encoding="utf-8"))
    return Inbound(
        body=document["body"].encode(),
        headers=Headers(document["headers"]),
        settings=SOURCE.read_settings(document.get("settings", {})),
        documents={name: body.encode() for name, body in document.get("documents", {}).items()},
    )


def mapped(case: str) -> Mapped:
    return SOURCE.map(inbound(case))


def only(case: str) -> Draft:
    (draft,) = mapped(case).drafts
    return draft


def identity(draft: Draft) -> tuple[str, str]:
    return draft.slug, json.dumps(draft.event_data, sort_keys=True)


SAME = [
    "failure",
    "failure-second-attempt",
    "failure-as-form",
    "failure-as-form-called-json",
    "failure-without-headers",
    "failure-scheduled",
    "failure-enterprise",
    "failure-of-a-workflow-without-a-name",
    "timed-out",
    "startup-failure",
]


@pytest.mark.parametrize("failure", SAME)
@pytest.mark.parametrize("recovery", ["success", "success-second-attempt"])
def test_a_run_that_succeeds_resolves_its_workflow_on_its_branch(failure: str, recovery: str) -> None:
    assert (only(failure).state, only(failure).level) == (State.FIRING, Level.ERROR)
    assert only(recovery).state is State.RESOLVED
    assert identity(only(failure)) == identity(only(recovery))


def test_gitea_is_read_by_the_same_rules() -> None:
    failure, success = only("failure-gitea"), only("success-gitea")
    assert identity(failure) == identity(success)
    assert failure.title == "data/shop: nightly failed"
    assert failure.event_data["workflow"] == "nightly.yml"


@pytest.mark.parametrize(
    "case",
    [
        "pull-request",
        "pull-request-of-a-forks-main",
        "merge-queue",
        "push-to-another-branch",
        "default-branch-not-named",
        "workflow-not-named",
    ],
)
def test_what_is_not_of_a_branch_that_matters_rings_nothing(case: str) -> None:
    answer = mapped(case)
    assert answer.ignored
    assert (answer.drafts, answer.signals) == ((), ())


@pytest.mark.parametrize("case", ["push-to-a-named-branch", "workflow-named-by-file", "failure-dispatched-on-a-branch"])
def test_settings_and_dispatches_open_other_branches_and_workflows(case: str) -> None:
    assert only(case).state is State.FIRING


def test_only_a_branch_that_may_never_run_again_closes_by_itself() -> None:
    assert only("failure-dispatched-on-a-branch").closes_itself
    assert only("failure-dispatched-on-a-branch").title == "acme/warehouse: dbt build failed on try-refunds"
    assert not only("failure").closes_itself


def test_a_failed_run_names_the_job_and_the_step_that_broke() -> None:
    draft = only("failure-with-its-job")
    assert draft.message == 'Run 562 failed after 12 min.\n\nJob "build (prod)" failed at "dbt build --target prod".'
    assert draft.facts["Failed job"] == "build (prod)"
    assert draft.links["Open job"].endswith("/job/289782451")
    assert "Failed job" not in only("failure-with-the-job-of-another-run").facts
    assert "Failed job" not in only("failure").facts


def test_a_failed_job_is_kept_under_the_name_its_run_asks_for() -> None:
    job = json.loads(json.loads((FIXTURES / "failure-with-its-job.request.json").read_text(encoding="utf-8"))["documents"].popitem()[1])
    told = Inbound(body=json.dumps(job).encode(), headers=Headers([("X-GitHub-Event", "workflow_job")]))
    assert SOURCE.documents(told).keeps == SOURCE.documents(inbound("failure")).wants != ()
    assert SOURCE.map(told).ignored
    job["workflow_job"]["conclusion"] = "success"
    passed = Inbound(body=json.dumps(job).encode(), headers=Headers([("X-GitHub-Event", "workflow_job")]))
    assert SOURCE.documents(passed).keeps == ()
    assert SOURCE.documents(inbound("success")).wants == ()


def test_the_address_of_a_second_attempt_is_its_own() -> None:
    assert only("failure-second-attempt").links["Open run"].endswith("/actions/runs/30433642/attempts/2")
    assert (only("failure").attempt, only("failure-second-attempt").attempt) == (1, 2)


@pytest.mark.parametrize(("case", "level"), [("cancelled", Level.INFO), ("action-required", Level.WARNING)])
def test_what_neither_broke_nor_mends_is_a_note_beside_the_thread(case: str, level: Level) -> None:
    draft = only(case)
    assert (draft.state, draft.level) == (State.NOTE, level)
    assert identity(draft) != identity(only("failure"))


@pytest.mark.parametrize("case", ["skipped", "neutral", "stale", "requested", "in-progress"])
def test_what_is_no_end_or_a_silent_one_rings_nothing(case: str) -> None:
    assert mapped(case).ignored
    assert not mapped(case).drafts


def test_a_run_is_followed_from_its_request_to_its_end() -> None:
    signals = [mapped(case).signals[0] for case in ("requested", "in-progress", "failure")]
    assert [signal.phase for signal in signals] == [Phase.SCHEDULED, Phase.RUNNING, Phase.FAILED]
    assert len({(signal.pipeline, signal.run) for signal in signals}) == 1
    assert signals[2].at == parse_time("2026-11-22T02:12:40Z")


@pytest.mark.req("R58")
def test_who_started_it_owns_it_unless_it_is_a_bot() -> None:
    assert only("failure").owners == ("ana",)
    assert only("failure-scheduled").owners == ()


@pytest.mark.req("R15")
def test_the_key_is_githubs_own_and_without_it_the_step_of_the_run() -> None:
    assert SOURCE.request_key(inbound("failure")) == "0b989ba4-242f-11e5-81e1-c7b6966d2516"
    assert SOURCE.request_key(inbound("failure-without-headers")) == "acme/warehouse 30433642 1 completed failure"


@pytest.mark.parametrize("case", ["ping", "check-run", "check-suite", "push", "published-workflow-job-failure"])
def test_other_events_are_ignored_with_a_reason(case: str) -> None:
    assert mapped(case).ignored


@pytest.mark.req("R17")
@pytest.mark.parametrize("case", ["unknown-conclusion", "unknown-event", "no-run", "truncated", "empty"])
def test_what_is_not_understood_is_unmapped(case: str) -> None:
    with pytest.raises(Unmapped):
        mapped(case)
