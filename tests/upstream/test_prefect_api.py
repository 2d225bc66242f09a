"""Prefect's API, asked as our workers ask it, against a faithful fake; `make test-prefect` has a real server."""

import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from gateway.upstream import prefect as upstream
from gateway.upstream.asking import Asked, Document, EndedRun, NotYet, Refused, Unavailable
from gateway.upstream.prefect import UPSTREAM
from gateway.upstream.web import Web
from mappers.contract import Inbound, State
from mappers.prefect import SOURCE
from tests.upstream.fake_prefect import FakePrefect, serving

DAY = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
async def prefect() -> AsyncIterator[FakePrefect]:
    async with serving(FakePrefect()) as fake:
        yield fake


@pytest.fixture
async def asking() -> AsyncIterator[Web]:
    asking = Web()
    yield asking
    await asking.close()


def asked(asking: Web, fake: FakePrefect, ids: dict[str, str] | None = None, **given: str) -> Asked:
    return Asked(asking, SOURCE.read_settings({"api_url": fake.url, **given}), ids or {})


async def flow_run(asking: Web, fake: FakePrefect, run: str, **given: str) -> Document:
    found = await UPSTREAM.operations["flow_run"](asked(asking, fake, {"flow_run_id": run, **given}))
    assert found is not None
    return found


async def logs(asking: Web, fake: FakePrefect, run: str) -> str:
    found = await UPSTREAM.operations["flow_run_logs"](asked(asking, fake, {"flow_run_id": run}))
    assert found is not None
    return found.body.decode()


async def ended(asking: Web, fake: FakePrefect, since: datetime = DAY, until: datetime = DAY + timedelta(days=1)) -> list[EndedRun]:
    assert UPSTREAM.ended_runs is not None
    return [run async for page in UPSTREAM.ended_runs(asked(asking, fake), since, until) for run in page]


@pytest.mark.req("R2")
async def test_a_run_is_told_with_its_flow_and_deployment_and_without_what_may_be_secret(asking: Web, prefect: FakePrefect) -> None:
    document = await flow_run(asking, prefect, prefect.run(1), state="Failed", at="")
    assert b"hunter2" not in document.body
    assert b"secret" not in document.body
    failing = next(draft for draft in SOURCE.map(Inbound(body=document.body)).drafts if draft.state is State.FIRING)
    assert failing.event_data == {"flow": "orders"}
    assert failing.member is not None
    assert failing.member.key == "nightly"


async def test_the_state_that_was_asked_about_is_told_though_the_run_has_gone_on(asking: Web, prefect: FakePrefect) -> None:
    run = prefect.run(1, "Failed", "FAILED")
    prefect.run(1, "Completed", "COMPLETED", at=DAY + timedelta(hours=9))
    told = SOURCE.map(Inbound(body=(await flow_run(asking, prefect, run, state="failed", at="")).body))
    assert told.signals[0].state == "Failed"
    now = SOURCE.map(Inbound(body=(await flow_run(asking, prefect, run)).body))
    assert now.signals[0].state == "Completed"


@pytest.mark.parametrize("run", ["", "../admin", "7d1f0c52", "x" * 4000])
async def test_only_ids_of_runs_become_part_of_an_address(asking: Web, prefect: FakePrefect, run: str) -> None:
    with pytest.raises(Refused):
        await flow_run(asking, prefect, run)
    assert prefect.asked == []


async def test_a_run_that_is_not_there_may_come(asking: Web, prefect: FakePrefect) -> None:
    with pytest.raises(NotYet):
        await flow_run(asking, prefect, "7d1f0c52-8a53-4a6e-9a5e-0a3f5b1c2d3e")


@pytest.mark.req("R89")
async def test_the_failing_task_runs_log_comes_first_and_debug_lines_of_the_rest_are_left_out(asking: Web, prefect: FakePrefect) -> None:
    run, task = prefect.run(1), "00000000-0000-0000-0000-0000000000aa"
    prefect.task_runs = [{"id": task, "name": "load-0"}]
    prefect.logs = [
        {"level": level, "message": message, "timestamp": f"2026-11-22T02:10:0{number}Z", "task_run_id": of, "flow_run_id": run}
        for number, (level, message, of) in enumerate(
            [(20, "begin", None), (10, "noise", None), (40, "\x1b[31mKeyError\x1b[0m", task), (40, "flow failed", None)]
        )
    ]
    assert await logs(asking, prefect, run) == (
        "Task run load-0:\n02:10:02 ERROR KeyError\n\nFlow run:\n02:10:00 INFO begin\n02:10:03 ERROR flow failed"
    )


@pytest.mark.req("R89")
async def test_the_last_lines_of_a_log_are_waited_for(asking: Web, prefect: FakePrefect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream, "_LAST_LINES_AFTER", (0.0, 0.0))
    run, task = prefect.run(1), "00000000-0000-0000-0000-0000000000aa"
    prefect.task_runs = [{"id": task, "name": "load-0"}]
    prefect.logs = [{"level": 20, "message": "begin", "timestamp": "2026-11-22T02:10:00Z", "task_run_id": None}]

    begun = [{"level": 20, "message": "begin", "timestamp": "2026-11-22T02:10:00Z", "task_run_id": None}]
    ended = [
        {"level": 40, "message": message, "timestamp": "2026-11-22T02:10:01Z", "task_run_id": of}
        for message, of in (("KeyError", task), ("Finished in state Failed", None))
    ]
    prefect.logs = [*begun, *ended]
    prefect.faults = [lambda: web.json_response(prefect.runs[run]), lambda: web.json_response(begun)]
    assert await logs(asking, prefect, run) == (
        "Task run load-0:\n02:10:01 ERROR KeyError\n\nFlow run:\n02:10:00 INFO begin\n02:10:01 ERROR Finished in state Failed"
    )


@pytest.mark.req("R89")
async def test_a_killed_run_is_told_by_what_it_logged_before(asking: Web, prefect: FakePrefect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream, "_LAST_LINES_AFTER", (0.0, 0.0))
    run = prefect.run(1, "Crashed", "CRASHED")
    prefect.logs = [{"level": 20, "message": "begin", "timestamp": "2026-11-22T02:10:00Z", "task_run_id": None}]
    assert await logs(asking, prefect, run) == "Flow run:\n02:10:00 INFO begin"
    assert prefect.asked.count("POST /api/logs/filter") == 3


@pytest.mark.req("R89")
async def test_logs_are_bounded_and_those_that_are_not_there_yet_may_come(
    asking: Web, prefect: FakePrefect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upstream, "_LAST_LINES_AFTER", (0.0,))
    run = prefect.run(1)
    with pytest.raises(NotYet):
        await logs(asking, prefect, run)
    prefect.logs = [{"level": 40, "message": "x" * 5000, "timestamp": "2026-11-22T02:10:00Z", "task_run_id": None}] * 300
    assert len(await logs(asking, prefect, run)) < 61_000


@pytest.mark.req("R23")
async def test_ended_runs_come_oldest_first_each_once_however_many_there_are(asking: Web, prefect: FakePrefect) -> None:
    for number in range(1, 702):
        prefect.run(number, *(("Failed", "FAILED") if number % 2 else ("Completed", "COMPLETED")))
    found = await ended(asking, prefect)
    assert len({run.run for run in found}) == len(found) == 701
    assert found == sorted(found, key=lambda run: run.ended_at)
    assert {run.phase for run in found} == {"failed", "succeeded"}


@pytest.mark.req("R23")
async def test_a_run_ends_as_its_webhook_would_have_said(asking: Web, prefect: FakePrefect) -> None:
    for number, (name, kind) in enumerate([("DBT_TEST_FAILED", "COMPLETED"), ("TimedOut", "FAILED"), ("Cancelled", "CANCELLED")]):
        prefect.run(number, name, kind)
    prefect.run(9, "Running", "RUNNING")
    found = await ended(asking, prefect)
    assert [run.phase for run in found] == ["failed", "failed", "cancelled"]
    for run in found:
        (signal,) = SOURCE.map(Inbound(body=run.body)).signals
        assert (signal.run, signal.phase, signal.at) == (run.run, run.phase, run.ended_at)


async def test_the_beginning_of_a_span_is_not_in_it(asking: Web, prefect: FakePrefect) -> None:
    prefect.run(1, at=DAY)
    prefect.run(2, at=DAY + timedelta(hours=1))
    assert [run.ended_at.hour for run in await ended(asking, prefect, until=DAY + timedelta(hours=1))] == [1]


@pytest.mark.parametrize(
    ("given", "credential"),
    [
        ({"api_key": "pnu_invented"}, "Bearer pnu_invented"),
        ({"api_auth_string": "admin:invented"}, f"Basic {base64.b64encode(b'admin:invented').decode()}"),
    ],
)
async def test_a_key_or_a_login_lets_one_in(asking: Web, prefect: FakePrefect, given: dict[str, str], credential: str) -> None:
    prefect.credential, run = credential, prefect.run(1)
    await UPSTREAM.operations["flow_run"](asked(asking, prefect, {"flow_run_id": run}, **given))
    with pytest.raises(Refused, match="401"):
        await UPSTREAM.operations["flow_run"](asked(asking, prefect, {"flow_run_id": run}))


@pytest.mark.parametrize(
    "fault",
    [
        lambda: web.Response(status=503),
        lambda: web.Response(status=429, headers={"Retry-After": "7"}),
        lambda: web.Response(text="<html>", content_type="text/html"),
        lambda: web.json_response([]),
    ],
)
async def test_trouble_may_pass(asking: Web, prefect: FakePrefect, fault: object) -> None:
    run = prefect.run(1)
    prefect.faults = [fault]  # type: ignore[list-item]
    with pytest.raises(Unavailable):
        await flow_run(asking, prefect, run)


def test_without_an_address_nothing_is_asked() -> None:
    assert not UPSTREAM.is_reachable(SOURCE.read_settings({}))
    assert UPSTREAM.is_reachable(SOURCE.read_settings({"api_url": "http://prefect.test/api"}))
