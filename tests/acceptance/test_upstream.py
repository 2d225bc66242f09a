"""Where a webhook says too little, or never comes, the sender's own API is asked: the real process, against a faithful dbt platform."""

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.acceptance.conftest import FIXTURES, TOKENS, Mailbox, Tocsin, call, eventually, text_of
from tests.upstream.fake_dbt import ACCOUNT, TOKEN, FakeDbt, serving

SETTINGS = 'settings = {{ host = "{url}", api_token = "env:DBT_TOKEN", account = "{account}" }}\n'


@pytest.fixture
def dbt() -> Iterator[FakeDbt]:
    """A dbt platform in a thread of its own."""
    fake, ready, over = FakeDbt(), threading.Event(), threading.Event()

    async def run() -> None:
        async with serving(fake):
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    assert ready.wait(10)
    yield fake
    over.set()
    thread.join(10)


@pytest.fixture
def connected(installation: Tocsin, mailbox: tuple[Mailbox, int], dbt: FakeDbt) -> Tocsin:
    """A gateway whose dbt platform source may ask the platform."""
    file = installation.directory / "tocsin.toml"
    written = file.read_text(encoding="utf-8")
    last = written.rindex("auth =")
    end = written.index("\n", last) + 1
    assert "dbt_cloud" in written[:last]
    file.write_text(written[:end] + SETTINGS.format(url=dbt.url, account=ACCOUNT) + written[end:], encoding="utf-8")
    installation.environment["DBT_TOKEN"] = TOKEN
    installation.smtp_port = mailbox[1]
    installation.start()
    return installation


def artifact(case: str) -> bytes:
    return str(json.loads((FIXTURES / "dbt_core" / f"{case}.request.json").read_text(encoding="utf-8"))["body"]).encode()


def told_at(document: bytes, ended: datetime) -> bytes:
    """The artifact as if it had been made then: what happened more than a day ago is mailed to nobody."""
    text = document.decode()
    made = datetime.fromisoformat(json.loads(text)["metadata"]["generated_at"])

    def moved(found: re.Match[str]) -> str:
        return (datetime.fromisoformat(found[0]) + (ended - made)).isoformat().replace("+00:00", "Z")

    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", moved, text).encode()


def build_fails(dbt: FakeDbt, run: int, ended: datetime) -> None:
    at = ended.isoformat(sep=" ")
    dbt.run(run, 20, finished_at=at, started_at=(ended - timedelta(minutes=4)).isoformat(sep=" "))
    step = dbt.step(run, "dbt build", 20)
    dbt.artifact(run, step, "run_results.json", told_at(artifact("build-v6"), ended))
    dbt.artifact(run, step, "manifest.json", b'{"metadata": {}}')


def webhook(tocsin: Tocsin, run: int, ended: datetime) -> None:
    import hmac

    data = {
        "jobId": "123", "jobName": "Nightly", "runId": str(run), "projectId": "167194", "environmentName": "Production",
        "runStatus": "Errored", "runStatusCode": 20, "runErroredAt": ended.isoformat(), "runFinishedAt": ended.isoformat(),
    }  # fmt: skip
    said = {"accountId": ACCOUNT, "eventId": f"wev_{run}", "eventType": "job.run.errored", "timestamp": ended.isoformat(), "data": data}
    body = json.dumps(said).encode()
    signature = hmac.digest(TOKENS["HOOK"].encode(), body, "sha256").hex()
    answer = call(f"{tocsin.url}/webhooks/acme/dbt-cloud", method="POST", body=body, headers={"Authorization": signature})
    assert answer.status == 202, answer.body


@pytest.mark.req("R9", "R10", "R23")
def test_what_failed_in_a_run_is_told_in_the_same_mail_as_that_it_failed(connected: Tocsin, dbt: FakeDbt, mails: Mailbox) -> None:
    now = datetime.now(UTC)
    build_fails(dbt, 7, now)
    webhook(connected, 7, now)
    eventually(lambda: len(connected.inbox()) >= 2, 30)
    eventually(connected.settled, 30)
    (mail,) = mails.all("ana@acme.test")
    titles = {one["category"] for one in connected.inbox()}
    assert "dbt_test_failure" in titles
    said = text_of(mail)
    assert "Nightly failed" in said
    assert all(one["title"] in said for one in connected.inbox())
    assert {one["pipeline"] for one in connected.inbox()} == {"Nightly"}
    events = connected.api("/api/events").body["items"]
    fetched = next(one for one in events if one["method"] == "FETCH")
    asker = next(one for one in events if one["method"] == "POST")
    assert [one["status"] for one in connected.api(f"/api/events/{asker['id']}").body["follow_ups"]] == ["done"]
    assert connected.api(f"/api/events/{fetched['id']}/replay", method="POST").status == 200
    eventually(connected.settled, 30)
    assert len(mails.all("ana@acme.test")) == 1
    assert connected.stop() == 0
    assert TOKEN.encode() not in b"".join(file.read_bytes() for file in connected.directory.rglob("*.db*")), "the key is kept encrypted"


@pytest.mark.req("R23")
@pytest.mark.parametrize("webhook_after", [False, True])
def test_a_run_that_failed_while_the_gateway_was_down_is_found_and_told_once(
    connected: Tocsin, dbt: FakeDbt, mails: Mailbox, webhook_after: bool
) -> None:
    eventually(lambda: any("/runs/?" in asked for asked in dbt.asked), 30)
    assert connected.stop() == 0
    ended = datetime.now(UTC) - timedelta(seconds=25)
    build_fails(dbt, 8, ended)
    connected.start()
    eventually(lambda: any(one["title"] == "Nightly failed" for one in connected.inbox()), 40)
    if webhook_after:
        webhook(connected, 8, ended)
    eventually(connected.settled, 40)
    failed = next(one for one in connected.inbox() if one["title"] == "Nightly failed")
    assert failed["occurrences"] == 1
    assert len(mails.all("ana@acme.test")) == 1
