"""The dbt platform's Admin API, asked as our workers ask it, against a faithful fake."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gateway.upstream.asking import Asked, Document, EndedRun, NotYet, Refused, Unavailable
from gateway.upstream.dbt_cloud import UPSTREAM
from gateway.upstream.web import Web
from mappers.contract import Inbound, State
from mappers.dbt_cloud import SOURCE as PLATFORM
from mappers.dbt_core import SOURCE as CORE
from tests.upstream.fake_dbt import ACCOUNT, TOKEN, FakeDbt, refused, serving

FIXTURES = Path(__file__).parents[1] / "fixtures"
RECEIVED = datetime(2026, 11, 23, tzinfo=UTC)


def artifact(case: str) -> bytes:
    return str(json.loads((FIXTURES / "dbt_core" / f"{case}.request.json").read_text())["body"]).encode()


@pytest.fixture
async def dbt() -> AsyncIterator[FakeDbt]:
    async with serving(FakeDbt()) as fake:
        yield fake


@pytest.fixture
async def asking() -> AsyncIterator[Web]:
    asking = Web()
    yield asking
    await asking.close()


def asked(asking: Web, fake: FakeDbt, run: int | None = 7, **given: Any) -> Asked:
    values = {"host": fake.url, "api_token": TOKEN, "account": str(ACCOUNT), **given}
    ids = {"account": str(ACCOUNT), "project": "167194", "job": "123", "run": str(run)} if run else {}
    return Asked(asking, PLATFORM.read_settings(values), ids)


async def artifacts(asking: Web, fake: FakeDbt, **given: Any) -> Document | None:
    return await UPSTREAM.operations["run_artifacts"](asked(asking, fake, **given))


def failed_build(fake: FakeDbt) -> None:
    """A job of clone, deps, source freshness, build and docs, as its scheduler runs it."""
    fake.run(7)
    fake.step(7, "Clone git repository")
    fake.step(7, "dbt deps")
    freshness = fake.step(7, "dbt source freshness")
    build = fake.step(7, "dbt build --select tag:nightly", 20, "1 of 3 ERROR creating model orders\n")
    docs = fake.step(7, "dbt docs generate")
    fake.artifact(7, freshness, "sources.json", artifact("sources-v3"))
    fake.artifact(7, build, "run_results.json", artifact("build-v6"))
    fake.artifact(7, docs, "run_results.json", artifact("docs-generate-v6"))
    fake.artifact(7, None, "manifest.json", artifact("manifest-v12"))
    fake.artifact(7, None, "catalog.json", artifact("catalog-first"))


@pytest.mark.req("R9")
async def test_a_runs_artifacts_come_as_one_bundle_about_that_run(dbt: FakeDbt, asking: Web) -> None:
    failed_build(dbt)
    document = await artifacts(asking, dbt, job_owners={"Nightly": ["@data"]})
    assert document
    bundle = json.loads(document.body)
    assert {key: bundle[key] for key in ("pipeline", "run", "target", "owners")} == {
        "pipeline": "Nightly", "run": "7", "target": "Production", "owners": ["@data"],
    }  # fmt: skip
    assert bundle["url"] == f"{dbt.url}/deploy/{ACCOUNT}/projects/167194/runs/7"
    mapped = CORE.map(Inbound(body=document.body, received_at=RECEIVED, settings=PLATFORM.read_settings({})))
    failing = {draft.member.label for draft in mapped.drafts if draft.member and draft.state is State.FIRING}
    assert {"from_source", "broken_model", "assert_positive_amount"} <= failing
    assert {(draft.run, draft.pipeline) for draft in mapped.drafts} == {("7", "Nightly")}
    assert {draft.event_data["target"] for draft in mapped.drafts} == {"Production"}
    assert not mapped.signals, "the platform's own webhook tells of the run"
    del bundle["manifest"]
    unowned = CORE.map(Inbound(body=json.dumps(bundle).encode(), received_at=RECEIVED, settings=PLATFORM.read_settings({})))
    assert {draft.owners for draft in unowned.drafts if draft.state is State.FIRING} == {("@data",)}


async def test_steps_without_results_are_not_asked_for_and_a_left_over_is_taken_once(dbt: FakeDbt, asking: Web) -> None:
    dbt.run(7)
    for command in ("dbt deps", "dbt seed", "dbt run", "dbt list"):
        index = dbt.step(7, command)
        dbt.artifact(7, index, "run_results.json", artifact("build-v6"))
    document = await artifacts(asking, dbt)
    assert document
    assert len(json.loads(document.body)["run_results"]) == 1
    assert [path.split("?")[1] for path in dbt.asked if "run_results.json" in path] == ["step=2", "step=3"]


async def test_nothing_is_asked_before_the_run_ended_and_its_artifacts_are_saved(dbt: FakeDbt, asking: Web) -> None:
    with pytest.raises(NotYet):
        await artifacts(asking, dbt)
    run = dbt.run(7, 3)
    dbt.step(7, "dbt build", 20)
    with pytest.raises(NotYet):
        await artifacts(asking, dbt)
    run.update(status=20, artifacts_saved=False)
    with pytest.raises(NotYet):
        await artifacts(asking, dbt)
    del run["artifacts_saved"]
    with pytest.raises(NotYet):
        await artifacts(asking, dbt)
    assert not [path for path in dbt.asked if "manifest" in path]
    dbt.artifact(7, 1, "run_results.json", artifact("build-v6"))
    assert await artifacts(asking, dbt)


async def test_a_run_that_never_came_to_dbt_has_no_artifacts(dbt: FakeDbt, asking: Web) -> None:
    dbt.run(7, artifacts_saved=False)
    dbt.step(7, "Clone git repository", 20)
    assert await artifacts(asking, dbt) is None
    dbt.run(8)
    dbt.step(8, "dbt build", 20)
    assert await artifacts(asking, dbt, run=8) is None, "saved, and there are none"


@pytest.mark.parametrize("content_type", ["text/html", "application/json", "image/png"])
async def test_what_an_artifact_is_called_does_not_matter(dbt: FakeDbt, asking: Web, content_type: str) -> None:
    failed_build(dbt)
    dbt.content_type = content_type
    assert await artifacts(asking, dbt)


@pytest.mark.parametrize("body", [b"", b"<html>502</html>", artifact("build-v6")[:5000], b"[]"], ids=["empty", "page", "cut", "list"])
async def test_results_that_are_not_whole_are_asked_for_again_and_a_broken_manifest_is_left_out(
    dbt: FakeDbt, asking: Web, body: bytes
) -> None:
    failed_build(dbt)
    dbt.artifact(7, None, "manifest.json", body)
    document = await artifacts(asking, dbt)
    assert document
    assert "manifest" not in json.loads(document.body)
    dbt.artifact(7, 4, "run_results.json", body)
    with pytest.raises(Unavailable, match="cannot be read"):
        await artifacts(asking, dbt)


async def test_a_manifest_of_many_megabytes_is_cut_down_to_what_is_read(dbt: FakeDbt, asking: Web) -> None:
    failed_build(dbt)
    manifest = json.loads(artifact("manifest-v12"))
    manifest["macros"] = {f"macro.dbt.m{number}": {"macro_sql": "x" * 1000} for number in range(20_000)}
    manifest["nodes"]["model.shop.large"] = {"raw_code": "select 1" * 100_000, "config": {"meta": {"owner": "@large", "secret": "y"}}}
    dbt.artifact(7, None, "manifest.json", manifest)
    document = await artifacts(asking, dbt)
    assert document
    assert len(document.body) < 100_000
    assert json.loads(document.body)["manifest"]["nodes"]["model.shop.large"] == {"config": {"meta": {"owner": "@large"}}}


@pytest.mark.parametrize("token", ["wrong", "\u00e9"])
async def test_a_wrong_token_is_refused_with_words(dbt: FakeDbt, asking: Web, token: str) -> None:
    failed_build(dbt)
    with pytest.raises(Refused, match=r"401.*key in the source's settings"):
        await artifacts(asking, dbt, api_token=token)


@pytest.mark.parametrize(("status", "after"), [(429, "30"), (503, None), (500, None)])
async def test_what_passes_is_asked_again_when_the_platform_wishes(dbt: FakeDbt, asking: Web, status: int, after: str | None) -> None:
    failed_build(dbt)

    def fault(request: web.Request) -> web.Response | None:
        headers = {"Retry_After": after} if after else {}
        return refused(status, "slow down", **headers) if "run_results" in request.path else None

    dbt.faults.append(fault)
    with pytest.raises(Unavailable) as caught:
        await artifacts(asking, dbt)
    assert caught.value.retry_after == (timedelta(seconds=30) if after else None)
    assert await artifacts(asking, dbt), "and then it works"


async def test_a_manifest_asked_for_too_fast_is_waited_for(dbt: FakeDbt, asking: Web) -> None:
    failed_build(dbt)
    dbt.faults.append(lambda request: refused(429, "slow down", Retry_After="5") if "manifest" in request.path else None)
    with pytest.raises(Unavailable):
        await artifacts(asking, dbt)


async def test_an_address_that_is_no_dbt_platform_is_named(dbt: FakeDbt, asking: Web) -> None:
    dbt.faults.append(lambda _: web.Response(text="<html>Sign in</html>", content_type="text/html"))
    with pytest.raises(Unavailable, match="address"):
        await artifacts(asking, dbt)
    dbt.faults.append(lambda _: web.json_response({"hello": "world"}))
    with pytest.raises(Unavailable, match="access URL"):
        await artifacts(asking, dbt)
    with pytest.raises(Unavailable, match="cannot be reached"):
        await artifacts(asking, dbt, host="http://127.0.0.1:1")


@pytest.mark.parametrize("ids", [{"run": "7/../8"}, {"run": ""}, {"account": "0x1"}, {"account": "99"}, {"run": "\u0667"}])
async def test_a_strangers_ids_never_become_part_of_an_address(dbt: FakeDbt, asking: Web, ids: dict[str, str]) -> None:
    failed_build(dbt)
    question = asked(asking, dbt)
    with pytest.raises(Refused):
        await UPSTREAM.operations["run_artifacts"](Asked(asking, question.settings, {**question.ids, **ids}))
    assert not dbt.asked


async def test_the_log_is_the_failing_steps_and_cut_from_its_end(dbt: FakeDbt, asking: Web) -> None:
    failed_build(dbt)
    document = await UPSTREAM.operations["run_logs"](asked(asking, dbt))
    assert document == Document(b"1 of 3 ERROR creating model orders\n", "text/plain; charset=utf-8")
    dbt.runs[7]["run_steps"][3]["logs"] = "\x1b[31m" + "early\n" * 50_000 + "the end\n"
    document = await UPSTREAM.operations["run_logs"](asked(asking, dbt))
    assert document
    assert document.body.startswith("… 240008 characters before".encode())
    assert document.body.endswith(b"early\nthe end\n")
    assert len(document.body) < 61_000
    dbt.runs[7]["run_steps"][3].update(logs="", truncated_debug_logs="debug")
    document = await UPSTREAM.operations["run_logs"](asked(asking, dbt))
    assert document
    assert document.body == b"debug"
    dbt.runs[7]["run_steps"][3].update(truncated_debug_logs=None)
    with pytest.raises(NotYet):
        await UPSTREAM.operations["run_logs"](asked(asking, dbt))
    dbt.run(8, 30)
    assert await UPSTREAM.operations["run_logs"](asked(asking, dbt, run=8)) is None


async def ended(asking: Web, fake: FakeDbt, since: datetime, until: datetime, **given: Any) -> list[EndedRun]:
    assert UPSTREAM.ended_runs
    pages = UPSTREAM.ended_runs(asked(asking, fake, run=None, **given), since, until)
    return [run async for page in pages for run in page]


@pytest.mark.req("R23")
async def test_runs_that_ended_are_told_oldest_first_and_all_of_them(dbt: FakeDbt, asking: Web) -> None:
    start = datetime(2026, 11, 22, tzinfo=UTC)
    for number in range(1, 251):
        dbt.run(number, (10, 20, 30)[number % 3], finished_at=str(start + timedelta(minutes=250 - number)))
    dbt.run(900, 3, finished_at=None)
    found = await ended(asking, dbt, start + timedelta(minutes=9), start + timedelta(minutes=240))
    assert [run.run for run in found] == [str(number) for number in range(240, 9, -1)], "(since, until]"
    assert {run.phase for run in found} == {"succeeded", "failed", "cancelled"}
    assert len([path for path in dbt.asked if "/runs/?" in path]) == 3
    assert not await ended(asking, dbt, start - timedelta(days=2), start - timedelta(days=1))


@pytest.mark.parametrize("jobs", [["123"], [123]])
async def test_missed_runs_of_jobs_that_are_not_watched_are_nobodys_business(dbt: FakeDbt, asking: Web, jobs: list[Any]) -> None:
    dbt.run(1)
    dbt.run(2, job_definition_id=99)
    found = await ended(asking, dbt, RECEIVED - timedelta(days=2), RECEIVED, jobs=jobs)
    assert [run.run for run in found] == ["1"]


async def test_without_an_account_nobody_knows_whose_runs(dbt: FakeDbt, asking: Web) -> None:
    with pytest.raises(Refused, match="set account"):
        await ended(asking, dbt, RECEIVED - timedelta(days=1), RECEIVED, account=None)


@pytest.mark.req("R23")
@pytest.mark.parametrize(
    ("case", "status"),
    [
        ("job.run.errored", 20),
        ("job.run.completed-of-the-errored-run", 20),
        ("job.run.completed-success", 10),
        ("job.run.completed-cancelled", 30),
    ],
)
async def test_a_run_of_the_api_is_the_same_happening_as_its_webhook(dbt: FakeDbt, asking: Web, case: str, status: int) -> None:
    webhook = json.loads(json.loads((FIXTURES / "dbt_cloud" / f"{case}.request.json").read_text())["body"])
    webhook["accountId"] = ACCOUNT
    data = webhook["data"]
    at = (data.get("runErroredAt") or data["runFinishedAt"]).replace("Z", ".654321+00:00")
    dbt.run(
        int(data["runId"]), status, job_definition_id=int(data["jobId"]), job={"name": data["jobName"]}, project_id=int(data["projectId"]),
        environment={"name": data["environmentName"]}, trigger={"cause": data["runReason"]}, dbt_version=data["dbtVersion"],
        status_message=data["runStatusMessage"],
        started_at=data["runStartedAt"].replace("Z", ".100000+00:00").replace("T", " "), finished_at=at,
    )  # fmt: skip
    settings = PLATFORM.read_settings({"host": "https://ab123.us1.dbt.com"})
    (run,) = await ended(asking, dbt, datetime(2020, 1, 1, tzinfo=UTC), RECEIVED)
    theirs = PLATFORM.map(Inbound(body=json.dumps(webhook).encode(), received_at=RECEIVED, settings=settings))
    ours = PLATFORM.map(Inbound(body=run.body, received_at=RECEIVED, settings=settings))
    ignore = {"facts"}
    assert [draft.model_dump(exclude=ignore) for draft in ours.drafts] == [draft.model_dump(exclude=ignore) for draft in theirs.drafts]
    assert ours.drafts[0].facts.items() <= theirs.drafts[0].facts.items()
    assert ours.follow_ups == theirs.follow_ups
    (signal,), (told,) = ours.signals, theirs.signals
    assert (signal.run, signal.pipeline, signal.phase, signal.at) == (told.run, told.pipeline, told.phase, told.at)
    assert run.phase == signal.phase
    keys = [PLATFORM.request_key(Inbound(body=run.body)) for _ in range(2)]
    assert keys[0] == keys[1] == f"run {ACCOUNT} {data['runId']} {signal.phase}"


def test_without_a_token_or_host_nothing_can_be_asked() -> None:
    assert UPSTREAM.is_reachable(PLATFORM.read_settings({"host": "ab123.us1.dbt.com", "api_token": "x"}))
    assert not UPSTREAM.is_reachable(PLATFORM.read_settings({"host": "ab123.us1.dbt.com"}))
    assert not UPSTREAM.is_reachable(PLATFORM.read_settings({"api_token": "x"}))
    assert not UPSTREAM.is_reachable(CORE.read_settings({}))
