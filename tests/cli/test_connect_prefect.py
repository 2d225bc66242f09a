"""`tocsin connect prefect` against a faithful fake: makes, keeps, tests and undoes, and never touches what is somebody else's."""

import asyncio
import copy
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.upstream import prefect_automations
from gateway.upstream.prefect_automations import MARK, TEST_EVENT
from mappers.contract import Inbound
from mappers.prefect import SOURCE
from tests.upstream.fake_prefect import FakePrefect, serving

CONFIGURATION = """
[[team]]
slug = "acme"

[[source]]
team = "acme"
slug = "prefect-prod"
kind = "prefect"
auth = { bearer = ["env:PREFECT_HOOK_TOKEN"] }

[[source]]
team = "acme"
slug = "signed"
kind = "prefect"
auth = { hmac = { header = "X-Signature", secrets = ["env:PREFECT_HOOK_TOKEN"] } }
"""
NAMES = ["tocsin acme/prefect-prod: flow runs", "tocsin acme/prefect-prod: infrastructure"]


@pytest.fixture
def prefect() -> Iterator[FakePrefect]:
    """Served from a thread of its own, for the command has its own loop."""
    fake, loop, ready, done = FakePrefect(), asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with serving(fake):
            ready.set()
            await done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    yield fake
    loop.call_soon_threadsafe(done.set)
    thread.join(10)
    loop.close()


@pytest.fixture(autouse=True)
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("TOCSIN_CONFIG", "TOCSIN_PUBLIC_URL", "PREFECT_API_URL", "PREFECT_API_KEY", "PREFECT_API_AUTH_STRING"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PREFECT_HOOK_TOKEN", "a-hook-token")
    (tmp_path / "tocsin.toml").write_text(CONFIGURATION, encoding="utf-8")


def connect(fake: FakePrefect, *arguments: str, source: str = "prefect-prod", url: str = "") -> Result:
    public = ("--public-url", "https://tocsin.acme.test")
    return CliRunner().invoke(main, ["connect", "prefect", "--api-url", url or fake.url, "--source", source, *public, *arguments])


def said(fake: FakePrefect, *arguments: str) -> str:
    result = connect(fake, *arguments)
    assert result.exit_code == 0, result.output
    return result.output


def stands(fake: FakePrefect) -> tuple[object, object]:
    return copy.deepcopy(fake.blocks), copy.deepcopy(fake.automations)


def test_it_makes_the_block_and_both_automations(prefect: FakePrefect) -> None:
    output = said(prefect)
    (block,) = prefect.blocks.values()
    assert block["name"] == "tocsin-acme-prefect-prod"
    assert block["data"]["url"] == "https://tocsin.acme.test/webhooks/acme/prefect-prod"
    assert block["data"]["headers"]["Authorization"] == "Bearer a-hook-token"
    assert [one["name"] for one in prefect.automations.values()] == NAMES
    assert all(one["actions"][0]["block_document_id"] == block["id"] for one in prefect.automations.values())
    assert output.count(": made") == 3
    assert "a-hook-token" not in output


def test_it_may_be_repeated_and_changes_only_what_differs(prefect: FakePrefect) -> None:
    said(prefect)
    before = stands(prefect)
    assert said(prefect).count("is as it should be") == 3
    assert stands(prefect) == before
    first = next(iter(prefect.automations.values()))
    first["actions"][0]["payload"] = "something else"
    first["enabled"] = False
    assert said(prefect).count("brought up to date") == 1
    assert not first["enabled"], "what was switched off at Prefect stays so"
    assert "tojson" in first["actions"][0]["payload"]


def test_one_dead_worker_is_not_told_once_for_each_deployment_unless_asked_for(prefect: FakePrefect) -> None:
    said(prefect)
    health = next(one for one in prefect.automations.values() if one["name"] == NAMES[1])
    assert not any("deployment" in event for event in health["trigger"]["expect"])
    assert said(prefect, "--deployments").count("brought up to date") == 1
    assert "prefect.deployment.not-ready" in health["trigger"]["expect"]


def test_a_new_credential_reaches_the_block(prefect: FakePrefect, monkeypatch: pytest.MonkeyPatch) -> None:
    said(prefect)
    monkeypatch.setenv("PREFECT_HOOK_TOKEN", "the-next-one")
    assert "block tocsin-acme-prefect-prod: brought up to date" in said(prefect)
    (block,) = prefect.blocks.values()
    assert block["data"]["headers"]["Authorization"] == "Bearer the-next-one"


def test_what_stands_there_twice_is_there_once_afterwards(prefect: FakePrefect) -> None:
    said(prefect)
    prefect.automation(**{key: value for key, value in next(iter(prefect.automations.values())).items() if key != "id"})
    said(prefect)
    assert sorted(one["name"] for one in prefect.automations.values()) == NAMES


def test_a_dry_run_changes_nothing(prefect: FakePrefect) -> None:
    assert said(prefect, "--dry-run").count("would be made") == 3
    assert stands(prefect) == ({}, {})
    said(prefect)
    before = stands(prefect)
    assert said(prefect, "--undo", "--dry-run").count("would be deleted") == 3
    assert stands(prefect) == before


def test_undo_takes_away_what_was_made_and_nothing_else(prefect: FakePrefect) -> None:
    theirs = prefect.automation(name="tell the team", description="by Ana")
    other = prefect.automation(name="tocsin acme/other: flow runs", description=f"{MARK} for acme/other.")
    said(prefect)
    assert said(prefect, "--undo").count(": deleted") == 3
    assert set(prefect.automations) == {theirs, other}
    assert prefect.blocks == {}
    assert "nothing of ours is there" in said(prefect, "--undo")


def test_a_block_that_somebody_else_uses_is_left(prefect: FakePrefect) -> None:
    said(prefect)
    (block,) = prefect.blocks
    prefect.automation(name="mine", actions=[{"type": "call-webhook", "block_document_id": block}])
    assert "left ('mine' uses it)" in said(prefect, "--undo")
    assert block in prefect.blocks


def test_an_automation_of_our_name_that_is_not_ours_is_not_touched(prefect: FakePrefect) -> None:
    theirs = prefect.automation(name=NAMES[0], description="by hand")
    before = copy.deepcopy(prefect.automations[theirs])
    result = connect(prefect)
    assert result.exit_code == 1
    assert "was not made here" in result.output
    assert prefect.automations[theirs] == before


def test_more_automations_than_a_page_holds_are_seen(prefect: FakePrefect) -> None:
    said(prefect)
    ours = dict(prefect.automations)
    prefect.automations.clear()
    for number in range(250):
        prefect.automation(name=f"somebody's {number}")
    prefect.automations.update(ours)
    assert said(prefect).count("is as it should be") == 3


def test_a_new_server_gets_its_block_type_first(prefect: FakePrefect) -> None:
    prefect.has_webhook_type = False
    said(prefect)
    assert "POST /api/block_types/install_system_block_types" in prefect.asked


@pytest.mark.parametrize(
    ("answered", "told", "status"),
    [("202", "it arrived", 0), ("401", "the credential is not the one", 1), ("Webhook call failed: ConnectError", "could not call", 1)],
)
def test_a_test_says_what_prefect_was_answered_and_leaves_nothing(prefect: FakePrefect, answered: str, told: str, status: int) -> None:
    prefect.answered = answered
    result = connect(prefect, "--test")
    assert result.exit_code == status, result.output
    assert told in result.output
    assert [one["name"] for one in prefect.automations.values()] == NAMES


def test_the_test_event_is_understood_and_alerts_nobody() -> None:
    event = f'{{"event": "{TEST_EVENT}", "id": "x", "resource": {{"prefect.resource.id": "tocsin.connect.x"}}, "related": []}}'
    result = SOURCE.map(Inbound(body=event.encode()))
    assert result.drafts == ()
    assert result.ignored is not None
    assert "a test" in result.ignored


def test_the_recommended_payloads_are_those_of_the_page() -> None:
    from gateway.upstream.prefect_automations import EVENT_PAYLOAD, PAYLOAD

    page = (Path(__file__).parents[2] / "docs" / "connect-prefect.md").read_text(encoding="utf-8")
    assert all(line.strip() in page for line in PAYLOAD.splitlines())
    assert EVENT_PAYLOAD in page


def test_a_busy_server_is_asked_again_and_one_that_stays_busy_is_told(prefect: FakePrefect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefect_automations, "_AGAIN_AFTER", (0.0, 0.0))
    said(prefect)
    prefect.faults = [lambda: web.Response(status=503), lambda: web.Response(status=429)]
    assert said(prefect, "--undo").count(": deleted") == 3
    assert stands(prefect) == ({}, {})
    prefect.faults = [lambda: web.json_response("3.9.1"), *[lambda: web.Response(status=503, text="Service Unavailable")] * 3]
    stays = connect(prefect)
    assert stays.exit_code == 1
    assert "Prefect answered 503 to GET" in stays.output


def test_what_is_in_the_way_is_told_with_what_to_do(prefect: FakePrefect) -> None:
    page = connect(prefect, url=prefect.url.removesuffix("/api"))
    assert f"its API is at {prefect.url}" in page.output
    nobody = connect(prefect, url="http://127.0.0.1:9/api")
    assert "cannot be reached" in nobody.output
    prefect.version = "2.20.3"
    assert "Prefect 2.20.3; this needs 3.0" in connect(prefect).output
    prefect.version, prefect.credential = "3.8.8", "Basic eDp5"
    assert "--auth-string" in connect(prefect).output
    assert connect(prefect, "--auth-string", "x:y").exit_code == 0
    prefect.credential = ""
    prefect.faults = [lambda: web.Response(status=500, text="database is locked")]
    assert connect(prefect).exit_code == 1
    assert "cannot sign (hmac)" in connect(prefect, source="signed").output
    assert all(one.exit_code == 1 for one in (page, nobody))


def test_a_source_that_is_new_is_shown_with_its_credential(prefect: FakePrefect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_HOOK_TOKEN")
    result = connect(prefect, source="fresh")
    assert result.exit_code == 0, result.output
    (block,) = prefect.blocks.values()
    token = block["data"]["headers"]["Authorization"].removeprefix("Bearer ")
    assert f"export FRESH_TOKEN={token}" in result.output
    assert 'slug = "fresh"' in result.output
    assert "set PREFECT_HOOK_TOKEN" in connect(prefect).output
