"""`tocsin cleanup`, as it is run: beside anything, twice at once, killed at any instant."""

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.storage import tables
from gateway.storage.database import Database
from gateway.storage.migrate import migrate
from tests.builders import House
from tests.conftest import Clock

FAILING = {"slug": "flow-run-failed", "category": "job_failure", "level": "error", "title": "orders"}


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Two people who read 40 threads, and a third who did not, a hundred days ago."""
    database = Database(f"sqlite:///{tmp_path / 'tocsin.db'}")
    migrate(database)
    clock = Clock(datetime.now(UTC) - timedelta(days=100))
    house = House(database, clock)
    readers = [house.user("ana"), house.user("ben")]
    for state in ("firing", "resolved"):
        house.say(*({**FAILING, "event_data": {"flow": number}, "state": state} for number in range(40)))
    for user_id in readers:
        house.mark(user_id, read=True)
    house.user("cleo")
    house.say({**FAILING, "event_data": {"flow": "unread"}, "state": "note"})
    return house


def command(tmp_path: Path, *arguments: str) -> "subprocess.Popen[str]":
    """`tocsin cleanup` with these arguments."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
    environment = kept | {"TOCSIN_DATABASE_URL": f"sqlite:///{tmp_path / 'tocsin.db'}", "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen(
        [sys.executable, "-m", "gateway", "cleanup", *arguments], env=environment, cwd=tmp_path, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def said(process: "subprocess.Popen[str]") -> str:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out


def account(process: "subprocess.Popen[str]") -> dict[str, Any]:
    found = json.loads(said(process))["removed"]
    return {room: number for room, number in found.items() if number}


@pytest.mark.acceptance
@pytest.mark.req("R92")
def test_it_says_what_would_go_and_then_what_went(house: House, tmp_path: Path) -> None:
    assert said(command(tmp_path, "--max-age-days", "101", "--event-days", "101")) == "Nothing is old enough to go.\n"
    assert said(command(tmp_path, "--dry-run")).startswith("Would go: 80 inbox entries, 80 mails")
    assert len(house.rows(tables.inbox_entries)) == 83
    went = account(command(tmp_path, "--json"))
    assert (went["entries"], went["notifications"], went["events"]) == (80, 40, 2)
    assert [row["user_id"] for row in house.rows(tables.inbox_entries)] != []
    assert said(command(tmp_path)) == "Nothing is old enough to go.\n"


@pytest.mark.acceptance
@pytest.mark.req("R92")
def test_killed_at_any_instant_and_twice_at_once_it_ends_the_same(house: House, tmp_path: Path) -> None:
    for milliseconds in (300, 450, 600, 750):
        process = command(tmp_path)
        time.sleep(milliseconds / 1000)
        process.kill()
        process.communicate()
    both = [command(tmp_path, "--json") for _ in range(2)]
    for process in both:
        account(process)
    assert len(house.rows(tables.notifications)) == 1
    assert len(house.rows(tables.inbox_entries)) == 3
    assert {row["notification_id"] for row in house.rows(tables.occurrences)} == {house.thread()["id"]}
