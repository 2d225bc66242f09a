"""How long a person waits for their inbox, the filtered list, the urgent bar and the counts among five million entries."""

import asyncio
import hashlib
import os
import random
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import aiohttp
from sqlalchemy import Connection, event
from yarl import URL

from gateway.api import cursor
from gateway.storage import inbox
from gateway.storage.database import Database
from gateway.storage.inbox import EVERYTHING
from tests.bench import configuration, crowd
from tests.bench.bench import Bench
from tests.bench.engines import Engine
from tests.bench.figures import Figure, percentiles
from tests.bench.server import Installation, NotServed, Server

ASKED: Final = 150
"""Requests of each question, one after the other, each by another person."""
WARM: Final = 30
_ROOT: Final = "/api/notifications"
_FILTERS: Final = (
    "category=incident", "level=info", "urgent_only=true", "read_status=unread", "status=open", "source=source-3", "owner=owner-7",
    "pipeline=pipeline-77", "tag=tag-3", "muted=true", "archived=true", "since={recent}", "until={old}", "q=shop+1000",
)  # fmt: skip
_ALL_AT_ONCE: Final = "category=late_run&level=info&status=resolved&read_status=unread&source=source-3&tag=tag-3&owner=owner-7&until={old}"
QUESTIONS: Final = {
    "categories, which only sign-in asks the database for": f"{_ROOT}/categories",
    "inbox": f"{_ROOT}/v1",
    "inbox, a later page": f"{_ROOT}/v1?cursor={{cursor}}",
    "unread count": f"{_ROOT}/unread-count",
    "urgent bar": f"{_ROOT}/urgent-bar",
    **{f"filtered by {query.split('=', 1)[0]}": f"{_ROOT}/filtered?{query}" for query in _FILTERS},
    "filtered by many at once": f"{_ROOT}/filtered?{_ALL_AT_ONCE}",
}
ASKED_OF_UNCOMMON: Final = ("inbox", "unread count", "urgent bar")


def measure(bench: Bench) -> list[Figure]:
    """p50 and p99 through HTTP, and what the database alone takes, on each engine."""
    return [figure for engine in bench.engines for figure in _measure(bench, engine)]


def _measure(bench: Bench, engine: Engine) -> list[Figure]:
    name, now = f"reading {engine.name}", datetime.now(UTC)
    with bench.installed(engine) as installation:
        began = time.monotonic()
        entries = filled(installation, now)
        figures = [Figure(f"{name}: making {entries:,} entries", time.monotonic() - began, "s")]
        with installation.serving() as server:
            through_http = asyncio.run(_ask_all(server, now))
        alone = _alone(installation, now)
    for question, (seconds, processor) in through_http.items():
        found = percentiles(seconds)
        spread = (found["p50"], found["max"])
        figures.append(Figure(f"{name}: {question}: p99", found["p99"], "ms", spread, {"spread is": "p50 … max", **found}))
        figures.append(Figure(f"{name}: {question}: processor time", processor * 1000, "ms"))
        if question in alone:
            figures.append(Figure(f"{name}: {question}: the query alone, p50", percentiles(alone[question])["p50"], "ms"))
    return figures


def filled(installation: Installation, now: datetime) -> int:
    """Makes the crowd; on SQLite from a file that an earlier run of the same day left in the folder `BENCH_KEEP`."""
    database = Database(installation.database_url)
    kept = _kept(database)
    try:
        if kept and kept.exists() and database.file:
            shutil.copyfile(kept, database.file)
        else:
            crowd.fill(database, now=now)
            crowd.analyze(database)
        with database.reading() as connection:
            entries = crowd.entries(connection)
    finally:
        database.close()
    if kept and not kept.exists() and database.file:
        shutil.copyfile(database.file, kept)
    return entries


def _kept(database: Database) -> Path | None:
    folder = os.environ.get("BENCH_KEEP")
    if not folder or not database.is_sqlite:
        return None
    makers = [Path(crowd.__file__), *sorted((configuration.ROOT / "gateway/storage/migrations/versions").glob("*.py"))]
    version = hashlib.sha256(b"".join(maker.read_bytes() for maker in makers)).hexdigest()[:12]
    return Path(folder) / f"crowd-{datetime.now(UTC):%Y-%m-%d}-{version}.db"


async def _ask_all(server: Server, now: datetime) -> dict[str, tuple[list[float], float]]:
    """Each question to common people in turn, the same ones each time; then some to the uncommon.

    How long each answer took, and what one cost the gateway and its database in processor time: on a machine that others use
    as well, the latter is what stays the same.
    """
    recent, old = (quote((now - timedelta(days=days)).isoformat()) for days in (1, 60))
    place = cursor.encode(now - timedelta(days=35), 1)
    paths = {question: path.format(recent=recent, old=old, cursor=place) for question, path in QUESTIONS.items()}
    asked = {question: [(path, person) for person in _people()] for question, path in paths.items()}
    for number, words in enumerate(crowd.UNCOMMON, 1):
        asked |= {f"{question}, {words}": [(paths[question], number)] * ASKED for question in ASKED_OF_UNCOMMON}
    taken: dict[str, tuple[list[float], float]] = {}
    async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as session:
        for person in range(1, crowd.PEOPLE):  # that a token is used is written down once a minute
            await _ask(session, f"{_ROOT}/categories", person)
        for question, requests in asked.items():
            for path, person in requests[:WARM]:
                await _ask(session, path, person)
            before = sum(server.cpu())
            seconds = [await _ask(session, path, person) for path, person in requests]
            taken[question] = seconds, (sum(server.cpu()) - before) / len(requests)
    return taken


def _people() -> list[int]:
    draw = random.Random(7)
    return [draw.randrange(len(crowd.UNCOMMON) + 1, crowd.PEOPLE) for _ in range(ASKED)]


async def _ask(session: aiohttp.ClientSession, path: str, person: int) -> float:
    headers = {"Authorization": f"Bearer {configuration.token(person)}"}
    began = time.perf_counter()
    async with session.get(URL(path, encoded=True), headers=headers) as response:
        body = await response.read()
    taken = time.perf_counter() - began
    if response.status != 200:
        raise NotServed(f"{path}: {response.status} {body[:200]!r}")
    return taken


def _alone(installation: Installation, now: datetime) -> dict[str, list[float]]:
    """What the slowest statement of the plain questions takes by itself, of people who were asked before."""
    verbs: dict[str, Callable[[Connection, int], object]] = {
        "inbox": lambda one, user: inbox.page(one, user_id=user, wanted=EVERYTHING, now=now, after=None, limit=51),
        "inbox, a later page": lambda one, user: inbox.page(
            one, user_id=user, wanted=EVERYTHING, now=now, after=(now - timedelta(days=35), 1), limit=51
        ),
        "unread count": lambda one, user: inbox.unread(one, user_id=user, wanted=EVERYTHING, now=now),
        "urgent bar": lambda one, user: inbox.bar(one, user_id=user, team_ids=None, now=now),
    }
    database, slowest, taken = Database(installation.database_url), _Slowest(), dict[str, list[float]]()
    event.listen(database.engine, "before_cursor_execute", slowest.started)
    event.listen(database.engine, "after_cursor_execute", slowest.ended)
    try:
        for question, verb in verbs.items():
            taken[question] = []
            for person in _people():
                slowest.seconds = 0.0
                with database.reading() as connection:
                    verb(connection, person + 1)
                taken[question].append(slowest.seconds)
    finally:
        database.close()
    return taken


class _Slowest:
    """How long the longest of several statements took."""

    def __init__(self) -> None:
        self.seconds = self._began = 0.0

    def started(self, *_: Any) -> None:
        self._began = time.perf_counter()

    def ended(self, *_: Any) -> None:
        self.seconds = max(self.seconds, time.perf_counter() - self._began)
