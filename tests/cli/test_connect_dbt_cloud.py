"""`tocsin connect dbt-cloud` against a faithful fake: made once, kept, taken away, and every refusal in plain words."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from click.testing import CliRunner, Result

from gateway.cli import main
from tests.upstream.fake_dbt import ACCOUNT, TOKEN, FakeDbt, refused, serving

PUBLIC = "https://tocsin.acme.test"
URL = f"{PUBLIC}/webhooks/acme/dbt-cloud"


@pytest.fixture
def dbt() -> Iterator[FakeDbt]:
    """The fake in a loop of its own: the command runs one as well."""
    fake, ready, loop = FakeDbt(), threading.Event(), asyncio.new_event_loop()
    end = asyncio.Event()

    async def serve() -> None:
        async with serving(fake):
            ready.set()
            await end.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(5)
    yield fake
    loop.call_soon_threadsafe(end.set)
    thread.join()
    loop.close()


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("TOCSIN_CONFIG", "TOCSIN_PUBLIC_URL", "DBT_CLOUD_API_TOKEN", "DBT_CLOUD_SECRET"):
        monkeypatch.delenv(name, raising=False)


def connect(dbt: FakeDbt, *arguments: str, **given: str) -> Result:
    options = {"host": dbt.url, "token": TOKEN, "account": str(ACCOUNT), "team": "acme", "public-url": PUBLIC, **given}
    flags = [word for name, value in options.items() if value for word in (f"--{name}", value)]
    return CliRunner().invoke(main, ["connect", "dbt-cloud", *flags, *arguments])


def others(dbt: FakeDbt) -> dict[str, Any]:
    dbt.webhooks["wsu_theirs"] = {"id": "wsu_theirs", "name": "Pager", "client_url": "https://pager.test", "active": True,
                                  "event_types": ["job.run.errored"], "job_ids": []}  # fmt: skip
    return dict(dbt.webhooks["wsu_theirs"])


@pytest.mark.req("R9")
def test_it_makes_one_subscription_and_shows_its_secret_once(dbt: FakeDbt):
    theirs = others(dbt)
    first = connect(dbt)
    assert first.exit_code == 0, first.output
    (made,) = [hook for hook in dbt.webhooks.values() if hook["name"] == "Tocsin: acme/dbt-cloud"]
    assert (made["client_url"], made["active"], made["job_ids"]) == (URL, True, [])
    assert set(made["event_types"]) == {"job.run.started", "job.run.completed", "job.run.errored"}
    assert f"export DBT_CLOUD_SECRET={made['hmac_secret']}" in first.output
    assert f'host = "{dbt.url}", account = "{ACCOUNT}", api_token = "env:DBT_CLOUD_API_TOKEN"' in first.output
    assert "may read runs" in first.output
    assert TOKEN not in first.output
    again = connect(dbt)
    assert "is as it should be" in again.output
    assert made["hmac_secret"] not in again.output
    assert len(dbt.webhooks) == 2
    assert dbt.webhooks["wsu_theirs"] == theirs


def test_a_changed_wish_is_brought_up_to_date_in_place(dbt: FakeDbt):
    connect(dbt)
    result = connect(dbt, "--jobs", "123, 321", **{"public-url": "https://new.acme.test"})
    assert "brought up to date" in result.output
    (hook,) = dbt.webhooks.values()
    assert (hook["client_url"], hook["job_ids"]) == ("https://new.acme.test/webhooks/acme/dbt-cloud", ["123", "321"])
    assert hook["hmac_secret"], "the secret in use stays"
    hook["active"] = False
    assert "it was switched off" in connect(dbt, "--jobs", "123", "--jobs", "321", **{"public-url": "https://new.acme.test"}).output
    assert hook["active"] is True


def test_the_jobs_it_is_for_are_told_to_the_source_as_well(dbt: FakeDbt):
    assert 'api_token = "env:DBT_CLOUD_API_TOKEN", jobs = [123]' in connect(dbt, "--jobs", "123").output


def test_one_made_by_hand_for_the_same_address_becomes_ours(dbt: FakeDbt):
    dbt.webhooks["wsu_hand"] = {"id": "wsu_hand", "name": "by hand", "client_url": URL, "active": True, "event_types": [], "job_ids": []}
    connect(dbt)
    assert list(dbt.webhooks) == ["wsu_hand"]
    assert dbt.webhooks["wsu_hand"]["name"] == "Tocsin: acme/dbt-cloud"


def test_undo_takes_away_what_it_made_and_nothing_else(dbt: FakeDbt):
    theirs = others(dbt)
    dbt.webhooks["wsu_hand"] = {**theirs, "id": "wsu_hand", "client_url": URL, "name": "by hand"}
    connect(dbt, source="other")
    assert "deleted" in connect(dbt, "--undo", source="other").output
    assert set(dbt.webhooks) == {"wsu_theirs", "wsu_hand"}
    assert "nothing of ours is there" in connect(dbt, "--undo", source="other").output


def test_a_dry_run_changes_nothing(dbt: FakeDbt):
    assert "would be made" in connect(dbt, "--dry-run").output
    assert not dbt.webhooks
    connect(dbt)
    before = {key: dict(hook) for key, hook in dbt.webhooks.items()}
    assert "would be brought up to date" in connect(dbt, "--dry-run", "--jobs", "123").output
    assert "would be deleted" in connect(dbt, "--dry-run", "--undo").output
    assert dbt.webhooks == before
    assert not [path for path in dbt.asked if path.startswith(("PUT", "DELETE"))]


def test_it_finds_its_own_beyond_the_first_page(dbt: FakeDbt):
    connect(dbt)
    ours = dbt.webhooks.pop("wsu_00001")
    for number in range(130):
        dbt.webhooks[f"wsu_x{number}"] = {"id": f"wsu_x{number}", "name": f"x{number}", "client_url": f"https://x{number}.test"}
    dbt.webhooks["wsu_00001"] = ours
    connect(dbt)
    assert len(dbt.webhooks) == 131


def test_what_tocsin_toml_says_is_the_default(dbt: FakeDbt, monkeypatch: pytest.MonkeyPatch):
    Path("tocsin.toml").write_text(f"""
[[team]]
slug = "acme"

[[source]]
team = "acme"
slug = "platform"
kind = "dbt_cloud"
auth = {{ dbt = ["env:PLATFORM_SECRET"] }}
settings = {{ host = "{dbt.url}", account = "{ACCOUNT}", api_token = "env:PLATFORM_TOKEN" }}
""")
    monkeypatch.setenv("PLATFORM_TOKEN", TOKEN)
    result = connect(dbt, host="", token="", account="", team="")
    (hook,) = dbt.webhooks.values()
    assert hook["client_url"] == f"{PUBLIC}/webhooks/acme/platform"
    assert f"export PLATFORM_SECRET={hook['hmac_secret']}" in result.output
    assert "[[source]]" not in result.output


@pytest.mark.parametrize(("status", "fine"), [("200", True), ("202", True), ("401", False), ("404", False), ("0", False)])
def test_a_test_says_what_it_was_answered(dbt: FakeDbt, status: str, fine: bool):
    dbt.webhook_test = (None, status)
    result = connect(dbt, "--test")
    assert (result.exit_code == 0) is fine
    assert f"answered {status}: " in result.output


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"token": "wrong"}, "401 (Invalid token): --token"),
        ({"account": "99"}, "404"),
        ({"account": ""}, "say --account"),
        ({"account": "4711/../1"}, "say --account"),
        ({"host": ""}, "say --host"),
        ({"host": "http://127.0.0.1:1"}, "cannot be reached"),
        ({"token": ""}, "say --token"),
        ({"jobs": "999"}, "400 (Invalid webhook subscription)"),
        ({"jobs": "nightly"}, "the ids of jobs"),
        ({"team": "No Team"}, "--team"),
    ],
)
def test_every_refusal_is_said_in_plain_words(dbt: FakeDbt, given: dict[str, str], words: str):
    result = connect(dbt, **given)
    assert result.exit_code != 0
    assert words in result.output
    assert "Traceback" not in result.output
    assert not dbt.webhooks


def test_a_token_that_may_not_write_and_a_page_that_is_no_api(dbt: FakeDbt):
    dbt.may_write = False
    assert "403 (You do not have permission to perform this action): the token may not manage webhooks" in connect(dbt).output
    dbt.faults.append(lambda _: web.Response(text="<html>Sign in", content_type="text/html"))
    assert "something else than dbt's API does" in connect(dbt).output


def test_a_token_that_may_not_read_runs_is_said(dbt: FakeDbt):
    dbt.faults.append(lambda request: refused(403, "no") if "/runs/" in request.path else None)
    result = connect(dbt)
    assert result.exit_code == 0
    assert "may not read runs" in result.output


@pytest.mark.parametrize(("public", "words"), [("http://127.0.0.1:8080", "cannot reach"), ("http://tocsin.acme.test", "without TLS")])
def test_an_address_that_is_of_no_use_is_warned_of(dbt: FakeDbt, public: str, words: str):
    result = connect(dbt, **{"public-url": public})
    assert result.exit_code == 0
    assert words in result.output
