"""Silence through real processes: told by mail once, whatever is killed in between."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import Mailbox, Tocsin, call, eventually, free_port, text_of

pytestmark = pytest.mark.acceptance

HOOK = "hook-0123456789abcdef"
CONFIGURATION = """
[[team]]
slug = "acme"

[[user]]
email = "ana@acme.test"
token = "env:ANA_TOKEN"
teams = { acme = { role = "admin" } }

[[source]]
team = "acme"
slug = "scripts"
kind = "generic"
auth = { token = ["env:HOOK"] }

[[monitor]]
team = "acme"
source = "scripts"
pipeline = "heartbeat"
interval = "5s"
grace = "1s"
"""


@pytest.fixture
def watched(tmp_path: Path, mailbox: tuple[Mailbox, int]) -> Iterator[Tocsin]:
    """A gateway that waits for a heartbeat every five seconds."""
    (tmp_path / "tocsin.toml").write_text(CONFIGURATION, encoding="utf-8")
    tocsin = Tocsin(tmp_path, free_port(), mailbox[1], environment={"HOOK": HOOK})
    tocsin.start()
    yield tocsin
    tocsin.stop()


def ping(tocsin: Tocsin) -> None:
    assert call(f"{tocsin.url}/webhooks/acme/scripts/{HOOK}/heartbeat/0").status == 202


@pytest.mark.req("R90")
def test_silence_is_told_once_whatever_is_killed_and_its_end_says_the_delay(watched: Tocsin, mails: Mailbox) -> None:
    ping(watched)
    eventually(lambda: mails.all("ana@acme.test"))
    watched.stop(signal.SIGKILL)
    watched.start()
    entry = eventually(lambda: [one for one in watched.inbox() if one["title"] == "heartbeat did not run"])[0]
    assert (entry["category"], entry["level"], entry["urgent"], entry["occurrences"]) == ("late_run", "error", True, 2)
    ping(watched)
    late, missing, resolved = eventually(lambda: len(found := mails.all("ana@acme.test")) >= 3 and found[:3])
    assert "heartbeat is late" in text_of(late)
    assert "heartbeat did not run" in text_of(missing)
    assert "RESOLVED" in text_of(resolved)
    assert " late. " in text_of(resolved), "the delay, and how many never came"
    assert len({str(mail["Subject"]).removeprefix("Re: ") for mail in (late, missing, resolved)}) == 1
    events = watched.api("/api/events?limit=100").body["items"]
    keys = [event["request_key"] for event in events if event["method"] == "WATCH"]
    assert {key.split("/")[2] for key in keys} == {"late", "missing", "arrived"}
    assert len(set(keys)) == len(keys)
