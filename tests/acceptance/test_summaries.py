"""What went wrong, by a model behind a real HTTP server: told in the mail where it is quick, later on the page where it is not."""

import asyncio
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aiohttp import web

from tests.acceptance.conftest import Mailbox, Tocsin, call, eventually, text_of
from tests.summarizer.fake_server import Behaviour, completion, hangs, serving

pytestmark = pytest.mark.req("R84", "R85", "R88")
SECRET = "hunter2hunter2"
RUN = "c44ce9ad-d076-400a-830c-48f8a3306f6"


async def obeys(request: web.Request, body: dict[str, Any]) -> web.Response:
    """Quotes a line that it was shown."""
    shown = body["messages"][-1]["content"]
    number, line = next((found[1], found[2]) for found in re.finditer(r"^ *(\d+)\| (.*does not exist.*)$", shown, re.MULTILINE))
    said = {
        "headline": "raw.orders is gone", "cause": "The relation raw.orders does not exist", "kind": "missing_relation",
        "evidence": [{"line": int(number), "quote": line.strip()[:200]}], "next_steps": ["Look who dropped it"], "confidence": "high",
        "missing": None,
    }  # fmt: skip
    return web.json_response(completion(said))


@contextmanager
def model(*behaviours: Behaviour) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A model's server in a thread of its own: (its address, what it was asked)."""
    ready, over, found = threading.Event(), threading.Event(), dict[str, Any]()

    async def run() -> None:
        async with serving(*behaviours) as (server, url):
            found.update(server=server, url=url)
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
    thread.start()
    assert ready.wait(10)
    yield found["url"], found["server"].asked
    over.set()


@pytest.fixture
def begin(installation: Tocsin, mailbox: tuple[Mailbox, int]) -> Callable[[str], Tocsin]:
    def start(url: str) -> Tocsin:
        installation.smtp_port = mailbox[1]
        installation.environment |= {
            "AUTO_GENERATE_LLM_FAILURE_SUMMARIES": "yes", "OPENAI_BASE_URL": url, "OPENAI_API_KEY": "sk-invented-for-tests",
            "TOCSIN_LLM_MODEL": "test-model",
        }  # fmt: skip
        installation.start()
        return installation

    return start


def fails(tocsin: Tocsin, number: int) -> None:
    message = f'UndefinedTable: relation "raw.orders" does not exist\npostgresql://etl:{SECRET}@db/raw at step {number}'
    body = {
        "flow_name": f"orders-{number}", "flow_run_name": "prompt-frogmouth", "flow_run_id": f"{RUN}{number}",
        "flow_run_state_name": "Failed", "flow_run_state_type": "FAILED",
        "flow_run_state_timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "flow_run_state_message": message,
    }  # fmt: skip
    headers = {"Authorization": "Bearer hook-secret-0123456789", "Content-Type": "application/json"}
    answer = call(f"{tocsin.url}/webhooks/acme/prefect", method="POST", body=json.dumps(body).encode(), headers=headers)
    assert answer.status == 202, answer.body


def summaries(tocsin: Tocsin) -> list[dict[str, Any]]:
    found = [tocsin.api(f"/api/notifications/{one['id']}").body["summary"] for one in tocsin.inbox()]
    return [one for one in found if one]


def test_a_quick_model_is_in_the_mail_and_the_same_failure_again_costs_nothing(begin: Callable[[str], Tocsin], mails: Mailbox) -> None:
    with model(obeys) as (url, asked):
        tocsin = begin(url)
        for number in range(6):
            fails(tocsin, number)
        eventually(lambda: [one["origin"] for one in summaries(tocsin)] == ["model"] * 6, 30)
        eventually(tocsin.settled, 30)
        assert len(asked) == 1
        assert SECRET not in json.dumps(asked)
        said = [text_of(mail) for mail in mails.all("ana@acme.test")]
        assert len(said) == 6
        assert any("Summary by AI (test-model)" in text and "raw.orders is gone" in text for text in said)
        assert not any(SECRET in text for text in said), "nor does it leave by mail"
        assert not any(SECRET in json.dumps(one) for one in summaries(tocsin))
        assert tocsin.stop() == 0


def test_a_model_that_hangs_holds_up_no_mail(begin: Callable[[str], Tocsin], mails: Mailbox) -> None:
    with model(hangs) as (url, _):
        tocsin = begin(url)
        sent = time.monotonic()
        fails(tocsin, 1)
        eventually(lambda: mails.all("ana@acme.test"), 30)
        assert time.monotonic() - sent < 20, "ten seconds, and what the machine needs"
        (mail,) = mails.all("ana@acme.test")
        assert "In short, by rules" in text_of(mail)
        assert tocsin.stop() == 0, "and it does not hold up the end either"
